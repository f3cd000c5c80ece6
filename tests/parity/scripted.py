"""A strategy whose opinions are as good as chance, and the same for a window of bars as for the whole series."""

from __future__ import annotations

import numpy as np

from quarterdeck.market import Candles
from quarterdeck.strategies import Signals, Strategy, flag, integer


class Scripted(Strategy):
    """Buy and sell on bars that a hash of their time picks, so and so many in a thousand of each kind."""

    seed = integer(0, low=0, high=1_000_000)
    buys = integer(100, low=0, high=1000)
    sells = integer(100, low=0, high=1000)
    window = integer(1, low=1, high=500)
    unsure = flag(default=False)

    @property
    def window_bars(self) -> int:
        """As many as it is told; it needs but one."""
        return int(self.window)

    def signals(self, candles: Candles) -> Signals:
        """Say what the hash of each bar's time says."""
        salt = sum((place + 1) * ord(letter) for place, letter in enumerate(candles.instrument))
        beat = candles.opened_at_ns // candles.timeframe_ns + self.seed * 7919 + salt * 104_729
        mixed = (beat % 1_000_003) * 6_364_136_223 % 2_147_483_647
        mixed = (mixed ^ (mixed >> 13)) * 48_271 % 2_147_483_647
        draw = mixed % 1000
        action = np.where(draw < self.buys, 1, np.where(draw >= 1000 - self.sells, -1, 0)).astype(np.int8)
        if not self.unsure:
            return Signals(action)
        return Signals(action, (mixed // 1000 % 101) / 100.0)
