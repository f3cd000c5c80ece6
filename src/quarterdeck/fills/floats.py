"""
Money of a backtest: whole steps of money in floats, and sums and products of them of which nothing is lost.

What one float cannot hold stands in a second one, as long as both parts are whole numbers. So a price that is paid, a
balance that is short by one step, and an order that is one lot too large are judged as exact money would.
"""

from __future__ import annotations

import math
from typing import Final

from quarterdeck.domain import lots_down, pure

_WHOLE_MAX: Final = 2.0**53
_SPLIT: Final = 134217729.0
_COUNT_MAX: Final = 2**62
_TIE_SLACK: Final = 1e-6
_HALF: Final = 0.5


@pure
def fee_within(amount: float, rate: float, step: float) -> float:
    """
    Charge a rate on an amount, cut toward zero to whole steps: the twin of `fee_of` for floats.

    Args: the amount and the step in one unit, the amount not negative; rate as a fraction, below zero for a rebate.
    """
    return lots_down(amount * rate, step) * step if rate > 0.0 else 0.0 - lots_down(-amount * rate, step) * step


@pure
def lesser(one: float, other: float) -> float:
    """Give the smaller of two amounts of money."""
    return one if one < other else other  # noqa: FURB136 - as the compiled kernel wants it


@pure
def larger(one: float, other: float) -> float:
    """Give the larger of two amounts of money."""
    return one if one > other else other  # noqa: FURB136 - as the compiled kernel wants it


@pure
def product(one: float, other: float) -> tuple[float, float]:
    """
    Multiply whole numbers, exactly: the product is the sum of the two parts.

    Source: T. J. Dekker, "A floating-point technique for extending the available precision", 1971.
    """
    high = one * other
    if -_WHOLE_MAX < high < _WHOLE_MAX:
        return high, 0.0
    wide = _SPLIT * one
    one_high = wide - (wide - one)
    one_low = one - one_high
    wide = _SPLIT * other
    other_high = wide - (wide - other)
    other_low = other - other_high
    low = ((one_high * other_high - high) + one_high * other_low + one_low * other_high) + one_low * other_low
    return high, low


@pure
def money_plus(high: float, low: float, more: float) -> tuple[float, float]:
    """
    Add to a sum that is kept in two floats, and lose nothing.

    Args: the two parts of the sum; what is added. All in whole steps of money.
    Source: D. E. Knuth, "The Art of Computer Programming", volume 2, 4.2.2: the error of a sum is itself a float.
    """
    total = high + more
    added = total - high
    rest = (high - (total - added)) + (more - added) + low
    whole = total + rest
    return whole, rest - (whole - total)


@pure
def covers(available: float, available_low: float, need: float, need_low: float) -> bool:
    """Tell whether what is there covers what is needed, each in two parts."""
    return (available - need) + (available_low - need_low) >= 0.0


@pure
def reaches_least(amount: float, least: float) -> bool:
    """Tell whether an order is worth what an exchange takes at least; both in whole steps of money."""
    return amount >= least


@pure
def whole_parts(total: float, total_low: float, part: float) -> int:
    """
    Count how many whole parts there are in a total, exactly.

    Args: the total in two parts; the part, above zero.
    Returns: 0 for a total that is not above zero; at most 2**62.
    """
    if not (total > 0.0 and part > 0.0):
        return 0
    ratio = total / part
    if not ratio < _WHOLE_MAX:
        return _COUNT_MAX
    count = math.floor(ratio)
    high, low = product(float(count), part)
    rest = (total - high) + (total_low - low)
    if rest < 0.0:
        return count - 1
    return count + 1 if rest >= part else count


@pure
def nearest_step(amount: float, step: float) -> float:
    """Round an amount to whole steps, halves to the even one; what float noise moved off a half counts as a half."""
    steps = amount / step
    if not -_WHOLE_MAX < steps < _WHOLE_MAX:
        return amount  # of so many steps a float holds none apart
    below = math.floor(steps)
    part = steps - below
    if abs(part - _HALF) < _TIE_SLACK:
        return (below + below % 2) * step
    return (below if part < _HALF else below + 1) * step


@pure
def nearest_ticks(price: float, tick_quote: float) -> int:
    """Put a mark on the grid: the nearest whole tick, halves to the even one, at least one."""
    ticks = round(price / tick_quote)
    return max(1, ticks)
