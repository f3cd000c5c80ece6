"""The highest and lowest price of the bars before, and closes that leave the channel between them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from quarterdeck.domain import InputError, array_function


def highest_before(values: NDArray[np.float64], window_bars: int) -> NDArray[np.float64]:
    """
    Find the highest value of the bars before each bar, the bar itself left out.

    Args:
        values: Values such as highs. Shape (bars,). Finite.
        window_bars: How many bars before, at least 1.

    Returns:
        Highest values. Shape (bars,), in the unit of `values`; NaN for the first `window_bars` bars.

    Raises:
        InputError: If the window is below 1.

    Example:
        >>> highest_before(np.array([3.0, 5.0, 4.0, 1.0, 2.0]), 2)
        array([nan, nan,  5.,  5.,  4.])
    """
    if window_bars < 1:
        raise InputError(f"a window of {window_bars} bars: it needs at least 1")
    return _highest_before(values, window_bars)


def lowest_before(values: NDArray[np.float64], window_bars: int) -> NDArray[np.float64]:
    """
    Find the lowest value of the bars before each bar, the bar itself left out.

    Args, Returns and Raises: as `highest_before` has them.

    Example:
        >>> lowest_before(np.array([3.0, 5.0, 4.0, 1.0, 2.0]), 2)
        array([nan, nan,  3.,  4.,  1.])
    """
    if window_bars < 1:
        raise InputError(f"a window of {window_bars} bars: it needs at least 1")
    lowest: NDArray[np.float64] = -_highest_before(-values, window_bars)
    return lowest


def channel_breaks(
    close_ticks: NDArray[np.int64], top: NDArray[np.float64], bottom: NDArray[np.float64], price_step: float
) -> NDArray[np.int8]:
    """
    Mark the bars that close above the top of a channel, or below its bottom.

    Top and bottom are rounded to whole ticks, so a close on an edge is inside and equal means equal.

    Args:
        close_ticks: Closes. Shape (bars,). Unit: whole ticks.
        top: Upper edges. Shape (bars,). Unit: quote per base; NaN where there is none.
        bottom: Lower edges, likewise; not above `top`.
        price_step: One tick, above zero. Unit: quote per base.

    Returns:
        +1 above the top, -1 below the bottom, else 0. Shape (bars,).

    Raises:
        InputError: If the shapes differ, or the price step is not above zero.

    Example:
        >>> channel_breaks(np.array([7, 6, 3]), np.array([np.nan, 0.5, 0.6]), np.array([np.nan, 0.4, 0.4]), 0.1)
        array([ 0,  1, -1], dtype=int8)
    """
    if not (len(close_ticks) == len(top) == len(bottom)):
        raise InputError(f"{len(close_ticks)} closes with {len(top)} tops and {len(bottom)} bottoms: give one per bar")
    if not 0.0 < price_step < math.inf:
        raise InputError(f"a price step of {price_step}: it must be above zero, like 0.01")
    # A comparison with NaN is false, so an edge that is not there is never passed.
    above = close_ticks > np.rint(top / price_step)
    below = close_ticks < np.rint(bottom / price_step)
    return above.astype(np.int8) - below.astype(np.int8)


@array_function
def _highest_before(values: NDArray[np.float64], window_bars: int) -> NDArray[np.float64]:
    """
    Cut the bars into blocks of one window: each window is the end of one block and the beginning of the next.

    So a bar costs three comparisons, whatever the window (van Herk, 1992). A last block that one bar alone looks
    back on is compared at once, which is all that a live window needs.
    """
    bars = values.size
    found = np.full(bars, np.nan)
    ends = np.empty(window_bars)
    for block in range(0, bars - window_bars, window_bars):
        after = block + window_bars
        if after == bars - 1:
            found[after] = values[block:after].max()
            break
        highest = values[after - 1]
        for place in range(window_bars - 1, -1, -1):
            highest = max(highest, values[block + place])
            ends[place] = highest
        found[after] = highest
        highest = values[after]
        for bar in range(after + 1, min(after + window_bars, bars)):
            highest = max(highest, values[bar - 1])
            found[bar] = max(highest, ends[bar - after])
    return found
