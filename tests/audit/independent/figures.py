"""
The loss figures, worked out anew: index and units, day-open, the peak of seven days, the loss within thirty minutes.

The index is equity / units; a deposit or withdrawal changes units, never the index.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final

from tests.audit.independent.problem import Problem
from tests.audit.independent.records import DAY_NS, MINUTE_NS, CapitalDeclared, FundsBooked, Limits, MarksTaken

CLOSE: Final = 1e-9
UNITS_CLOSE: Final = 1e-6
SLACK: Final = 1e-9

Timed = tuple[int, float]
"""The minute of a mark, and the index then."""


class Figures:
    """The loss index of one bot, mark by mark."""

    def __init__(self) -> None:
        self.units = math.nan
        self.index = math.nan
        self.equity: float | None = None
        self.minute_ns = -1
        self.mark_ns = -1
        self.day_ns = -1
        self.day_open = math.nan
        self.peak_ever = math.nan
        self.deepest = 0.0
        self.window: deque[Timed] = deque()
        self.peaks: deque[Timed] = deque()

    def declare(self, fact: CapitalDeclared) -> None:
        """Begin with the capital: one unit for each unit of base currency, at an index of 1."""
        self.units = fact.equity
        self.index = self.peak_ever = 1.0
        self.equity = fact.equity

    def equity_now(self, at_ns: int, every_ns: int = MINUTE_NS) -> float:
        """
        Equity as last marked, with what flowed in or out since.

        NaN, which refuses, where the last minutes brought no mark.
        """
        if self.equity is None or at_ns - self.minute_ns >= 2 * every_ns:
            return math.nan
        return self.equity

    # --- marks --------------------------------------------------------------------------------------------------------

    def mark(self, seq: int, fact: MarksTaken, equity: float | None, limits: Limits) -> list[Problem]:
        """
        Take one mark: our own equity against the one that was recorded, and everything that follows from it.

        Args: the row, the fact, our own equity (None where something held has no price), the limits in force.
        """
        problems = []
        if fact.minute_ns % MINUTE_NS or fact.minute_ns <= self.minute_ns:
            problems.append(Problem(seq, "marks", f"minute {fact.minute_ns} after {self.minute_ns}"))
        self.minute_ns = fact.minute_ns
        if (equity is None) != (fact.equity is None):
            problems.append(Problem(seq, "marks", "one of us has a mark, the other has none", fact.equity, equity))
        self.equity = equity
        if equity is None:
            return problems
        self._open_day(fact.minute_ns, equity / self.units)
        self.index = equity / self.units
        self.peak_ever = max(self.peak_ever, self.index)
        self.deepest = max(self.deepest, 1.0 - self.index / self.peak_ever)
        self._remember(fact.minute_ns, limits)
        if fact.equity is not None:
            problems += self._compare(seq, fact, equity)
        return problems

    def _open_day(self, minute_ns: int, index: float) -> None:
        """Day-open is the last mark at or before 00:00 UTC, else the first after."""
        day_ns = minute_ns - minute_ns % DAY_NS
        if day_ns == self.day_ns:
            return
        self.day_open = index if self.day_ns < 0 or minute_ns == day_ns else self.index
        self.day_ns = day_ns

    def _remember(self, minute_ns: int, limits: Limits) -> None:
        """Keep the marks of both windows; of the long one those that no later mark exceeds."""
        self.mark_ns = minute_ns
        self.window.append((minute_ns, self.index))
        since_ns = minute_ns - limits.loss_rate_window_min * MINUTE_NS
        while len(self.window) > 1 and self.window[1][0] < since_ns:
            self.window.popleft()
        while self.peaks and self.peaks[-1][1] <= self.index:
            self.peaks.pop()
        self.peaks.append((minute_ns, self.index))
        while self.peaks[0][0] < minute_ns - limits.drawdown_window_days * DAY_NS:
            self.peaks.popleft()

    def _compare(self, seq: int, fact: MarksTaken, equity: float) -> list[Problem]:
        pairs = [
            ("equity", fact.equity or 0.0, equity),
            ("index", fact.index, self.index),
            ("day_open", fact.day_open, self.day_open),
            ("index_peak", fact.index_peak, self.peak_ever),
            ("drawdown_max", fact.drawdown_max, self.deepest),
        ]
        problems = [
            Problem(seq, "marks", name, theirs, ours)
            for name, theirs, ours in pairs
            if not abs(theirs - ours) <= CLOSE * max(1.0, abs(ours))
        ]
        if fact.day_ns != self.day_ns:
            problems.append(Problem(seq, "marks", "day_ns", fact.day_ns, self.day_ns))
        return problems

    # --- what the limits look at --------------------------------------------------------------------------------------

    def daily_loss(self) -> float:
        return 1.0 - self.index / self.day_open

    def drawdowns(self, at_ns: int, limits: Limits) -> tuple[float, ...]:
        """
        The fall from the highest mark of the trailing days, the deepest reading first.

        The days may count back from now or from the last mark, and a mark just as old as they are may count or not.
        """
        days_ns = limits.drawdown_window_days * DAY_NS
        now_ns = at_ns - at_ns % MINUTE_NS
        sinces = sorted({end - days_ns - one for end in (now_ns, self.mark_ns) for one in (0, 1)})
        return tuple(1.0 - self.index / max(self.index, self._peak_after(since)) for since in sinces)

    def _peak_after(self, since_ns: int) -> float:
        """Of marks that no later one exceeds, the first is the highest."""
        for minute_ns, index in self.peaks:
            if minute_ns > since_ns:
                return index
        return self.index

    def peak_ages_out_ns(self, limits: Limits) -> int:
        """When the peak that the drawdown counts from leaves the window."""
        return (self.peaks[0][0] if self.peaks else self.minute_ns) + limits.drawdown_window_days * DAY_NS

    def drawdown_ever(self) -> float:
        return 1.0 - self.index / self.peak_ever

    def window_losses(self, limits: Limits) -> tuple[float, float]:
        """
        Highest mark in the window plus the last before it, against now: at most and at least.

        A mark just as old as the window is long may itself be the last before it.
        """
        since_ns = self.minute_ns - limits.loss_rate_window_min * MINUTE_NS
        if not self.window:
            return 0.0, 0.0
        wide = max(index for _, index in self.window)
        younger = [index for minute_ns, index in self.window if minute_ns > since_ns]
        before = [index for minute_ns, index in self.window if minute_ns <= since_ns]
        narrow = max([*younger, *before[-1:]])
        return 1.0 - self.index / wide, 1.0 - self.index / narrow

    # --- what people and flows change ---------------------------------------------------------------------------------

    def empty_window(self) -> None:
        """A trip, or somebody who looked, empties the window."""
        self.window.clear()

    def rebase(self) -> None:
        """The present index becomes the open of the day and every peak."""
        self.day_open = self.peak_ever = self.index
        self.peaks.clear()
        self.peaks.append((self.minute_ns, self.index))

    def flow(self, seq: int, fact: FundsBooked, worth: float, equity: float | None) -> list[Problem]:
        """
        Money came or went: units change in the proportion of its worth to equity at that instant, the index does not.

        Args: the row, the fact, its worth in base currency, and equity before it at the market it could see.
        """
        before = self.index * self.units if equity is None else equity
        self.units *= 1.0 + worth / before
        self.equity = None if self.equity is None else before + worth
        problems = []
        if not abs(self.units - fact.units_after) <= UNITS_CLOSE * self.units:
            problems.append(Problem(seq, "marks", "units after a flow", fact.units_after, self.units))
        return problems
