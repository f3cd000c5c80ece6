"""What an order must hold back, and how a trade of it is paid for."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from quarterdeck.domain import ZERO, Listing, Side, add, ensure, multiply, subtract
from quarterdeck.exchange.grid import Level
from quarterdeck.exchange.ledger import Ledger
from quarterdeck.exchange.messages import Trade
from quarterdeck.exchange.personality import Personality
from quarterdeck.exchange.state import ExchangeState, VenueOrder
from quarterdeck.fills import fee_asset_of, fee_of

TAKER = "taker"
MAKER = "maker"


class _Part(NamedTuple):
    """One execution: how much, what it is worth, and as maker or taker."""

    qty: Decimal
    notional: Decimal
    liquidity: str


class _Fee(NamedTuple):
    asset: str
    amount: Decimal
    from_locked: bool


class Settlement:
    """Locks, payments and fees of orders. Every method leaves the ledger balanced."""

    def __init__(self, state: ExchangeState, ledger: Ledger) -> None:
        self._state = state
        self._ledger = ledger
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
            qty, notional = _sizes(listing, ticks, lots)
            spent = notional if order.side is Side.BUY else qty
            total = add(total, spent)
            if self._fee_may_come_from_lock(order, listing):
                total = add(total, _charge(listing, spent, rate))
        return total

    def hold(self, order: VenueOrder, amount: Decimal) -> None:
        """Make the order hold exactly this much of its lock asset, taking from or giving to what is free."""
        if amount != order.locked:
            self._ledger.lock(order.account, order.lock_asset, subtract(amount, order.locked))
            order.locked = amount

    def available(self, order: VenueOrder) -> Decimal:
        """Tell what the order could hold at most: what it holds and what is free."""
        return add(order.locked, self._ledger.free(order.account, order.lock_asset))

    def trade(self, order: VenueOrder, ticks: int, lots: int, liquidity: str) -> Trade:
        """Execute a part of an order at a price, out of what it holds."""
        ensure(0 < lots <= order.left_lots, f"order o{order.number}: would fill beyond its quantity")
        head = self._state.head
        listing = self._state.setup.listings[order.instrument]
        qty, notional = _sizes(listing, ticks, lots)
        spent, received, received_asset = (
            (notional, qty, listing.base) if order.side is Side.BUY else (qty, notional, listing.quote)
        )
        self._ledger.spend_locked(order.account, order.lock_asset, spent)
        order.locked = subtract(order.locked, spent)
        self._ledger.receive(order.account, received_asset, received)
        rest = _still_to_pay(order, listing, lots)
        fee = self._affordable(order, self._fee(order, listing, _Part(qty, notional, liquidity)), rest)
        if fee.from_locked:
            self.hold(order, max(order.locked, add(fee.amount, rest)))
        self._ledger.pay_fee(order.account, fee.asset, fee.amount, from_locked=fee.from_locked)
        if fee.from_locked:
            order.locked = subtract(order.locked, fee.amount)
        ensure(order.locked >= 0, f"order o{order.number}: spent more than it held")
        order.filled_lots += lots
        order.filled_tick_lots += ticks * lots
        head.trade_number += 1
        trade = Trade(
            cursor=head.trade_number,
            order_number=order.number,
            account=order.account,
            client_id=order.client_id,
            instrument=order.instrument,
            side=order.side,
            lots=lots,
            price=multiply(Decimal(ticks), listing.tick),
            fee=fee.amount,
            fee_asset=fee.asset,
            liquidity=liquidity,
            at_ns=head.now_ns,
        )
        self._state.trades.append(trade)
        self._ledger.check((listing.base, listing.quote, fee.asset))
        return trade

    def _fee(self, order: VenueOrder, listing: Listing, part: _Part) -> _Fee:
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
    qty, notional = _sizes(listing, order.limit_ticks, order.left_lots - lots)
    return notional if order.side is Side.BUY else qty


def _charge(listing: Listing, amount: Decimal, rate: Decimal) -> Decimal:
    return fee_of(amount, rate, listing.fee_step, listing.fee_rounding)


def _sizes(listing: Listing, ticks: int, lots: int) -> tuple[Decimal, Decimal]:
    qty = multiply(Decimal(lots), listing.lot)
    return qty, multiply(qty, multiply(Decimal(ticks), listing.tick))
