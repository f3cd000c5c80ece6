"""What a spot order must hold back, and how a trade of it is paid for."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from quarterdeck.domain import ZERO, Bug, Listing, Side, add, multiply, subtract
from quarterdeck.exchange.grid import Level
from quarterdeck.exchange.ledger import Ledger
from quarterdeck.exchange.lending import Lending
from quarterdeck.exchange.messages import Trade
from quarterdeck.exchange.personality import Personality
from quarterdeck.exchange.state import ExchangeState, VenueOrder
from quarterdeck.exchange.tape import MAKER, Part, record, sizes
from quarterdeck.fills import fee_asset_of, fee_of


class _Spent(NamedTuple):
    """One execution: how much, what it is worth, and as maker or taker."""

    qty: Decimal
    notional: Decimal
    liquidity: str


class _Fee(NamedTuple):
    asset: str
    amount: Decimal
    from_locked: bool


class Settlement:
    """Locks, payments and fees of spot orders: the base goes one way, the quote the other."""

    def __init__(self, state: ExchangeState, ledger: Ledger, lending: Lending | None) -> None:
        self._state = state
        self._ledger = ledger
        self._lending = lending
        self._personality: Personality = state.setup.personality

    def need(self, order: VenueOrder, levels: list[Level]) -> Decimal:
        """
        Tell what an order must hold of its lock asset to fill at these levels, the dearer fee included.

        Where fees are rounded down, the need of the whole covers the need of its parts.
        """
        listing = self._state.setup.listings[order.instrument]
        rate = max(listing.fee_taker, listing.fee_maker, ZERO)
        total = ZERO
        for ticks, lots in levels:
            qty, notional = sizes(listing, ticks, lots)
            spent = notional if order.side is Side.BUY else qty
            total = add(total, spent)
            if self._fee_may_come_from_lock(order, listing):
                total = add(total, _charge(listing, spent, rate))
        return total

    def hold(self, order: VenueOrder, amount: Decimal) -> None:
        """
        Make the order hold exactly this much of its lock asset, taking from or giving to what is free.

        Where the account may borrow, what is missing is borrowed, and what becomes free pays back.
        """
        if amount == order.locked:
            return
        more = subtract(amount, order.locked)
        if self._lending is not None:
            self._lending.provide(order, more)
        self._ledger.lock(order.account, order.lock_asset, more)
        order.locked = amount
        if self._lending is not None and more < 0:
            self._ledger.repay(order.account, order.lock_asset)

    def available(self, order: VenueOrder) -> Decimal:
        """Tell what the order could hold at most: what it holds, what is free, and what may be borrowed."""
        available = add(order.locked, self._ledger.free(order.account, order.lock_asset))
        return available if self._lending is None else add(available, self._lending.room(order))

    def trade(self, order: VenueOrder, ticks: int, lots: int, liquidity: str) -> Trade:
        """Execute a part of an order at a price, out of what it holds."""
        listing = self._state.setup.listings[order.instrument]
        qty, notional = sizes(listing, ticks, lots)
        spent, received, received_asset = (
            (notional, qty, listing.base) if order.side is Side.BUY else (qty, notional, listing.quote)
        )
        self._ledger.spend_locked(order.account, order.lock_asset, spent)
        order.locked = subtract(order.locked, spent)
        self._ledger.receive(order.account, received_asset, received)
        rest = _still_to_pay(order, listing, lots)
        fee = self._affordable(order, self._fee(order, listing, _Spent(qty, notional, liquidity)), rest)
        if fee.from_locked:
            self.hold(order, max(order.locked, add(fee.amount, rest)))
        self._ledger.pay_fee(order.account, fee.asset, fee.amount, from_locked=fee.from_locked)
        if fee.from_locked:
            order.locked = subtract(order.locked, fee.amount)
        if order.locked < 0:
            raise Bug(f"order o{order.number}: spent more than it held")
        if self._lending is not None:
            self._ledger.repay(order.account, received_asset)
        trade = record(self._state, order, Part(ticks, lots, liquidity, fee.amount, fee.asset))
        assets = (listing.base, listing.quote)
        self._ledger.check(assets if fee.asset in assets else (*assets, fee.asset))
        return trade

    def _fee(self, order: VenueOrder, listing: Listing, part: _Spent) -> _Fee:
        """Charge in the listing's fee asset, in quote where the account is short of it."""
        rate = listing.fee_maker if part.liquidity == MAKER else listing.fee_taker
        asset = fee_asset_of(listing, order.side)
        conversion = self._personality.fee_conversion.get(listing.quote)
        in_quote = _Fee(listing.quote, _charge(listing, part.notional, rate), from_locked=order.side is Side.BUY)
        if asset == listing.base:
            amount = _charge(listing, part.qty, rate)
            if order.side is Side.BUY:
                return _Fee(asset, amount, from_locked=False)
            if listing.fee_asset == "base":
                return _Fee(asset, amount, from_locked=True)
        elif asset == listing.quote or conversion is None:
            return in_quote
        else:
            amount = _charge(listing, multiply(part.notional, conversion), rate)
        return in_quote if amount > self._ledger.free(order.account, asset) else _Fee(asset, amount, from_locked=False)

    def _affordable(self, order: VenueOrder, fee: _Fee, rest: Decimal) -> _Fee:
        """Forgive what rounding adds beyond what the account has: the rest of an order must stay payable."""
        if fee.amount <= 0:
            return fee._replace(from_locked=False)
        most = self._ledger.free(order.account, fee.asset)
        if fee.from_locked:
            most = subtract(add(most, order.locked), rest)
        return fee._replace(amount=min(fee.amount, max(most, ZERO)))

    def _fee_may_come_from_lock(self, order: VenueOrder, listing: Listing) -> bool:
        if order.side is Side.BUY:  # a named asset may run short; then the fee falls on the quote that is held
            return fee_asset_of(listing, order.side) != listing.base
        return listing.fee_asset == "base"


def _still_to_pay(order: VenueOrder, listing: Listing, lots: int) -> Decimal:
    """Give what is left of a limit order after this many lots, in its lock asset; a market order promises nothing."""
    if order.limit_ticks is None:
        return ZERO
    qty, notional = sizes(listing, order.limit_ticks, order.left_lots - lots)
    return notional if order.side is Side.BUY else qty


def _charge(listing: Listing, amount: Decimal, rate: Decimal) -> Decimal:
    return fee_of(amount, rate, listing.fee_step, listing.fee_rounding)
