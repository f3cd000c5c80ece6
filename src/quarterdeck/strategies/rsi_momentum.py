"""Momentum by the relative strength index: strength is bought, weakness sold."""

from __future__ import annotations

from quarterdeck.domain import InputError
from quarterdeck.indicators import strength_crosses
from quarterdeck.market import Candles
from quarterdeck.strategies.parameters import integer
from quarterdeck.strategies.signals import Signals
from quarterdeck.strategies.strategy import Strategy


class RsiMomentum(Strategy):
    """
    Long from the bar where the relative strength index rises through `buy_above`, until it falls through `sell_below`.

    Where shorts are allowed it is short from there until the next rise through `buy_above`. This is the momentum
    reading of the index. The other one, which buys what is called oversold, would bet against the move. The index is
    the one with plain sums over `period_bars` changes (Cutler's), so that a finite window of bars decides and every
    comparison is exact; it differs from charts that smooth as Wilder did.
    """

    period_bars = integer(14, low=2, high=200)
    buy_above = integer(55, low=1, high=99)
    sell_below = integer(45, low=1, high=99)

    def check(self) -> None:
        """Refuse levels that would buy below where they sell."""
        if self.sell_below > self.buy_above:
            raise InputError(
                f"strategy RsiMomentum: sell_below ({self.sell_below}) must not be above buy_above ({self.buy_above})"
            )

    @property
    def window_bars(self) -> int:
        """An index needs one close more than it has changes, and a cross lies between two of them."""
        return self.period_bars + 2

    def signals(self, candles: Candles) -> Signals:
        """
        Say BUY where the index rises through `buy_above`, SELL where it falls through `sell_below`, HOLD elsewhere.

        It is compared exactly, on whole ticks; the first bar that can be a cross has index `period_bars + 1`. Where
        nothing moved at all the index is 50.
        """
        return Signals(strength_crosses(candles.close_ticks, self.period_bars, self.buy_above, self.sell_below))
