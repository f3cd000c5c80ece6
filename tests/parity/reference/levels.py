"""Protective levels: where a position is closed inside a bar, and which of them comes first."""

from __future__ import annotations

from dataclasses import dataclass

from tests.parity.reference.grid import SLACK
from tests.parity.reference.records import LIQUIDATION, STOP_LOSS, TAKE_PROFIT, TRAILING_STOP
from tests.parity.reference.rules import liquidation_level
from tests.parity.reference.settings import Settings
from tests.parity.reference.wallet import Position


@dataclass(frozen=True)
class Level:
    """A price at which a position is closed; `falling`: reached from above."""

    cause: int
    price: float
    falling: bool

    def is_reached(self, low: float, high: float) -> bool:
        """Tell whether a bar got there; touching it is enough."""
        return low <= self.price if self.falling else high >= self.price

    def met_at(self, opened: float) -> float:
        """Give the price at which it was met: its own, or that of a bar that opened beyond it."""
        return min(self.price, opened) if self.falling else max(self.price, opened)


def levels_of(position: Position, settings: Settings, sellable_lots: int) -> list[Level]:
    """
    List the levels of a position: stop, trailing stop, liquidation, target; for a short all is mirrored.

    What is all being closed, or worth too little to be sold, has no level of its own any more; it can be liquidated.
    """
    risk, sign = settings.risk, position.sign
    if not sign:
        return []
    levels: list[Level] = []
    average, falling = position.average, sign > 0
    is_watched = sellable_lots > 0 and not is_dust(position, settings)
    if is_watched and risk.stop_loss is not None:
        levels.append(Level(STOP_LOSS, average * (1.0 - sign * risk.stop_loss), falling))
    if is_watched and risk.trailing_stop is not None:
        best = average if position.best_mark is None else sign * max(sign * average, sign * position.best_mark)
        levels.append(Level(TRAILING_STOP, best * (1.0 - sign * risk.trailing_stop), falling))
    if position.instrument.is_perpetual:
        cost, qty = abs(float(position.cost)), abs(float(position.qty))
        price = liquidation_level(cost, float(position.margin), qty, float(settings.maintenance), sign)
        if price > 0.0:
            levels.append(Level(LIQUIDATION, price, falling))
    if is_watched and risk.take_profit is not None:
        levels.append(Level(TAKE_PROFIT, average * (1.0 + sign * risk.take_profit), not falling))
    return levels


def reached_in(levels: list[Level], low: float, high: float, sign: int) -> list[Level]:
    """List what a bar reached, in the order in which it counts: stops before targets, the nearest of each first."""
    reached = [level for level in levels if level.is_reached(low, high)]
    return sorted(reached, key=lambda level: (level.falling is not (sign > 0), -sign * level.price))


def is_dust(position: Position, settings: Settings) -> bool:
    """Tell whether a position is worth less than the exchange lets anybody sell, at its latest mark or at its cost."""
    if position.instrument.is_perpetual:
        return False  # which may be closed however little it is worth
    worth = abs(float(position.cost)) if position.mark is None else abs(float(position.qty)) * position.mark
    return worth < settings.notional_min * (1.0 - SLACK)
