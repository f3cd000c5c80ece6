"""What is too costly to check for every row: the whole state against the auditor's books, every so many rows."""

from decimal import Decimal
from fractions import Fraction

from quarterdeck.domain import MINUTE_NS, ZERO, Side
from quarterdeck.engine import State, decode_state, encode_state, state_hash
from quarterdeck.orders import ENDED
from tests.engine.auditor import Auditor
from tests.simulation.breach import require

ROWS_BETWEEN = 200
# A venue that begins to take its fees in the coin while a sale works leaves less of it than the sale was made for.
FEE_CHANGED = Decimal("1.01")

# What a state may hold, whatever happens to the bot; a soak shows besides that none of it grows.
BOUNDS = {
    "orders": 5_000,
    "live": 500,
    "trades": 5_000,
    "returned": 5_000,
    "answers": 11_000,
    "strays": 1_000,
    "alerts": 500,
    "recent": 1_500,
    "peaks": 15_000,
    "hours": 30,
    "deferred": 100,
    "naked": 100,
    "funding_ids": 5_000,
}


def look_through(state: State, audit: Auditor) -> None:
    """
    Hold a whole state against what the auditor worked out row by row.

    Raises:
        Breach: If they differ, or if the state holds more than it may.
    """
    check_totals(state, audit)
    check_figures(state, audit)
    check_orders(state)
    check_lengths(state)
    same = state_hash(decode_state(encode_state(state))) == state_hash(state)
    require(same, "I23", "a state that was written and read again is another one")


def check_totals(state: State, audit: Auditor) -> None:
    """I19: cash, positions and what is set aside are what the fills and orders give, to the last digit."""
    books = audit.books
    for (venue, asset), amount in books.money().items():
        told = state.cash.get(venue, {}).get(asset, ZERO)
        require(Fraction(told) == amount, "I19", f"{venue} {asset}: the state holds {told}, the fills give {amount}")
    for venue, held in state.positions.items():
        for instrument, position in held.items():
            own = books.quantity(venue, instrument)
            what = f"{venue} {instrument}: the state holds {position.qty}, the fills give {float(own)}"
            require(Fraction(position.qty) == own, "I19", what)
    for venue, assets in state.reserved.items():
        for asset, kept in assets.items():
            need = books.reserved(venue, asset)
            require(Fraction(kept) == need, "I19", f"{venue} {asset}: {kept} set aside, orders need {float(need)}")


def check_figures(state: State, audit: Auditor) -> None:
    """I13: what was lost today, in the window and ever follows from the marks of the journal, digit for digit."""
    losses = audit.losses
    if state.settings is None or not losses.marks:
        return
    told = (state.index, state.day_open, state.day_ns, state.index_peak, state.minute_ns)
    own = (losses.index, losses.day_open, losses.day_ns, losses.peak, losses.minute_ns)
    require(told == own, "I13", f"the state goes by {told}, the marks give {own}")
    days = state.settings.guardrails.drawdown_window_days
    since_ns = losses.minute_ns - days * 24 * 3_600 * 10**9
    high = max(index for minute_ns, index in losses.marks if minute_ns > since_ns)
    require(state.peaks[0].index == high, "I13", f"the peak of {days} days is {high}, not {state.peaks[0]}")


def check_orders(state: State) -> None:
    """
    I20, I21: no order fills twice over, and what is being sold is held.

    What somebody wrongly called gone may come back after its goods were offered again: so much may be sold twice.
    """
    for order in state.orders.values():
        bounded = 0 <= order.booked_lots <= max(order.reported_lots, order.qty_lots)
        require(bounded, "I20", f"{order.client_id}: {order.booked_lots} of {order.qty_lots} lots are booked")
        gone = order.client_id not in state.live and order.state not in ENDED
        require(not gone, "I20", f"{order.client_id} is {order.state}, and nobody looks after it")
    for venue, instrument in {(one.venue, one.instrument) for one in state.live_orders() if one.side is Side.SELL}:
        lots = state.selling_lots(venue, instrument)
        lot = state.grids[venue][instrument].listing.lot
        held = state.position(venue, instrument).qty
        require(
            (lots - _offered_again_lots(state, venue, instrument)) * lot <= held * FEE_CHANGED,
            "I21",
            f"{lots * lot} of {instrument} are being sold on {venue}, {held} are held",
        )


def _offered_again_lots(state: State, venue: str, instrument: str) -> int:
    """Count the lots of sales that came back from their end, and live or ended a moment ago."""
    return sum(
        order.qty_lots
        for order in state.orders.values()
        if order.came_back
        and (order.venue, order.instrument, order.side) == (venue, instrument, Side.SELL)
        and (not order.ended_at_ns or state.at_ns <= order.ended_at_ns + MINUTE_NS)
    )


def check_lengths(state: State) -> None:
    """I33: nothing that a state remembers grows without end."""
    for name, most in BOUNDS.items():
        length = len(getattr(state, name, ()))
        require(length <= most, "I33", f"the state remembers {length} {name}; {most} are the most")
