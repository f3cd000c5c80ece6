"""
Where the rows are that left the journal: segments of the archive, each known to the journal by a sealed record.

A segment is a folder of Parquet files with the rows from one number to another, the state after the last of them, and
a manifest. The chain of the journal goes on from the head hash of the last one.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import astuple, fields

from quarterdeck.domain import IntegrityError
from quarterdeck.journal.chain import GENESIS, seal

MANIFEST: Final = "manifest.json"
STATE: Final = "state.msgpack"
MANIFEST_FORMAT: Final = 1

_TYPES: Final = (int, int, bytes, bytes, int, int, str, str, int, int, int)


class Segment(Struct, frozen=True):
    """
    Rows `first_seq` to `last_seq`, in the folder `place` relative to that of the journal.

    `prev` is the hash of the row before them, `hash` that of the last. `manifest_hash` names the manifest by its
    content; `fills`, `orders` and `events` say how many records of each kind are in there.
    """

    last_seq: int
    first_seq: int
    prev: bytes
    hash: bytes
    first_at_ns: int
    last_at_ns: int
    place: str
    manifest_hash: str
    fills: int
    orders: int
    events: int

    def folder(self, journal: Path) -> Path:
        """Say where it lies, for the journal at this path."""
        return Path(os.path.normpath(journal.parent.absolute() / self.place))


class Base(Struct, frozen=True):
    """The row after which the rows of the file itself begin, and its hash."""

    seq: int
    hash: bytes


class FileNoted(Struct, frozen=True):
    """One file of a segment, as its manifest describes it."""

    sha256: str
    bytes: int
    rows: int


class Manifest(Struct, frozen=True):
    """What a segment holds, in its `manifest.json`; hashes in hex, times in nanoseconds UTC."""

    format: int
    bot: str
    first_seq: int
    last_seq: int
    prev: str
    hash: str
    first_at_ns: int
    last_at_ns: int
    state_hash: str
    files: dict[str, FileNoted]


class Packed(Struct, frozen=True):
    """What the process that writes segments says at its end: what it wrote, or why it did not."""

    segment: Segment | None = None
    problem: str = ""


def default_archive(journal: Path) -> Path:
    """Say where the archive of a journal lies: `archive/BOT` beside the `run/BOT` of a workspace, else beside it."""
    root = journal.absolute().parent
    return root.parent.parent / "archive" / root.name if root.parent.name == "run" else root / "archive"


def read_segments(connection: sqlite3.Connection) -> tuple[Segment, ...]:
    """
    Read the records of all segments, oldest first.

    Raises:
        IntegrityError: If one does not carry its seal, or does not follow from the one before it.
    """
    found = connection.execute(f"SELECT {_columns()}, seal FROM segments ORDER BY last_seq").fetchall()  # noqa: S608
    segments = tuple(_checked(row) for row in found)
    seq, prev = 0, GENESIS
    for segment in segments:
        if segment.first_seq != seq + 1 or segment.prev != prev or segment.last_seq < segment.first_seq:
            raise IntegrityError(
                f"the record of the archived rows up to {segment.last_seq} does not follow from the one before it; "
                "restore the journal from a backup"
            )
        seq, prev = segment.last_seq, segment.hash
    return segments


def read_base(connection: sqlite3.Connection) -> Base:
    """
    Read where the rows of the file begin.

    Raises:
        IntegrityError: If the record of the last segment does not carry its seal.
    """
    query = f"SELECT {_columns()}, seal FROM segments ORDER BY last_seq DESC LIMIT 1"  # noqa: S608
    found = connection.execute(query).fetchone()
    if found is None:
        return Base(0, GENESIS)
    segment = _checked(found)
    return Base(segment.last_seq, segment.hash)


def write_segment(connection: sqlite3.Connection, segment: Segment) -> None:
    """Record a segment inside the caller's transaction."""
    values = astuple(segment)
    marks = ", ".join("?" for _ in values)
    connection.execute(f"INSERT INTO segments VALUES ({marks}, ?)", (*values, seal(*values)))  # noqa: S608


def _checked(row: Sequence[object]) -> Segment:
    *values, mark = row
    if tuple(map(type, values)) != _TYPES or mark != seal(*values):  # type: ignore[arg-type]  # their types are ours
        raise IntegrityError("the record of an archived segment is damaged; restore the journal from a backup")
    return Segment(*values)  # type: ignore[arg-type]  # as above


@cache
def _columns() -> str:
    return ", ".join(field.name for field in fields(Segment))
