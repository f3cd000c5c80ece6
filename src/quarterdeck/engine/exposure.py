"""What the bot holds, and what it would hold if every order that may still fill did: the worst case of limits."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from msgspec import Struct

from quarterdeck.domain import ZERO, Effect, Side, multiply
from quarterdeck.engine.state import Grid, State
from quarterdeck.guardrails import SLACK
from quarterdeck.orders import ENDED, Order
from quarterdeck.portfolio import Position


class Standing(Struct, frozen=True, gc=False):
    """Orders that may still fill: how many, how many of one pair, and what they are worth in base currency."""

    orders: int
    orders_pair: int
    unexecuted: float


NONE_STANDING: Final = Standing(0, 0, 0.0)


def standing(state: State, pair: str) -> Standing:
    """Count the orders that have not ended."""
    orders, of_pair, unexecuted = 0, 0, 0.0
    for client_id in state.live:
        order = state.orders[client_id]
        if order.state not in ENDED:
            orders += 1
            of_pair += order.pair == pair
            unexecuted += order.unbooked_lots * float(order.lot) * order.reference_price * order.rate
    return Standing(orders, of_pair, unexecuted)


def asset_qty_worst(state: State, asset: str) -> float:
    """Give how much of an asset the bot would own, over all venues, if every living buy of it filled."""
    total = 0.0
    for venue, held in state.positions.items():
        for instrument, position in held.items():
            if position.qty and state.grids[venue][instrument].listing.base == asset:
                total += float(position.qty)
    for client_id in state.live:
        order = state.orders[client_id]
        if order.side is Side.BUY and state.grids[order.venue][order.instrument].listing.base == asset:
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
    """Tell whether a position is too small to be sold: below the least quantity or the least worth of its venue."""
    if position.qty < least_qty(grid):
        return True
    listing = grid.listing
    price = state.marks.get(listing.venue, {}).get(listing.instrument)
    worth = float(position.cost) if price is None else float(position.qty) * price
    return worth < grid.notional_min * (1.0 - SLACK)


def sellable_lots(state: State, grid: Grid) -> int:
    """
    Count the whole lots that a venue holds and no living order is already selling.

    Where the venue takes the fee of a sale in the coin sold, that much stays behind to pay it.
    """
    listing = grid.listing
    held = state.position(listing.venue, listing.instrument).qty
    if held <= ZERO:
        return 0
    lots = int(held // listing.lot)
    if listing.fee_asset in ("base", listing.base):
        lots = int(Decimal(lots) // (1 + max(listing.fee_taker, listing.fee_maker)))
    return lots - state.selling_lots(listing.venue, listing.instrument)
