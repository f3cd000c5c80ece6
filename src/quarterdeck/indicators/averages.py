"""Moving averages that are compared, so they are kept as sums of whole ticks and never divided."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from quarterdeck.domain import InputError

# Two products of this size still have a difference within 64 bits.
_PRODUCT_MAX: Final = 2**62


def rolling_sum_ticks(close_ticks: NDArray[np.int64], window_bars: int) -> NDArray[np.int64]:
    """
    Sum each run of consecutive closes, exactly.

    Args:
        close_ticks: Closes. Shape (bars,). Unit: whole ticks.
        window_bars: Bars in one sum, at least 1.

    Returns:
        Sums. Shape (bars - window_bars + 1,), empty where there are fewer bars; value j covers the bars from j to
        j + window_bars - 1. Unit: whole ticks.

    Raises:
        InputError: If the window is below 1, or a sum could leave 64 bits.

    Example:
        >>> rolling_sum_ticks(np.array([1, 2, 3, 4]), 3)
        array([6, 9])
    """
    if window_bars < 1:
        raise InputError(f"a window of {window_bars} bars: it needs at least 1")
    check_room(close_ticks, window_bars)
    return rolling_sums(close_ticks, window_bars)


def rolling_sums(close_ticks: NDArray[np.int64], window_bars: int) -> NDArray[np.int64]:
    """Sum each run of consecutive values; the caller has checked that every sum stays within 64 bits."""
    totals = np.zeros(len(close_ticks) + 1, dtype=np.int64)
    # The running total of a long series may wrap around; the difference of two totals is exact all the same.
    np.cumsum(close_ticks, out=totals[1:])
    return totals[window_bars:] - totals[:-window_bars]


def crosses(close_ticks: NDArray[np.int64], fast_bars: int, slow_bars: int) -> NDArray[np.int8]:
    """
    Mark the bars on which the fast average crosses the slow one.

    The averages are compared as `sum_fast * slow_bars` against `sum_slow * fast_bars`, so equal means equal. A bar
    is up where fast was at or below slow and now is above, down where it was at or above and now is below; leaving
    a tie counts, reaching one does not.

    Args:
        close_ticks: Closes. Shape (bars,). Unit: whole ticks.
        fast_bars: Bars in the fast average, at least 1 and below slow_bars.
        slow_bars: Bars in the slow average.

    Returns:
        +1 up, -1 down, else 0. Shape (bars,). The first bar that can be marked has index `slow_bars`.

    Raises:
        InputError: If the windows are out of bounds, or a product could leave 64 bits.

    Example:
        >>> crosses(np.array([5, 5, 5, 6, 6, 3]), fast_bars=1, slow_bars=2)
        array([ 0,  0,  0,  1,  0, -1], dtype=int8)
    """
    if not 1 <= fast_bars < slow_bars:
        raise InputError(f"averages over {fast_bars} and {slow_bars} bars: the fast one must be shorter")
    check_room(close_ticks, fast_bars * slow_bars)
    marks = np.zeros(len(close_ticks), dtype=np.int8)
    slow_sums = rolling_sums(close_ticks, slow_bars)
    fast_sums = rolling_sums(close_ticks, fast_bars)[slow_bars - fast_bars :]
    side = np.sign(fast_sums * slow_bars - slow_sums * fast_bars)
    before, now = side[:-1], side[1:]
    # A side that changed was left towards `now`; only a `now` of 0, a tie just reached, is no cross.
    marks[slow_bars:] = np.where(before != now, now, 0)
    return marks


def check_room(close_ticks: NDArray[np.int64], factor: int) -> None:
    """
    See that ticks may be multiplied by a factor and two such products subtracted.

    Raises:
        InputError: If a product could leave 64 bits.
    """
    if len(close_ticks) == 0:
        return
    largest = max(int(close_ticks.max()), -int(close_ticks.min()))
    if largest * factor > _PRODUCT_MAX:
        raise InputError(f"a price of {largest} ticks is too large to be summed exactly: choose a larger price step")
