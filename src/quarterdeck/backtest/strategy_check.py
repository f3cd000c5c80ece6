"""
Whether a strategy may be believed: it knows no future, needs no more than its window, and always answers.

A backtest asks a strategy once about a whole series, a live bot about one window after the other. What it earned in
the one is evidence for the other only where both get the same answers; this is tried here on one series.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Final

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from quarterdeck.backtest.strategy_bars import frozen, poisoned, special_series
from quarterdeck.backtest.times import iso_time
from quarterdeck.domain import ARRAY_FUNCTIONS, Compiler, InputError
from quarterdeck.market import Candles
from quarterdeck.strategies import BUY, HOLD, SELL, Signals, Strategy, checked

CUTS_MAX: Final = 60
WINDOWS_MAX: Final = 3_000
_CONFIDENCE_SLACK: Final = 1e-9
_WORDS: Final = {BUY: "BUY", SELL: "SELL", HOLD: "HOLD"}


class Check(Struct, frozen=True):
    """One thing that was tried: its name, whether the strategy passed, and what was seen."""

    name: str
    passed: bool
    says: str


class SeriesChecked(Struct, frozen=True):
    """
    What became of one strategy on one series.

    `signals` counts the actions of bars that end a full window; `live_us` is how long a window takes, as the median
    and the longest, in microseconds, `bar_ns` what a bar of the whole series takes. They are 0.0 where none was asked.
    """

    instrument: str
    bars: int
    window_bars: int
    signals: dict[str, int]
    live_us: float
    live_us_max: float
    bar_ns: float
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether every check was passed."""
        return all(check.passed for check in self.checks)


class Bench(Struct, frozen=True):
    """
    What strategies are tried with.

    A clock in nanoseconds, how long a live bot waits for an answer, and what compiles array functions, None where
    nothing does.
    """

    clock_ns: Callable[[], int]
    deadline_ns: int
    compiler: Compiler | None = None


def check_on(strategy: Strategy, candles: Candles, bench: Bench) -> SeriesChecked:
    """
    Try a strategy on one series.

    Args:
        strategy: Who is tried. Its `signals` may do anything; what it raises is a finding.
        candles: Sound candles, more than its window.
        bench: With what it is tried.

    Raises:
        InputError: If there are too few bars, or the window is none.
    """
    size = strategy.window_bars
    if type(size) is not int or size < 1:
        raise InputError(f"window_bars is {size!r}; it must be a whole number of bars, at least 1")
    if len(candles) < 2 * size:
        raise InputError(f"{len(candles)} bars of {candles.instrument} are too few for a window of {size}: give more")
    return _Trial(strategy, frozen(candles), bench).run()


class _Trial:
    """One strategy on one series, check after check."""

    def __init__(self, strategy: Strategy, candles: Candles, bench: Bench) -> None:
        self.strategy = strategy
        self.candles = candles
        self.clock_ns = bench.clock_ns
        self.bench = bench
        self.size = strategy.window_bars
        self.live_ns: list[int] = []
        self.bar_ns = 0.0

    def run(self) -> SeriesChecked:
        began_ns = self.clock_ns()
        whole = _asked(self.strategy, self.candles)
        self.bar_ns = (self.clock_ns() - began_ns) / len(self.candles)
        if isinstance(whole, str):
            return self._told([Check("answer", passed=False, says=whole)], None)
        checks = [
            self._answers(),
            self._is_deterministic(whole),
            self._knows_no_future(whole),
            self._needs_its_window(whole),
        ]
        checks += self._says_the_same_compiled(whole)
        return self._told([*checks, self._is_quick(), self._speaks(whole)], whole)

    def _answers(self) -> Check:
        for what, candles in special_series(self.candles, self.size):
            answer = _asked(self.strategy, candles)
            if isinstance(answer, str):
                return Check("answer", passed=False, says=f"on {what}: {answer}")
        return Check("answer", passed=True, says="sound on every series, also flat, short and wild ones")

    def _is_deterministic(self, whole: Signals) -> Check:
        """Ask again, with other questions in between: an answer is a function of its candles alone."""
        _asked(self.strategy, poisoned(self.candles, self.size, 0))
        again = _asked(self.strategy, frozen(self.candles))
        if isinstance(again, str):
            return Check("deterministic", passed=False, says=f"asked again: {again}")
        if not _same(whole, again, slice(None)):
            bar = _first_difference(whole, again, slice(None))
            return Check(
                "deterministic",
                passed=False,
                says=f"asked twice about the same candles it says two things, first on {self._bar(bar)}: "
                "it remembers, draws by chance or reads a clock",
            )
        return Check("deterministic", passed=True, says="the same candles get the same answer")

    def _knows_no_future(self, whole: Signals) -> Check:
        """End the series at a bar, or go on with other prices: what was said up to that bar must stay."""
        cuts = list(self._cuts(whole, CUTS_MAX))
        for stop in cuts:
            kept = slice(self.size - 1, stop)
            others: list[tuple[str, Candles]] = [("ends there", self.candles.window(0, stop))]
            if stop < len(self.candles):
                others += [("goes on otherwise", poisoned(self.candles, stop, kind)) for kind in (1, 2)]
            for how, candles in others:
                answer = _asked(self.strategy, candles)
                if isinstance(answer, str):
                    return Check("look-ahead", passed=False, says=f"where the series {how}: {answer}")
                if not _same(whole, answer, kept):
                    bar = self.size - 1 + _first_difference(whole, answer, kept)
                    seen, then = self._words(whole, answer, bar)
                    return Check(
                        "look-ahead",
                        passed=False,
                        says=f"it knows the future: {self._bar(bar)} says {seen}, "
                        f"but {then} where the series {how} after {self._bar(stop - 1)}",
                    )
        return Check("look-ahead", passed=True, says=f"the future changes nothing; tried at {len(cuts)} bars")

    def _needs_its_window(self, whole: Signals) -> Check:
        """Give it the last bars only, as live: it must say what it says of the whole series."""
        tried = 0
        for stop in self._cuts(whole, WINDOWS_MAX):
            window = self.candles.window(stop - self.size, stop)
            began_ns = self.clock_ns()
            answer = _asked(self.strategy, window)
            self.live_ns.append(self.clock_ns() - began_ns)
            tried += 1
            if isinstance(answer, str):
                return Check(
                    "window", passed=False, says=f"on the window that ends with {self._bar(stop - 1)}: {answer}"
                )
            if not _same(_last(whole, stop), _last(answer, self.size), slice(None)):
                return self._too_short(whole, answer, stop)
        return Check("window", passed=True, says=f"{self.size} bars decide; tried at {tried:,} bars")

    def _too_short(self, whole: Signals, answer: Signals, stop: int) -> Check:
        """Say why a window and the whole series disagree on a bar: by bars before the window, or by bars after it."""
        seen, then = self._words(_last(whole, stop), _last(answer, self.size), 0)
        says = f"{self._bar(stop - 1)} says {seen} on the whole series, {then} on its window of {self.size} bars: "
        ended = _asked(self.strategy, self.candles.window(0, stop))
        if isinstance(ended, Signals) and not _same(_last(whole, stop), _last(ended, stop), slice(None)):
            return Check("window", passed=False, says=f"{says}it knows bars that come later")
        return Check("window", passed=False, says=f"{says}make window_bars larger, or forget what lies before it")

    def _says_the_same_compiled(self, whole: Signals) -> list[Check]:
        """Compile the array functions of the strategy's own file, where it has any and something compiles."""
        own = [one for one in ARRAY_FUNCTIONS if one.plain.__module__ == type(self.strategy).__module__]
        if not own or self.bench.compiler is None:
            return []
        with ExitStack() as compiled:
            for function in own:
                compiled.enter_context(function.compiled_for_now(self.bench.compiler))
            answer = _asked(self.strategy, self.candles)
        if isinstance(answer, str):
            return [Check("compiled", passed=False, says=answer.splitlines()[0])]
        kept = slice(self.size - 1, None)
        if _same(whole, answer, kept):
            return [Check("compiled", passed=True, says="its own loops say the same when they are compiled")]
        bar = self.size - 1 + _first_difference(whole, answer, kept)
        seen, then = self._words(whole, answer, bar)
        says = f"its own loops say one thing as written, another compiled: {self._bar(bar)}, {seen} and {then}"
        return [Check("compiled", passed=False, says=says)]

    def _is_quick(self) -> Check:
        slowest_ns = max(self.live_ns, default=0)
        says = f"{slowest_ns / 1e3:,.0f} µs at most for a window; a bot waits {self.bench.deadline_ns / 1e9:g} s"
        return Check("run time", passed=slowest_ns <= self.bench.deadline_ns, says=says)

    def _speaks(self, whole: Signals) -> Check:
        counts = _counts(whole, self.size)
        if counts["BUY"] + counts["SELL"] == 0:
            says = "neither BUY nor SELL on these bars, so nothing is shown: try it on others"
            return Check("signals", passed=False, says=says)
        return Check("signals", passed=True, says=", ".join(f"{count:,} {word}" for word, count in counts.items()))

    def _cuts(self, whole: Signals, count: int) -> Iterator[int]:
        """Choose bars that end a full window, those that say something and as many others; yield where they end."""
        first = self.size - 1
        spoken = first + np.flatnonzero(whole.action[first:])
        chosen = {int(bar) for bar in _spread(spoken, count // 2)}
        chosen |= {int(bar) for bar in _spread(np.arange(first, len(self.candles)), count - len(chosen))}
        return iter(sorted(bar + 1 for bar in chosen))

    def _words(self, whole: Signals, answer: Signals, bar: int) -> tuple[str, str]:
        """Say what two answers say of one bar: the action, or where that is the same, the confidence."""
        seen, then = int(whole.action[bar]), int(answer.action[bar])
        if seen != then:
            return _WORDS[seen], _WORDS[then]
        sure = [1.0 if one.confidence is None else float(one.confidence[bar]) for one in (whole, answer)]
        return f"{_WORDS[seen]} with confidence {sure[0]:g}", f"{_WORDS[then]} with {sure[1]:g}"

    def _bar(self, bar: int) -> str:
        return f"bar {bar} ({iso_time(int(self.candles.opened_at_ns[bar]))})"

    def _told(self, checks: Iterable[Check], whole: Signals | None) -> SeriesChecked:
        return SeriesChecked(
            instrument=self.candles.instrument,
            bars=len(self.candles),
            window_bars=self.size,
            signals={} if whole is None else _counts(whole, self.size),
            live_us=statistics.median(self.live_ns) / 1e3 if self.live_ns else 0.0,
            live_us_max=max(self.live_ns, default=0) / 1e3,
            bar_ns=self.bar_ns,
            checks=tuple(checks),
        )


def _asked(strategy: Strategy, candles: Candles) -> Signals | str:
    """Ask, and hand on a sound answer, or what was wrong with it."""
    try:
        with np.errstate(all="ignore"):
            return checked(strategy.signals(candles), len(candles))
    except InputError as error:
        return f"the answer cannot be used: {error}"
    except Exception as error:  # noqa: BLE001 - a user's strategy may raise anything; that is what is looked for
        if "read-only" in str(error):
            return f"it changes its candles, which are not its own ({type(error).__name__}: {error})"
        return f"it raises {type(error).__name__}: {error}"


def _same(one: Signals, other: Signals, bars: slice) -> bool:
    if not np.array_equal(one.action[bars], other.action[bars]):
        return False
    return not bool(_apart(one, other, bars).any())


def _apart(one: Signals, other: Signals, bars: slice) -> NDArray[np.bool_]:
    """Mark the bars on which two answers are not equally sure."""
    sure = [np.ones(len(answer.action)) if answer.confidence is None else answer.confidence for answer in (one, other)]
    apart: NDArray[np.bool_] = np.abs(sure[0][bars] - sure[1][bars]) > _CONFIDENCE_SLACK
    return apart


def _first_difference(one: Signals, other: Signals, bars: slice) -> int:
    return int(np.argmax((one.action[bars] != other.action[bars]) | _apart(one, other, bars)))


def _last(answer: Signals, stop: int) -> Signals:
    sure = None if answer.confidence is None else answer.confidence[stop - 1 : stop]
    return structs.replace(answer, action=answer.action[stop - 1 : stop], confidence=sure)


def _counts(whole: Signals, size: int) -> dict[str, int]:
    said = whole.action[size - 1 :]
    return {word: int(np.count_nonzero(said == action)) for action, word in _WORDS.items()}


def _spread(bars: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Choose so many of the bars, evenly, the first and the last among them."""
    if len(bars) <= count:
        return bars
    return bars[np.linspace(0, len(bars) - 1, count).astype(np.int64)]
