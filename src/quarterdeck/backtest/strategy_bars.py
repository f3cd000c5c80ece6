"""Series on which a strategy is tried: the same bars untouchable, with another future, flat, short or wild."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quarterdeck.market import TICKS_MAX, Candles, prices_from

_DEAR_BARS: Final = 97  # of the series with a very high price among usual ones
_FACTORS: Final = (1.0, 3.0, 0.25)


def frozen(candles: Candles) -> Candles:
    """Copy candles into arrays that nobody can write to, as those of a live bot are."""
    return _made(candles, candles.opened_at_ns.copy(), _ticks(candles), candles.volume.copy())


def poisoned(candles: Candles, start: int, kind: int) -> Candles:
    """
    Keep the bars before `start`, and let others follow.

    Args:
        candles: The series.
        start: The first bar that is another.
        kind: 0 turns the rest around in time, 1 makes it dearer, rising and lively, 2 cheaper and falling.
    """
    ticks = _ticks(candles)
    volume = candles.volume.copy()
    rest = np.arange(ticks.shape[1] - start, dtype=np.float64)
    if kind == 0:
        ticks[:, start:] = ticks[:, start:][:, ::-1]
        volume[start:] = volume[start:][::-1]
    else:
        slope = 0.002 if kind == 1 else -0.002
        path = _FACTORS[kind] * np.exp(np.clip(slope * rest, -2.0, 2.0)) * (1.0 + 0.05 * (rest % 3 - 1.0))
        ticks[:, start:] = np.clip(np.rint(ticks[:, start:] * path), 1, TICKS_MAX).astype(np.int64)
        volume[start:] *= _FACTORS[kind] * 7.0
    return _made(candles, candles.opened_at_ns.copy(), ticks, volume)


def special_series(candles: Candles, window_bars: int) -> Iterator[tuple[str, Candles]]:
    """Yield series that a strategy must have an answer to, with what is special about each."""
    yield "no bars at all", _slice(candles, 0)
    yield "a single bar", _slice(candles, 1)
    if window_bars > 1:
        yield "one bar less than its window", _slice(candles, window_bars - 1)
    yield "exactly its window", _slice(candles, window_bars)
    opened, volume = candles.opened_at_ns.copy(), candles.volume.copy()
    ticks = _ticks(candles)
    flat = np.broadcast_to(ticks[3:4, :1], ticks.shape).copy()
    yield "prices that never move", _made(candles, opened, flat, volume)
    yield "bars without volume", _made(candles, opened, ticks, np.zeros_like(volume))
    wild = ticks.copy()
    wild[:, ::_DEAR_BARS] = np.minimum(wild[:, ::_DEAR_BARS] * 1000, TICKS_MAX)
    yield "prices that jump a thousandfold", _made(candles, opened, wild, volume)
    yield "prices of a single tick", _made(candles, opened, np.ones_like(ticks), volume)
    gaps = opened + candles.timeframe_ns * 1000 * (np.arange(len(opened)) > len(opened) // 2)
    yield "a long gap in time", _made(candles, gaps, ticks, volume)


def _slice(candles: Candles, count: int) -> Candles:
    return frozen(candles.window(0, count))


def _ticks(candles: Candles) -> NDArray[np.int64]:
    """Give open, high, low and close in whole ticks, in fresh memory; shape (4, bars)."""
    prices = np.stack([candles.open, candles.high, candles.low, candles.close])
    ticks = np.maximum(np.rint(prices / candles.price_step), 1).astype(np.int64)
    ticks[3] = candles.close_ticks
    return ticks


def _made(
    like: Candles, opened_at_ns: NDArray[np.int64], ticks: NDArray[np.int64], volume: NDArray[np.float64]
) -> Candles:
    prices = prices_from(ticks, like.price_step)
    arrays = (opened_at_ns, prices, ticks, volume)
    for array in arrays:
        array.flags.writeable = False
    open_, high, low, close = prices
    step = like.price_step
    return Candles(
        like.instrument, like.timeframe_ns, opened_at_ns, open_, high, low, close, volume, step, close_ticks=ticks[3]
    )
