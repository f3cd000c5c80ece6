"""TA-Lib, written by others long ago, sees the same: where it is installed; it is no dependency."""

import numpy as np
import pytest
from numpy.typing import NDArray

from quarterdeck.indicators import band_crosses, crosses, highest_before, lowest_before, trend_crosses

talib = pytest.importorskip("talib", reason="TA-Lib is not installed; it is an oracle only")

Floats = NDArray[np.float64]


def ticks(seed: int, bars: int = 5_000) -> NDArray[np.int64]:
    """A walk in steps so uneven that averages are hardly ever equal."""
    return 1_000_000 + np.cumsum(np.random.default_rng(seed).integers(-997, 998, bars))


def sides(value: Floats) -> NDArray[np.int8]:
    """+1 above nothing, -1 below; a float within a rounding error of nothing counts as nothing."""
    return (np.sign(value) * (np.abs(value) > 1e-6)).astype(np.int8)


def turns(side: NDArray[np.int8], first: int) -> list[int]:
    """What is said on each bar: the side, where it was another a bar before and is not nothing."""
    marks = np.zeros(len(side), dtype=np.int8)
    marks[first:] = np.where(side[first:] != side[first - 1 : -1], side[first:], 0)
    return [int(mark) for mark in marks]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("fast", "slow"), [(5, 20), (20, 50), (1, 2), (60, 200)])
def test_averages_cross_where_talib_has_them_cross(seed: int, fast: int, slow: int) -> None:
    close = ticks(seed).astype(np.float64)
    lead = talib.SMA(close, fast) - talib.SMA(close, slow) if fast > 1 else close - talib.SMA(close, slow)

    assert crosses(ticks(seed), fast, slow).tolist() == turns(sides(np.nan_to_num(lead)), slow)


@pytest.mark.parametrize("seed", range(5))
def test_the_trend_crosses_where_talib_has_it_with_simple_averages(seed: int) -> None:
    close = ticks(seed).astype(np.float64)
    simple = {"fastmatype": 0, "slowmatype": 0, "signalmatype": 0}
    _, _, beyond = talib.MACDEXT(close, fastperiod=12, slowperiod=26, signalperiod=9, **simple)

    assert trend_crosses(ticks(seed), 12, 26, 9).tolist() == turns(sides(np.nan_to_num(beyond)), 34)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("width", [1.0, 2.0, 2.5])
def test_bands_are_left_where_talib_has_them(seed: int, width: float) -> None:
    close = ticks(seed).astype(np.float64)
    upper, _, lower = talib.BBANDS(close, timeperiod=20, nbdevup=width, nbdevdn=width, matype=0)
    outside = (close > upper).astype(np.int8) - (close < lower).astype(np.int8)

    assert band_crosses(ticks(seed), 20, width).tolist() == turns(outside.astype(np.int8), 20)


@pytest.mark.parametrize("window", [2, 10, 55])
def test_the_highest_and_lowest_are_those_of_talib(window: int) -> None:
    values = ticks(7).astype(np.float64)

    assert highest_before(values, window)[window:].tolist() == talib.MAX(values, window)[window - 1 : -1].tolist()
    assert lowest_before(values, window)[window:].tolist() == talib.MIN(values, window)[window - 1 : -1].tolist()
