"""What the passing of time alone brings about: marks, the end of holds, checks, inferred fills, and forgetting."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from quarterdeck.domain import (
    MINUTE_NS,
    SECOND_NS,
    AnswersRetired,
    CancelState,
    Evidence,
    Fact,
    OrdersRetired,
    OrderState,
)
from quarterdeck.engine.checks import check_standing
from quarterdeck.engine.cover import review_marked
from quarterdeck.engine.fills import infer_fill
from quarterdeck.engine.flips import flips_due
from quarterdeck.engine.holds import expire, expires_ns
from quarterdeck.engine.losses import take_mark
from quarterdeck.engine.moment import NEVER_NS, Moment, settings_of
from quarterdeck.engine.protection import protection_due
from quarterdeck.engine.reports import cancel_unwanted, move, request_cancel
from quarterdeck.engine.state import State
from quarterdeck.engine.unknown import alert_due_ns, arrived_by_ns, tell_unknown
from quarterdeck.orders import ENDED, Order

INFER_AFTER_NS: Final = 2 * SECOND_NS
ANSWER_WITHIN_NS: Final = 10 * SECOND_NS
RETIRE_AFTER_NS: Final = 24 * 60 * MINUTE_NS
RETIRE_EVERY_NS: Final = 60 * MINUTE_NS
CHECK_EVERY_NS: Final = 5 * MINUTE_NS
ANSWERS_KEPT: Final = 1_000
_PLANNED: Final = OrderState.PLANNED
_UNKNOWN: Final = OrderState.UNKNOWN


def due(state: State) -> int:
    """
    Say when decide must next be called even without news.

    Returns:
        Nanoseconds UTC; `NEVER_NS` for a bot that has not started.
    """
    settings = state.settings
    if state.equity_open is None or settings is None:
        return NEVER_NS
    instant = state.minute_ns + settings.mark_every_ns
    if state.holds:
        instant = min(instant, expires_ns(state, NEVER_NS))
    if state.naked or state.deferred:
        instant = min(instant, protection_due(state))
    if state.flips:
        instant = min(instant, flips_due(state))
    return _orders_due(state, instant) if state.live else instant


def _orders_due(state: State, instant: int) -> int:
    """
    Say when the next order needs a look, if before an instant: to infer its fill, to call it unknown, to cancel it.

    It is asked before nearly every decision, so it goes without the calls that would read better.
    """
    timeout_ns = settings_of(state).order_timeout_ns
    for client_id in state.live:
        order = state.orders[client_id]
        if order.behind_since_ns and order.behind_since_ns + INFER_AFTER_NS < instant:
            instant = order.behind_since_ns + INFER_AFTER_NS
        if order.ended_at_ns:
            continue
        if timeout_ns and order.planned_at_ns + timeout_ns < instant and _may_time_out(order):
            instant = order.planned_at_ns + timeout_ns
        if order.state is _PLANNED:
            instant = min(instant, _answer_due(state, order))
        elif order.state is _UNKNOWN:
            instant = min(instant, alert_due_ns(state, order) or instant)
    return instant


def _may_time_out(order: Order) -> bool:
    """Tell whether an order that has not ended is cancelled for its age: not one that protects, and only once."""
    return order.cancel is CancelState.NONE and not order.cancel_reason and not order.is_protective


def _answer_due(state: State, order: Order) -> int:
    return arrived_by_ns(state, order) + ANSWER_WITHIN_NS


def advance(state: State, now: Moment) -> Iterator[Fact]:
    """Bring the state up to the instant of an input that is `due`, before the input itself is looked at."""
    if state.holds:
        yield from expire(state, now.at_ns)
    minute_before_ns = state.minute_ns
    if now.at_ns >= minute_before_ns + settings_of(state).mark_every_ns:
        yield from take_mark(state, now)
        yield from review_marked(state, now.at_ns)
        for order in state.live_orders() if state.live else ():
            yield from cancel_unwanted(state, order, now.at_ns, overdue=True)
        if state.minute_ns // CHECK_EVERY_NS > minute_before_ns // CHECK_EVERY_NS:
            yield from check_standing(state, now)
    if state.live:
        yield from _chase_orders(state, now.at_ns)
    if now.at_ns >= state.retired_through_ns + RETIRE_EVERY_NS:
        yield from _forget(state, now.at_ns)


def _chase_orders(state: State, at_ns: int) -> Iterator[Fact]:
    """Infer fills that no trade has explained in time, call unknown what was never answered, cancel what is too old."""
    timeout_ns = settings_of(state).order_timeout_ns
    for order in state.live_orders():
        if order.behind_since_ns and at_ns >= order.behind_since_ns + INFER_AFTER_NS:
            yield from infer_fill(state, order, at_ns)
        elif order.state is _PLANNED and at_ns >= _answer_due(state, order):
            yield from move(state, order, Evidence.AMBIGUOUS, at_ns, reason="no answer to the send")
        if order.state in ENDED:
            continue
        alert_ns = alert_due_ns(state, order)
        if alert_ns is not None and at_ns >= alert_ns:
            yield from tell_unknown(state, order, at_ns)
        if timeout_ns and at_ns >= order.planned_at_ns + timeout_ns and _may_time_out(order):
            yield from request_cancel(order, at_ns, f"not filled within {timeout_ns / MINUTE_NS:g} minutes")


def _forget(state: State, at_ns: int) -> Iterator[Fact]:
    """Let go of what nobody will ask for: orders that ended a day ago, and all but the newest old answers."""
    orders = _long_ended(state, at_ns)
    if orders:
        yield OrdersRetired(at_ns=at_ns, client_ids=orders)
    answers = _long_answered(state, at_ns)
    if answers:
        yield AnswersRetired(at_ns=at_ns, keys=answers)


def _long_answered(state: State, at_ns: int) -> tuple[str, ...]:
    """Name the answers of more than a day ago, except the newest of all; journal and inbox keep every one."""
    surplus = len(state.answers) - ANSWERS_KEPT
    if surplus <= 0:
        return ()
    oldest = islice(state.answers.items(), surplus)
    return tuple(key for key, answer in oldest if answer.at_ns <= at_ns - RETIRE_AFTER_NS)


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
