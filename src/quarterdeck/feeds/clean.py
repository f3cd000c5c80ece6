"""One defined answer to every fault a recording can have."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quarterdeck.domain import InputError, ensure
from quarterdeck.feeds.tape import RawColumns, Tape, TapeReport, TapeRequest
from quarterdeck.market import TICKS_MAX, ticks_from

MS_NS: Final = 1_000_000
# The last millisecond whose nanoseconds still fit 64 bits: in the year 2262.
OPENED_MS_MAX: Final = (2**63 - 1) // MS_NS
_EXAMPLES_MAX: Final = 2  # of each fault
ON_STEP_SLACK: Final = 1e-6
_CLOSE, _VOLUME = 3, 4


def cleaned(raw: RawColumns, request: TapeRequest) -> Tape:
    """
    Make a tape of what a file holds, answering each fault as `TapeReport` says.

    Raises:
        InputError: If a bar is off the timeframe's grid, a price is below one step, or no bar is left.
    """
    cleaning = _Cleaning(raw, request)
    cleaning.check_grid()
    cleaning.drop_unclosed()
    cleaning.drop_unpriced()
    cleaning.fill_volume()
    cleaning.sort()
    cleaning.drop_repeated()
    return cleaning.tape()


class _Cleaning:
    """The bars that are left, with the row of the file each came from, and what was found so far."""

    def __init__(self, raw: RawColumns, request: TapeRequest) -> None:
        self.request = request
        self.file_period = (raw.file_first_ms, raw.file_last_ms)
        self.row = raw.row
        self.values = np.array(raw.values)
        self.rows = len(raw.row)
        self.counts: dict[str, int] = {}
        self.examples: list[str] = []
        self._check_not_empty()
        ensure(int(raw.opened_at_ms.max()) <= OPENED_MS_MAX, "a reader must give nothing outside the asked period")
        self.opened = raw.opened_at_ms * np.int64(MS_NS)

    def check_grid(self) -> None:
        off_grid = self.opened % self.request.timeframe_ns != 0
        if bool(off_grid.any()):
            timeframe_s = self.request.timeframe_ns / 1e9
            raise InputError(
                f"{self.request.path}: {self._place(int(np.argmax(off_grid)))} does not open on the grid of"
                f" {timeframe_s:g} s; ask for the timeframe that was recorded, or resample the file"
            )

    def drop_unclosed(self) -> None:
        if self.request.to_ns is not None:
            self._drop("unclosed", self.opened + self.request.timeframe_ns > self.request.to_ns, "closes too late")

    def drop_unpriced(self) -> None:
        open_, high, low, close = self.values[:4]
        # Written so that a NaN anywhere makes it false.
        high_max = TICKS_MAX * self.request.price_step
        sound = (low > 0.0) & (low <= open_) & (open_ <= high) & (low <= close) & (close <= high) & (high <= high_max)
        self._drop("unpriced", ~sound, "has no sound price")

    def fill_volume(self) -> None:
        volume = self.values[_VOLUME]
        unusable = ~((volume >= 0.0) & (volume < np.inf))
        self._note("unmeasured", unusable, "has no usable volume")
        volume[unusable] = 0.0

    def sort(self) -> None:
        backwards = np.zeros(len(self.opened), dtype=np.bool_)
        backwards[1:] = self.opened[1:] < self.opened[:-1]
        self._note("unsorted", backwards, "comes after a later one")
        if bool(backwards.any()):
            self._keep(np.argsort(self.opened, kind="stable"))

    def drop_repeated(self) -> None:
        """Keep the last of each run of equal times; rows of a run still stand in the file's order."""
        repeated = np.zeros(len(self.opened), dtype=np.bool_)
        repeated[:-1] = self.opened[:-1] == self.opened[1:]
        same = repeated.copy()
        same[:-1] &= (self.values[:, :-1] == self.values[:, 1:]).all(axis=0)
        self._note("conflicts", repeated & ~same, "was replaced by a later row")
        self._note("duplicates", same, "stands there again")
        if bool(repeated.any()):
            self._keep(np.flatnonzero(~repeated))

    def tape(self) -> Tape:
        self._check_not_empty()
        self._note_gaps()
        self._note_off_step()
        request = self.request
        open_, high, low, close, volume = self.values
        return Tape(
            request.venue,
            request.instrument,
            request.timeframe_ns,
            request.price_step,
            self.opened,
            open_,
            high,
            low,
            close,
            volume,
            report=TapeReport(self.rows, len(self.opened), **self.counts, examples=tuple(self.examples)),
        )

    def _note_gaps(self) -> None:
        steps = np.diff(self.opened) // self.request.timeframe_ns
        absent = steps[steps > 1] - 1
        self.counts |= {
            "missing": int(absent.sum()),
            "gaps": len(absent),
            "gap_bars_max": int(absent.max()) if len(absent) else 0,
        }

    def _note_off_step(self) -> None:
        close, step = self.values[_CLOSE], self.request.price_step
        ticks = ticks_from(close, step)
        too_small = ticks < 1
        if bool(too_small.any()):
            index = int(np.argmax(too_small))
            raise InputError(
                f"{self.request.path}: {self._place(index)} closes at {close[index]}, below the price step {step};"
                " choose a smaller price step"
            )
        self._note("off_step", np.abs(close / step - ticks) > ON_STEP_SLACK, f"is not on the price step {step}")

    def _drop(self, count: str, faulty: NDArray[np.bool_], fault: str) -> None:
        self._note(count, faulty, fault)
        if bool(faulty.any()):
            self._keep(np.flatnonzero(~faulty))

    def _note(self, count: str, faulty: NDArray[np.bool_], fault: str) -> None:
        self.counts[count] = int(np.count_nonzero(faulty))
        self.examples += [f"{self._place(int(index))} {fault}" for index in np.flatnonzero(faulty)[:_EXAMPLES_MAX]]

    def _keep(self, chosen: NDArray[np.int64]) -> None:
        self.row, self.opened, self.values = self.row[chosen], self.opened[chosen], self.values[:, chosen]

    def _place(self, index: int) -> str:
        return f"row {self.row[index]} ({_moment(int(self.opened[index]) // MS_NS)})"

    def _check_not_empty(self) -> None:
        if len(self.row):
            return
        first_ms, last_ms = self.file_period
        held = "no bars" if first_ms is None or last_ms is None else f"{_moment(first_ms)} to {_moment(last_ms)}"
        asked = f"{_bound(self.request.from_ns, 'its beginning')} to {_bound(self.request.to_ns, 'its end')}"
        dropped = ", ".join(f"{number} {name}" for name, number in self.counts.items() if number)
        raise InputError(
            f"{self.request.path}: no bar from {asked}; the file holds {held}"
            + (f" ({self.rows} rows were read: {dropped})" if dropped else "")
        )


def _bound(at_ns: int | None, otherwise: str) -> str:
    return otherwise if at_ns is None else _moment(at_ns // MS_NS)


def _moment(at_ms: int) -> str:
    try:
        return datetime.fromtimestamp(at_ms / 1000, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return f"timestamp {at_ms} (are these milliseconds?)"
