"""Stops that rest at a venue: at most one for a position, and none left naked for long."""

from fractions import Fraction

from quarterdeck.domain import SECOND_NS, CancelState, Control, OrderKind
from quarterdeck.engine import State, place_of, sellable_lots
from quarterdeck.orders import ENDED, Order
from tests.simulation.breach import require

LONGEST_STEP_NS = 16 * SECOND_NS
NEAR_THE_STOP = 1.002


def living_stops(state: State, venue: str, instrument: str) -> list[Order]:
    """List the stop orders of an instrument that nobody asked to be cancelled."""
    return [
        order
        for order in state.live_orders()
        if (order.venue, order.instrument, order.order_kind) == (venue, instrument, OrderKind.STOP)
        and order.state not in ENDED
        and order.cancel is CancelState.NONE
    ]


def covered_and_naked(state: State) -> tuple[int, list[str]]:
    """Count the positions that have their stop, and name those that lack it for longer than declared."""
    settings = state.settings
    if settings is None or settings.risk.stop_loss is None or state.control is Control.HALTED:
        return 0, []
    if settings.guardrails.strict_exits:  # every limit may hold protection up then, for as long as it is exceeded
        return 0, []
    covered, naked = 0, []
    for venue in settings.venues:
        for instrument in state.positions.get(venue.name, {}) if venue.stops else ():
            wanted = _wanted_lots(state, venue.name, instrument, settings.risk.stop_loss)
            kept = sum(order.unbooked_lots for order in living_stops(state, venue.name, instrument))
            covered += wanted == kept > 0
            if wanted not in (0, kept) and not _is_known(state, venue.name, instrument, settings.naked_ns_max):
                naked.append(f"{kept} of {wanted} lots of {instrument} on {venue.name} have a stop")
    return covered, naked


def check_covered(state: State) -> int:
    """
    I8, where venues answer: nothing is without the stop that it should have for longer than the declared bound.

    Returns:
        How many positions are covered.

    Raises:
        Breach: If one is not.
    """
    covered, naked = covered_and_naked(state)
    require(not naked, "I8", "; ".join(naked))
    return covered


def _wanted_lots(state: State, venue: str, instrument: str, stop_loss: float) -> int:
    """
    Count the lots that a stop should hold.

    None without a price, where no venue would take so little, and where the market is beyond the stop already: then
    what is held is sold at the market, as fast as the book takes it.
    """
    grid = state.grids[venue][instrument]
    listing, wanted = grid.listing, sellable_lots(state, grid)
    price = state.marks.get(venue, {}).get(instrument, 0.0)
    worth = float(wanted * Fraction(listing.lot)) * price
    held = state.position(venue, instrument)
    if held.qty > 0 and price <= float(held.cost / held.qty) * (1.0 - stop_loss) * NEAR_THE_STOP:
        return 0
    is_enough = wanted >= listing.lots_min and worth >= 1.2 * float(listing.notional_min) and listing.tradable
    return wanted if is_enough else 0


def _is_known(state: State, venue: str, instrument: str, naked_ns_max: int) -> bool:
    """Whether the bot knows of a naked position, and the bound of that is not over."""
    naked = state.naked.get(place_of(venue, instrument))
    return naked is not None and state.at_ns - naked.since_ns <= naked_ns_max + LONGEST_STEP_NS
