"""What the passing of time alone brings about: marks, the end of a pause, inferred fills, and forgetting."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from quarterdeck.domain import (
    MINUTE_NS,
    SECOND_NS,
    Control,
    ControlChanged,
    Evidence,
    Fact,
    MarksTaken,
    OrdersRetired,
    OrderState,
)
from quarterdeck.engine.fills import infer_fill
from quarterdeck.engine.moment import Moment, settings_of
from quarterdeck.engine.reports import cancel_unwanted, move
from quarterdeck.engine.state import State
from quarterdeck.orders import ENDED, Order
from quarterdeck.portfolio import marked_equity

INFER_AFTER_NS: Final = 2 * SECOND_NS
ANSWER_WITHIN_NS: Final = 10 * SECOND_NS
RETIRE_AFTER_NS: Final = 24 * 60 * MINUTE_NS
RETIRE_EVERY_NS: Final = 60 * MINUTE_NS
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
    if state.control is Control.PAUSED:
        instant = min(instant, state.paused_until_ns)
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
    """Bring the state up to the instant of an input, before the input itself is looked at."""
    if now.at_ns < due(state):
        return
    if now.at_ns >= state.minute_ns + MINUTE_NS:
        yield from _mark(state, now)
        for order in state.live_orders():
            yield from cancel_unwanted(state, order, now.at_ns)
    if state.control is Control.PAUSED and now.at_ns >= state.paused_until_ns:
        yield ControlChanged(at_ns=now.at_ns, control=Control.RUNNING, reason="the pause is over", who="engine")
    for order in state.live_orders():
        if order.behind_since_ns and now.at_ns >= order.behind_since_ns + INFER_AFTER_NS:
            yield from infer_fill(state, order, now.at_ns)
        elif order.state is OrderState.PLANNED and now.at_ns >= _answer_due(state, order):
            yield from move(state, order, Evidence.AMBIGUOUS, now.at_ns, reason="no answer to the send")
    if now.at_ns >= state.retired_through_ns + RETIRE_EVERY_NS:
        yield from _retire(state, now.at_ns)


def _mark(state: State, now: Moment) -> Iterator[Fact]:
    settings = settings_of(state)

    def price_of(venue: str, instrument: str) -> float | None:
        quote = now.fresh_quote(venue, instrument, settings.price_age_ns_max)
        return quote.last if quote is not None else None

    at_par = (settings.base_currency, *settings.guardrails.stablecoins)
    equity, marks = marked_equity(state.cash, state.positions, at_par, price_of)
    minute_ns = now.at_ns - now.at_ns % MINUTE_NS
    if equity is None:
        yield MarksTaken(at_ns=now.at_ns, minute_ns=minute_ns, equity=None, marks=marks)
        return
    peak = max(state.peak, equity)
    fallen = max(state.drawdown_max, 1.0 - equity / peak) if peak > 0.0 else 1.0
    yield MarksTaken(at_ns=now.at_ns, minute_ns=minute_ns, equity=equity, peak=peak, drawdown_max=fallen, marks=marks)
    yield from _check_loss_rate(state, now.at_ns, equity)


def _check_loss_rate(state: State, at_ns: int, equity: float) -> Iterator[Fact]:
    limits = settings_of(state).guardrails
    if state.control is not Control.RUNNING or not state.recent:
        return
    high = max([mark.equity for mark in state.recent])
    lost = 1.0 - equity / high if high > 0.0 else 1.0
    if lost < limits.loss_rate_max - 1e-9:
        return
    yield ControlChanged(
        at_ns=at_ns,
        control=Control.PAUSED,
        reason=f"lost {lost:.2%} within {limits.loss_rate_window_min} min, at most {limits.loss_rate_max:.2%} allowed",
        who="G2",
        paused_until_ns=at_ns + limits.loss_rate_pause_min * MINUTE_NS,
        window_emptied=True,
    )


def _retire(state: State, at_ns: int) -> Iterator[Fact]:
    ended_by_ns = at_ns - RETIRE_AFTER_NS
    old = []
    for order in state.orders.values():
        if order.planned_at_ns > ended_by_ns:
            break  # orders stand as they were planned, so all that follow are younger still
        if order.state in ENDED and order.client_id not in state.live and order.ended_at_ns <= ended_by_ns:
            old.append(order.client_id)
    if old:
        yield OrdersRetired(at_ns=at_ns, client_ids=tuple(old))
