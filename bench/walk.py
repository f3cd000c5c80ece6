"""The candles that backtests are timed on: a random walk with small gaps between the bars, whose answers are known."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quarterdeck.domain import MINUTE_NS
from quarterdeck.market import Candles

BARS_MAX: Final = 10_000_000
BEGINS_NS: Final = 1_672_531_200_000_000_000  # 2023-01-01
PRICE: Final = 30_000.0
STEP: Final = 0.01
SIGMA: Final = 0.0005
GAP: Final = 0.00005
SEED: Final = 7

ANSWERS: Final = {
    100_000: (2_194, 99_940_191.97034),
    1_000_000: (22_406, 99_235_544.20737),
    10_000_000: (225_157, 95_591_113.146431),
}
"""Orders and equity of one unit on the crosses of 20 and 50 bars, 0.1 % a side, out of a hundred million."""


def walk(bars: int) -> Candles:
    """Give the first bars of the walk, at most ten million of one minute."""
    open_, high, low, close, volume = (np.ascontiguousarray(array[:bars]) for array in _walk())
    opened = BEGINS_NS + np.arange(bars, dtype=np.int64) * MINUTE_NS
    return Candles("BTC-USD", MINUTE_NS, opened, open_, high, low, close, volume, STEP)


@lru_cache(maxsize=1)
def _walk() -> tuple[NDArray[np.float64], ...]:
    """Draw the whole walk; each array is drawn at once, so that its beginning does not depend on how much is used."""
    rng = np.random.default_rng(SEED)
    moves = rng.normal(0.0, SIGMA, BARS_MAX)
    gaps = rng.normal(0.0, GAP, BARS_MAX)
    close = np.round(PRICE * np.exp(np.cumsum(moves)), 2)
    open_ = np.empty(BARS_MAX)
    open_[0] = PRICE
    open_[1:] = close[:-1] * np.exp(gaps[1:])
    open_ = np.round(open_, 2)
    above, below = np.maximum(open_, close), np.minimum(open_, close)
    high = above * np.exp(np.abs(rng.normal(0.0, SIGMA * 0.5, BARS_MAX)))
    low = below * np.exp(-np.abs(rng.normal(0.0, SIGMA * 0.5, BARS_MAX)))
    volume = np.round(rng.lognormal(6.0, 0.8, BARS_MAX), 3)
    return open_, np.maximum(np.round(high, 2), above), np.minimum(np.round(low, 2), below), close, volume
