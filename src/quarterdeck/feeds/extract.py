"""
Read one Parquet file in a process of its own: `python -m quarterdeck.feeds.extract FILE FIRST_MS STOP_MS FOLDER NAME…`.

DuckDB keeps tens of megabytes once it has been used, more than a bot may spend; they go when this process ends. The
named columns, `timestamp` first, of the rows in [FIRST_MS, STOP_MS) are left in FOLDER as .npy files, and one line of
JSON on standard output says what the file holds, or, with exit status 2, what is wrong with it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

import duckdb
import numpy as np

_WHOLE_TYPES: Final = frozenset({"BIGINT", "INTEGER", "UBIGINT", "UINTEGER"})
_NUMBER_TYPES: Final = _WHOLE_TYPES | {"DOUBLE", "FLOAT", "HUGEINT", "SMALLINT", "TINYINT"}


class Unreadable(Exception):
    """The file cannot serve as a recording; the message says why."""


def main(arguments: list[str]) -> int:
    """Extract, report in JSON, and return the exit status."""
    path, first_ms, stop_ms, folder, *columns = arguments
    try:
        answer = _extract(path, (int(first_ms), int(stop_ms)), Path(folder), columns)
    except (Unreadable, duckdb.Error, OSError) as error:
        sys.stdout.write(json.dumps({"problem": str(error).splitlines()[0]}) + "\n")
        return 2
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


def _extract(path: str, period_ms: tuple[int, int], folder: Path, columns: list[str]) -> dict[str, int | None]:
    literal = "".join(f"[{letter}]" if letter in "*?[" else letter for letter in path)
    settings = {"temp_directory": str(folder), "autoinstall_known_extensions": "false"}
    with duckdb.connect(":memory:", config=dict(settings)) as connection:
        described = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [literal]).fetchall()
        _check_columns(described, columns)
        summary = connection.execute(
            "SELECT count(*), count(timestamp), min(timestamp), max(timestamp) FROM read_parquet(?)", [literal]
        ).fetchall()
        rows, timed, file_first_ms, file_last_ms = summary[0]
        if timed < rows:
            raise Unreadable(f"{rows - timed} of {rows} rows have no timestamp")
        prices = ", ".join(f"coalesce({name}::DOUBLE, 'nan'::DOUBLE) AS {name}" for name in columns[1:])
        found = connection.execute(
            f"SELECT file_row_number + 1 AS row, timestamp::BIGINT AS timestamp, {prices}"  # noqa: S608 - our own names
            " FROM read_parquet(?, file_row_number = true) WHERE timestamp >= ? AND timestamp < ?",
            [literal, *period_ms],
        ).fetchnumpy()
    np.save(folder / "row.npy", found["row"])
    np.save(folder / "timestamp.npy", found["timestamp"])
    np.save(folder / "values.npy", np.stack([found[name] for name in columns[1:]]))
    return {"file_first_ms": file_first_ms, "file_last_ms": file_last_ms}


def _check_columns(description: list[tuple[str, ...]], columns: list[str]) -> None:
    types = {row[0]: row[1] for row in description}
    missing = [name for name in columns if name not in types]
    if missing:
        raise Unreadable(f"no column {', '.join(missing)}; it has {', '.join(types)}")
    if types["timestamp"] not in _WHOLE_TYPES:
        raise Unreadable(f"'timestamp' must be whole milliseconds since 1970 in UTC (int64), not {types['timestamp']}")
    for name in columns[1:]:
        if types[name].partition("(")[0] not in _NUMBER_TYPES | {"DECIMAL"}:
            raise Unreadable(f"'{name}' must hold numbers (float64), not {types[name]}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
