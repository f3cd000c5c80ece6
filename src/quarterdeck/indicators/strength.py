"""Relative strength that is compared with levels, so it is kept as sums of whole ticks and never divided."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from quarterdeck.domain import InputError
from quarterdeck.indicators.averages import check_room, rolling_sums

_PERCENT: Final = 100
_NEUTRAL: Final = 50


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
    marks = np.zeros(len(close_ticks), dtype=np.int8)
    if len(close_ticks) <= period_bars + 1:
        return marks
    change = np.diff(close_ticks)
    rises = rolling_sums(np.maximum(change, 0), period_bars)
    moves = rolling_sums(np.abs(change), period_bars)
    above = _sides(rises, moves, up_through)
    below = _sides(rises, moves, down_through)
    rose = (above[:-1] <= 0) & (above[1:] > 0)
    fell = (below[:-1] >= 0) & (below[1:] < 0)
    marks[period_bars + 1 :] = rose.astype(np.int8) - fell.astype(np.int8)
    return marks


def _sides(rises: NDArray[np.int64], moves: NDArray[np.int64], level: int) -> NDArray[np.int64]:
    """Tell on which side of a level each index lies: +1 above, 0 at it, -1 below."""
    side: NDArray[np.int64] = np.sign(_PERCENT * rises - level * moves)
    side[moves == 0] = np.sign(_NEUTRAL - level)
    return side
