"""A quick look at candles that are probably sound, so that those need no cleaning and no copy."""

from __future__ import annotations

from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from quarterdeck.feeds.clean import ON_STEP_SLACK
from quarterdeck.feeds.tape import TapeReport
from quarterdeck.market import TICKS_MAX, Candles

_CHUNK_BARS: Final = 250_000  # small enough that what is worked out on the way stays in the processor's cache


class _Counts(Struct):
    missing: int = 0
    gaps: int = 0
    gap_bars_max: int = 0
    off_step: int = 0


def report_of_sound(candles: Candles) -> TapeReport | None:
    """
    Say what is to be said of candles in which nothing has to be repaired; None for any other.

    Args: candles whose arrays are of the right kinds.

    Returns:
        What `cleaned` would report of them: missing bars and closes off the price step.
    """
    counts, before_ns = _Counts(), None
    bars = len(candles)
    if not bars:
        return None
    for start in range(0, bars, _CHUNK_BARS):
        chunk = candles.window(start, min(start + _CHUNK_BARS, bars))
        if not _is_sound(chunk, before_ns):
            return None
        _count(chunk, before_ns, counts)
        before_ns = int(chunk.opened_at_ns[-1])
    return TapeReport(
        rows=bars,
        bars=bars,
        missing=counts.missing,
        gaps=counts.gaps,
        gap_bars_max=counts.gap_bars_max,
        off_step=counts.off_step,
    )


def are_arrays(candles: Candles) -> bool:
    """Tell whether times are int64 and prices float64 arrays, all of one length."""
    floats = (candles.open, candles.high, candles.low, candles.close, candles.volume)
    whole = (candles.opened_at_ns, candles.close_ticks)
    return all(
        getattr(array, "dtype", None) == kind and np.shape(array) == (len(candles),)
        for arrays, kind in ((floats, np.float64), (whole, np.int64))
        for array in arrays
    )


def _is_sound(chunk: Candles, before_ns: int | None) -> bool:
    """Tell whether every bar is sound; written so that a NaN anywhere makes it false."""
    open_, high, low, close = chunk.open, chunk.high, chunk.low, chunk.close
    opened = _with_before(chunk, before_ns)
    if chunk.timeframe_ns <= 0:
        return False
    holds = (
        opened[1:] > opened[:-1],
        chunk.opened_at_ns % chunk.timeframe_ns == 0,
        low > 0.0,
        high <= TICKS_MAX * chunk.price_step,
        low <= open_,
        open_ <= high,
        low <= close,
        close <= high,
        chunk.close_ticks >= 1,
        chunk.volume >= 0.0,
        chunk.volume < np.inf,
    )
    return all(bool(one.all()) for one in holds)


def _count(chunk: Candles, before_ns: int | None, counts: _Counts) -> None:
    steps = np.diff(_with_before(chunk, before_ns)) // chunk.timeframe_ns
    absent = steps[steps > 1] - 1
    if len(absent):
        counts.missing += int(absent.sum())
        counts.gaps += len(absent)
        counts.gap_bars_max = max(counts.gap_bars_max, int(absent.max()))
    off = np.abs(chunk.close / chunk.price_step - chunk.close_ticks) > ON_STEP_SLACK
    counts.off_step += int(np.count_nonzero(off))


def _with_before(chunk: Candles, before_ns: int | None) -> NDArray[np.int64]:
    """Put the bar before a chunk in front of it, where there is one."""
    return chunk.opened_at_ns if before_ns is None else np.append(np.int64(before_ns), chunk.opened_at_ns)
