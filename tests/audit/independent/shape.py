"""What every planned order must be, whatever the rules say: on the grid, wanted by an intent, paid for, and unique."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from tests.audit.independent.problem import Problem
from tests.audit.independent.records import OrderPlanned
from tests.audit.independent.world import Case, World

CLIENT_ID: Final = re.compile(r"[a-z][a-z0-9]{17}")
RATE_CLOSE: Final = 1e-9


def check_shape(case: Case, plan: OrderPlanned, world: World) -> Iterator[Problem]:
    """Check one planned order against its listing and its intent."""
    for fault in (*_off_grid(case, plan), *_not_as_wanted(case, plan, world)):
        yield Problem(case.seq, "grid" if fault.startswith("grid") else "intent", fault)
    if not abs(plan.rate - case.rate) <= RATE_CLOSE * case.rate:
        yield Problem(case.seq, "rate", f"of {case.listing.quote}", plan.rate, case.rate)


def _off_grid(case: Case, plan: OrderPlanned) -> Iterator[str]:
    listing = case.listing
    if (plan.lot, plan.tick) != (listing.lot, listing.tick):
        yield "grid: lot or tick are not those of the listing"
    if not listing.lots_min <= plan.qty_lots <= listing.lots_max:
        yield f"grid: {plan.qty_lots} lots, the venue takes {listing.lots_min} to {listing.lots_max}"
    if (plan.order_kind == "limit") is not (plan.limit_ticks is not None) or (plan.limit_ticks or 1) <= 0:
        yield "grid: a limit order carries a limit above zero, a market order none"
    if plan.order_kind == "limit" and case.intent.limit is not None and plan.limit_ticks is not None:
        beyond = plan.limit_ticks * plan.tick - case.intent.limit
        if (beyond if plan.side == "buy" else -beyond) > plan.tick / 1_000_000:
            yield "grid: the limit is worse than the one asked for"


def _not_as_wanted(case: Case, plan: OrderPlanned, world: World) -> Iterator[str]:
    intent = case.intent
    if (plan.side, plan.effect, plan.source) != (intent.side, intent.effect, intent.source):
        yield "the order is not what its intent wanted"
    if intent.instrument not in (case.pair, plan.instrument):
        yield f"the intent wanted {intent.instrument}"
    if (plan.effect == "open") is not (plan.side == "buy"):
        yield "a sell on spot never opens, a buy never reduces"
    if plan.reserve_asset != (case.listing.base if plan.side == "sell" else case.listing.quote):
        yield f"it sets {plan.reserve_asset} aside"
    if plan.client_id in world.books.orders or CLIENT_ID.fullmatch(plan.client_id) is None:
        yield f"client id {plan.client_id!r} was used before, or is none"
    if world.stopped:
        yield "planned after the session closed"
    siblings = world.trades[plan.intent_id].orders if plan.intent_id in world.trades else []
    place = (plan.venue, plan.instrument)
    if siblings and (plan.effect == "open" or any((o.plan.venue, o.plan.instrument) == place for o in siblings)):
        yield "a second order for one intent"
