"""Positions keep their cost, not an average price, so that cash is exact."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from msgspec import Struct

from quarterdeck.domain import ZERO, Side, add, ensure, share_of, subtract


class Position(Struct, frozen=True):
    """
    What the bot holds of one instrument on one venue.

    `qty` is signed, in base units; `cost` has its sign and is in quote, fees apart; `realised` is the profit of all
    closed parts so far, in quote, fees apart. `opened_at_ns` is when the position last left zero, 0 at zero;
    `entries` counts the intents that built it up. `margin` is what a position in a perpetual keeps locked, in quote.
    """

    qty: Decimal = ZERO
    cost: Decimal = ZERO
    realised: Decimal = ZERO
    opened_at_ns: int = 0
    entries: int = 0
    margin: Decimal = ZERO


FLAT: Final = Position()


class Trade(Struct, frozen=True):
    """A trade as the books see it: signed base quantity, exact notional (quote, positive), and a fee taken in base."""

    qty: Decimal
    notional: Decimal
    fee_base: Decimal = ZERO


def book(position: Position, trade: Trade, at_ns: int, *, new_entry: bool = False) -> Position:
    """
    Put a trade on a position.

    The part against the position closes it at its average cost; what goes beyond opens the other way. A fee taken
    in base shrinks the quantity and leaves the cost, so that the break-even price rises as it does in truth.
    """
    ensure(trade.notional >= 0, "a trade has a negative notional")
    ensure(trade.qty != 0, "a trade has no quantity")
    if position.qty == 0 or (position.qty > 0) == (trade.qty > 0):
        grown = Position(
            qty=subtract(add(position.qty, trade.qty), trade.fee_base),
            cost=add(position.cost, trade.notional if trade.qty > 0 else trade.notional.copy_negate()),
            realised=position.realised,
            opened_at_ns=position.opened_at_ns or at_ns,
            entries=position.entries + (1 if new_entry or position.qty == 0 else 0),
            margin=position.margin,
        )
        return _over_if_flat(grown)
    return _over_if_flat(_close(position, trade, at_ns))


def _over_if_flat(position: Position) -> Position:
    """End a position of which nothing is left, be it that a fee took the rest: what that had cost is lost."""
    if position.qty != 0:
        return position
    return Position(qty=position.qty, realised=subtract(position.realised, position.cost))


def _close(position: Position, trade: Trade, at_ns: int) -> Position:
    # copy_abs and copy_negate, not abs and minus: those would round to the digits of the caller's context.
    traded, held = trade.qty.copy_abs(), position.qty.copy_abs()
    closed = min(traded, held)
    proceeds = share_of(trade.notional, closed, traded)
    cost_removed = share_of(position.cost, closed, held)
    beyond = subtract(trade.notional, proceeds)
    qty = add(position.qty, trade.qty)
    flipped = qty != 0 and (qty > 0) != (position.qty > 0)
    opened_at_ns, entries = position.opened_at_ns, position.entries
    if qty == 0 or flipped:
        opened_at_ns, entries = (at_ns, 1) if flipped else (0, 0)
    return Position(
        qty=subtract(qty, trade.fee_base),
        cost=(beyond if qty > 0 else beyond.copy_negate()) if flipped else subtract(position.cost, cost_removed),
        realised=add(
            position.realised, subtract(proceeds if position.qty > 0 else proceeds.copy_negate(), cost_removed)
        ),
        opened_at_ns=opened_at_ns,
        entries=entries,
        margin=subtract(position.margin, share_of(position.margin, closed, held)) if position.margin else ZERO,
    )


def correct(position: Position, side: Side, notional_change: Decimal, fee_base_change: Decimal = ZERO) -> Position:
    """
    Replace the price and fee of a trade that was booked by inference with what truly happened.

    Args: the side of the trade, by how much the true notional (quote) and base fee exceed what was booked.
    Returns: the position with the same quantity but for the base fee; what the change cannot be cost of any more,
        because the position closed since, becomes profit or loss.
    """
    opened_by = Side.BUY if position.qty > 0 else Side.SELL
    signed = notional_change if side is Side.BUY else notional_change.copy_negate()
    becomes_cost = position.qty != 0 and opened_by is side
    corrected = Position(
        qty=subtract(position.qty, fee_base_change),
        cost=add(position.cost, signed) if becomes_cost else position.cost,
        realised=position.realised if becomes_cost else subtract(position.realised, signed),
        opened_at_ns=position.opened_at_ns,
        entries=position.entries,
        margin=position.margin,
    )
    return _over_if_flat(corrected)


def average_cost(position: Position) -> float:
    """Give the average cost in quote per base, 0.0 when flat; for statistics and levels, never for money."""
    return float(position.cost) / float(position.qty) if position.qty else 0.0
