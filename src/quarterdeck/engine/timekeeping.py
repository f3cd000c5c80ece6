"""What the passing of time alone brings about: marks, the end of holds, checks, inferred fills, and forgetting."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from quarterdeck.domain import MINUTE_NS, SECOND_NS, Evidence, Fact, OrdersRetired, OrderState
from quarterdeck.engine.checks import check_standing
from quarterdeck.engine.fills import infer_fill
from quarterdeck.engine.holds import expire, expires_ns
from quarterdeck.engine.losses import take_mark
from quarterdeck.engine.moment import Moment
from quarterdeck.engine.reports import cancel_unwanted, move
from quarterdeck.engine.state import State
from quarterdeck.orders import ENDED, Order

INFER_AFTER_NS: Final = 2 * SECOND_NS
ANSWER_WITHIN_NS: Final = 10 * SECOND_NS
RETIRE_AFTER_NS: Final = 24 * 60 * MINUTE_NS
RETIRE_EVERY_NS: Final = 60 * MINUTE_NS
CHECK_EVERY_NS: Final = 5 * MINUTE_NS
NEVER_NS: Final = 2**63 - 1


def due(state: State) -> int:
    """
    Say when decide must next be called even without news.

    Returns:
        Nanoseconds UTC; `NEVER_NS` for a bot that has not started.
    """
    if state.equity_open is None:
        return NEVER_NS
    instant = state.minute_ns + MINUTE_NS
    if state.holds:
        instant = min(instant, expires_ns(state, NEVER_NS))
    for client_id in state.live:
        instant = min(instant, _order_due(state, state.orders[client_id]))
    return instant


def _order_due(state: State, order: Order) -> int:
    if order.behind_since_ns:
        return order.behind_since_ns + INFER_AFTER_NS
    if order.state is OrderState.PLANNED:
        return _answer_due(state, order)
    return NEVER_NS


def _answer_due(state: State, order: Order) -> int:
    venue = state.venues[order.venue]
    return order.send_by_ns + venue.validity_ns + venue.lag_ns + ANSWER_WITHIN_NS


def advance(state: State, now: Moment) -> Iterator[Fact]:
    """Bring the state up to the instant of an input that is `due`, before the input itself is looked at."""
    if state.holds:
        yield from expire(state, now.at_ns)
    minute_before_ns = state.minute_ns
    if now.at_ns >= minute_before_ns + MINUTE_NS:
        yield from take_mark(state, now)
        for order in state.live_orders() if state.live else ():
            yield from cancel_unwanted(state, order, now.at_ns)
        if state.minute_ns // CHECK_EVERY_NS > minute_before_ns // CHECK_EVERY_NS:
            yield from check_standing(state, now)
    if state.live:
        yield from _chase_orders(state, now.at_ns)
    if now.at_ns >= state.retired_through_ns + RETIRE_EVERY_NS:
        old = _long_ended(state, now.at_ns)
        if old:
            yield OrdersRetired(at_ns=now.at_ns, client_ids=old)


def _chase_orders(state: State, at_ns: int) -> Iterator[Fact]:
    """Infer fills that no trade has explained in time, and call unknown what was never answered."""
    for order in state.live_orders():
        if order.behind_since_ns and at_ns >= order.behind_since_ns + INFER_AFTER_NS:
            yield from infer_fill(state, order, at_ns)
        elif order.state is OrderState.PLANNED and at_ns >= _answer_due(state, order):
            yield from move(state, order, Evidence.AMBIGUOUS, at_ns, reason="no answer to the send")


def _long_ended(state: State, at_ns: int) -> tuple[str, ...]:
    """Name the orders that ended so long ago that nobody will ask for them."""
    ended_by_ns = at_ns - RETIRE_AFTER_NS
    old = []
    for order in state.orders.values():
        if order.planned_at_ns > ended_by_ns:
            break  # orders stand as they were planned, so all that follow are younger still
        if order.state in ENDED and order.client_id not in state.live and order.ended_at_ns <= ended_by_ns:
            old.append(order.client_id)
    return tuple(old)
