"""What one trade does to cash, fees and a position, as exact results ready to be written into a fact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from msgspec import Struct

from quarterdeck.domain import (
    ZERO,
    HoldingsAfter,
    InferredFill,
    Listing,
    Side,
    add,
    ensure,
    multiply,
    share_of,
    subtract,
)
from quarterdeck.portfolio.margined import MarginedTrade, book_on_margin, correct_on_margin
from quarterdeck.portfolio.position import Position, Trade, book, correct

_NO_HOLDING: Final = ""
"""What a fee is never taken in: of a perpetual nothing is held that it could come off."""


class FillToBook(Struct, frozen=True):
    """
    A trade of one order as it comes in. `fee` is positive when paid, in units of `fee_asset`.

    `leverage` is that of an order on a perpetual, and `realised` what the venue says that it brought to the cash there.
    """

    side: Side
    lots: int
    price: Decimal
    fee: Decimal
    fee_asset: str
    at_ns: int
    new_entry: bool
    leverage: int = 1
    realised: Decimal | None = None


class BookedFill(Struct, frozen=True):
    """Everything that changed, as values after."""

    position: Position
    realised: Decimal
    cash_after: tuple[HoldingsAfter, ...]
    fees_after: tuple[HoldingsAfter, ...]
    inferred_after: tuple[InferredFill, ...]
    retired_lots: int


class Change(Struct):
    """Sums that one fill adds up: cash per asset, fees per asset."""

    cash: dict[str, Decimal]
    fees: dict[str, Decimal]

    def pay_fee(self, fee: Decimal, asset: str, base: str) -> None:
        """Pay a fee (or get one back, if negative); one in base comes off the position instead of cash."""
        self.fees[asset] = add(self.fees.get(asset, ZERO), fee)
        if asset != base:
            self.cash[asset] = subtract(self.cash.get(asset, ZERO), fee)

    def receive(self, amount: Decimal, asset: str) -> None:
        """Add to the cash in one asset; negative amounts are paid."""
        self.cash[asset] = add(self.cash.get(asset, ZERO), amount)


class Books(Struct, frozen=True):
    """The bot's books as far as one fill touches them: the position, cash on that venue, and total fees."""

    listing: Listing
    position: Position
    cash: Mapping[str, Decimal]
    fees: Mapping[str, Decimal]
    inferred: Sequence[InferredFill] = ()


def book_fill(books: Books, fill: FillToBook) -> BookedFill:
    """
    Book one real trade: first it retires inferred lots of the same order, oldest first; the rest is new.

    Retiring corrects price and fee of what was booked by inference, so no lot is ever counted twice.
    """
    sound = fill.price.is_finite() and fill.fee.is_finite() and fill.lots > 0 and fill.price > 0
    ensure(sound, "a fill needs lots, a price above zero and a fee, all finite")
    change = Change(cash={}, fees={})
    position, inferred_after, retired = _retire(books, fill, change)
    fresh = fill.lots - retired
    fee_left = fill.fee
    if retired:
        fee_retired = share_of(fill.fee, Decimal(retired), Decimal(fill.lots))
        fee_left = subtract(fill.fee, fee_retired)
    if fresh:
        position = _book_fresh(books.listing, position, fill, fresh, fee_left, change)
    venue = books.listing.venue
    return BookedFill(
        position=position,
        realised=subtract(position.realised, books.position.realised),
        cash_after=tuple(
            HoldingsAfter(venue, asset, add(books.cash.get(asset, ZERO), amount))
            for asset, amount in sorted(change.cash.items())
        ),
        fees_after=tuple(
            HoldingsAfter("", asset, add(books.fees.get(asset, ZERO), amount))
            for asset, amount in sorted(change.fees.items())
        ),
        inferred_after=inferred_after,
        retired_lots=retired,
    )


def _book_fresh(
    listing: Listing, position: Position, fill: FillToBook, lots: int, fee: Decimal, change: Change
) -> Position:
    qty = multiply(listing.lot, Decimal(lots))
    if listing.is_perpetual:
        return _book_margined(listing, position, fill, qty, fee, change)
    notional = multiply(qty, fill.price)
    change.receive(notional.copy_negate() if fill.side is Side.BUY else notional, listing.quote)
    change.pay_fee(fee, fill.fee_asset, listing.base)
    trade = Trade(
        qty=qty if fill.side is Side.BUY else qty.copy_negate(),
        notional=notional,
        fee_base=fee if fill.fee_asset == listing.base else ZERO,
    )
    return book(position, trade, fill.at_ns, new_entry=fill.new_entry)


def _book_margined(
    listing: Listing, position: Position, fill: FillToBook, qty: Decimal, fee: Decimal, change: Change
) -> Position:
    told = fill.realised if qty == multiply(listing.lot, Decimal(fill.lots)) else None
    signed = qty if fill.side is Side.BUY else qty.copy_negate()
    trade = MarginedTrade(signed, fill.price, fill.leverage, told)
    after = book_on_margin(position, trade, fill.at_ns, new_entry=fill.new_entry)
    change.receive(subtract(after.realised, position.realised), listing.quote)
    change.pay_fee(fee, fill.fee_asset, _NO_HOLDING)
    return after


def _retire(books: Books, fill: FillToBook, change: Change) -> tuple[Position, tuple[InferredFill, ...], int]:
    position, left = books.position, list(books.inferred)
    retired = 0
    quote, on_margin = books.listing.quote, books.listing.is_perpetual
    base = _NO_HOLDING if on_margin else books.listing.base
    while left and retired < fill.lots:
        oldest = left.pop(0)
        lots = min(oldest.lots, fill.lots - retired)
        fee_back = share_of(oldest.fee, Decimal(lots), Decimal(oldest.lots))
        fee_true = subtract(
            share_of(fill.fee, Decimal(retired + lots), Decimal(fill.lots)),
            share_of(fill.fee, Decimal(retired), Decimal(fill.lots)),
        )
        if lots < oldest.lots:
            left.insert(
                0,
                InferredFill(
                    oldest.trade_id, oldest.lots - lots, oldest.price, subtract(oldest.fee, fee_back), oldest.fee_asset
                ),
            )
        change.pay_fee(fee_back.copy_negate(), oldest.fee_asset, base)
        change.pay_fee(fee_true, fill.fee_asset, base)
        retired += lots
        qty = multiply(books.listing.lot, Decimal(lots))
        if on_margin:
            before, prices = position.realised, (oldest.price, fill.price)
            position = correct_on_margin(position, fill.side, qty, prices, fill.leverage)
            change.receive(subtract(position.realised, before), quote)
            continue
        dearer = multiply(qty, subtract(fill.price, oldest.price))
        change.receive(dearer.copy_negate() if fill.side is Side.BUY else dearer, quote)
        fee_base_change = subtract(
            fee_true if fill.fee_asset == base else ZERO, fee_back if oldest.fee_asset == base else ZERO
        )
        position = correct(position, fill.side, dearer, fee_base_change)
    return position, tuple(left), retired
