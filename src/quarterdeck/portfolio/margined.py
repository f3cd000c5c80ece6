"""
Positions in perpetuals: cash moves by profit, fees and funding alone, and a margin stays locked.

What an exchange locks is the notional of every opening trade divided by the leverage; closing a part frees its share.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from quarterdeck.domain import ZERO, Side, add, ensure, multiply, share_of, subtract
from quarterdeck.portfolio.position import Position, Trade, book, correct

_ONE: Final = Decimal(1)
_FINE_STEP: Final = Decimal("1e-30")


class MarginedTrade(Struct, frozen=True):
    """
    A trade on a perpetual: signed base quantity, price in quote per base, the leverage it was opened with.

    `realised` is what the venue says that its closing part brought to the cash, None to work it out.
    """

    qty: Decimal
    price: Decimal
    leverage: int
    realised: Decimal | None = None


def margin_for(notional: Decimal, leverage: int) -> Decimal:
    """Give what opening for a notional locks, in quote; leverage is a whole number, at least 1."""
    return share_of(notional, _ONE, Decimal(leverage))


def margin_above(notional: Decimal, leverage: int) -> Decimal:
    """Give what opening for a notional may lock at most, rounded up to 1e-30, so that a sum of parts covers a whole."""
    if leverage == 1:
        return notional
    margin = share_of(notional, _ONE, Decimal(leverage), _FINE_STEP)
    return margin if multiply(margin, Decimal(leverage)) >= notional else add(margin, _FINE_STEP)


def book_on_margin(position: Position, trade: MarginedTrade, at_ns: int, *, new_entry: bool = False) -> Position:
    """
    Put a trade on a position in a perpetual: what is against it closes, what goes beyond opens the other way.

    Returns: the position after; what its `realised` grew by is what the trade brought to the cash.
    """
    ensure(trade.qty != 0 and trade.leverage >= 1, "a trade on a perpetual needs a quantity and a leverage")
    closing = ZERO
    if position.qty != 0 and (position.qty > 0) is not (trade.qty > 0):
        closing = min(trade.qty.copy_abs(), position.qty.copy_abs())
        position = _closed(position, trade, closing, at_ns)
    opening = subtract(trade.qty.copy_abs(), closing)
    if not opening:
        return position
    notional = multiply(opening, trade.price)
    grown = book(position, Trade(opening.copy_sign(trade.qty), notional), at_ns, new_entry=new_entry)
    return replace(grown, margin=add(grown.margin, margin_for(notional, trade.leverage)))


def _closed(position: Position, trade: MarginedTrade, closing: Decimal, at_ns: int) -> Position:
    """Close a part at a price, or for what the venue says that it brought."""
    after = book(position, Trade(closing.copy_sign(trade.qty), multiply(closing, trade.price)), at_ns)
    if trade.realised is None:
        return after
    return replace(after, realised=add(position.realised, trade.realised))


def correct_on_margin(
    position: Position, side: Side, qty: Decimal, prices: tuple[Decimal, Decimal], leverage: int
) -> Position:
    """
    Replace the price of a trade that was booked by inference with the true one.

    Args:
        position: As it stands.
        side: The side of the trade.
        qty: Its base quantity, without sign.
        prices: That which was booked, and the true one, in quote per base.
        leverage: That of the order.

    Returns:
        The position after; what its `realised` grew by belongs to the cash.
    """
    booked, true = multiply(qty, prices[0]), multiply(qty, prices[1])
    after = correct(position, side, subtract(true, booked))
    opened_by = Side.BUY if position.qty > 0 else Side.SELL
    if position.qty == 0 or opened_by is not side:
        return after
    more = subtract(margin_for(true, leverage), margin_for(booked, leverage))
    return replace(after, margin=max(add(after.margin, more), ZERO))


def liquidated(position: Position, trade: MarginedTrade, at_ns: int) -> Position:
    """
    Close a part of a position by the force of its venue; it loses no more than the margin of that part.

    Returns: the position after; what its `realised` grew by is what is left of the loss for the cash.
    """
    closing = min(trade.qty.copy_abs(), position.qty.copy_abs())
    ensure(closing > 0 and (position.qty > 0) is not (trade.qty > 0), "a liquidation closes what is held")
    after = _closed(position, trade, closing, at_ns)
    least = subtract(position.realised, share_of(position.margin, closing, position.qty.copy_abs()))
    if trade.realised is None and after.realised < least:
        return replace(after, realised=least)
    return after
