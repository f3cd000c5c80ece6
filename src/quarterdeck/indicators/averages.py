"""Moving averages that are compared, so they are kept as sums of whole ticks and never divided."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quarterdeck.domain import InputError, array_function
from quarterdeck.indicators.bounds import check_room


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
    check_room(close_ticks, 4 * fast_bars * slow_bars)
    return _crosses(close_ticks, fast_bars, slow_bars)


@array_function
def _crosses(ticks: NDArray[np.int64], fast_bars: int, slow_bars: int) -> NDArray[np.int8]:
    """Roll the difference of the two products: one step of it takes the bar that enters and the two that leave."""
    bars = ticks.size
    marks = np.zeros(bars, dtype=np.int8)
    if bars <= slow_bars:
        return marks
    more_bars = slow_bars - fast_bars
    entering, after = ticks[slow_bars:], marks[slow_bars:]
    leaving_fast, leaving_slow = ticks[more_bars : bars - fast_bars], ticks[: bars - slow_bars]
    before = ticks[more_bars:slow_bars].sum() * slow_bars - ticks[:slow_bars].sum() * fast_bars
    for bar in range(bars - slow_bars):
        price = entering[bar]
        now = before + (slow_bars * (price - leaving_fast[bar]) - fast_bars * (price - leaving_slow[bar]))
        if now > 0:
            if before <= 0:
                after[bar] = 1
        elif now < 0 and before >= 0:
            after[bar] = -1
        before = now
    return marks


def trend_crosses(close_ticks: NDArray[np.int64], fast_bars: int, slow_bars: int, signal_bars: int) -> NDArray[np.int8]:
    """
    Mark the bars on which the distance of two averages crosses its own average.

    This is moving average convergence and divergence with simple averages throughout. The usual one has exponential
    averages, which remember every bar since the beginning, so that no window of bars could give their value; here a
    bar decides by the last `slow_bars + signal_bars - 1` closes. With D = `sum_fast * slow_bars - sum_slow *
    fast_bars` the comparison is `signal_bars * D` against the sum of the last `signal_bars` of D, so equal means
    equal. A bar is up where D was at or below its average and now is above, down where it was at or above and now is
    below; leaving a tie counts, reaching one does not.

    Args:
        close_ticks: Closes. Shape (bars,). Unit: whole ticks.
        fast_bars: Bars in the fast average, at least 1 and below slow_bars.
        slow_bars: Bars in the slow average.
        signal_bars: Distances in their average, at least 2.

    Returns:
        +1 up, -1 down, else 0. Shape (bars,). The first bar that can be marked has index `slow_bars + signal_bars - 1`.

    Raises:
        InputError: If the windows are out of bounds, or a product could leave 64 bits.

    Source:
        Appel (1979), The Moving Average Convergence-Divergence Trading Method, with simple averages.

    Example:
        >>> trend_crosses(np.array([5, 5, 5, 5, 6, 6, 3]), fast_bars=1, slow_bars=2, signal_bars=2)
        array([ 0,  0,  0,  0,  1, -1,  0], dtype=int8)
    """
    if not 1 <= fast_bars < slow_bars:
        raise InputError(f"averages over {fast_bars} and {slow_bars} bars: the fast one must be shorter")
    if signal_bars < 2:  # noqa: PLR2004 - an average of one value is that value
        raise InputError(f"a signal of {signal_bars} bars: it needs at least 2")
    check_room(close_ticks, 4 * fast_bars * slow_bars * signal_bars)
    return _trend_crosses(close_ticks, fast_bars, slow_bars, signal_bars)


@array_function
def _trend_crosses(ticks: NDArray[np.int64], fast_bars: int, slow_bars: int, signal_bars: int) -> NDArray[np.int8]:
    """Roll the distance, the one that is `signal_bars` older, and the sum of those between."""
    bars = ticks.size
    marks = np.zeros(bars, dtype=np.int8)
    first = slow_bars + signal_bars - 2
    if bars <= first + 1:
        return marks
    more_bars = slow_bars - fast_bars
    distance = ticks[more_bars:slow_bars].sum() * slow_bars - ticks[:slow_bars].sum() * fast_bars
    oldest, total = distance, distance
    for bar in range(slow_bars, first + 1):
        price = ticks[bar]
        distance += slow_bars * (price - ticks[bar - fast_bars]) - fast_bars * (price - ticks[bar - slow_bars])
        total += distance
    before = signal_bars * distance - total
    for bar in range(first + 1, bars):
        price = ticks[bar]
        distance += slow_bars * (price - ticks[bar - fast_bars]) - fast_bars * (price - ticks[bar - slow_bars])
        total += distance - oldest
        now = signal_bars * distance - total
        if now > 0:
            if before <= 0:
                marks[bar] = 1
        elif now < 0 and before >= 0:
            marks[bar] = -1
        before = now
        old = bar - signal_bars + 1
        price = ticks[old]
        oldest += slow_bars * (price - ticks[old - fast_bars]) - fast_bars * (price - ticks[old - slow_bars])
    return marks
