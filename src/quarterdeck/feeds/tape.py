"""Recorded bars of one instrument on one venue, and what was found while reading them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray


class TapeRequest(Struct, frozen=True):
    """
    What to read: bars of one timeframe that opened at or after `from_ns` and closed at or before `to_ns`.

    None stands for the beginning and the end of the file. `price_step` is the grid of the prices, in quote per base.
    """

    path: Path
    venue: str
    instrument: str
    timeframe_ns: int
    price_step: float
    from_ns: int | None = None
    to_ns: int | None = None


class TapeReport(Struct, frozen=True):
    """
    What reading a recording found, counted in bars; `examples` names the first few faults by row and time.

    `unsorted`: came before an earlier one, sorted in. `duplicates`: the same again, dropped. `conflicts`: another
    version of a bar came later in the file and won. `unpriced`: a price that is none, or open and close outside low
    to high, dropped. `unmeasured`: no usable volume, taken as 0. `unclosed`: closes after the period, dropped.
    `missing` bars lie in `gaps` runs, the longest `gap_bars_max` long; nothing stands in for them. `off_step`:
    closes that do not lie on the price step; kept as they are.
    """

    rows: int
    bars: int
    unsorted: int = 0
    duplicates: int = 0
    conflicts: int = 0
    unpriced: int = 0
    unmeasured: int = 0
    unclosed: int = 0
    missing: int = 0
    gaps: int = 0
    gap_bars_max: int = 0
    off_step: int = 0
    examples: tuple[str, ...] = ()


class Tape(Struct, frozen=True, eq=False):
    """
    Closed bars of one instrument on one venue: sorted, unique, on the timeframe's grid, each with sound prices.

    Every array has the shape (bars,) and is read-only: `opened_at_ns` int64 UTC, prices float64 in quote per base,
    `volume` float64 in base units. `report` is None for a tape that was not read from a file.
    """

    venue: str
    instrument: str
    timeframe_ns: int
    price_step: float
    opened_at_ns: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]
    report: TapeReport | None = None

    def __post_init__(self) -> None:
        for array in (self.opened_at_ns, self.open, self.high, self.low, self.close, self.volume):
            array.flags.writeable = False

    def __len__(self) -> int:
        return len(self.opened_at_ns)


class RawColumns(Struct, frozen=True, eq=False):
    """
    What stands in a file for the asked period, in the file's order and unchecked.

    `row` (int64) numbers the rows of the file from 1, `opened_at_ms` is int64 UTC, `values` float64 of the shape
    (5, rows): open, high, low, close, volume; NaN where the file has nothing. `file_first_ms` and `file_last_ms` are
    the earliest and latest opening in the whole file, None where it is empty.
    """

    row: NDArray[np.int64]
    opened_at_ms: NDArray[np.int64]
    values: NDArray[np.float64]
    file_first_ms: int | None
    file_last_ms: int | None


COLUMNS = ("timestamp", "open", "high", "low", "close", "volume")
