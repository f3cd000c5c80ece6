"""Small recordings for tests, clean or with the fault under test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np

from quarterdeck.domain import MINUTE_NS
from quarterdeck.feeds import Tape, TapeRequest

Row = tuple[int, float, float, float, float, float]
HEADER = "timestamp,open,high,low,close,volume"
# 2024-01-01T00:00:00Z
START_MS = 1_704_067_200_000
START_NS = START_MS * 1_000_000


def row(minute: int, close: float = 100.0) -> Row:
    return (START_MS + minute * 60_000, close - 0.5, close + 1.0, close - 1.0, close, 2.0 + minute)


def write_csv(path: Path, rows: Sequence[Row]) -> Path:
    lines = [",".join("" if math.isnan(cell) else repr(cell) for cell in cells) for cells in rows]
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return path


def write_parquet(path: Path, rows: Sequence[Row], *, types: str = "bigint;double;double;double;double;double") -> Path:
    names = HEADER.split(",")
    columns = ", ".join(f'"{name}" {kind}' for name, kind in zip(names, types.split(";"), strict=True))
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"CREATE TABLE bars ({columns})")
        if rows:
            connection.executemany("INSERT INTO bars VALUES (?, ?, ?, ?, ?, ?)", rows)
        connection.execute(f"COPY bars TO '{path}' (FORMAT parquet)")
    return path


def request(path: Path, *, from_minute: int | None = None, to_minute: int | None = None) -> TapeRequest:
    def instant_ns(minute: int | None) -> int | None:
        return None if minute is None else START_NS + minute * MINUTE_NS

    return TapeRequest(
        path, "paper", "BTC-USD", MINUTE_NS, 0.5, from_ns=instant_ns(from_minute), to_ns=instant_ns(to_minute)
    )


def minutes(tape: Tape) -> list[int]:
    numbers: list[int] = ((tape.opened_at_ns - START_NS) // MINUTE_NS).tolist()
    return numbers


def rows_of(tape: Tape) -> list[Row]:
    columns = (tape.opened_at_ns // 1_000_000, tape.open, tape.high, tape.low, tape.close, tape.volume)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def tape_of(closes: Sequence[float], *, venue: str = "paper", instrument: str = "BTC-USD", first: int = 0) -> Tape:
    close = np.array(closes, dtype=np.float64)
    opened = START_NS + (first + np.arange(len(close), dtype=np.int64)) * MINUTE_NS
    volume = np.ones(len(close))
    return Tape(venue, instrument, MINUTE_NS, 0.5, opened, close - 0.5, close + 1.0, close - 1.0, close, volume)
