"""Relative strength that is compared with levels, so it is kept as sums of whole ticks and never divided."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from quarterdeck.domain import InputError, array_function
from quarterdeck.indicators.bounds import check_room

_PERCENT: Final = 100


def strength_crosses(
    close_ticks: NDArray[np.int64], period_bars: int, up_through: int, down_through: int
) -> NDArray[np.int8]:
    """
    Mark the bars on which the relative strength index crosses up through one level, or down through another.

    The index is 100 · G / (G + L), with G the sum of all rises and L of all falls from close to close over the last
    `period_bars` changes: plain sums over a finite window, as Cutler has it, so that a bar decides by the bars before
    it alone; Wilder's smoothing remembers every bar since the beginning. Where nothing moved the index is 50. It is
    compared as `100 · G` against `level · (G + L)`, so equal means equal. A bar is up where the index was at or below
    the level and now is above, down where it was at or above and now is below; leaving a level counts, reaching it
    does not.

    Args:
        close_ticks: Closes. Shape (bars,). Unit: whole ticks.
        period_bars: Changes in one index, at least 1.
        up_through: The level to rise through, from 0 to 100.
        down_through: The level to fall through, from 0 to 100, not above `up_through`.

    Returns:
        +1 up, -1 down, else 0. Shape (bars,). The first bar that can be marked has index `period_bars + 1`.

    Raises:
        InputError: If the period or a level is out of bounds, or a product could leave 64 bits.

    Source:
        Wilder (1978), New Concepts in Technical Trading Systems, with Cutler's simple sums.

    Example:
        >>> strength_crosses(np.array([5, 4, 5, 7, 6, 3]), 2, up_through=60, down_through=40)
        array([ 0,  0,  0,  1,  0, -1], dtype=int8)
    """
    if period_bars < 1:
        raise InputError(f"a relative strength over {period_bars} changes: it needs at least 1")
    if not 0 <= down_through <= up_through <= _PERCENT:
        raise InputError(f"levels {up_through} and {down_through}: the lower must be below, both from 0 to 100")
    check_room(close_ticks, 2 * _PERCENT * period_bars)
    return _strength_crosses(close_ticks, period_bars, up_through, down_through)


@array_function
def _strength_crosses(
    ticks: NDArray[np.int64], period_bars: int, up_through: int, down_through: int
) -> NDArray[np.int8]:
    """Roll the sum of all changes and of their sizes; the rises are half of both together."""
    bars = ticks.size
    marks = np.zeros(bars, dtype=np.int8)
    if bars <= period_bars + 1:
        return marks
    moved = np.abs(ticks[1 : period_bars + 1] - ticks[:period_bars]).sum()
    was_above, was_below = False, False
    for bar in range(period_bars, bars):
        if bar > period_bars:
            left = bar - period_bars
            moved += abs(ticks[bar] - ticks[bar - 1]) - abs(ticks[left] - ticks[left - 1])
        # 100 · G - level · (G + L), twice; where nothing moved, an index of 50 with a weight of 1.
        doubled = 100 * (moved + ticks[bar] - ticks[bar - period_bars]) if moved > 0 else 100
        weight = 2 * max(moved, 1)
        above, below = doubled > up_through * weight, doubled < down_through * weight
        if bar > period_bars:
            if above and not was_above:
                marks[bar] = 1
            if below and not was_below:
                marks[bar] = -1
        was_above, was_below = above, below
    return marks
