"""The room that exact sums have: 64 bits, and what must not be put into them."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from quarterdeck.domain import InputError

# Two numbers of this size still have a sum and a difference within 64 bits.
_PRODUCT_MAX: Final = 2**62


def check_room(ticks: NDArray[np.int64], factor: int) -> None:
    """
    See that ticks may be multiplied by a factor, and two such products added or subtracted.

    Raises:
        InputError: If one of them could leave 64 bits.
    """
    if len(ticks) == 0:
        return
    largest = max(int(ticks.max()), -int(ticks.min()))
    if largest * factor > _PRODUCT_MAX:
        raise InputError(f"a price of {largest} ticks is too large to be summed exactly: choose a larger price step")
