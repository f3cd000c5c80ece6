"""
The tables that outsiders read, kept up by the journal's own thread after the commit.

They are a fold of the rows up to `projected.seq`, and can be thrown away and made again. Their commits are synced
like every other one of the file, though nothing would be lost without: only so does a bad frame in the WAL tell a
torn last write from damage (see `wal`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import astuple, fields

from quarterdeck.domain import Fact, IntegrityError
from quarterdeck.journal.body import decode_facts
from quarterdeck.journal.database import CACHE_KIB, LOCK_TIMEOUT_MS, connect, guarded, transaction
from quarterdeck.journal.records import Book, EventRecord, FillRecord, ListingRecord, OrderRecord, Record, project

BATCH_ROWS: Final = 512

Folder = Callable[[bytes], list[Fact]]

_TABLES: Final[dict[str, type[Struct]]] = {
    "fills": FillRecord,
    "orders": OrderRecord,
    "events": EventRecord,
    "listings": ListingRecord,
}


def columns(table: str) -> str:
    """List the columns of a projected table, in the order of the fields of its record."""
    return ", ".join(field.name for field in fields(_TABLES[table]))


class Projector:
    """
    Brings the projected tables up to the rows, on a connection of its own.

    A projection that fails stops, says why in `failure`, and leaves the journal alone: readers fold what is missing.
    """

    def __init__(self, path: Path, *, decode: Folder = decode_facts, lock_timeout_ms: int = LOCK_TIMEOUT_MS) -> None:
        self._path = path
        self._decode = decode
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
            with guarded(self._path, "projecting"):
                return project_rows(self._connection, self._decode, rows_max)
        except (IntegrityError, ArithmeticError, TypeError, ValueError) as error:
            self.failure = IntegrityError(f"{self._path}: the tables are no longer kept up: {error}")
            return 0

    def rebuild(self) -> None:
        """
        Empty the tables and fold every row again.

        Raises:
            IntegrityError: If a row cannot be folded, or the write failed.
        """
        with guarded(self._path, "rebuilding projections"):
            clear(self._connection)
        self.failure = None
        while self.step():
            pass
        if self.failure is not None:
            raise self.failure

    def close(self) -> None:
        """Close the connection."""
        with suppress(sqlite3.Error):
            self._connection.close()


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


def clear(connection: sqlite3.Connection) -> None:
    """Empty the projected tables in one transaction."""
    with transaction(connection):
        for table in _TABLES:
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - a name of our own
        connection.execute("INSERT OR REPLACE INTO projected VALUES (1, 0)")


def project_rows(connection: sqlite3.Connection, decode: Folder, rows_max: int) -> int:
    """Fold the next rows into the tables of the same database, in one transaction; return how many there were."""
    with transaction(connection):
        after = projected_seq(connection)
        rows: list[tuple[int, bytes]] = connection.execute(
            "SELECT seq, body FROM rows WHERE seq > ? ORDER BY seq LIMIT ?", (after, rows_max)
        ).fetchall()
        if rows:
            store(connection, records_of(rows, decode))
            connection.execute("UPDATE projected SET seq = ?", (rows[-1][0],))
    return len(rows)


def records_of(rows: Iterable[tuple[int, bytes]], decode: Folder) -> list[tuple[int, Record]]:
    """
    Give the records of stored rows, each with the number of its row.

    Raises:
        IntegrityError: If a body is no body.
    """
    found: list[tuple[int, Record]] = []
    for seq, body in rows:
        if not isinstance(body, bytes):
            raise IntegrityError(f"row {seq} holds no bytes; run `quarterdeck journal verify`")
        found += [(seq, record) for record in project(seq, decode(body))]
    return found


def store(connection: sqlite3.Connection, records: list[tuple[int, Record]]) -> None:
    """Write records into the tables, inside the caller's transaction."""
    book = fold_orders(connection, records)
    for table, kind in (("fills", FillRecord), ("events", EventRecord)):
        _upsert(connection, table, [record for _, record in records if isinstance(record, kind)])
    _upsert(connection, "listings", book.listings.values())
    _upsert(connection, "orders", book.orders.values())


def fold_orders(connection: sqlite3.Connection, records: list[tuple[int, Record]]) -> Book:
    """Fold records onto the orders that they concern, as those stand in the tables; nothing is written."""
    book = Book()
    for listing in connection.execute(f"SELECT {columns('listings')} FROM listings"):  # noqa: S608
        book.listings[listing[0], listing[1]] = ListingRecord(*listing)
    query = f"SELECT {columns('orders')} FROM orders WHERE client_id = ?"  # noqa: S608
    for seq, record in records:
        if isinstance(record, ListingRecord):
            book.listings[record.venue, record.instrument] = record
        elif not isinstance(record, FillRecord | EventRecord):
            if record.client_id not in book.orders:
                found = connection.execute(query, (record.client_id,)).fetchone()
                if found is not None:
                    book.orders[record.client_id] = OrderRecord(*found)
            book.take(seq, record)
    return book


def differing_table(connection: sqlite3.Connection, decode: Folder = decode_facts) -> str | None:
    """
    Fold the rows again, beside the journal, and compare.

    Returns:
        The name of the first projected table that differs from the fold of the rows up to `projected.seq`.
    """
    again = sqlite3.connect("", isolation_level=None)  # a private file, which the system removes by itself
    try:
        again.execute(f"PRAGMA cache_size = -{CACHE_KIB}").fetchall()
        schema = connection.execute("SELECT name, sql FROM sqlite_schema").fetchall()
        for name, sql in schema:
            if name in _TABLES:
                again.execute(sql)
        _fold_beside(connection, again, decode)
        for table in _TABLES:
            query = f"SELECT {columns(table)} FROM {table} ORDER BY 1, 2"  # noqa: S608
            if not _are_equal(connection.execute(query), again.execute(query)):
                return table
    finally:
        again.close()
    return None


def _fold_beside(connection: sqlite3.Connection, again: sqlite3.Connection, decode: Folder) -> None:
    until = projected_seq(connection)
    rows = connection.execute("SELECT seq, body FROM rows WHERE seq <= ? ORDER BY seq", (until,))
    again.execute("BEGIN")
    while batch := rows.fetchmany(BATCH_ROWS):
        store(again, records_of(batch, decode))
    again.execute("COMMIT")


def _are_equal(left: Iterator[tuple[object, ...]], right: Iterator[tuple[object, ...]]) -> bool:
    for row in left:
        other = next(right, None)
        # 1 == 1.0 in Python, so types are compared too
        if row != other or [type(value) for value in row] != [type(value) for value in other]:
            return False
    return next(right, None) is None


def _upsert(connection: sqlite3.Connection, table: str, records: Iterable[Struct]) -> None:
    marks = ", ".join("?" for _ in fields(_TABLES[table]))
    query = f"INSERT OR REPLACE INTO {table} ({columns(table)}) VALUES ({marks})"  # noqa: S608 - names of our own
    connection.executemany(query, [astuple(record) for record in records])
