"""A strategy that peeks, forgets nothing, answers nonsense or is late is found; an honest one is not."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from quarterdeck.backtest import Bench, Check, SeriesChecked, check_on
from quarterdeck.domain import MINUTE_NS, InputError
from quarterdeck.feeds import SyntheticInstrument, SyntheticMarket
from quarterdeck.indicators import crosses
from quarterdeck.market import Candles
from quarterdeck.strategies import BUILTIN, Signals, SmaCrossover, Strategy

Actions = NDArray[np.int8]
Rule = Callable[[Candles], NDArray[np.bool_]]


def market(bars: int = 1500) -> Candles:
    made = SyntheticMarket(5, [SyntheticInstrument("BTC-USD", 100.0, 0.01)], MINUTE_NS, 0)
    tape = made.tape("paper", "BTC-USD", range(bars))
    return Candles(
        "BTC-USD", MINUTE_NS, tape.opened_at_ns, tape.open, tape.high, tape.low, tape.close, tape.volume, 0.01
    )


def clock(step_ns: int = 1_000) -> Callable[[], int]:
    """A clock that goes on by so much whenever it is read."""
    ticks: Iterator[int] = iter(range(0, 10**18, step_ns))
    return lambda: next(ticks)


def trial(strategy: Strategy, bars: int = 1500, step_ns: int = 1_000) -> SeriesChecked:
    return check_on(strategy, market(bars), Bench(clock(step_ns), 5 * 10**9))


def failed(strategy: Strategy) -> dict[str, str]:
    return {check.name: check.says for check in trial(strategy).checks if not check.passed}


def strategy_of(rule: Rule, window: int = 11) -> Strategy:
    """Long from where a rule of a series becomes true, until it is so no more."""

    class Ruled(Strategy):
        """One rule."""

        window_bars = window

        def signals(self, candles: Candles) -> Signals:
            held = rule(candles).astype(np.int8)
            action = np.zeros(len(candles), dtype=np.int8)
            action[1:] = np.diff(held)
            return Signals(action)

    return Ruled()


def average(values: NDArray[np.float64], bars: int) -> NDArray[np.float64]:
    """The average of the last bars, NaN before there are so many."""
    found = np.full(len(values), np.nan)
    for end in range(bars, len(values) + 1):
        found[end - 1] = values[end - bars : end].mean()
    return found


def next_close_is_higher(candles: Candles) -> NDArray[np.bool_]:
    """shift(-1): tomorrow's close, the oldest slip of all."""
    up = np.zeros(len(candles), dtype=np.bool_)
    up[:-1] = candles.close[1:] > candles.close[:-1]
    return up


def rolled_the_wrong_way(candles: Candles) -> NDArray[np.bool_]:
    """np.roll by -1, which also wraps around."""
    return np.roll(candles.close, -1) > candles.close


def near_the_highest_of_all(candles: Candles) -> NDArray[np.bool_]:
    """Normalised by a maximum that is known at the end only."""
    near: NDArray[np.bool_] = candles.close / candles.close.max(initial=1.0) > 0.97
    return near


def above_the_mean_of_all(candles: Candles) -> NDArray[np.bool_]:
    """A z-score over the whole series."""
    return candles.close > (candles.close.mean() if len(candles) else 0.0)


def above_a_centred_average(candles: Candles) -> NDArray[np.bool_]:
    """An average of five bars before and five bars after."""
    centred = np.roll(average(candles.close, 11), -5)
    return candles.close > centred


def next_open_is_higher(candles: Candles) -> NDArray[np.bool_]:
    """The price of the fill, known a bar too early."""
    up = np.zeros(len(candles), dtype=np.bool_)
    up[:-1] = candles.open[1:] > candles.close[:-1] * 1.0002
    return up


def closes_its_quarter_of_an_hour_higher(candles: Candles) -> NDArray[np.bool_]:
    """A coarser bar's close, spread over the bars that make it up."""
    block = candles.opened_at_ns // (15 * MINUTE_NS)
    last = np.searchsorted(block, block, side="right") - 1
    return candles.close[last] > candles.open


def reversed_running_high(candles: Candles) -> NDArray[np.bool_]:
    """A running maximum taken from the wrong end."""
    return candles.high >= np.maximum.accumulate(candles.high[::-1])[::-1]


@pytest.mark.parametrize(
    "rule",
    [
        next_close_is_higher,
        rolled_the_wrong_way,
        near_the_highest_of_all,
        above_the_mean_of_all,
        above_a_centred_average,
        next_open_is_higher,
        closes_its_quarter_of_an_hour_higher,
        reversed_running_high,
    ],
)
def test_a_strategy_that_peeks_is_caught(rule: Rule) -> None:
    says = failed(strategy_of(rule))

    assert "it knows the future" in says["look-ahead"] or "it knows bars that come later" in says["window"]
    assert "look-ahead" in says


def test_a_strategy_that_peeks_now_and_then_only_is_told_from_one_with_a_short_window() -> None:
    """It looks ahead on the few bars that nobody chose to cut at; the windows of all the others find it."""

    def rule(candles: Candles) -> NDArray[np.bool_]:
        honest = candles.close > average(candles.close, 10)
        peek = next_close_is_higher(candles)
        rare = candles.opened_at_ns // MINUTE_NS % 211 == 17
        return np.where(rare, peek, honest)

    says = failed(strategy_of(rule))
    assert says.keys() <= {"look-ahead", "window"}
    assert any("knows" in one for one in says.values())


@pytest.mark.parametrize("name", sorted(BUILTIN))
def test_the_strategies_of_the_house_pass(name: str) -> None:
    checked = trial(BUILTIN[name]())

    assert [check for check in checked.checks if not check.passed] == []
    assert checked.passed
    assert sum(checked.signals.values()) == 1500 - checked.window_bars + 1


def test_an_average_that_needs_a_bar_more_than_its_window_is_caught() -> None:
    class Short(SmaCrossover):
        """A cross lies between two bars, which it forgot."""

        @property
        def window_bars(self) -> int:
            return self.slow_bars

    says = failed(Short())
    assert says.keys() == {"window"}
    assert "HOLD on its window of 50 bars: make window_bars larger" in says["window"]


def test_an_average_that_remembers_for_ever_is_caught() -> None:
    """An exponential average begun with the first bar: no window gives its value."""

    def rule(candles: Candles) -> NDArray[np.bool_]:
        smooth = np.zeros(len(candles))
        for bar, close in enumerate(candles.close):
            smooth[bar] = close if bar == 0 else smooth[bar - 1] + 0.1 * (close - smooth[bar - 1])
        return candles.close > smooth

    says = failed(strategy_of(rule, window=12))
    assert says.keys() == {"window"}
    assert "forget what lies before it" in says["window"]


def test_a_strategy_that_remembers_being_asked_is_caught() -> None:
    class Remembering(Strategy):
        """Every other time it says the opposite."""

        window_bars = 21
        asked = 0

        def signals(self, candles: Candles) -> Signals:
            Remembering.asked += 1
            return Signals(crosses(candles.close_ticks, 5, 20) * np.int8(1 - 2 * (self.asked % 3 == 0)))

    says = failed(Remembering())
    assert "it remembers, draws by chance or reads a clock" in says["deterministic"]


def test_a_strategy_that_writes_to_its_candles_is_caught() -> None:
    def rule(candles: Candles) -> NDArray[np.bool_]:
        candles.close[:] = np.maximum.accumulate(candles.close)
        return candles.close > candles.open

    assert "it changes its candles" in failed(strategy_of(rule))["answer"]


def returning(answer: Callable[[int], object]) -> Strategy:
    class Returning(Strategy):
        """Whatever it is told to."""

        window_bars = 5

        def signals(self, candles: Candles) -> Signals:
            return answer(len(candles))  # type: ignore[return-value]

    return Returning()


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (lambda bars: Signals(np.zeros(bars - 1, dtype=np.int8)), "must hold one value for each"),
        (lambda bars: Signals(np.zeros(bars, np.int16)), "must be an array of int8, not int16"),
        (lambda bars: Signals(np.full(bars, 2, dtype=np.int8)), "an action is BUY (1), SELL (-1) or HOLD (0)"),
        (lambda bars: Signals(np.zeros(bars, np.int8), np.full(bars, np.nan)), "the confidence of bar 0 is nan"),
        (lambda bars: Signals(np.zeros(bars, np.int8), np.full(bars, 1.5)), "it must be from 0 to 1"),
        (lambda bars: np.zeros(bars, np.int8), "must return Signals, not ndarray"),
        (lambda bars: bars // 0, "it raises ZeroDivisionError"),
    ],
)
def test_an_answer_that_is_none_is_caught_and_nothing_more_is_tried(
    answer: Callable[[int], object], problem: str
) -> None:
    checked = trial(returning(answer))

    assert [check.name for check in checked.checks] == ["answer"]
    assert problem in checked.checks[0].says
    assert not checked.passed
    assert checked.signals == {}


@pytest.mark.parametrize(
    ("rule", "where"),
    [
        (lambda candles: candles.close > candles.close[0], "on no bars at all: it raises IndexError"),
        (lambda candles: candles.close > np.convolve(candles.close, np.ones(9), "valid")[:1], "no bars at all"),
    ],
)
def test_a_strategy_that_fails_on_few_bars_is_caught(rule: Rule, where: str) -> None:
    assert where in failed(strategy_of(rule))["answer"]


def test_a_confidence_that_is_no_number_where_nothing_moves_is_caught() -> None:
    class Unsure(SmaCrossover):
        """Sure by how far the price moved in its window: nothing divided by nothing where it did not."""

        def signals(self, candles: Candles) -> Signals:
            moved = np.abs(np.diff(candles.close, prepend=candles.close[:1]))
            return Signals(super().signals(candles).action, 0.5 * moved / moved + 0.0 * moved.cumsum())

    says = trial(Unsure()).checks[0].says
    assert "the confidence of bar" in says
    assert "nan" in says


def test_a_confidence_that_a_window_does_not_give_is_caught() -> None:
    class Growing(SmaCrossover):
        """The surer, the longer it has been asked about."""

        def signals(self, candles: Candles) -> Signals:
            return Signals(super().signals(candles).action, np.arange(len(candles)) / (len(candles) + 1e4))

    says = failed(Growing())
    assert "with confidence" in says["look-ahead"]


def test_one_that_takes_longer_than_a_bot_waits_is_caught() -> None:
    checked = trial(SmaCrossover(), step_ns=6 * 10**9)

    assert [check.name for check in checked.checks if not check.passed] == ["run time"]
    assert checked.checks[-2] == Check(
        "run time", passed=False, says="6,000,000 µs at most for a window; a bot waits 5 s"
    )
    assert checked.live_us == checked.live_us_max == 6e6


def test_one_that_never_speaks_has_shown_nothing() -> None:
    says = failed(strategy_of(lambda candles: candles.close < 0.0))

    assert says == {"signals": "neither BUY nor SELL on these bars, so nothing is shown: try it on others"}


@pytest.mark.parametrize("window", [0, -3, 2.5, True])
def test_a_window_that_is_none_is_refused(window: object) -> None:
    with pytest.raises(InputError, match="must be a whole number of bars, at least 1"):
        trial(strategy_of(lambda candles: candles.close > 0.0, window))  # type: ignore[arg-type]


def test_too_few_bars_are_refused() -> None:
    with pytest.raises(InputError, match="are too few for a window of 51: give more"):
        trial(SmaCrossover(), bars=101)


def test_figures_are_those_of_the_clock() -> None:
    checked = trial(SmaCrossover(), step_ns=3_000)

    assert checked.live_us == checked.live_us_max == 3.0
    assert checked.bar_ns == 2.0
    assert (checked.bars, checked.window_bars, checked.instrument) == (1500, 51, "BTC-USD")
