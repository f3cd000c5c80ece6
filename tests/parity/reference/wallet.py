"""
The books: cash, positions with their cost, and what is kept back for orders.

A spot purchase is paid in full, its position is worth what it would sell for. A perpetual moves no cash but profit,
fees and funding; it locks margin, which is what it cost by leverage.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from tests.parity.reference.grid import ZERO, margin_on, part_of
from tests.parity.reference.records import Order, Traded


@dataclass
class Position:
    """
    What is held of one instrument: signed lots, what they cost (with their sign), fees apart.

    `best_mark` is the mark furthest in our favour since it was opened, None before there was one; `mark` that of the
    latest marks, None where those had no price of it; `entries` counts what built it up.
    """

    instrument: Traded
    lots: int = 0
    cost: Decimal = ZERO
    margin: Decimal = ZERO
    entries: int = 0
    best_mark: float | None = None
    mark: float | None = None

    @property
    def sign(self) -> int:
        return (self.lots > 0) - (self.lots < 0)

    @property
    def qty(self) -> Decimal:
        return self.instrument.qty(self.lots)

    @property
    def average(self) -> float:
        """Average cost in quote per base, for levels; never for money."""
        return float(self.cost) / float(self.qty)

    def worth(self, price: float) -> Decimal:
        """Say what it adds to equity at a price."""
        value = self.qty * Decimal(repr(price))
        return value - self.cost if self.instrument.is_perpetual else value


class Wallet:
    """One wallet for all instruments."""

    def __init__(self, cash: Decimal, instruments: list[Traded], leverage: Decimal) -> None:
        self.cash = cash
        self.leverage = leverage
        self.positions = [Position(instrument) for instrument in instruments]
        self.alive: list[Order] = []

    @property
    def margins(self) -> Decimal:
        """What all positions in perpetuals lock."""
        return sum((position.margin for position in self.positions), ZERO)

    @property
    def free(self) -> Decimal:
        """What the bot may spend: cash less margins and what is kept back for orders that live."""
        return self.cash - self.margins - sum((order.reserve for order in self.alive), ZERO)

    @property
    def free_at_venue(self) -> Decimal:
        """The same as the exchange sees it, which holds back less than the bot does."""
        return self.cash - self.margins - sum((order.held for order in self.alive), ZERO)

    def alive_of(self, instrument: Traded) -> list[Order]:
        """List the orders of an instrument that have not ended."""
        return [order for order in self.alive if order.instrument is instrument]

    def end(self, order: Order, state: int) -> None:
        """End an order: what was kept back for it is free again."""
        order.state, order.reserve, order.held = state, ZERO, ZERO
        self.alive.remove(order)

    def trade(self, instrument: Traded, side: int, lots: int, notional: Decimal) -> Decimal:
        """
        Put a trade, fee apart, into the books; it opens, adds or closes, never both.

        Returns: the profit of what it closed.
        """
        position = self.positions[instrument.place]
        if position.sign in (0, side):
            return self._open(position, side, lots, notional)
        return self._close(position, side, lots, notional)

    def _open(self, position: Position, side: int, lots: int, notional: Decimal) -> Decimal:
        if not position.lots:
            position.entries, position.best_mark = 0, None
        position.lots += side * lots
        position.cost += side * notional
        position.entries += 1
        if position.instrument.is_perpetual:
            position.margin += margin_on(notional, self.leverage)
        else:
            self.cash -= notional
        return ZERO

    def _close(self, position: Position, side: int, lots: int, notional: Decimal) -> Decimal:
        assert lots <= abs(position.lots), "no trade closes more than is held"
        cost = part_of(position.cost, lots, abs(position.lots))
        profit = -side * notional - cost
        position.margin -= part_of(position.margin, lots, abs(position.lots))
        position.lots += side * lots
        position.cost -= cost
        if position.instrument.is_perpetual:
            profit = max(profit, -max(self.free_at_venue, ZERO))  # the exchange bears what nobody can pay
        self.cash += profit if position.instrument.is_perpetual else notional
        return profit
