"""
The exchange: what it holds back for an order, when an order fills and at which price, and what it turns down.

Between two bars nothing trades: an order that arrives then waits. The book has one level on each side, of any depth, at
the price of the bar worsened by the slippage and put on the grid against whoever takes it.
"""

from __future__ import annotations

from decimal import Decimal

from tests.parity.reference.grid import SLACK, ZERO, against, fee_on, margin_on
from tests.parity.reference.records import (
    BUY,
    CANCELLED,
    EXPIRED,
    FILLED,
    LIMIT,
    LIQUIDATION,
    MAKER,
    MARKET,
    REDUCING,
    REJECTED,
    TAKER,
    Fill,
    Order,
    Result,
    Traded,
)
from tests.parity.reference.settings import Settings
from tests.parity.reference.wallet import Wallet


class Venue:
    """One exchange with one account. `heard` are the latest prices it was told, by instrument."""

    def __init__(self, settings: Settings, wallet: Wallet, result: Result) -> None:
        self._settings = settings
        self._wallet = wallet
        self._result = result
        self._fee_dearest = max(settings.fee_taker, settings.fee_maker, ZERO)
        self._news: list[tuple[Order, str]] = []
        self.heard: dict[int, float] = {}
        self.at_ns = 0
        self.bar = 0

    # --- what the market does ---------------------------------------------------------------------------------------

    def open(self, instrument: Traded, price: float) -> None:
        """
        Let a bar open: market orders fill or are turned down.

        Limit orders fill as maker where the book lies beyond their price; at their price they were merely touched.
        """
        self.heard[instrument.place] = price
        for order in sorted(self._wallet.alive_of(instrument), key=_priority):
            if order.kind == MARKET:
                self._fill_waiting(order, self._taking(order))
            elif order.side * self._taking(order) < order.side * order.limit_ticks:
                self._fill(order, order.limit_ticks, MAKER)

    def pass_range(self, instrument: Traded, low: float, high: float) -> int:
        """
        Let a bar pass: limit orders from before its close fill where it traded beyond their price, not at it.

        Returns: how many filled.
        """
        filled = 0
        tick = float(instrument.tick)
        for order in sorted(self._wallet.alive_of(instrument), key=_priority):
            if order.kind != LIMIT or order.planned_at_ns >= self.at_ns:
                continue
            below, above = low / tick < order.limit_ticks - SLACK, high / tick > order.limit_ticks + SLACK
            if below if order.side == BUY else above:
                self._fill(order, order.limit_ticks, MAKER)
                filled += 1
        return filled

    def liquidate(self, instrument: Traded, level: float) -> None:
        """Close a whole position at a level; loss and fee beyond its margin are the exchange's."""
        for order in self._wallet.alive_of(instrument):
            self._end(order, EXPIRED)
        position = self._wallet.positions[instrument.place]
        side, lots, stake = -position.sign, abs(position.lots), position.margin
        ticks = max(1, against(level, float(instrument.tick), side))
        order = Order(
            number=len(self._result.orders),
            instrument=instrument,
            side=side,
            effect=REDUCING,
            cause=LIQUIDATION,
            kind=MARKET,
            lots=lots,
            limit_ticks=0,
            price=level,
            planned_at_ns=self.at_ns,
            bar=self.bar,
            trade="",
            state=FILLED,
        )
        self._result.orders.append(order)
        notional = order.qty * instrument.price(ticks)
        cash = self._wallet.cash
        realised = max(self._wallet.trade(instrument, side, lots, notional), -stake)
        fee = min(fee_on(notional, self._settings.fee_taker), stake + realised)
        self._wallet.cash = cash + realised
        self._wallet.cash -= fee
        self._record(order, ticks, TAKER, fee, realised)

    # --- what the bot asks for --------------------------------------------------------------------------------------

    def place(self, order: Order, *, is_tradable: bool) -> None:
        """Take an order, or turn it down. Where the market trades, it fills at once if the book reaches its price."""
        wallet = self._wallet
        if order.kind == LIMIT:
            need = self._need(order, order.limit_ticks)
            if need > wallet.free_at_venue:
                self._end(order, REJECTED, f"needs {need}, {wallet.free_at_venue} are free")
                return
            order.held = need
            if is_tradable and order.side * self._taking(order) <= order.side * order.limit_ticks:
                self._fill(order, self._taking(order), TAKER)
        elif is_tradable:
            need = self._need(order, self._taking(order))
            if need > wallet.free_at_venue:
                self._end(order, REJECTED, f"needs {need}, {wallet.free_at_venue} are free")
                return
            self._fill(order, self._taking(order), TAKER)
        else:
            order.held = min(self._need(order, self._taking(order)), wallet.free_at_venue)

    def cancel(self, order: Order) -> None:
        """End a working order as asked for."""
        self._end(order, CANCELLED)

    def take_news(self) -> list[tuple[Order, str]]:
        """Tell which orders ended since the last time, and in which words those that were turned down."""
        news, self._news = self._news, []
        return news

    # --- how an order trades ----------------------------------------------------------------------------------------

    def _taking(self, order: Order) -> int:
        """Give the price in ticks at which an order takes out of the book."""
        slip = 1.0 + order.side * self._settings.slippage
        return against(self.heard[order.instrument.place] * slip, float(order.instrument.tick), order.side)

    def _need(self, order: Order, ticks: int) -> Decimal:
        """Say what an order needs to fill at a price, the dearer fee included; what sells or closes needs nothing."""
        if order.effect == REDUCING:
            return ZERO
        notional = order.qty * order.instrument.price(ticks)
        stake = margin_on(notional, self._wallet.leverage) if order.instrument.is_perpetual else notional
        return stake + fee_on(notional, self._fee_dearest)

    def _end(self, order: Order, state: int, words: str = "") -> None:
        self._wallet.end(order, state)
        self._news.append((order, words))

    def _fill_waiting(self, order: Order, ticks: int) -> None:
        """Fill a market order that waited for the open, or turn it down where it cannot be paid any more."""
        if self._need(order, ticks) > self._wallet.free_at_venue + order.held:
            self._end(order, REJECTED, "not enough money when it was to trade")
            return
        self._fill(order, ticks, TAKER)

    def _fill(self, order: Order, ticks: int, liquidity: int) -> None:
        """Execute a whole order, and charge what is there to pay the fee with."""
        notional = order.qty * order.instrument.price(ticks)
        self._end(order, FILLED)
        realised = self._wallet.trade(order.instrument, order.side, order.lots, notional)
        rate = self._settings.fee_taker if liquidity == TAKER else self._settings.fee_maker
        fee = fee_on(notional, rate)
        if fee > ZERO:
            fee = min(fee, max(self._wallet.free_at_venue, ZERO))
        self._wallet.cash -= fee
        self._record(order, ticks, liquidity, fee, realised)

    def _record(self, order: Order, ticks: int, liquidity: int, fee: Decimal, realised: Decimal) -> None:
        self._result.fills.append(
            Fill(
                at_ns=self.at_ns,
                bar=self.bar,
                order=order.number,
                instrument=order.instrument.place,
                side=order.side,
                liquidity=liquidity,
                lots=order.lots,
                price_ticks=ticks,
                fee=fee,
                realised=realised,
            )
        )


def _priority(order: Order) -> tuple[int, int, int, int]:
    """Order those that fill together: market orders, then sellers, then buyers, the best price and the oldest first."""
    if order.kind == MARKET:
        return (0, 0, 0, order.number)
    return (1, order.side, -order.side * order.limit_ticks, order.number)
