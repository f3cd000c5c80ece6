"""The strategy that everybody knows, as the example to copy."""

from __future__ import annotations

from quarterdeck.domain import InputError
from quarterdeck.indicators import crosses
from quarterdeck.market import Candles
from quarterdeck.strategies.parameters import integer
from quarterdeck.strategies.signals import Signals
from quarterdeck.strategies.strategy import Strategy


class SmaCrossover(Strategy):
    """
    Long from the bar where the fast average crosses above the slow one, until it crosses below.

    Where shorts are allowed it is short the rest of the time, after its first cross.
    """

    fast_bars = integer(20, low=5, high=60)
    slow_bars = integer(50, low=20, high=200)

    def check(self) -> None:
        """Refuse a fast average that is not the faster one."""
        if self.fast_bars >= self.slow_bars:
            raise InputError(
                f"strategy SmaCrossover: fast_bars ({self.fast_bars}) must be below slow_bars ({self.slow_bars})"
            )

    @property
    def window_bars(self) -> int:
        """Two averages need one bar more: the cross lies between two bars."""
        return self.slow_bars + 1

    def signals(self, candles: Candles) -> Signals:
        """
        Say BUY where the averages cross upwards, SELL where downwards, HOLD elsewhere.

        Averages are compared exactly, on whole ticks; the first bar that can be a cross has index `slow_bars`.
        """
        return Signals(crosses(candles.close_ticks, self.fast_bars, self.slow_bars))
