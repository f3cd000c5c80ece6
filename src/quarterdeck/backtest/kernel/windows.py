"""
The highest mark of a sliding window, at the same small cost for every mark.

A ring holds the marks; of its front part it holds the highest from each place on, of its back part the marks as they
came. When the front is used up the whole ring becomes the front. So nothing is looked for, and no branch is a guess.
"""

from __future__ import annotations

import math
from typing import Final

from quarterdeck.backtest.kernel.compile import called, inlined
from quarterdeck.backtest.kernel.desk import mark_of
from quarterdeck.backtest.kernel.records import Window
from quarterdeck.guardrails import higher, is_same

_NONE: Final = -math.inf


@inlined
def push(window: Window, value: float, at_ns: int) -> None:
    """Put a mark into a window."""
    mark = mark_of(window, window.end)
    mark.value = value
    mark.at_ns = at_ns
    window.back = higher(window.back, value)
    window.end += 1


@inlined
def drop_old(window: Window, since_ns: int, ahead: int) -> None:
    """
    Let marks go that are too old: those at or before an instant, looked at so many marks ahead.

    With 0 a mark goes by its own age; with 1 by that of the mark after it, so that the last one before stays.
    """
    first = window.first
    while first + ahead < window.end and mark_of(window, first + ahead).at_ns <= since_ns:
        first += 1
    window.first = first
    if first > window.middle:
        _turn(window)


@called
def _turn(window: Window) -> None:
    """Make all marks the front: each place now holds the highest from there on."""
    best = _NONE
    for place in range(window.end - 1, window.first - 1, -1):
        mark = mark_of(window, place)
        best = higher(mark.value, best)
        mark.value = best
    window.middle = window.end
    window.back = _NONE


@inlined
def highest(window: Window) -> float:
    """Give the highest mark; minus infinity where there is none."""
    if window.first < window.middle:
        return higher(mark_of(window, window.first).value, window.back)
    return window.back


@called
def latest_highest_ns(window: Window) -> int:
    """Give the instant of the highest mark, the last one where several are as high."""
    best = highest(window)
    for place in range(window.end - 1, window.first - 1, -1):
        mark = mark_of(window, place)
        if is_same(mark.value, best):
            return mark.at_ns
    return 0


@inlined
def clear(window: Window) -> None:
    """Forget every mark."""
    window.first = window.end
    window.middle = window.end
    window.back = _NONE
