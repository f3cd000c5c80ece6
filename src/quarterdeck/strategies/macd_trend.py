"""Following a trend by convergence and divergence of averages."""

from __future__ import annotations

from quarterdeck.domain import InputError
from quarterdeck.indicators import trend_crosses
from quarterdeck.market import Candles
from quarterdeck.strategies.parameters import integer
from quarterdeck.strategies.signals import Signals
from quarterdeck.strategies.strategy import Strategy


class MacdTrend(Strategy):
    """
    Long from the bar where the fast average's lead over the slow one rises above its own average, until it falls below.

    Where shorts are allowed it is short the rest of the time, after its first cross. All three averages are simple
    ones, so that a finite window of bars decides and every comparison is exact; it differs from charts, whose
    averages are exponential and remember every bar since the beginning.
    """

    fast_bars = integer(12, low=2, high=60)
    slow_bars = integer(26, low=5, high=200)
    signal_bars = integer(9, low=2, high=50)

    def check(self) -> None:
        """Refuse a fast average that is not the faster one."""
        if self.fast_bars >= self.slow_bars:
            raise InputError(
                f"strategy MacdTrend: fast_bars ({self.fast_bars}) must be below slow_bars ({self.slow_bars})"
            )

    @property
    def window_bars(self) -> int:
        """The oldest distance needs the slow average, the newest lies behind it; a cross needs one bar more."""
        return self.slow_bars + self.signal_bars

    def signals(self, candles: Candles) -> Signals:
        """
        Say BUY where the distance crosses its average upwards, SELL where downwards, HOLD elsewhere.

        It is compared exactly, on whole ticks; the first bar that can be a cross has index
        `slow_bars + signal_bars - 1`.
        """
        return Signals(trend_crosses(candles.close_ticks, self.fast_bars, self.slow_bars, self.signal_bars))
