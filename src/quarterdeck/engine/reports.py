"""What venues say about orders, moved along the life-cycle table. Nothing here ever sends."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from quarterdeck.domain import (
    AlertRaised,
    Bug,
    CancelRequested,
    CancelState,
    Control,
    Evidence,
    Fact,
    OrderMoved,
    OrderReported,
    OrderState,
    Source,
    StrayFound,
)
from quarterdeck.engine.cover import review
from quarterdeck.engine.holds import lets_protect
from quarterdeck.engine.moment import settings_of
from quarterdeck.engine.state import State
from quarterdeck.engine.unknown import STRANGE, WORKING, clear_alerts, proven_by, tell_strange
from quarterdeck.orders import ENDED, Alert, Order, client_prefix, reserve_of, step

_OURS: Final = frozenset(
    {
        Evidence.FILL,
        Evidence.RECOVERED,
        Evidence.CANCEL_REQUESTED,
        Evidence.LOST,
        Evidence.ABSENCE_PROVEN,
        Evidence.DECLARED_GONE,
    }
)
_NEGATIVE: Final = frozenset({Evidence.ABSENT, Evidence.ABSENCE_PROVEN})
_TELLS_OF_LIFE: Final = frozenset({Evidence.ACKNOWLEDGED, Evidence.FILLED, Evidence.LOST})
_TELLS_THE_END: Final = frozenset({Evidence.CANCELLED, Evidence.EXPIRED, Evidence.REJECTED})


def take_report(state: State, report: OrderReported, at_ns: int) -> Iterator[Fact]:
    """Move an order by what was learned about it; one with our mark that we do not know is a stray."""
    order = state.orders.get(report.client_id)
    if order is None or order.venue != report.venue:
        if report.evidence is not Evidence.ABSENT and is_marked(state, report.client_id):
            yield from stray_order(state, at_ns, report.venue, report.client_id, report.evidence.value)
        return
    evidence = report.evidence
    if evidence in _OURS:  # not `ensure`: its message would be made for every report
        raise Bug(f"{report.venue} reports {evidence.value}, which only the engine can conclude")
    if evidence is Evidence.ABSENT:
        proven = proven_by(state, order, report, at_ns)
        if proven is None:
            return
        evidence = proven
    if evidence is Evidence.AMBIGUOUS and report.reason.startswith(STRANGE):
        yield from tell_strange(state, order, report, at_ns)
    reported = report.reported_lots or 0
    if evidence is Evidence.FILLED:
        reported = max(reported, order.qty_lots)
    before = order.state
    yield from move(state, order, evidence, at_ns, reason=report.reason, report=report, reported_lots=reported)
    if order.state is not before:
        yield from cancel_unwanted(state, order, at_ns)


def move(  # noqa: PLR0913 - one call names the whole event; a bundle would only rename it
    state: State,
    order: Order,
    evidence: Evidence,
    at_ns: int,
    *,
    reason: str = "",
    report: OrderReported | None = None,
    reported_lots: int = 0,
) -> Iterator[Fact]:
    """Move one order along the table; no fact where nothing changes."""
    before, moved = order.state, step(order, evidence, order.booked_lots)
    reported = max(order.reported_lots, reported_lots)
    venue_order_id = report.venue_order_id if report is not None else ""
    absences = _absences_after(order, evidence, moved.state)
    is_news = (
        moved.state is not order.state
        or moved.cancel is not order.cancel
        or reported != order.reported_lots
        or absences != order.absences
        or bool(venue_order_id and not order.venue_order_id)
        or (order.presumed and evidence in _TELLS_THE_END)
    )
    if is_news:
        yield OrderMoved(
            at_ns=at_ns,
            client_id=order.client_id,
            evidence=evidence,
            state=moved.state,
            reported_lots=reported,
            reserve=reserve_of(order, moved.state, order.booked_lots, reported),
            cancel=moved.cancel,
            venue_order_id=venue_order_id,
            reason=reason,
            venue_at_ns=report.venue_at_ns if report is not None else 0,
            price=_price_of(report),
            absences=absences,
            returns_trade=_returns_trade(state, order, moved.state, reported),
            rejects=_rejects(state, order, reason) if evidence is Evidence.REJECTED else 0,
        )
        if evidence is Evidence.REJECTED:
            yield from _break(state, order, at_ns)
        if order.state is not before:
            yield from clear_alerts(state, order, at_ns)
            yield from review(state, order.venue, order.instrument, at_ns)
    if moved.alert is not Alert.NONE:
        text = f"order {order.client_id} on {order.venue}: {moved.alert.value} ({evidence.value})"
        yield AlertRaised(at_ns=at_ns, code="order", text=text, severity="critical")


def _absences_after(order: Order, evidence: Evidence, after: OrderState) -> int:
    """Count the negative answers; anew once the venue showed the order, or lost it."""
    if evidence in _NEGATIVE:
        return order.absences + 1
    return 0 if evidence in _TELLS_OF_LIFE and after not in ENDED else order.absences


def _price_of(report: OrderReported | None) -> Decimal | None:
    """Give the average price that a report states; a price of zero or NaN is none, and must not reach the books."""
    price = report.price if report is not None else None
    return price if price is not None and price.is_finite() and price > 0 else None


def _returns_trade(state: State, order: Order, after: OrderState, reported_lots: int) -> bool:
    """Tell whether an intent gives its place among the counted trades back: all its orders ended, and none traded."""
    if after not in ENDED or order.state in ENDED or reported_lots or order.intent_id not in state.trades:
        return False
    return not any(
        other.intent_id == order.intent_id and (other.booked_lots or other.state not in ENDED) and other is not order
        for other in state.orders.values()
    )


def _rejects(state: State, order: Order, reason: str) -> int:
    """Count the rejections in a row with these very words, this one included."""
    before = state.rejections(order.venue, order.instrument)
    return before.count + 1 if before is not None and before.reason == reason else 1


def _break(state: State, order: Order, at_ns: int) -> Iterator[Fact]:
    """Tell a person when the same rejection has come so often that nothing more is opened there."""
    rejections = state.rejections(order.venue, order.instrument)
    if rejections is not None and rejections.count == settings_of(state).guardrails.rejects_max:
        times = f"{order.venue} rejected {order.instrument} {rejections.count} times in a row"
        text = f"{times}: {rejections.reason}; nothing is opened there until the bot is resumed"
        yield AlertRaised(at_ns=at_ns, code="breaker", text=text, severity="critical")


def request_cancel(order: Order, at_ns: int, reason: str) -> Iterator[Fact]:
    """Ask for a cancel of an order that is alive, unless one is on its way or was accepted."""
    if order.state not in ENDED and order.cancel is CancelState.NONE:
        yield CancelRequested(at_ns=at_ns, client_id=order.client_id, venue=order.venue, reason=reason)


def cancel_unwanted(state: State, order: Order, at_ns: int, *, overdue: bool = False) -> Iterator[Fact]:
    """
    Ask again for the cancel of an order that works though it should not.

    A cancel may overtake its create and be refused; what it was meant for appears afterwards. So a cancel that was
    once wanted stays wanted, and nothing that appears during a halt may stay, unless it protects and may. With
    `overdue` this holds also for a cancel that the venue accepted, and that has come to nothing.
    """
    is_accepted = overdue and order.cancel is CancelState.ACCEPTED
    if order.state not in WORKING or not (is_accepted or order.cancel is CancelState.NONE):
        return
    protects = order.source is Source.PROTECTION and lets_protect(state)
    halted = state.control is Control.HALTED and not protects
    if order.cancel_reason or halted:
        reason = order.cancel_reason or "the bot is halted"
        yield CancelRequested(at_ns=at_ns, client_id=order.client_id, venue=order.venue, reason=reason)


def is_marked(state: State, client_id: str) -> bool:
    """Tell whether an id carries our mark. Whatever does not is an order of others, and none of our business."""
    return client_id.startswith(client_prefix(settings_of(state).bot))


def stray_order(state: State, at_ns: int, venue: str, client_id: str, what: str) -> Iterator[Fact]:
    """Set an order with our mark that the journal does not know aside, once, and tell a person."""
    key = f"{venue}:{client_id}"
    if key in state.strays:
        return
    yield StrayFound(at_ns=at_ns, venue=venue, what="order", key=key, detail=what)
    text = f"{venue} knows an order {client_id} ({what}) that is not in the journal; look at it at the venue"
    yield AlertRaised(at_ns=at_ns, code="stray_order", text=text, severity="critical")
