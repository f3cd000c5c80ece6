"""Perpetuals: positions instead of holdings, margin instead of payment, profit and loss in the settle asset."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from quarterdeck.domain import ZERO, Listing, Side, add, ensure, multiply, share_of, subtract
from quarterdeck.exchange.grid import Level
from quarterdeck.exchange.ledger import Ledger
from quarterdeck.exchange.messages import MarginState, PositionSide, Refusal, Trade
from quarterdeck.exchange.state import ExchangeState, Position, VenueOrder, position_key
from quarterdeck.exchange.tape import MAKER, Part, record, sizes
from quarterdeck.fills import fee_of

_ONE: Final = Decimal(1)
_PRICE_STEP: Final = Decimal("1e-8")
_LEVEL_STEP: Final = Decimal("1e-12")


class Perpetuals:
    """
    Orders and positions in perpetuals.

    A position stands alone: it locks its own margin, the cost of what was opened divided by the leverage, and can lose
    no more than that in a liquidation. An order holds the margin, and the dearer fee, of what it asks for beyond the
    position that it would close; one whose turn comes when it opens more than its account can carry ends over it. A
    loss beyond everything that is free is the exchange's.
    """

    def __init__(self, state: ExchangeState, ledger: Ledger) -> None:
        self._state = state
        self._ledger = ledger

    def need(self, order: VenueOrder, levels: list[Level]) -> Decimal:
        """Tell what an order must hold to fill at these levels; the worst of them counts for all."""
        if not levels or self._only_reduces(order):
            return ZERO
        lots = sum(lots for _, lots in levels) - self._closable(order)
        if lots <= 0:
            return ZERO
        listing = self._listing(order)
        _, notional = sizes(listing, max(ticks for ticks, _ in levels), lots)
        rate = max(listing.fee_taker, listing.fee_maker, ZERO)
        return add(self._margin(order.account, listing, notional), _charge(listing, notional, rate))

    def available(self, order: VenueOrder) -> Decimal:
        """Tell what the order could hold at most: what it holds and what is free."""
        return add(order.locked, self._ledger.free(order.account, order.lock_asset))

    def hold(self, order: VenueOrder, amount: Decimal) -> None:
        """Make the order hold exactly this much, taking from or giving to what is free."""
        if amount != order.locked:
            self._ledger.lock(order.account, order.lock_asset, subtract(amount, order.locked))
            order.locked = amount

    def refusal(self, order: VenueOrder) -> Refusal | None:
        """Say why an order does not fit the positions of its account: no such side, or nothing to reduce."""
        if (order.position_side == "both") is not (self._state.setup.personality.position_mode == "one_way"):
            return Refusal.BAD_POSITION_SIDE
        if self._only_reduces(order) and not self._closable(order):
            return Refusal.REDUCE_ONLY
        return None

    def permits(self, order: VenueOrder, ticks: int, lots: int) -> tuple[int, Refusal | None]:
        """Tell how much of an execution the account can carry, and why not more."""
        closing = min(lots, self._closable(order))
        if closing == lots:
            return lots, None
        if self._only_reduces(order):
            return closing, Refusal.REDUCE_ONLY
        listing = self._listing(order)
        rate = max(listing.fee_taker, listing.fee_maker, ZERO)
        _, notional = sizes(listing, ticks, lots)
        _, opened = sizes(listing, ticks, lots - closing)
        cost = add(self._margin(order.account, listing, opened), _charge(listing, notional, rate))
        brought = self._worth_closing(order, ticks, closing)
        if add(self.available(order), brought) < cost:
            return closing, Refusal.INSUFFICIENT_BALANCE
        return lots, None

    def trade(self, order: VenueOrder, ticks: int, lots: int, liquidity: str) -> Trade:
        """Execute a part of an order: first against the position that it closes, then to open one."""
        listing = self._listing(order)
        self.hold(order, ZERO)  # from here on everything is paid out of what is free
        position = self._position(order)
        closing = min(lots, self._closable(order))
        stake = position.margin
        realised = self._close(order, position, ticks, closing) if closing else ZERO
        if lots > closing:
            self._open(order, position, ticks, lots - closing)
        if not position.lots:
            self._forget(order)
        _, notional = sizes(listing, ticks, lots)
        fee = _charge(listing, notional, listing.fee_maker if liquidity == MAKER else listing.fee_taker)
        most = self._ledger.free(order.account, listing.quote)
        if order.reason == Refusal.LIQUIDATION:
            most = min(most, max(ZERO, add(stake, realised)))
        fee = min(fee, most)
        self._ledger.pay_fee(order.account, listing.quote, fee, from_locked=False)
        trade = record(self._state, order, Part(ticks, lots, liquidity, fee, listing.quote, realised))
        self._ledger.check((listing.quote,))
        return trade

    def positions_of(self, account: str) -> list[tuple[PositionSide, Position]]:
        """List the positions of an account with their sides, as they were opened."""
        positions = self._state.head.positions.get(account, {})
        return [(_side_in(key), position) for key, position in positions.items()]

    def has_position(self, account: str, instrument: str) -> bool:
        """Tell whether an account has a position in an instrument."""
        return any(position.instrument == instrument for _, position in self.positions_of(account))

    def leverage_of(self, account: str, instrument: str) -> int:
        """Tell the leverage that an account chose for an instrument."""
        default = self._state.setup.personality.perpetuals.leverage_default
        return self._state.head.leverages.get(account, {}).get(instrument, default)

    def margin_of(self, account: str, instrument: str, position_side: PositionSide) -> MarginState:
        """Read back how an account stands in an instrument."""
        setup = self._state.setup
        leverage = self.leverage_of(account, instrument)
        state = MarginState(instrument, leverage, setup.personality.position_mode)
        position = self._state.head.positions.get(account, {}).get(position_key(instrument, position_side))
        if position is None:
            return state
        qty = multiply(Decimal(abs(position.lots)), setup.listings[instrument].lot)
        return MarginState(
            instrument=instrument,
            leverage=leverage,
            position_mode=state.position_mode,
            lots=position.lots,
            entry_price=share_of(position.cost, _ONE, qty, _PRICE_STEP),
            margin=position.margin,
            liquidation_price=self._liquidation_price(position, qty),
        )

    def is_breached(self, position: Position, mark: Decimal) -> bool:
        """Tell whether a position is to be liquidated at a mark."""
        qty = multiply(Decimal(abs(position.lots)), self._state.setup.listings[position.instrument].lot)
        value = multiply(qty, mark)
        profit = subtract(value, position.cost) if position.lots > 0 else subtract(position.cost, value)
        maintenance = multiply(value, self._state.setup.personality.perpetuals.maintenance)
        return add(position.margin, profit) <= maintenance

    def pay_funding(self, account: str, position: Position, amount: Decimal) -> Decimal:
        """Pay a position's funding, above zero to the account; out of its margin where cash is short. Returns: what."""
        asset = self._state.setup.listings[position.instrument].quote
        if amount >= 0:
            self._ledger.receive(account, asset, amount)
            return amount
        owed = amount.copy_negate()
        from_margin = min(position.margin, max(ZERO, subtract(owed, self._ledger.free(account, asset))))
        self._ledger.lock(account, asset, from_margin.copy_negate())
        position.margin = subtract(position.margin, from_margin)
        paid = min(owed, self._ledger.free(account, asset))
        self._ledger.pay(account, asset, paid)
        return paid.copy_negate()

    def _close(self, order: VenueOrder, position: Position, ticks: int, lots: int) -> Decimal:
        """Close a part of a position: its margin becomes free, its profit is paid. Returns: what it brought."""
        cost, margin, profit = self._parts(position, ticks, lots)
        position.lots += order.side.sign * lots
        position.cost = subtract(position.cost, cost)
        position.margin = subtract(position.margin, margin)
        self._ledger.lock(order.account, order.lock_asset, margin.copy_negate())
        if profit >= 0:
            self._ledger.receive(order.account, order.lock_asset, profit)
            return profit
        most = margin if order.reason == Refusal.LIQUIDATION else self._ledger.free(order.account, order.lock_asset)
        loss = min(profit.copy_negate(), most)
        self._ledger.pay(order.account, order.lock_asset, loss)
        return loss.copy_negate()

    def _open(self, order: VenueOrder, position: Position, ticks: int, lots: int) -> None:
        listing = self._listing(order)
        _, notional = sizes(listing, ticks, lots)
        margin = self._margin(order.account, listing, notional)
        self._ledger.lock(order.account, listing.quote, margin)
        position.lots += order.side.sign * lots
        position.cost = add(position.cost, notional)
        position.margin = add(position.margin, margin)

    def _parts(self, position: Position, ticks: int, lots: int) -> tuple[Decimal, Decimal, Decimal]:
        """Split a part off a position: what it cost, its margin, and the profit at a price."""
        whole, part = Decimal(abs(position.lots)), Decimal(lots)
        cost = share_of(position.cost, part, whole)
        _, value = sizes(self._state.setup.listings[position.instrument], ticks, lots)
        profit = subtract(value, cost) if position.lots > 0 else subtract(cost, value)
        return cost, share_of(position.margin, part, whole), profit

    def _worth_closing(self, order: VenueOrder, ticks: int, lots: int) -> Decimal:
        """Tell what closing so much of a position would free, its loss taken off."""
        if not lots:
            return ZERO
        _, margin, profit = self._parts(self._position(order), ticks, lots)
        return add(margin, profit)

    def _position(self, order: VenueOrder) -> Position:
        """Give the position that an order is about, opened empty if need be."""
        positions = self._state.head.positions.setdefault(order.account, {})
        return positions.setdefault(position_key(order.instrument, order.position_side), Position(order.instrument))

    def _forget(self, order: VenueOrder) -> None:
        positions = self._state.head.positions[order.account]
        position = positions.pop(position_key(order.instrument, order.position_side))
        ensure(position.cost == position.margin == 0, f"{order.instrument}: a closed position still holds money")
        if not positions:
            del self._state.head.positions[order.account]

    def _closable(self, order: VenueOrder) -> int:
        """Tell how many lots of its position an order could close."""
        positions = self._state.head.positions.get(order.account, {})
        position = positions.get(position_key(order.instrument, order.position_side))
        if position is None or position.lots * order.side.sign >= 0:
            return 0
        return abs(position.lots)

    def _only_reduces(self, order: VenueOrder) -> bool:
        closing_side = {"long": Side.SELL, "short": Side.BUY}.get(order.position_side)
        return order.reduce_only or order.side is closing_side

    def _margin(self, account: str, listing: Listing, notional: Decimal) -> Decimal:
        return share_of(notional, _ONE, Decimal(self.leverage_of(account, listing.instrument)))

    def _liquidation_price(self, position: Position, qty: Decimal) -> Decimal:
        maintenance = self._state.setup.personality.perpetuals.maintenance
        if position.lots > 0:
            lost, share = subtract(position.cost, position.margin), subtract(_ONE, maintenance)
        else:
            lost, share = add(position.cost, position.margin), add(_ONE, maintenance)
        return share_of(lost, _ONE, multiply(qty, share), _LEVEL_STEP) if lost > 0 else ZERO

    def _listing(self, order: VenueOrder) -> Listing:
        return self._state.setup.listings[order.instrument]


def _side_in(key: str) -> PositionSide:
    if key.endswith(" long"):
        return "long"
    return "short" if key.endswith(" short") else "both"


def _charge(listing: Listing, amount: Decimal, rate: Decimal) -> Decimal:
    return fee_of(amount, rate, listing.fee_step, listing.fee_rounding)
