"""How long the engine takes to hold an account with many working orders against its books."""

from __future__ import annotations

import time
from typing import Final

from msgspec.structs import replace

from bench.measuring import Effort, Measure
from bench.scene import CASH, cycles, opened, planned_of
from quarterdeck.domain import AccountReported, Evidence, OrderReported, OrderSeen, OrderState, Started, ensure
from quarterdeck.engine import State, apply, step

ORDERS: Final = 500
SECONDS_MAX: Final = 1.0
NS: Final = 1_000_000_000


def reconciling(effort: Effort) -> list[Measure]:
    """Time the first comparison after a crash, which adopts every order, and the next one, which finds nothing new."""
    adopting, again, negatives = [], [], []
    for _ in range(effort.rounds):
        state, account = _after_a_crash()
        adopting.append(_timed(state, account))
        ensure(all(order.state is OrderState.OPEN for order in state.live_orders()), "every order was to be adopted")
        later = replace(account, at_ns=account.at_ns + NS, venue_at_ns=account.venue_at_ns + NS)
        again.append(_timed(state, later))
        state, account = _after_a_crash()
        began_s = time.perf_counter()
        for order in state.live_orders():
            step(state, OrderReported(account.at_ns, order.venue, order.client_id, Evidence.ABSENT, venue_at_ns=1))
        negatives.append(time.perf_counter() - began_s)
    return [
        Measure(f"reconciliation, {ORDERS} orders adopted from one account", "s", adopting, at_most=SECONDS_MAX),
        Measure("  the same account again", "s", again, at_most=SECONDS_MAX),
        Measure(f"  {ORDERS} answers that prove nothing yet", "s", negatives, at_most=SECONDS_MAX),
    ]


def _timed(state: State, account: AccountReported) -> float:
    began_s = time.perf_counter()
    step(state, account)
    return time.perf_counter() - began_s


def _after_a_crash() -> tuple[State, AccountReported]:
    """Give a state whose orders are all unknown, and the account that shows them working."""
    state = opened()
    planned = planned_of(step(state, cycles(1)[0]))
    for number in range(1, ORDERS):
        apply(state, replace(planned, client_id=f"{planned.client_id[:5]}{number:013d}", intent_id=f"bench:{number}"))
    at_ns = state.at_ns + NS
    settings = state.settings
    assert settings is not None
    step(state, Started(at_ns, "bench-2", 2, "bench", settings, 0))
    seen = tuple(
        OrderSeen(order.client_id, f"v{place}", order.instrument, order.side, order.qty_lots, 0)
        for place, order in enumerate(state.live_orders())
    )
    ensure(len(seen) == ORDERS, f"{len(seen)} orders live")
    return state, AccountReported(at_ns + NS, planned.venue, {"USD": CASH}, seen, venue_at_ns=at_ns + NS)
