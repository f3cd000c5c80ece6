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
LEVEL_CLOSE: Final = 1e-6
STAYS_FOR_FEES_MAX: Final = 0.02


def check_shape(case: Case, plan: OrderPlanned, world: World) -> Iterator[Problem]:
    """Check one planned order against its listing and its intent."""
    for fault in _misplaced_stop(case, plan, world):
        yield Problem(case.seq, "stop", fault)
    for fault in (*_off_grid(case, plan), *_not_as_wanted(case, plan, world), *_wrong_way(case, plan, world)):
        yield Problem(case.seq, "grid" if fault.startswith("grid") else "intent", fault)
    if not abs(plan.rate - case.rate) <= RATE_CLOSE * case.rate:
        yield Problem(case.seq, "rate", f"of {case.listing.quote}", plan.rate, case.rate)


def _misplaced_stop(case: Case, plan: OrderPlanned, world: World) -> Iterator[str]:
    """
    A stop order covers what is held of a position and not being sold, and a position has but one of them.

    It awakes at the fixed stop below the average cost, rounded towards the market. What it holds nobody else sells.
    """
    resting = world.books.stops(plan.venue, plan.instrument)
    if resting and plan.side == "sell":
        names = ", ".join(order.plan.client_id for order in resting)
        yield f"sells what stop order {names} holds"
    if (plan.order_kind == "stop") is not (plan.trigger_ticks is not None):
        yield "a stop order has a trigger, no other order has one"
    if plan.trigger_ticks is None:
        return
    takes = {venue.name for venue in world.bot.venues if venue.stops}
    if plan.venue not in takes or world.bot.risk.stop_loss is None:
        yield f"nobody wishes stop orders on {plan.venue}"
        return
    if (plan.source, plan.effect, plan.side) != ("protection", "reduce", "sell"):
        yield "a stop order that protects nothing"
    held = world.books.held.get((plan.venue, plan.instrument))
    if held is None or held.qty <= 0:
        yield "a stop order without a position"
        return
    level = float(held.cost) / float(held.qty) * (1.0 - world.bot.risk.stop_loss)
    trigger, tick = plan.trigger_ticks * float(plan.tick), float(plan.tick)
    if not -LEVEL_CLOSE * level <= trigger - level <= tick * (1.0 + LEVEL_CLOSE):
        yield f"it awakes at {trigger}, its position's stop is at {level}"
    if abs(plan.reference_price - trigger) > RATE_CLOSE * trigger:
        yield "it was judged at another price than its trigger"
    left = float(world.books.sellable(plan.venue, plan.instrument)) - case.qty
    lacks = (plan.venue, case.listing.base) in world.books.lacked
    if not lacks and left > STAYS_FOR_FEES_MAX * float(held.qty) + 2 * float(plan.lot):
        yield f"it leaves {left} without cover"


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
    is_perpetual = case.listing.is_perpetual
    sold = case.listing.base if plan.side == "sell" and not is_perpetual else case.listing.quote
    if plan.reserve_asset != sold:
        yield f"it sets {plan.reserve_asset} aside"
    if plan.client_id in world.books.orders or CLIENT_ID.fullmatch(plan.client_id) is None:
        yield f"client id {plan.client_id!r} was used before, or is none"
    if world.stopped:
        yield "planned after the session closed"
    siblings = world.trades[plan.intent_id].orders if plan.intent_id in world.trades else []
    place = (plan.venue, plan.instrument)
    if siblings and (plan.effect == "open" or any((o.plan.venue, o.plan.instrument) == place for o in siblings)):
        yield "a second order for one intent"


def _wrong_way(case: Case, plan: OrderPlanned, world: World) -> Iterator[str]:
    """Spot is never short; a perpetual where the bot may be, and never against what is held."""
    is_perpetual = case.listing.is_perpetual
    if not is_perpetual and (plan.effect == "open") is not (plan.side == "buy"):
        yield "a sell on spot never opens, a buy never reduces"
    if plan.effect == "open" and plan.side == "sell" and not world.bot.risk.short:
        yield "it sells short though the bot may not be short"
    held = world.books.qty(plan.venue, plan.instrument) * case.sign
    if is_perpetual and plan.effect == "open" and held <= -case.listing.lots_min * plan.lot:
        yield "it opens against what is held"
    if (plan.leverage >= 1) is not is_perpetual:
        yield f"leverage {plan.leverage}"
