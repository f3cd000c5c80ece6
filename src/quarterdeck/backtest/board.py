"""The bars of every instrument of a backtest, side by side on one timeline."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray


class Board(Struct, frozen=True, eq=False):
    """
    Bars of one timeframe, aligned: every bar that any instrument has is a place of the timeline.

    `opened_at_ns` is int64 of shape (bars,), rising. Prices are float64 of shape (instruments, bars), NaN where an
    instrument has no bar; `action` is int8 of that shape, what the strategy says on the close, 0 where there is no
    bar; `confidence` likewise float64, None where all are certain. `instruments` are in canonical order. `price_step`
    and `lot` give the grid of each, as floats.
    """

    instruments: tuple[str, ...]
    timeframe_ns: int
    opened_at_ns: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    action: NDArray[np.int8]
    confidence: NDArray[np.float64] | None
    price_step: tuple[float, ...]
    lot: tuple[float, ...]
