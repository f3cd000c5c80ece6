"""
What was lost, and what that forbids: the loss index, its windows, and the holds of G2, G5, G6 and `risk.drawdown_max`.

The index is equity over the money of the beginning. One mark is taken at the start, and one every step of the grid.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final

from quarterdeck.domain import DAY_NS, MINUTE_NS, GuardrailSettings
from tests.parity.reference.grid import SLACK

FOR_EVER: Final = math.inf

Timed = tuple[int, float]
"""The minute of a mark, and the index then."""


class Losses:
    """The index of one backtest, mark by mark, and the holds that marks bring about."""

    def __init__(self, cash: float, limits: GuardrailSettings, drawdown_ever_max: float | None) -> None:
        self._cash = cash
        self._limits = limits
        self._ever_max = drawdown_ever_max
        self.index = 1.0
        self.equity = math.nan
        self._day_ns = -1
        self._day_open = math.nan
        self._peak_ever = 1.0
        self._peaks: deque[Timed] = deque()
        self._window: list[Timed] = []
        self._holds: dict[str, float] = {}

    @property
    def is_held(self) -> bool:
        """Tell whether anything keeps the bot from opening."""
        return bool(self._holds)

    def lift(self, at_ns: int) -> None:
        """Lift the holds that are over at an instant, their very end included."""
        self._holds = {cause: until_ns for cause, until_ns in self._holds.items() if at_ns < until_ns}

    def mark(self, at_ns: int, equity: float) -> None:
        """Take the mark of an instant; NaN is no mark: then equity is unknown until the next one."""
        self.lift(at_ns)
        self.equity = equity
        if math.isnan(equity):
            return
        before, self.index = self.index, equity / self._cash
        minute_ns = at_ns - at_ns % MINUTE_NS
        self._open_day(minute_ns, before)
        self._peak_ever = max(self._peak_ever, self.index)
        self._remember(minute_ns)
        self._trip(at_ns)

    @property
    def daily(self) -> float:
        """What was lost since the open of the UTC day, as a fraction."""
        return 1.0 - self.index / self._day_open

    @property
    def drawdown(self) -> float:
        """The fall from the highest mark of the last days, as a fraction."""
        return 1.0 - self.index / self._peaks[0][1]

    @property
    def drawdown_ever(self) -> float:
        """The fall from the highest mark ever, as a fraction."""
        return 1.0 - self.index / self._peak_ever

    def _open_day(self, minute_ns: int, before: float) -> None:
        """A day opens at the last mark at or before 00:00 UTC; the very first one at the first mark there is."""
        day_ns = minute_ns - minute_ns % DAY_NS
        if day_ns != self._day_ns:
            is_first = self._day_ns < 0
            self._day_open = self.index if is_first or minute_ns == day_ns else before
            self._day_ns = day_ns

    def _remember(self, minute_ns: int) -> None:
        """
        Keep what the windows still see.

        The drawdown window drops a mark that is exactly as old as it is long, and what a later mark reaches can never
        be the peak again: so the peak is always the first. The loss-rate window keeps the last mark that lies at or
        before its beginning, so that a loss over the whole of it is seen.
        """
        while self._peaks and self._peaks[-1][1] <= self.index:
            self._peaks.pop()
        self._peaks.append((minute_ns, self.index))
        since_ns = minute_ns - self._limits.drawdown_window_days * DAY_NS
        while self._peaks[0][0] <= since_ns:
            self._peaks.popleft()
        since_ns = minute_ns - self._limits.loss_rate_window_min * MINUTE_NS
        inside = [timed for timed in self._window if timed[0] > since_ns]
        before = [timed for timed in self._window if timed[0] <= since_ns]
        self._window = [*before[-1:], *inside, (minute_ns, self.index)]

    def _trip(self, at_ns: int) -> None:
        limits, holds = self._limits, self._holds
        high = max(index for _, index in self._window)
        if not 1.0 - self.index / high < limits.loss_rate_max - SLACK and not holds:
            holds["G2"] = at_ns + limits.loss_rate_pause_min * MINUTE_NS
            self._window = []
        if self.daily >= limits.daily_loss_max - SLACK:
            holds.setdefault("G5", self._day_ns + DAY_NS)
        if self.drawdown >= limits.drawdown_max - SLACK:
            holds.setdefault("G6", self._peaks[0][0] + limits.drawdown_window_days * DAY_NS)
        if self._ever_max is not None and self.drawdown_ever >= self._ever_max - SLACK:
            holds.setdefault("drawdown_max", FOR_EVER)
