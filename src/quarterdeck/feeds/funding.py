"""Recorded funding: what a perpetual paid at its settlements."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from quarterdeck.domain import InputError
from quarterdeck.feeds.clean import MS_NS, OPENED_MS_MAX
from quarterdeck.feeds.parquet import is_parquet, read_table

FUNDING_COLUMNS: Final = ("timestamp", "funding_rate")
RATE_MAX: Final = 1.0


class FundingTape(Struct, frozen=True, eq=False):
    """
    What a perpetual paid: at these instants its long side paid this fraction of its worth, below zero received it.

    Both arrays have the shape (settlements,) and are read-only: `at_ns` int64 UTC, rising; `rate` float64.
    """

    at_ns: NDArray[np.int64]
    rate: NDArray[np.float64]

    def __post_init__(self) -> None:
        self.at_ns.flags.writeable = False
        self.rate.flags.writeable = False

    def __len__(self) -> int:
        return len(self.at_ns)


def load_funding(path: Path) -> FundingTape:
    """
    Read recorded funding, Parquet or CSV: `timestamp` in whole milliseconds UTC and `funding_rate`.

    What is unsorted is sorted; the same settlement twice counts once.

    Raises:
        InputError: If the file is missing or unreadable, lacks a column or holds no settlement, a rate is not finite
            or beyond 1, a time is none, or two rates are given for one instant.
    """
    at_ms, rate = _parquet(path) if is_parquet(path) else _csv(path)
    _check(path, at_ms, rate)
    order = np.argsort(at_ms, kind="stable")
    at_ms, rate = at_ms[order], rate[order]
    again = np.zeros(len(at_ms), dtype=np.bool_)
    again[1:] = at_ms[1:] == at_ms[:-1]
    differs = again.copy()
    differs[1:] &= rate[1:] != rate[:-1]
    if bool(differs.any()):
        raise InputError(f"{path}: two rates for timestamp {at_ms[int(np.argmax(differs))]}; keep one of them")
    return FundingTape(at_ms[~again] * np.int64(MS_NS), rate[~again])


def _check(path: Path, at_ms: NDArray[np.int64], rate: NDArray[np.float64]) -> None:
    if not len(at_ms):
        raise InputError(f"{path}: no settlement; a recording of funding holds one row for each")
    unsound = ~(np.abs(rate) <= RATE_MAX)  # a NaN makes it true
    if bool(unsound.any()):
        index = int(np.argmax(unsound))
        raise InputError(f"{path}: row {index + 1}: a funding rate of {rate[index]}; it is a fraction like 0.0001")
    outside = (at_ms < 0) | (at_ms > OPENED_MS_MAX)
    if bool(outside.any()):
        index = int(np.argmax(outside))
        raise InputError(
            f"{path}: row {index + 1}: a timestamp of {at_ms[index]}; write milliseconds since 1970 in UTC"
        )


def _parquet(path: Path) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    table = read_table(path, FUNDING_COLUMNS)
    return table.at_ms, table.values[0]


def _csv(path: Path) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    at_ms: list[int] = []
    rates: list[float] = []
    number = 0
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file, strict=True)
            missing = [name for name in FUNDING_COLUMNS if name not in (rows.fieldnames or ())]
            if missing:
                raise InputError(f"{path}: no column {', '.join(missing)}; it has {', '.join(rows.fieldnames or ())}")
            for number, row in enumerate(rows, start=1):  # noqa: B007 - told where a row is wrong
                at_ms.append(int(row["timestamp"]))
                rates.append(float(row["funding_rate"] or "nan"))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as CSV: {error}") from error
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: row {number}: {error}; timestamps are whole milliseconds, rates numbers") from error
    try:
        return np.array(at_ms, dtype=np.int64), np.array(rates, dtype=np.float64)
    except OverflowError as error:
        raise InputError(f"{path}: a timestamp is beyond 64 bits; write milliseconds since 1970 in UTC") from error
