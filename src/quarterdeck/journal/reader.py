"""Reading a journal, beside its owner or without one; nothing here can change it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from msgspec.structs import replace

from quarterdeck.domain import ConfigError, IntegrityError
from quarterdeck.journal.archived import picked_rows, rows_of_kind, stream_rows
from quarterdeck.journal.chain import link
from quarterdeck.journal.database import connect_read_only, guarded
from quarterdeck.journal.lease import Lease, read_lease
from quarterdeck.journal.schema import FORMAT_VERSION, check_schema, stand_in
from quarterdeck.journal.segments import Base, Segment, read_base, read_segments
from quarterdeck.journal.snapshots import Snapshot, read_snapshots
from quarterdeck.ports import Entry, Row

CHUNK_ROWS: Final = 512
SEQ_MAX: Final = (1 << 63) - 1


class SqliteReader:
    """
    A read-only view of a journal, its archive included; each call sees what was committed when it was made.

    Every row is checked against the chain as it is read, so that nothing damaged is ever folded.

    Raises: ConfigError where there is no file; IntegrityError where it is damaged, not ours, or cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = connect_read_only(path)
        try:
            with guarded(path, "reading"):
                self.format = check_schema(self._connection, path)
                if self.format < FORMAT_VERSION:
                    stand_in(self._connection)
        except (ConfigError, IntegrityError):
            self._connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection, for the other read-only queries of this room."""
        return self._connection

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def head(self) -> tuple[int, bytes]:
        """Give number and hash of the last row: (0, 32 zero bytes) for a journal without rows."""
        with guarded(self.path, "reading"):
            found = self._connection.execute("SELECT seq, hash FROM rows ORDER BY seq DESC LIMIT 1").fetchone()
        if found is None:
            base = self.base()
            return base.seq, base.hash
        seq, mark = found
        if not (isinstance(seq, int) and isinstance(mark, bytes)):
            raise IntegrityError(f"{self.path}: the last row is damaged; run `quarterdeck journal verify`")
        return seq, mark

    def base(self) -> Base:
        """
        Tell after which row the rows of the file begin; those up to it are in the archive.

        Raises:
            IntegrityError: If the record of it is damaged.
        """
        with guarded(self.path, "reading"):
            return read_base(self._connection)

    def segments(self) -> tuple[Segment, ...]:
        """
        List the segments of the archive, oldest first.

        Raises:
            IntegrityError: If the record of one is damaged.
        """
        with guarded(self.path, "reading"):
            return read_segments(self._connection)

    def lease(self) -> Lease | None:
        """
        Read who owns, or last owned, the bot.

        Raises:
            IntegrityError: If the lease is damaged.
        """
        with guarded(self.path, "reading"):
            return read_lease(self._connection)

    def latest_snapshot(self, seq_max: int = SEQ_MAX) -> Snapshot | None:
        """
        Find the latest sound snapshot at or before a row; damaged ones are skipped and named in `skipped`.

        Returns:
            None where there is none, so that the fold must start at zero.
        """
        skipped: list[str] = []
        with guarded(self.path, "reading a snapshot"):
            for found in read_snapshots(self._connection, seq_max):
                if isinstance(found, Snapshot):
                    return replace(found, skipped=tuple(skipped))
                skipped.append(found)
        return None

    def rows(self, after_seq: int = 0, limit: int | None = None) -> Iterator[Row]:
        """
        Stream the rows that follow a row, in short transactions, so that a slow consumer never holds up the owner.

        Args:
            after_seq: The row before the first wanted one; 0 for all, from the archive on.
            limit: At most so many rows; None for all there are.

        Raises:
            IntegrityError: At the first row that does not follow from the one before it.
        """
        return islice(self._rows(after_seq), limit)

    def picked(self, seqs: list[int]) -> list[Row]:
        """
        Read single rows, in order, each checked against the one before it.

        Raises:
            IntegrityError: If one is missing or damaged.
        """
        base = self.base()
        archived = [seq for seq in seqs if seq <= base.seq]
        rows = picked_rows(self.path, self.segments(), archived) if archived else []
        for seq in seqs:
            if seq > base.seq:
                rows.append(self._one(seq, base))
        return rows

    def latest_of_kind(self, kind: str) -> Iterator[tuple[int, bytes]]:
        """
        Yield number and body of the rows of one kind, latest first; the body is not checked against the chain.

        Raises:
            IntegrityError: If the file or the archive cannot be read.
        """
        with guarded(self.path, f"looking for rows of kind {kind}"):
            query = "SELECT seq, body FROM rows WHERE kind = ? ORDER BY seq DESC"
            yield from self._connection.execute(query, (kind,))
        for segment in reversed(self.segments()):
            yield from reversed(rows_of_kind(self.path, segment, kind))

    def _rows(self, after_seq: int) -> Iterator[Row]:
        seq = after_seq
        while True:
            base = self.base()
            if seq < base.seq:
                for row in stream_rows(self.path, self.segments(), seq):
                    yield row
                    seq = row.seq
                continue
            prev = self._hash_at(seq, base)
            if prev is None:
                if self.base() != base:
                    continue  # it left for the archive at this moment
                raise self._missing(seq)
            for row in self._live(seq, prev):
                yield row
                seq = row.seq
            if self.base().seq <= seq:
                return

    def _live(self, seq: int, prev: bytes) -> Iterator[Row]:
        """Stream rows of the file itself; ends early where those that are next have left for the archive meanwhile."""
        while True:
            with guarded(self.path, f"reading rows after {seq}"):
                found = self._connection.execute(
                    "SELECT seq, at_ns, kind, body, hash FROM rows WHERE seq > ? ORDER BY seq LIMIT ?",
                    (seq, CHUNK_ROWS),
                ).fetchall()
            if found and found[0][0] != seq + 1 and self.base().seq > seq:
                return
            for stored in found:
                row = self._checked(stored, prev, seq + 1)
                yield row
                seq, prev = row.seq, row.hash
            if len(found) < CHUNK_ROWS:
                return

    def _one(self, seq: int, base: Base) -> Row:
        prev = self._hash_at(seq - 1, base)
        with guarded(self.path, f"reading row {seq}"):
            found = self._connection.execute(
                "SELECT seq, at_ns, kind, body, hash FROM rows WHERE seq = ?", (seq,)
            ).fetchone()
        if prev is None or found is None:
            raise self._missing(seq)
        return self._checked(found, prev, seq)

    def _hash_at(self, seq: int, base: Base) -> bytes | None:
        if seq == base.seq:
            return base.hash
        with guarded(self.path, f"reading row {seq}"):
            found = self._connection.execute("SELECT hash FROM rows WHERE seq = ?", (seq,)).fetchone()
        return None if found is None or not isinstance(found[0], bytes) else found[0]

    def _missing(self, seq: int) -> IntegrityError:
        return IntegrityError(f"{self.path}: there is no row {seq} to continue from; fold from an earlier snapshot")

    def _checked(self, stored: tuple[object, ...], prev: bytes, seq: int) -> Row:
        found, at_ns, kind, body, mark = stored
        if found != seq:
            reason = f"row {seq} is missing"
        elif not (
            isinstance(at_ns, int) and isinstance(kind, str) and isinstance(body, bytes) and isinstance(mark, bytes)
        ):
            reason = f"row {seq} holds values of the wrong type"
        elif mark != link(prev, seq, Entry(at_ns, kind, body)):
            reason = f"row {seq} does not carry the hash that its content and the row before it give"
        else:
            return Row(seq, at_ns, kind, body, prev, mark)
        raise IntegrityError(
            f"{self.path}: {reason}; run `quarterdeck journal verify`, then restore the file from a backup"
        )
