"""Candles onto one timeline."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from quarterdeck.backtest import board_of
from quarterdeck.domain import MINUTE_NS, InputError
from quarterdeck.market import Candles
from quarterdeck.strategies import Signals, SmaCrossover, Strategy
from tests.backtest.boards import BEGIN_NS


class Eager(Strategy):
    """Buys on every bar, though it looks back three."""

    window_bars = 3

    def signals(self, candles: Candles) -> Signals:
        return Signals(np.ones(len(candles), dtype=np.int8))


def candles(name: str, minutes: list[int], timeframe_ns: int = MINUTE_NS) -> Candles:
    opened = BEGIN_NS + np.array(minutes, dtype=np.int64) * timeframe_ns
    price: NDArray[np.float64] = 100.0 + np.array(minutes, dtype=np.float64)
    return Candles(name, timeframe_ns, opened, price, price + 1.0, price - 1.0, price, np.ones(len(minutes)), 0.01)


def test_a_single_series_is_taken_over_without_copying() -> None:
    one = candles("BTC-USD", list(range(60)))
    board = board_of({"BTC-USD": one}, SmaCrossover(), 1e-8)
    for row, column in ((board.open, one.open), (board.high, one.high), (board.low, one.low), (board.close, one.close)):
        assert row.shape == (1, 60)
        assert np.shares_memory(row, column)
    assert board.opened_at_ns is one.opened_at_ns


def test_no_action_before_a_full_window() -> None:
    board = board_of({"BTC-USD": candles("BTC-USD", [0, 1, 2, 3])}, Eager(), 1e-8)
    assert board.action.tolist() == [[0, 0, 1, 1]]


def test_a_series_shorter_than_the_window_has_no_action() -> None:
    board = board_of({"BTC-USD": candles("BTC-USD", [0, 1])}, Eager(), 1e-8)
    assert board.action.tolist() == [[0, 0]]


def test_series_with_gaps_lie_on_the_union_of_their_bars_in_canonical_order() -> None:
    given = {"ETH-USD": candles("ETH-USD", [0, 1, 5, 6]), "BTC-USD": candles("BTC-USD", [1, 2, 3, 5])}
    board = board_of(given, Eager(), 1e-8)
    assert board.instruments == ("BTC-USD", "ETH-USD")
    assert ((board.opened_at_ns - BEGIN_NS) // MINUTE_NS).tolist() == [0, 1, 2, 3, 5, 6]
    assert np.isnan(board.close[0]).tolist() == [True, False, False, False, False, True]
    assert np.isnan(board.open[1]).tolist() == [False, False, True, True, False, False]
    assert board.action.tolist() == [[0, 0, 0, 1, 1, 0], [0, 0, 0, 0, 1, 1]]
    assert board.close[1, 4] == 105.0


def test_timeframes_do_not_mix() -> None:
    given = {"BTC-USD": candles("BTC-USD", [0]), "ETH-USD": candles("ETH-USD", [0], 5 * MINUTE_NS)}
    with pytest.raises(InputError, match="one timeframe"):
        board_of(given, Eager(), 1e-8)


def test_candles_bear_the_name_that_they_are_given_under() -> None:
    with pytest.raises(InputError, match="given as"):
        board_of({"ETH-USD": candles("BTC-USD", [0])}, Eager(), 1e-8)


def test_no_bars_are_an_error_that_says_so() -> None:
    with pytest.raises(InputError, match="no bars"):
        board_of({}, Eager(), 1e-8)
