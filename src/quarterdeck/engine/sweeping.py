"""Proving, while the bot is killed, that its venues are empty: no order of ours works there, and none can appear."""

from __future__ import annotations

from collections.abc import Iterator

from quarterdeck.domain import Evidence, Fact, KillVerified, OrderReported, OrderState, VenueSwept
from quarterdeck.engine.reports import move, stray_order
from quarterdeck.engine.state import State
from quarterdeck.engine.unknown import arrived_by_ns

_MAY_APPEAR = (OrderState.PLANNED, OrderState.UNKNOWN)


def take_sweep(state: State, swept: VenueSwept, at_ns: int) -> Iterator[Fact]:
    """
    Take what a search of a venue found; the venue is verified once it listed nothing, late enough by its own clock.

    What it still listed works, whatever we took it for; what the journal does not know is a stray.
    """
    if swept.venue not in state.unswept:
        return
    for client_id in swept.left:
        order = state.orders.get(client_id)
        if order is None or order.venue != swept.venue:
            yield from stray_order(state, at_ns, swept.venue, client_id, "working")
            continue
        report = OrderReported(
            at_ns=at_ns,
            venue=swept.venue,
            client_id=client_id,
            evidence=Evidence.ACKNOWLEDGED,
            venue_at_ns=swept.venue_at_ns,
        )
        yield from move(state, order, report.evidence, at_ns, report=report)
    if not swept.left and swept.venue_at_ns > _last_arrival_ns(state, swept.venue):
        yield KillVerified(at_ns=at_ns, venue=swept.venue, venue_at_ns=swept.venue_at_ns)


def _last_arrival_ns(state: State, venue: str) -> float:
    """Give the last instant at which an order of ours could appear at a venue; without end while one is unknown."""
    instant = 0
    for order in state.orders.values():
        if order.venue == venue:
            if order.state in _MAY_APPEAR:
                return float("inf")
            instant = max(instant, arrived_by_ns(state, order))
    return instant
