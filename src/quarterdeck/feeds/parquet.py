"""Recorded candles from Parquet, read by a child process so that its memory goes with it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from quarterdeck.domain import InputError
from quarterdeck.feeds.tape import RawColumns

_EXTRACT: Final = "quarterdeck.feeds.extract"
_EXTRACT_TIMEOUT_S: Final = 300.0
_SAID_WHY: Final = 2


def read_parquet(path: Path, first_ms: int, stop_ms: int) -> RawColumns:
    """
    Read the bars of a Parquet file that opened in [first_ms, stop_ms).

    Returns:
        The columns, mapped from a temporary file that has no name any more and goes when they do.

    Raises:
        InputError: If the file is no Parquet, is damaged, or lacks a column; or if the reader itself failed.
    """
    with TemporaryDirectory(prefix="quarterdeck-tape-") as name:
        answer = _extracted(path, [str(path.resolve()), str(first_ms), str(stop_ms), name])
        folder = Path(name)
        return RawColumns(
            row=np.load(folder / "row.npy", mmap_mode="r"),
            opened_at_ms=np.load(folder / "timestamp.npy", mmap_mode="r"),
            values=np.load(folder / "values.npy", mmap_mode="r"),
            file_first_ms=answer["file_first_ms"],
            file_last_ms=answer["file_last_ms"],
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
