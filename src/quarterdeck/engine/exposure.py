"""What the bot holds, and what it would hold if every order that may still fill did: the worst case of limits."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from msgspec import Struct

from quarterdeck.domain import ZERO, Effect, Intent, Side, Source, add, multiply, subtract
from quarterdeck.engine.state import Grid, State
from quarterdeck.guardrails import is_too_small
from quarterdeck.orders import ENDED, Order
from quarterdeck.portfolio import Position


class Standing(Struct, frozen=True, gc=False):
    """Orders that may still fill: how many, how many of one pair, and what they are worth in base currency."""

    orders: int
    orders_pair: int
    unexecuted: float


FLATTEN: Final = "flatten"
"""The cause of the intents by which an operator closes every position."""
NONE_STANDING: Final = Standing(0, 0, 0.0)


def standing(state: State, pair: str) -> Standing:
    """Count the orders that have not ended, but for the stop orders that rest for the sake of a position."""
    orders, of_pair, unexecuted = 0, 0, 0.0
    for client_id in state.live:
        order = state.orders[client_id]
        if order.state not in ENDED and order.trigger_ticks is None:
            orders += 1
            of_pair += order.pair == pair
            unexecuted += order.unbooked_lots * float(order.lot) * order.reference_price * order.rate
    return Standing(orders, of_pair, unexecuted)


def asset_qty_worst(state: State, asset: str, sign: int = 1) -> float:
    """
    Give how much of an asset the bot would own, over all venues, if every living buy of it filled.

    With a `sign` of -1 how much it would be short of it, if every living sale filled.
    """
    total, side = 0.0, Side.BUY if sign > 0 else Side.SELL
    for venue, held in state.positions.items():
        for instrument, position in held.items():
            if position.qty and state.grids[venue][instrument].listing.base == asset:
                total += float(position.qty) * sign
    for client_id in state.live:
        order = state.orders[client_id]
        if order.side is side and state.grids[order.venue][order.instrument].listing.base == asset:
            total += lots_to_come(order) * float(order.lot)
    return total


def lots_to_come(order: Order) -> int:
    """Count the lots of an order that may still be booked."""
    return order.unbooked_lots if order.state not in ENDED else max(order.reported_lots - order.booked_lots, 0)


def exposure_worst(state: State) -> float:
    """Give what all positions and living opening orders are worth at cost and at their planned price, base currency."""
    total = 0.0
    for venue, held in state.positions.items():
        for instrument, position in held.items():
            rate = state.last_rate(state.grids[venue][instrument].listing.quote)
            total += abs(float(position.cost)) * rate
    for client_id in state.live:
        order = state.orders[client_id]
        if order.effect is Effect.OPEN:
            total += lots_to_come(order) * float(order.lot) * order.reference_price * order.rate
    return total


def grids_of(state: State, pair: str, venue: str | None = None) -> list[Grid]:
    """List the listings that count as a pair, venues in their order."""
    grids, listed = state.grids, state.listed.get(pair, ())
    return [grids[name][instrument] for name, instrument in listed if venue is None or venue == name]


def least_qty(grid: Grid) -> Decimal:
    """Give the smallest base quantity that the venue lets be sold; what lies below is dust."""
    return multiply(grid.listing.lot, Decimal(grid.listing.lots_min))


def is_dust(state: State, grid: Grid, position: Position) -> bool:
    """
    Tell whether a position is too small to be sold: below the least quantity or the least worth of its venue.

    A position in a perpetual may be closed however little it is worth.
    """
    if grid.is_perpetual:
        return position.qty.copy_abs() < least_qty(grid)
    if position.qty < least_qty(grid):
        return True
    listing = grid.listing
    price = state.marks.get(listing.venue, {}).get(listing.instrument)
    worth = float(position.cost) if price is None else float(position.qty) * price
    return is_too_small(worth, grid.notional_min)


def stops_resting(state: State, venue: str, instrument: str) -> list[Order]:
    """List the stop orders of a position that have not ended, unknown ones among them."""
    return [
        order
        for order in state.live_orders()
        if order.is_protective and order.state not in ENDED and order.venue == venue and order.instrument == instrument
    ]


def sellable_lots(state: State, grid: Grid, *, over_resting: bool = False, side: Side = Side.SELL) -> int:
    """
    Count the whole lots that a venue holds and no living order is already selling; of a short position, buying back.

    `side` is that of the order which is to reduce: a sale reduces a long position, a buy a short one.

    What the account was last seen to lack of the position is not there to be sold: somebody else sold it by hand.
    What a stop order holds counts as sellable, for it gives way to every other exit; so does what a limit order holds,
    for one that goes `over_resting` ones. Where the venue takes the fee of a sale in the coin sold, that much stays
    behind to pay it.
    """
    if grid.is_perpetual:
        return _closable_lots(state, grid, side, over_resting=over_resting)
    listing = grid.listing
    held = state.position(listing.venue, listing.instrument).qty
    if held <= ZERO or side is Side.BUY:
        return 0
    lacking = state.lacking(listing.venue, listing.base)
    if lacking and (held := subtract(held, lacking)) <= ZERO:
        return 0
    lots = int(held // listing.lot)
    if listing.fee_asset in ("base", listing.base):
        lots = int(Decimal(lots) // (1 + max(listing.fee_taker, listing.fee_maker)))
    return lots - state.selling_lots(listing.venue, listing.instrument, over_resting=over_resting)


def _closable_lots(state: State, grid: Grid, side: Side, *, over_resting: bool) -> int:
    """Count the lots of a position in a perpetual that an order of a side may close; the account lacks the others."""
    listing = grid.listing
    held = state.position(listing.venue, listing.instrument).qty
    beside = state.baselines.get(listing.venue, {}).get(listing.instrument, ZERO)
    if side is Side.BUY:
        held, beside = held.copy_negate(), beside.copy_negate()
    if beside < ZERO:
        held = add(held, beside)
    if held <= ZERO:
        return 0
    selling = state.selling_lots(listing.venue, listing.instrument, over_resting=over_resting, side=side)
    return int(held // listing.lot) - selling


def is_held_against(state: State, grid: Grid, sign: int) -> bool:
    """Tell whether a position stands in the way of one in a direction: it must be closed before that is opened."""
    position = state.position(grid.listing.venue, grid.listing.instrument)
    return position.qty * sign < ZERO and not is_dust(state, grid, position)


def goes_over_resting(intent: Intent) -> bool:
    """Tell whether an exit has limit orders that rest cancelled to sell what they hold: protection, and a flatten."""
    return intent.source is Source.PROTECTION or intent.cause == FLATTEN
