"""Reversion to the mean by Bollinger's bands: what fell too far is bought, what rose too far sold."""

from __future__ import annotations

from quarterdeck.indicators import band_crosses
from quarterdeck.market import Candles
from quarterdeck.strategies.parameters import integer, real
from quarterdeck.strategies.signals import Signals
from quarterdeck.strategies.strategy import Strategy


class BollingerReversion(Strategy):
    """
    Long from the bar that closes below the lower band, until one closes above the upper band.

    Where shorts are allowed it is short the rest of the time, after its first such bar. The bands lie `band_width`
    standard deviations around the average of the last `period_bars` closes; only a bar that leaves them speaks, not
    those that stay outside.
    """

    period_bars = integer(20, low=5, high=200)
    band_width = real(2.0, low=0.5, high=5.0)

    @property
    def window_bars(self) -> int:
        """The bands of two bars: the bar that leaves them, and the one before it."""
        return self.period_bars + 1

    def signals(self, candles: Candles) -> Signals:
        """
        Say BUY where a close leaves the bands downwards, SELL where upwards, HOLD elsewhere.

        Average and spread are exact sums of whole ticks; the first bar that can leave the bands has index
        `period_bars`.
        """
        return Signals(-band_crosses(candles.close_ticks, self.period_bars, self.band_width))
