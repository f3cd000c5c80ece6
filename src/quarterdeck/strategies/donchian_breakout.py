"""Breakout from Donchian's channel: a new high is bought, a new low sold."""

from __future__ import annotations

from quarterdeck.indicators import channel_breaks, highest_before, lowest_before
from quarterdeck.market import Candles
from quarterdeck.strategies.parameters import integer
from quarterdeck.strategies.signals import Signals
from quarterdeck.strategies.strategy import Strategy


class DonchianBreakout(Strategy):
    """
    Long from the bar that closes above the highs of `entry_bars` before it, until one closes below lows of `exit_bars`.

    Where shorts are allowed it is short from there until the next close above the highs. Every such bar speaks, not
    only the first one, so that a breakout which could not be bought is bought on the next one.
    """

    entry_bars = integer(20, low=2, high=500)
    exit_bars = integer(10, low=2, high=500)

    @property
    def window_bars(self) -> int:
        """The longer channel, and the bar that leaves it."""
        return max(self.entry_bars, self.exit_bars) + 1

    def signals(self, candles: Candles) -> Signals:
        """
        Say BUY where a close is above every high of the bars before it, SELL where below every low, HOLD elsewhere.

        Prices are compared in whole ticks, and a close on the edge of the channel is inside. Neither is said before
        both channels have all their bars.
        """
        bars_before = max(self.entry_bars, self.exit_bars)
        top = highest_before(candles.high, self.entry_bars)
        bottom = lowest_before(candles.low, self.exit_bars)
        action = channel_breaks(candles.close_ticks, top, bottom, candles.price_step)
        action[:bars_before] = 0
        return Signals(action)
