"""Bands around an average, as wide as prices are spread; sums are whole numbers, one comparison is not."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quarterdeck.domain import InputError, array_function
from quarterdeck.indicators.bounds import check_room

PERIOD_BARS_MAX: Final = 500
_TICKS_BITS_MAX: Final = 44


def band_crosses(close_ticks: NDArray[np.int64], period_bars: int, width: float) -> NDArray[np.int8]:
    """
    Mark the bars that close outside bands around the average, where the bar before closed inside or on them.

    The bands lie `width` standard deviations (of the population) above and below the average of the last
    `period_bars` closes, the bar's own among them. With n closes x of sum S and sum of squares Q, a bar lies above
    where `n · x - S > width · sqrt(n · Q - S²)` and below where `S - n · x` is. Both sides come from exact whole
    numbers, whatever the price; only the root, its product and the comparison are floats, so a price on a band within
    the last digit of a float may lie on either side of it, in every run the same. Leaving the bands counts, reaching
    them does not, and where nothing moved every price lies on them.

    Args:
        close_ticks: Closes. Shape (bars,). Unit: whole ticks.
        period_bars: Closes in one average, from 2 to 500.
        width: Standard deviations between average and band, above 0.

    Returns:
        +1 above the upper band, -1 below the lower one, else 0. Shape (bars,). The first bar that can be marked has
        index `period_bars`.

    Raises:
        InputError: If the period or width is out of bounds, or a price is above 2⁴⁴ ticks.

    Source:
        Bollinger (2001), Bollinger on Bollinger Bands.

    Example:
        >>> band_crosses(np.array([5, 6, 5, 6, 9, 9, 4]), 4, 1.0)
        array([ 0,  0,  0,  0,  1,  0, -1], dtype=int8)
    """
    if not 2 <= period_bars <= PERIOD_BARS_MAX:  # noqa: PLR2004 - a single price has no spread
        raise InputError(f"bands over {period_bars} bars: they need 2 to {PERIOD_BARS_MAX}")
    if not 0.0 < width < math.inf:
        raise InputError(f"bands of width {width}: it must be above 0")
    check_room(close_ticks, 2 ** (62 - _TICKS_BITS_MAX))
    return _band_crosses(close_ticks, period_bars, float(width))


@array_function
def _band_crosses(ticks: NDArray[np.int64], period_bars: int, width: float) -> NDArray[np.int8]:
    """
    Roll sums of the upper and the lower 22 bits of the price, and of their squares and product.

    Squares of prices would leave 64 bits. With x = a · 2²² + b the spread n · Q - S² is P · 2⁴⁴ + R · 2²³ + T, where
    P = n · Σa² - (Σa)², R = n · Σab - Σa · Σb and T = n · Σb² - (Σb)², all of them small enough. What T and R have
    too much is carried upwards, so that nothing large cancels when they become one float.
    """
    bars = ticks.size
    marks = np.zeros(bars, dtype=np.int8)
    if bars <= period_bars:
        return marks
    high, low = ticks[:period_bars] >> 22, ticks[:period_bars] & 0x3FFFFF
    sum_high, sum_low = high.sum(), low.sum()
    sum_hh, sum_hl, sum_ll = (high * high).sum(), (high * low).sum(), (low * low).sum()
    was = 0
    for bar in range(period_bars - 1, bars):
        price = ticks[bar]
        if bar >= period_bars:
            left = ticks[bar - period_bars]
            new_high, new_low, old_high, old_low = price >> 22, price & 0x3FFFFF, left >> 22, left & 0x3FFFFF
            sum_high += new_high - old_high
            sum_low += new_low - old_low
            sum_hh += new_high * new_high - old_high * old_high
            sum_hl += new_high * new_low - old_high * old_low
            sum_ll += new_low * new_low - old_low * old_low
        lowest = period_bars * sum_ll - sum_low * sum_low
        middle = period_bars * sum_hl - sum_high * sum_low + (lowest >> 23)
        highest = period_bars * sum_hh - sum_high * sum_high + (middle >> 21)
        rest = ((middle & 0x1FFFFF) << 23) + (lowest & 0x7FFFFF)
        spread = float(highest) * 17592186044416.0 + float(rest)
        reach = width * math.sqrt(spread)
        beyond = float(period_bars * price - (sum_high << 22) - sum_low)
        now = 1 if beyond > reach else (-1 if -beyond > reach else 0)
        if bar >= period_bars and now != was:
            marks[bar] = now
        was = now
    return marks
