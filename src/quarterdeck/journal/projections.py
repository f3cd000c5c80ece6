"""
The tables that outsiders read, kept up by the journal's own thread after the commit.

They are a fold of the rows up to `projected.seq`, and can be thrown away and made again. Their commits are synced
like every other one of the file, though nothing would be lost without: only so does a bad frame in the WAL tell a
torn last write from damage (see `wal`). What the archive took leaves them too: events, mentions and cycles with their
rows, fills and ended orders when they are history (`shed`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import astuple, fields

from quarterdeck.domain import Fact, IntegrityError
from quarterdeck.journal.archived import find_archived_order, stream_rows
from quarterdeck.journal.auditing import EventRecord
from quarterdeck.journal.body import decode_facts
from quarterdeck.journal.database import CACHE_KIB, LOCK_TIMEOUT_MS, connect, guarded, transaction
from quarterdeck.journal.records import (
    Book,
    CycleRecord,
    FillRecord,
    FindOrder,
    MentionRecord,
    OrderRecord,
    Record,
    Told,
    project,
)
from quarterdeck.journal.schema import PROJECTED, empty_projected, read_meta
from quarterdeck.journal.segments import read_base, read_segments
from quarterdeck.orders import ENDED

BATCH_ROWS: Final = 512
HISTORY_AFTER: Final = "history_after"

Folder = Callable[[bytes], list[Fact]]
Stored = tuple[int, str, bytes]
"""What a row brings to the tables: its number, kind and body."""

RECORDS: Final[dict[str, type[Struct]]] = {
    "fills": FillRecord,
    "orders": OrderRecord,
    "events": EventRecord,
    "mentions": MentionRecord,
    "cycles": CycleRecord,
}
_ASKED: Final = "IntentAsked"
ENDED_LISTED: Final = ", ".join(f"'{state.value}'" for state in sorted(ENDED))


class _Asked(Struct):
    key: str


_KEY: Final = msgspec.msgpack.Decoder(tuple[_Asked, msgspec.Raw])


def columns(table: str) -> str:
    """List the columns of a projected table, in the order of the fields of its record."""
    return ", ".join(field.name for field in fields(RECORDS[table]))


class Projector:
    """
    Brings the projected tables up to the rows, on a connection of its own.

    A projection that fails stops, says why in `failure`, and leaves the journal alone: readers fold what is missing.
    """

    def __init__(self, path: Path, *, decode: Folder = decode_facts, lock_timeout_ms: int = LOCK_TIMEOUT_MS) -> None:
        self._path = path
        self._decode = decode
        self._archived: Iterator[Stored] | None = None
        self.failure: IntegrityError | None = None
        with guarded(path, "opening for projections"):
            self._connection = connect(path, synchronous="FULL", lock_timeout_ms=lock_timeout_ms)

    def step(self, rows_max: int = BATCH_ROWS) -> int:
        """
        Fold at most so many rows in one transaction.

        Returns:
            How many rows were folded; 0 where the tables are complete, or where the projection has failed.
        """
        if self.failure is not None:
            return 0
        try:
            with guarded(self._path, "projecting"), transaction(self._connection):
                return self._fold(rows_max)
        except (IntegrityError, ArithmeticError, TypeError, ValueError) as error:
            self.failure = IntegrityError(f"{self._path}: the tables are no longer kept up: {error}")
            return 0

    def rebuild(self) -> None:
        """
        Empty the tables and fold every row again, the archived ones too.

        Raises:
            IntegrityError: If a row cannot be folded, or the write failed.
        """
        with guarded(self._path, "rebuilding projections"), transaction(self._connection):
            empty_projected(self._connection)
        self._archived = None
        self.failure = None
        while self.step():
            pass
        if self.failure is not None:
            raise self.failure

    def close(self) -> None:
        """Close the connection."""
        self._archived = None
        with suppress(sqlite3.Error):
            self._connection.close()

    def _fold(self, rows_max: int) -> int:
        after, base = projected_seq(self._connection), read_base(self._connection)
        if after < base.seq:
            rows = self._next_archived(after, rows_max)
        else:
            query = "SELECT seq, kind, body FROM rows WHERE seq > ? ORDER BY seq LIMIT ?"
            rows = self._connection.execute(query, (after, rows_max)).fetchall()
        if rows:
            store(self._connection, records_of(rows, self._decode), archived_orders(self._connection, self._path))
            self._connection.execute("UPDATE projected SET seq = ?", (rows[-1][0],))
            if after < base.seq <= rows[-1][0]:  # folded anew: what had left the tables leaves them again
                shed(self._connection, base.seq, history_after(self._connection, self._path))
        return len(rows)

    def _next_archived(self, after: int, rows_max: int) -> list[Stored]:
        if self._archived is None:
            found = stream_rows(self._path, read_segments(self._connection), after)
            self._archived = ((row.seq, row.kind, row.body) for row in found)
        rows = list(islice(self._archived, rows_max))
        if not rows or rows[0][0] != after + 1:
            raise IntegrityError(f"the archive gives no row {after + 1}; run `quarterdeck journal verify`")
        return rows


def projected_seq(connection: sqlite3.Connection) -> int:
    """
    Read up to which row the tables are folded.

    Raises:
        IntegrityError: If the journal does not say.
    """
    found = connection.execute("SELECT seq FROM projected").fetchall()
    if len(found) != 1 or not isinstance(found[0][0], int):
        raise IntegrityError("the journal does not say how far its tables are folded; rebuild them")
    return found[0][0]


def history_after(connection: sqlite3.Connection, path: Path) -> int:
    """Read up to which row fills and ended orders have left the tables for the archive."""
    told = read_meta(connection, path).get(HISTORY_AFTER, "0")
    if not told.isdecimal():
        raise IntegrityError(f"{path}: the journal does not say how far its history reaches back; restore a backup")
    return int(told)


def archived_orders(connection: sqlite3.Connection, path: Path) -> FindOrder | None:
    """Give what finds the orders that left the tables; None where none has."""
    if not history_after(connection, path):
        return None
    return lambda client_id: find_archived_order(path, read_segments(connection), client_id)


def shed(connection: sqlite3.Connection, base_seq: int, history_seq: int) -> None:
    """
    Let go of what the archive holds, inside the caller's transaction.

    Events, mentions and cycles leave with their rows, fills and ended orders once they are history; orders that may
    still change stay. `last_seq` is never behind: an ended order that changed later stays as long as that change.
    """
    for table in ("events", "mentions", "cycles"):
        connection.execute(f"DELETE FROM {table} WHERE seq <= ?", (base_seq,))  # noqa: S608 - names of our own
    connection.execute("DELETE FROM fills WHERE seq <= ?", (history_seq,))
    connection.execute(f"DELETE FROM orders WHERE last_seq <= ? AND state IN ({ENDED_LISTED})", (history_seq,))  # noqa: S608


def records_of(rows: Iterable[Stored], decode: Folder) -> list[tuple[int, Record]]:
    """
    Give the records of stored rows, each with the number of its row.

    Raises:
        IntegrityError: If a body is no body.
    """
    found: list[tuple[int, Record]] = []
    for seq, kind, body in rows:
        if not isinstance(body, bytes):
            raise IntegrityError(f"row {seq} holds no bytes; run `quarterdeck journal verify`")
        facts = decode(body)
        if kind == _ASKED:
            found.append((seq, Told(_key_of(seq, body))))
        found += [(seq, record) for record in project(seq, facts)]
    return found


def _key_of(seq: int, body: bytes) -> str:
    """Read the key of somebody's wish, which is the id of the intent that it becomes."""
    try:
        return _KEY.decode(body)[0].key
    except msgspec.MsgspecError as error:
        raise IntegrityError(f"row {seq} is no wish for an intent: {error}") from error


def store(connection: sqlite3.Connection, records: list[tuple[int, Record]], find: FindOrder | None = None) -> None:
    """Write records into the tables, inside the caller's transaction."""
    book = fold_orders(connection, records, find)
    for table, kind in (("fills", FillRecord), ("events", EventRecord), ("cycles", CycleRecord)):
        _upsert(connection, table, [record for _, record in records if isinstance(record, kind)])
    _upsert(connection, "orders", book.orders.values())
    _upsert(connection, "mentions", book.mention_records())
    if book.last_intent:
        connection.execute("UPDATE projected SET last_intent = ?", (book.last_intent,))


def fold_orders(
    connection: sqlite3.Connection, records: Iterable[tuple[int, Record]], find: FindOrder | None = None
) -> Book:
    """Fold records onto the orders that they concern, as those stand in the tables; nothing is written."""
    query = f"SELECT {columns('orders')} FROM orders WHERE client_id = ?"  # noqa: S608 - names of our own

    def find_order(client_id: str) -> OrderRecord | None:
        found = connection.execute(query, (client_id,)).fetchone()
        if found is not None:
            return OrderRecord(*found)
        return None if find is None else find(client_id)

    book = Book(find_order)
    for seq, record in records:
        book.take(seq, record)
    return book


def fold_beside(rows: Iterable[Stored], decode: Folder, base_seq: int, history_seq: int) -> sqlite3.Connection:
    """
    Fold rows, from the first on, into tables of their own beside the journal, and shed what the archive holds.

    Returns:
        A connection to a private file, which the system removes once it is closed.
    """
    again = sqlite3.connect("", isolation_level=None)
    again.execute(f"PRAGMA cache_size = -{CACHE_KIB}").fetchall()
    for sql in PROJECTED.values():
        again.execute(sql)
    again.execute("BEGIN")
    empty_projected(again)
    waiting = iter(rows)
    while batch := list(islice(waiting, BATCH_ROWS)):
        store(again, records_of(batch, decode))
        again.execute("UPDATE projected SET seq = ?", (batch[-1][0],))
    shed(again, base_seq, history_seq)
    again.execute("COMMIT")
    return again


def differing_table(connection: sqlite3.Connection, again: sqlite3.Connection) -> str | None:
    """Name the first projected table that is not the same in two databases; None where all are."""
    for table in ("projected", *RECORDS):
        shown = "*" if table == "projected" else columns(table)
        query = f"SELECT {shown} FROM {table} ORDER BY 1, 2"  # noqa: S608 - names of our own
        if not _are_equal(connection.execute(query), again.execute(query)):
            return table
    return None


def _are_equal(left: Iterator[tuple[object, ...]], right: Iterator[tuple[object, ...]]) -> bool:
    for row in left:
        other = next(right, None)
        # 1 == 1.0 in Python, so types are compared too
        if row != other or [type(value) for value in row] != [type(value) for value in other]:
            return False
    return next(right, None) is None


def _upsert(connection: sqlite3.Connection, table: str, records: Iterable[Struct]) -> None:
    marks = ", ".join("?" for _ in fields(RECORDS[table]))
    query = f"INSERT OR REPLACE INTO {table} ({columns(table)}) VALUES ({marks})"  # noqa: S608 - names of our own
    connection.executemany(query, [astuple(record) for record in records])
