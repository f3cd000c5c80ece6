"""Closed bars of one instrument, as arrays."""

from __future__ import annotations

from typing import Final

import numpy as np
from msgspec import Struct, field
from msgspec.structs import force_setattr
from numpy.typing import NDArray

from quarterdeck.domain import InputError
from quarterdeck.market.grid import ticks_from

_NOT_MADE_YET: Final = np.zeros(0, dtype=np.int64)


class Candles(Struct, frozen=True, eq=False, weakref=True):
    """
    Closed bars of one instrument, oldest first. Minutes without a price are absent, not filled in.

    Every array has the shape (bars,). `opened_at_ns` is int64 UTC; prices are float64 in quote per base, `volume`
    float64 in base units. `close_ticks` (int64, whole steps of `price_step`) is made once when left out; windows
    pass a view of it on. The constructor does not look at every bar: data from outside goes through `validated`.
    """

    instrument: str
    timeframe_ns: int
    opened_at_ns: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]
    price_step: float
    close_ticks: NDArray[np.int64] = field(default_factory=lambda: _NOT_MADE_YET)

    def __post_init__(self) -> None:
        if self.close_ticks is _NOT_MADE_YET:
            force_setattr(self, "close_ticks", ticks_from(self.close, self.price_step))

    def __len__(self) -> int:
        return len(self.close)

    def window(self, start: int, stop: int) -> Candles:
        """Show the bars from `start` up to, but not including, `stop`, as views."""
        return Candles(
            self.instrument,
            self.timeframe_ns,
            self.opened_at_ns[start:stop],
            self.open[start:stop],
            self.high[start:stop],
            self.low[start:stop],
            self.close[start:stop],
            self.volume[start:stop],
            self.price_step,
            self.close_ticks[start:stop],
        )


def validated(candles: Candles) -> Candles:
    """
    Look at every bar, and hand the candles on when all of them are sound.

    Raises:
        InputError: If shapes or types differ, bars are unsorted, repeated or off the timeframe's grid, a price is
            not finite or not above zero, high and low do not bracket open and close, or a volume is negative or not
            finite. The message names the first such bar.
    """
    _check_arrays(candles)
    opened, tf = candles.opened_at_ns, candles.timeframe_ns
    if tf <= 0:
        raise InputError(f"{candles.instrument}: a timeframe of {tf} ns; it must be above zero")
    low, high = candles.low, candles.high
    after_earlier = np.ones(len(candles), dtype=np.bool_)
    after_earlier[1:] = opened[1:] > opened[:-1]
    brackets = (low <= candles.open) & (candles.open <= high) & (low <= candles.close) & (candles.close <= high)
    _check_each(candles, opened % tf == 0, "does not open on the grid of its timeframe")
    _check_each(candles, after_earlier, "is not later than the bar before it; sort the bars and drop duplicates")
    _check_each(candles, np.isfinite(low) & np.isfinite(high) & (low > 0.0), "has a price that is not above zero")
    _check_each(candles, brackets, "has an open or close outside low to high")
    _check_each(candles, candles.close_ticks >= 1, f"closes below one price step of {candles.price_step}")
    _check_each(candles, np.isfinite(candles.volume) & (candles.volume >= 0.0), "has a volume below zero, or none")
    return candles


def _check_arrays(candles: Candles) -> None:
    wanted = {"opened_at_ns": np.int64, "close_ticks": np.int64} | dict.fromkeys(
        ("open", "high", "low", "close", "volume"), np.float64
    )
    for name, kind in wanted.items():
        array = getattr(candles, name)
        if not isinstance(array, np.ndarray) or array.dtype != kind or array.shape != (len(candles),):
            raise InputError(f"{candles.instrument}: '{name}' must be a {kind.__name__} array of {len(candles)} bars")


def _check_each(candles: Candles, sound: NDArray[np.bool_], problem: str) -> None:
    if not bool(sound.all()):
        index = int(np.argmin(sound))
        raise InputError(f"{candles.instrument}: bar {index} (opened at {candles.opened_at_ns[index]} ns) {problem}")
