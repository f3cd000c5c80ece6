"""Trying a strategy as an operator does: on a made-up market, or on the end of a recording."""

from pathlib import Path

import numpy as np
import pytest

from quarterdeck.config import make_strategy, open_strategy
from quarterdeck.domain import ARRAY_FUNCTIONS, ConfigError, InputError
from quarterdeck.market import Candles
from quarterdeck.strategies import BUILTIN, Signals, Strategy
from quarterdeck.system import StrategyTried, strategy_trial, try_strategy


def tried(name: str, **chosen: str) -> StrategyTried:
    found = open_strategy(name, None)
    return try_strategy(found, make_strategy(found, chosen))


@pytest.mark.parametrize("name", ["bollinger_reversion", "sma_crossover"])
def test_strategies_of_the_house_pass_on_two_made_up_markets(name: str) -> None:
    result = tried(name)

    assert result.ok
    assert [one.instrument for one in result.series] == ["BTC-USD", "DOGE-USD"]
    assert all(one.signals["BUY"] > 20 and one.signals["SELL"] > 20 for one in result.series)
    assert result.file is None
    assert result.parameters == BUILTIN[name]().values()
    assert all(0.0 < one.live_us <= one.live_us_max < 5e6 for one in result.series)


def test_a_long_window_gets_a_longer_market() -> None:
    result = tried("donchian_breakout", entry_bars="500", exit_bars="500")

    assert result.ok
    assert {one.bars for one in result.series} == {5010}


class Peeking(Strategy):
    """It buys before every rise."""

    window_bars = 2

    def signals(self, candles: Candles) -> Signals:
        action = np.zeros(len(candles), dtype=np.int8)
        action[:-1] = np.sign(np.diff(candles.close_ticks))
        return Signals(action)


def test_one_that_peeks_is_not_ok() -> None:
    result = try_strategy(open_strategy("sma_crossover", None), Peeking())

    assert not result.ok
    assert not any(one.passed for one in result.series)


def recording(folder: Path, bars: int) -> Path:
    """A file of minutes."""
    rows = [
        f"{(25_000_000 + bar) * 60_000},{100 + bar % 9},{110 + bar % 9},{90 + bar % 9},{100 + bar % 7},1"
        for bar in range(bars)
    ]
    file = folder / "BTC-USD-1m.csv"
    file.write_text("\n".join(["timestamp,open,high,low,close,volume", *rows]) + "\n", encoding="utf-8")
    return file


def test_of_a_recording_the_last_bars_are_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strategy_trial, "BARS_MAX", 400)
    found = open_strategy("rsi_momentum", None)

    result = try_strategy(found, make_strategy(found, {}), recording(tmp_path, 600))
    assert [(one.instrument, one.bars) for one in result.series] == [("BTC-USD", 400)]
    assert "BTC-USD: the last 400 of 600 bars are tried" in result.notes


def test_a_recording_that_is_too_short_says_so(tmp_path: Path) -> None:
    found = open_strategy("sma_crossover", None)

    with pytest.raises(InputError, match="60 bars of BTC-USD are too few for a window of 51"):
        try_strategy(found, make_strategy(found, {}), recording(tmp_path, 60))


LOOP = """\
import numpy as np

from quarterdeck import Candles, Signals, Strategy, array_function


@array_function
def turns(ticks):
    marks = np.zeros(ticks.size, dtype=np.int8)
    for bar in range(1, ticks.size):
        marks[bar] = CHOSEN
    return marks


class Turning(Strategy):
    window_bars = 2

    def signals(self, candles: Candles) -> Signals:
        return Signals(turns(candles.close_ticks))
"""


def loop(folder: Path, chosen: str) -> StrategyTried:
    """Try a strategy with a loop of its own."""
    file = folder / "turning.py"
    file.write_text(LOOP.replace("CHOSEN", chosen), encoding="utf-8")
    found = open_strategy(str(file), None)
    return try_strategy(found, make_strategy(found, {}))


def test_a_loop_that_says_the_same_compiled_is_fine(tmp_path: Path) -> None:
    with ARRAY_FUNCTIONS.as_written():
        result = loop(tmp_path, "np.sign(ticks[bar] - ticks[bar - 1])")
        assert not any(function.is_compiled for function in ARRAY_FUNCTIONS if "turning" in function.name)

    assert result.ok
    assert ["compiled" in [check.name for check in one.checks] for one in result.series] == [True, True]


@pytest.mark.parametrize(
    ("chosen", "problem"),
    [
        ("1 if int(ticks[bar]) ** 9 > int(ticks[bar - 1]) ** 9 else -1", "one thing as written, another compiled"),
        ("1 if object() else -1", "it raises "),
    ],
)
def test_a_loop_that_cannot_be_compiled_or_says_something_else_is_not(
    tmp_path: Path, chosen: str, problem: str
) -> None:
    says = [check.says for one in loop(tmp_path, chosen).series for check in one.checks if not check.passed]

    assert problem in says[0]


def test_a_window_that_is_none_or_raises_says_so() -> None:
    class Endless(Peeking):
        """No whole number."""

        window_bars = 0

    class Broken(Peeking):
        """No window at all."""

        @property
        def window_bars(self) -> int:  # type: ignore[override]
            raise ZeroDivisionError("no bars")

    found = open_strategy("sma_crossover", None)
    with pytest.raises(InputError, match=r"window_bars of Endless\(\) is 0; it must be a whole number"):
        try_strategy(found, Endless())
    with pytest.raises(ConfigError, match=r"window_bars of Broken\(\) raises ZeroDivisionError: no bars"):
        try_strategy(found, Broken())
