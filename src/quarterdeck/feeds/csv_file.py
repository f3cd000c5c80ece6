"""Recorded candles from CSV with the same header as the Parquet files."""

from __future__ import annotations

import csv
import warnings
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np

from quarterdeck.domain import InputError
from quarterdeck.feeds.tape import COLUMNS, RawColumns

_WHOLE_MAX: Final = 2**63 - 1
_CHUNK_BYTES: Final = 2**20


def read_csv(path: Path, first_ms: int, stop_ms: int) -> RawColumns:
    """
    Read the bars of a CSV file that opened in [first_ms, stop_ms).

    An empty price is kept as NaN, for the cleaning to answer; a price that is no number is an error.

    Raises:
        InputError: If the file cannot be read as text, lacks a column, or holds something that is no number.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = csv.reader(file, strict=True)
            places = _places(path, next(lines, []))
            return _quickly(path, places, first_ms, stop_ms) or _columns(path, lines, places, (first_ms, stop_ms))
    except OSError as error:
        raise InputError(f"{path}: cannot be read as CSV: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as CSV: {error}") from error


def _places(path: Path, header: list[str]) -> list[int]:
    header = [name.strip() for name in header]
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise InputError(f"{path}: no column {', '.join(missing)}; it has {', '.join(header) or 'no header'}")
    return [header.index(name) for name in COLUMNS]


def _quickly(path: Path, places: list[int], first_ms: int, stop_ms: int) -> RawColumns | None:
    """Read a file in which every row holds all numbers; None for any other, which `_columns` reads with care."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # numpy warns of a file without rows
            table = np.loadtxt(
                path,
                dtype=[(name, np.int64 if name == COLUMNS[0] else np.float64) for name in COLUMNS],
                comments=None,
                delimiter=",",
                skiprows=1,
                usecols=places,
                ndmin=1,
                encoding="utf-8-sig",
                quotechar='"',
            )
    except (ValueError, UserWarning, DeprecationWarning):
        return None
    at_ms = table[COLUMNS[0]]
    # Empty lines are passed over there, but count where rows are named by their number.
    if not len(at_ms) or int(at_ms.min()) < 0 or _line_ends(path) > len(at_ms) + 1:
        return None
    chosen = np.flatnonzero((at_ms >= first_ms) & (at_ms < stop_ms))
    return RawColumns(
        row=chosen + 1,
        opened_at_ms=at_ms[chosen],
        values=np.array([table[name][chosen] for name in COLUMNS[1:]]),
        file_first_ms=int(at_ms.min()),
        file_last_ms=int(at_ms.max()),
    )


def _line_ends(path: Path) -> int:
    with path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(_CHUNK_BYTES), b""))


def _columns(path: Path, lines: Iterable[list[str]], places: list[int], period_ms: tuple[int, int]) -> RawColumns:
    first_ms, stop_ms = period_ms
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
