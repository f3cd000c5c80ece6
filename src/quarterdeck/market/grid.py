"""Prices to whole ticks and back, for whole arrays."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quarterdeck.domain import InputError

# Far beyond any market, and small enough that sums of ticks times window lengths stay within 64 bits.
TICKS_MAX: Final = 10**13
_WHOLE_SLACK: Final = 1e-9


def ticks_from(price: NDArray[np.float64], price_step: float) -> NDArray[np.int64]:
    """
    Round prices to whole ticks, halves to the even tick.

    Args:
        price: Prices. Any shape. Unit: quote per base. Finite.
        price_step: One tick, above zero. Unit: quote per base.

    Returns:
        Whole ticks, in the shape of `price`.

    Raises:
        InputError: If the step is not above zero, or a price is not finite or more than TICKS_MAX ticks.
    """
    if not (math.isfinite(price_step) and price_step > 0.0):
        raise InputError(f"a price step of {price_step}: it must be above zero, like 0.01")
    ticks = np.rint(price / price_step)
    if ticks.size and not bool((np.abs(ticks) <= TICKS_MAX).all()):
        raise InputError(f"a price is not finite, or is more than {TICKS_MAX:.0e} steps of {price_step}")
    return ticks.astype(np.int64)


def prices_from(ticks: NDArray[np.int64], price_step: float) -> NDArray[np.float64]:
    """
    Turn whole ticks into prices; for a step like 0.01 each is the float nearest to the decimal price.

    Args:
        ticks: Whole ticks. Any shape.
        price_step: One tick, above zero. Unit: quote per base.

    Returns:
        Prices, in the shape of `ticks`. Unit: quote per base.

    Example:
        >>> prices_from(np.array([43389]), 0.1), 43389 * 0.1
        (array([4338.9]), 4338.900000000001)
    """
    steps_per_unit = round(1.0 / price_step)
    if steps_per_unit >= 1 and abs(steps_per_unit * price_step - 1.0) <= _WHOLE_SLACK:
        return ticks / np.float64(steps_per_unit)
    return ticks * np.float64(price_step)
