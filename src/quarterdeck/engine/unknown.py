"""
Orders whose outcome is not known: what a negative answer proves, what balances say, and when a person must look.

A negative answer is weak evidence. It counts only if the venue gave it after the last instant at which the order could
have arrived and become visible; several at a distance, and an account that shows nothing which the order might have
done, prove that it lives no more.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from quarterdeck.domain import (
    MINUTE_NS,
    SECOND_NS,
    AlertCleared,
    AlertRaised,
    Evidence,
    Fact,
    OrderReported,
    OrderState,
    multiply,
)
from quarterdeck.engine.moment import settings_of
from quarterdeck.engine.state import Grid, State
from quarterdeck.orders import ENDED, Order

ABSENCE_SPACING_NS: Final = SECOND_NS
UNKNOWN_ALERT_NS: Final = MINUTE_NS
WORKING: Final = frozenset({OrderState.OPEN, OrderState.PARTIALLY_FILLED})
STRANGE: Final = "alert:"
"""What the reason of a report begins with if its venue gave a status that has no meaning."""
_UNKNOWN: Final = OrderState.UNKNOWN


def proven_by(state: State, order: Order, report: OrderReported, at_ns: int) -> Evidence | None:
    """
    Say what a negative answer about an order amounts to, together with those before it.

    Returns:
        None where it proves nothing yet, else `ABSENT` for one more that counts, `LOST` where a working order is known
        to its venue no more, `ABSENCE_PROVEN` where an unknown one can neither come to life nor have filled unseen.
    """
    if order.state in ENDED:
        return None
    is_working = order.state in WORKING
    if not (is_working or state.venues[order.venue].proves_absence):
        return None
    if report.venue_at_ns <= shown_by_ns(state, order) or at_ns < order.absent_at_ns + ABSENCE_SPACING_NS:
        return None  # a venue that tells no time never proves an absence
    if order.absences + 1 < settings_of(state).absences_min:
        return Evidence.ABSENT
    if is_working:
        return Evidence.LOST
    return Evidence.ABSENCE_PROVEN if _balances_agree(state, order) else Evidence.ABSENT


def arrived_by_ns(state: State, order: Order) -> int:
    """Give the last instant, by the venue's clock, at which an order could have arrived and become visible."""
    venue = state.venues[order.venue]
    return order.send_by_ns + venue.validity_ns + venue.lag_ns


def shown_by_ns(state: State, order: Order) -> int:
    """Give the instant, by the venue's clock, after which what became of an order must be visible there."""
    if not order.lost_venue_ns:
        return arrived_by_ns(state, order)
    return max(arrived_by_ns(state, order), order.lost_venue_ns + state.venues[order.venue].lag_ns)


def pull_from(state: State, venue: str) -> int:
    """
    Say behind which cursor trades of a venue are to be pulled.

    A page of trades may have a hole, which the cursor then lies beyond. So as long as trades of an order may be
    missing, they are pulled anew from where its life began; what is known is not booked again.
    """
    cursor = state.cursors.get(venue, 0)
    for order in state.orders.values():
        if order.venue == venue and order.cursor < cursor and _may_miss_trades(state, order):
            cursor = order.cursor
    return cursor


def _may_miss_trades(state: State, order: Order) -> bool:
    if order.state is _UNKNOWN or order.inferred or order.reported_lots > order.booked_lots:
        return True
    return state.was_just_concluded(order)


def is_weighable(order: Order) -> bool:
    """Tell whether balances can speak for or against an unknown order: all that is known of it is booked exactly."""
    return order.state is _UNKNOWN and not order.inferred and order.reported_lots <= order.booked_lots


def _balances_agree(state: State, order: Order) -> bool:
    """
    Tell whether the account, read after the order must have shown, holds nothing that the order might have done.

    A balance that moved and that nothing explains may be the order itself, whatever queries say.
    """
    if state.unexplained.get(order.venue) or not is_weighable(order):
        return False
    if state.weighed_venue_ns.get(order.venue, 0) <= shown_by_ns(state, order):
        return False
    doubts, grid = state.doubts.get(order.venue, {}), state.grids[order.venue][order.instrument]
    return all(doubts.get(name) == 0 for name in traded_by(grid))


def traded_by(grid: Grid) -> tuple[str, str]:
    """
    Name what a trade moves on an account: base and quote, on a perpetual the position and the quote.

    A trade that opens a perpetual leaves the money as it was but for its fee, so that only the position can speak for
    or against it. A venue that does not tell positions proves the absence of no order on a perpetual.
    """
    listing = grid.listing
    return (listing.instrument if grid.is_perpetual else listing.base), listing.quote


def alert_key(client_id: str) -> str:
    """Name the alert that stands while an order is unknown for long."""
    return f"unknown:{client_id}"


def alert_due_ns(state: State, order: Order) -> int | None:
    """Say when a person is to hear of an unknown order; None where one has, or the order is known."""
    if order.state is not _UNKNOWN or alert_key(order.client_id) in state.alerts:
        return None
    return order.unknown_since_ns + UNKNOWN_ALERT_NS


def tell_unknown(state: State, order: Order, at_ns: int) -> Iterator[Fact]:
    """Tell a person of an order that stays unknown, and what may end it."""
    qty = multiply(order.lot, Decimal(order.unbooked_lots))
    what = f"order {order.client_id} ({order.side.value} {qty} of {order.instrument} on {order.venue}) is unknown"
    if state.venues[order.venue].proves_absence:
        ends = "it is asked for until the venue shows it, or proves that it never will"
    else:
        ends = f"{order.venue} never proves that an order is absent: look there, then resolve it"
    text = f"{what} for {UNKNOWN_ALERT_NS // SECOND_NS} s; {ends}; its pair is not opened there meanwhile"
    yield AlertRaised(at_ns=at_ns, code="unknown_order", text=text, severity="critical", key=alert_key(order.client_id))


def tell_strange(state: State, order: Order, report: OrderReported, at_ns: int) -> Iterator[Fact]:
    """Tell a person, once for each order, of a status that nobody knows the meaning of; it moves nothing."""
    key = _strange_key(order.client_id)
    if key not in state.alerts and order.state not in ENDED:
        text = f"order {order.client_id} on {order.venue}: {report.reason.removeprefix(STRANGE).lstrip()}; look there"
        yield AlertRaised(at_ns=at_ns, code="strange_status", text=text, severity="critical", key=key)


def _strange_key(client_id: str) -> str:
    return f"status:{client_id}"


def clear_alerts(state: State, order: Order, at_ns: int) -> Iterator[Fact]:
    """Take back what was told about an order that is unknown no more, or that ended."""
    if not state.alerts or order.state is _UNKNOWN:
        return
    over = [alert_key(order.client_id)]
    if order.state in ENDED:
        over.append(_strange_key(order.client_id))
    for key in over:
        if key in state.alerts:
            yield AlertCleared(at_ns=at_ns, key=key, text=f"order {order.client_id} is {order.state.value}")
