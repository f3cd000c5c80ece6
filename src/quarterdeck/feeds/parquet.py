"""Recordings from Parquet, read by a child process so that its memory goes with it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from quarterdeck.domain import InputError
from quarterdeck.feeds.clean import OPENED_MS_MAX
from quarterdeck.feeds.tape import COLUMNS, RawColumns

_EXTRACT: Final = "quarterdeck.feeds.extract"
_EXTRACT_TIMEOUT_S: Final = 300.0
_SAID_WHY: Final = 2
_PARQUET_MAGIC: Final = b"PAR1"


class Table(Struct, frozen=True, eq=False):
    """
    What stands in a file for the asked period, in its order and unchecked.

    `row` (int64) numbers the rows of the file from 1, `at_ms` is int64 UTC, `values` float64 of the shape (columns,
    rows), NaN where the file has nothing. `first_ms` and `last_ms` are of the whole file, None where it is empty.
    """

    row: NDArray[np.int64]
    at_ms: NDArray[np.int64]
    values: NDArray[np.float64]
    first_ms: int | None
    last_ms: int | None


def is_parquet(path: Path) -> bool:
    """
    Tell CSV by its name and Parquet by its first bytes.

    Raises:
        InputError: If the file is neither, or cannot be read.
    """
    if path.suffix.lower() == ".csv":
        return False
    try:
        with path.open("rb") as file:
            magic = file.read(len(_PARQUET_MAGIC))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if magic != _PARQUET_MAGIC:
        raise InputError(f"{path}: neither Parquet nor a file called .csv")
    return True


def read_parquet(path: Path, first_ms: int, stop_ms: int) -> RawColumns:
    """
    Read the bars of a Parquet file that opened in [first_ms, stop_ms).

    Returns:
        The columns, mapped from a temporary file that has no name any more and goes when they do.

    Raises:
        InputError: If the file is no Parquet, is damaged, or lacks a column; or if the reader itself failed.
    """
    table = read_table(path, COLUMNS, first_ms, stop_ms)
    return RawColumns(
        row=table.row,
        opened_at_ms=table.at_ms,
        values=table.values,
        file_first_ms=table.first_ms,
        file_last_ms=table.last_ms,
    )


def read_table(path: Path, columns: Sequence[str], first_ms: int = 0, stop_ms: int = OPENED_MS_MAX) -> Table:
    """
    Read columns of numbers of a Parquet file; `columns` begins with `timestamp`, which lies in [first_ms, stop_ms).

    Raises:
        InputError: As `read_parquet` does.
    """
    with TemporaryDirectory(prefix="quarterdeck-tape-") as name:
        answer = _extracted(path, [str(path.resolve()), str(first_ms), str(stop_ms), name, *columns])
        folder = Path(name)
        return Table(
            row=np.load(folder / "row.npy", mmap_mode="r"),
            at_ms=np.load(folder / "timestamp.npy", mmap_mode="r"),
            values=np.load(folder / "values.npy", mmap_mode="r"),
            first_ms=answer["file_first_ms"],
            last_ms=answer["file_last_ms"],
        )


def _extracted(path: Path, arguments: list[str]) -> dict[str, int | None]:
    # -P: a file called numpy.py in the user's folder must not be taken for the real one.
    command = [sys.executable, "-P", "-m", _EXTRACT, *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - our own program, and no shell
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_EXTRACT_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError(f"{path}: the Parquet reader could not do its work: {error}") from error
    if done.returncode not in {0, _SAID_WHY} or not done.stdout.startswith("{"):
        last_words = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise InputError(
            f"{path}: the Parquet reader ended with status {done.returncode} ({last_words});"
            " a negative status is a signal, and -9 usually means that memory ran out"
        )
    answer: dict[str, int | None] = json.loads(done.stdout)
    if done.returncode:
        raise InputError(f"{path}: {answer['problem']}")
    return answer
