"""Reading the archive. Another process opens the Parquet files; what it says of rows is checked against the chain."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Final

import msgspec
from msgspec.structs import fields

from quarterdeck.domain import IntegrityError, ensure
from quarterdeck.journal.chain import StoredRow, link
from quarterdeck.journal.records import OrderRecord
from quarterdeck.journal.segments import Segment
from quarterdeck.ports import Entry, Row

_UNPACK: Final = "quarterdeck.journal.unpack"
_HEADER: Final = struct.Struct(">I")
_STORED: Final = msgspec.msgpack.Decoder(list[StoredRow])
_PLAIN: Final = msgspec.msgpack.Decoder(list[tuple[object, ...]])
_ROWS: Final = "SELECT seq, at_ns, kind, body, hash FROM read_parquet(?) WHERE {} ORDER BY seq"
_ORDER: Final = ", ".join(field.name for field in fields(OrderRecord))

Query = tuple[str, list[object]]
Values = tuple[object, ...]


def stream_rows(journal: Path, segments: Sequence[Segment], after_seq: int = 0) -> Iterator[Row]:
    """
    Stream the archived rows that follow a row, each checked against the chain.

    Raises:
        IntegrityError: If a file is missing or damaged, or at the first row that does not follow.
    """
    for segment in segments:
        if segment.last_seq > after_seq:
            yield from (row for row in segment_rows(journal, segment) if row.seq > after_seq)


def segment_rows(journal: Path, segment: Segment) -> Iterator[Row]:
    """Stream all rows of one segment; errors as for `stream_rows`."""
    place = segment.folder(journal)
    seq, prev = segment.first_seq - 1, segment.prev
    for found in _stored(place, (_ROWS.format("true"), [_literal(place / "rows.parquet")])):
        seq += 1
        if found[0] != seq or found[4] != link(prev, seq, Entry(*found[1:4])):
            raise IntegrityError(
                f"{place}: row {seq} is missing, or does not carry the hash that its content and the row before it "
                "give; restore this folder from a backup"
            )
        yield Row(seq, *found[1:4], prev, found[4])
        prev = found[4]
    if (seq, prev) != (segment.last_seq, segment.hash):
        raise IntegrityError(f"{place}: the rows end at {seq}, not at {segment.last_seq}; restore it from a backup")


def picked_rows(journal: Path, segments: Sequence[Segment], seqs: Sequence[int]) -> list[Row]:
    """
    Read single archived rows, each checked against the one before it.

    Raises:
        IntegrityError: If one is missing or damaged.
    """
    found: list[Row] = []
    for segment in segments:
        wanted = [seq for seq in seqs if segment.first_seq <= seq <= segment.last_seq]
        if wanted:
            found += _picked(segment.folder(journal), segment, wanted)
    return found


def rows_of_kind(journal: Path, segment: Segment, kind: str) -> list[tuple[int, bytes]]:
    """List number and body of the rows of one kind in a segment, oldest first; errors as for `stream_rows`."""
    place = segment.folder(journal)
    query: Query = (_ROWS.format("kind = ?"), [_literal(place / "rows.parquet"), kind])
    return [(row[0], row[3]) for row in _stored(place, query)]


def find_archived_order(journal: Path, segments: Sequence[Segment], client_id: str) -> OrderRecord | None:
    """Find an order as it stood at the end of the last segment that speaks of it; None where none does."""
    sql = f"SELECT {_ORDER} FROM read_parquet(?) WHERE client_id = ?"  # noqa: S608 - names of our own
    holders = [segment for segment in reversed(segments) if segment.orders]
    found = ask(journal, [(sql, [parquet_of(journal, segment, "orders"), client_id]) for segment in holders], enough=1)
    return OrderRecord(*found[0]) if found else None  # type: ignore[arg-type]  # as the file has them


def ask(journal: Path, queries: Sequence[Query], *, enough: int | None = None) -> list[Values]:
    """
    Answer queries about files of the archive, in turn, until there are enough rows.

    Raises:
        IntegrityError: If a file is missing or damaged.
    """
    if not queries:
        return []
    found = [row for frame in _frames(journal.parent, queries, enough) for row in _PLAIN.decode(frame)]
    return found if enough is None else found[:enough]


def parquet_of(journal: Path, segment: Segment, table: str) -> str:
    """Name one Parquet file of a segment, as DuckDB wants it."""
    return _literal(segment.folder(journal) / f"{table}.parquet")


def _picked(place: Path, segment: Segment, wanted: list[int]) -> list[Row]:
    near = sorted({seq - 1 for seq in wanted} | set(wanted))
    listed = ", ".join(map(str, near))
    query: Query = (_ROWS.format(f"seq IN ({listed})"), [_literal(place / "rows.parquet")])
    stored = {row[0]: row for row in _stored(place, query)}
    rows = []
    for seq in wanted:
        prev = segment.prev if seq == segment.first_seq else stored[seq - 1][4] if seq - 1 in stored else b""
        if seq not in stored or len(prev) != len(segment.prev):
            raise IntegrityError(f"{place}: row {seq} is missing; restore this folder from a backup")
        if stored[seq][4] != link(prev, seq, Entry(*stored[seq][1:4])):
            raise IntegrityError(f"{place}: row {seq} is damaged; restore this folder from a backup")
        rows.append(Row(seq, *stored[seq][1:4], prev, stored[seq][4]))
    return rows


def _stored(place: Path, query: Query) -> Iterator[StoredRow]:
    for frame in _frames(place, [query], None):
        try:
            yield from _STORED.decode(frame)
        except msgspec.MsgspecError as error:
            raise IntegrityError(f"{place}: a row is damaged ({error}); restore this folder from a backup") from error


def _frames(place: Path, queries: Sequence[Query], enough: int | None) -> Iterator[bytes]:
    """Ask in a process of its own, and yield the frames of its answer."""
    with subprocess.Popen(  # noqa: S603 - our own program, and no shell
        _command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            process.stdin.write(json.dumps({"queries": queries, "enough": enough}).encode())
            process.stdin.close()
            while frame := _frame(process.stdout):
                yield frame
        except BrokenPipeError:
            pass  # it has ended already; its status says why
        except BaseException:
            process.kill()
            raise
        said = process.stderr.read().decode(errors="replace").strip()
    if process.returncode != 0:
        raise IntegrityError(f"{place}: the archive cannot be read: {said or 'its reader was ended'}; restore it")


def _frame(answer: IO[bytes]) -> bytes | None:
    """Read the next frame; empty at the end of the answer, None where it broke off."""
    header = answer.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    (length,) = _HEADER.unpack(header)
    frame = answer.read(length)
    return frame if len(frame) == length else None


def _command() -> list[str]:
    """Run the file itself: as a module it would first load everything that a bot is made of, at every question."""
    found = find_spec(_UNPACK)
    ensure(found is not None and found.origin is not None, "the reader of the archive is not installed")
    assert found is not None
    assert found.origin is not None
    # -P: a file called duckdb.py in the user's folder must not be taken for the real one.
    return [sys.executable, "-P", found.origin]


def _literal(path: Path) -> str:
    """Escape the letters that DuckDB would take for a pattern of names."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(path))
