"""The last closed bars of one instrument, one bar at a time."""

from __future__ import annotations

import math
from enum import StrEnum, unique
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarterdeck.domain import InputError
from quarterdeck.market.candles import Candles
from quarterdeck.market.grid import TICKS_MAX

_OPEN, _HIGH, _LOW, _CLOSE, _VOLUME = range(5)
_OPENED_AT, _TICKS = range(2)
_ROOM_BARS_MIN: Final = 64


class Bar(NamedTuple):
    """One closed bar of one instrument on one venue; prices in quote per base, volume in base units."""

    venue: str
    instrument: str
    open: float
    high: float
    low: float
    close: float
    volume: float


@unique
class BarAnswer(StrEnum):
    """What a window did with a bar."""

    TAKEN = "taken"
    DUPLICATE = "duplicate"  # the last bar again; the first version stays
    LATE = "late"  # opened before the last bar
    OFF_GRID = "off_grid"  # does not open on the grid of the timeframe
    NO_PRICE = "no_price"  # a price is not finite, not above zero, or absurdly large
    INCONSISTENT = "inconsistent"  # open or close outside low to high, or a volume that is none


class BarWindow:
    """
    The last closed bars of one instrument, handed out as views that stay true.

    Bars are written behind each other; where the room ends, the window moves to fresh arrays. So a view handed out
    earlier never changes, and a bar is copied about once in its life.
    """

    def __init__(self, instrument: str, timeframe_ns: int, price_step: float, window_bars: int) -> None:
        """
        Make an empty window.

        Raises:
            InputError: If the timeframe, the price step or the number of bars is not above zero.
        """
        if timeframe_ns <= 0 or window_bars <= 0 or not (math.isfinite(price_step) and price_step > 0.0):
            raise InputError(f"{instrument}: timeframe, price step and window must be above zero")
        self._instrument = instrument
        self._timeframe_ns = timeframe_ns
        self._price_step = price_step
        self._window_bars = window_bars
        self._end = 0
        self._last_ns: int | None = None
        self._floats: NDArray[np.float64] = np.zeros((5, 0), dtype=np.float64)
        self._whole: NDArray[np.int64] = np.zeros((2, 0), dtype=np.int64)
        self._make_room()

    def __len__(self) -> int:
        return min(self._end, self._window_bars)

    @property
    def last_opened_at_ns(self) -> int | None:
        """When the latest bar opened; None while there is none."""
        return self._last_ns

    def append(self, opened_at_ns: int, bar: Bar) -> BarAnswer:
        """Take the next closed bar, or say why not; a bar that is not taken changes nothing."""
        _, _, open_, high, low, close, volume = bar
        # A NaN makes every comparison false, so it never gets past these lines.
        if not (0.0 < low <= open_ <= high and low <= close <= high and 0.0 <= volume < math.inf):
            return BarAnswer.NO_PRICE if not _has_prices(bar) else BarAnswer.INCONSISTENT
        if not high <= TICKS_MAX * self._price_step:
            return BarAnswer.NO_PRICE
        if opened_at_ns % self._timeframe_ns:
            return BarAnswer.OFF_GRID
        if self._last_ns is not None and opened_at_ns <= self._last_ns:
            return BarAnswer.DUPLICATE if opened_at_ns == self._last_ns else BarAnswer.LATE
        ticks = round(close / self._price_step)
        if ticks < 1:
            return BarAnswer.NO_PRICE
        if self._end == self._whole.shape[1]:
            self._make_room()
        end = self._end
        self._floats[:, end] = (open_, high, low, close, volume)
        self._whole[:, end] = (opened_at_ns, ticks)
        self._end = end + 1
        self._last_ns = opened_at_ns
        return BarAnswer.TAKEN

    def candles(self) -> Candles:
        """Show the bars held, oldest first, as read-only views."""
        end = self._end
        start = max(0, end - self._window_bars)
        floats, whole = self._floats_shown, self._whole_shown
        return Candles(
            self._instrument,
            self._timeframe_ns,
            whole[_OPENED_AT, start:end],
            floats[_OPEN, start:end],
            floats[_HIGH, start:end],
            floats[_LOW, start:end],
            floats[_CLOSE, start:end],
            floats[_VOLUME, start:end],
            self._price_step,
            whole[_TICKS, start:end],
        )

    def _make_room(self) -> None:
        kept = min(self._end, self._window_bars)
        room = 2 * self._window_bars + _ROOM_BARS_MIN
        floats = np.zeros((5, room), dtype=np.float64)
        whole = np.zeros((2, room), dtype=np.int64)
        floats[:, :kept] = self._floats[:, self._end - kept : self._end]
        whole[:, :kept] = self._whole[:, self._end - kept : self._end]
        self._floats, self._whole, self._end = floats, whole, kept
        self._floats_shown, self._whole_shown = floats.view(), whole.view()
        self._floats_shown.flags.writeable = False
        self._whole_shown.flags.writeable = False


def _has_prices(bar: Bar) -> bool:
    return all(0.0 < price < math.inf for price in bar[2:6])
