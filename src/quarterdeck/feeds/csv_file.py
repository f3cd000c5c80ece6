"""Recorded candles from CSV with the same header as the Parquet files."""

from __future__ import annotations

import csv
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np

from quarterdeck.domain import InputError
from quarterdeck.feeds.tape import COLUMNS, RawColumns

_WHOLE_MAX: Final = 2**63 - 1


def read_csv(path: Path, first_ms: int, stop_ms: int) -> RawColumns:
    """
    Read the bars of a CSV file that opened in [first_ms, stop_ms).

    An empty price is kept as NaN, for the cleaning to answer; a price that is no number is an error.

    Raises:
        InputError: If the file cannot be read as text, lacks a column, or holds something that is no number.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return _columns(path, csv.reader(file, strict=True), first_ms, stop_ms)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as CSV: {error}") from error


def _columns(path: Path, lines: Iterable[list[str]], first_ms: int, stop_ms: int) -> RawColumns:
    lines = iter(lines)
    header = [name.strip() for name in next(lines, [])]
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise InputError(f"{path}: no column {', '.join(missing)}; it has {', '.join(header) or 'no header'}")
    places = [header.index(name) for name in COLUMNS]
    row, opened_at_ms, values = array("q"), array("q"), [array("d") for _ in COLUMNS[1:]]
    file_first_ms: int | None = None
    file_last_ms: int | None = None
    for number, cells in enumerate(lines, start=1):
        if not cells:
            continue
        opened_ms, *prices = _numbers(path, number, cells, places)
        file_first_ms = opened_ms if file_first_ms is None else min(file_first_ms, opened_ms)
        file_last_ms = opened_ms if file_last_ms is None else max(file_last_ms, opened_ms)
        if first_ms <= opened_ms < stop_ms:
            row.append(number)
            opened_at_ms.append(opened_ms)
            for column, price in zip(values, prices, strict=True):
                column.append(price)
    return RawColumns(
        row=np.array(row, dtype=np.int64),
        opened_at_ms=np.array(opened_at_ms, dtype=np.int64),
        values=np.array(values, dtype=np.float64).reshape(len(values), len(row)),
        file_first_ms=file_first_ms,
        file_last_ms=file_last_ms,
    )


def _numbers(
    path: Path, number: int, cells: list[str], places: list[int]
) -> tuple[int, float, float, float, float, float]:
    try:
        opened_ms = int(cells[places[0]])
        open_, high, low, close, volume = [float(cells[place] or "nan") for place in places[1:]]
    except IndexError as error:
        raise InputError(f"{path}: row {number} has only {len(cells)} fields") from error
    except ValueError as error:
        raise InputError(
            f"{path}: row {number}: {error}; timestamps are whole milliseconds, the rest numbers"
        ) from error
    if not 0 <= opened_ms <= _WHOLE_MAX:
        raise InputError(f"{path}: row {number}: a timestamp of {opened_ms}; write milliseconds since 1970 in UTC")
    return opened_ms, open_, high, low, close, volume
