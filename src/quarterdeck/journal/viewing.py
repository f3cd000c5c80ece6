"""What every view begins with: one moment of the journal, tables that can be read, and the rows after them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from quarterdeck.domain import IntegrityError
from quarterdeck.journal.body import decode_facts
from quarterdeck.journal.database import guarded
from quarterdeck.journal.projections import archived_orders, fold_orders, projected_seq, records_of, store
from quarterdeck.journal.reader import SqliteReader
from quarterdeck.journal.records import Book, Record
from quarterdeck.journal.schema import FORMAT_VERSION

ASIDE_ROWS: Final = 512


@contextmanager
def viewing(path: Path, table: str) -> Iterator[SqliteReader]:
    """
    Open a journal for a view: everything read inside the block is of one moment.

    A file of an older format has its tables folded aside, for this view alone.

    Raises:
        ConfigError: If there is no such file.
        IntegrityError: If it cannot be read, or what is stored in the table cannot be shown.
    """
    with SqliteReader(path) as reader, _shown(path, table):
        reader.connection.execute("BEGIN")
        if reader.format < FORMAT_VERSION:
            _fold_aside(reader)
        yield reader


def tail_of(reader: SqliteReader) -> list[tuple[int, Record]]:
    """Give the records of the rows that the tables do not hold yet."""
    rows = reader.rows(after_seq=projected_seq(reader.connection))
    return records_of(((row.seq, row.kind, row.body) for row in rows), decode_facts)


def book_of_tail(reader: SqliteReader) -> Book:
    """Fold the rows that the tables do not hold yet onto the orders that they concern."""
    return fold_orders(reader.connection, tail_of(reader), archived_orders(reader.connection, reader.path))


def _fold_aside(reader: SqliteReader) -> None:
    waiting = reader.rows()
    while batch := list(islice(waiting, ASIDE_ROWS)):
        store(reader.connection, records_of(((row.seq, row.kind, row.body) for row in batch), decode_facts))
        reader.connection.execute("UPDATE projected SET seq = ?", (batch[-1].seq,))


@contextmanager
def _shown(path: Path, table: str) -> Iterator[None]:
    """Name the table where what is stored in it cannot be shown: values of the wrong type or out of every range."""
    try:
        with guarded(path, f"reading {table}"):
            yield
    except (ArithmeticError, TypeError, ValueError, msgspec.MsgspecError) as error:
        raise IntegrityError(
            f"{path}: the table {table!r} is damaged ({error}); run `quarterdeck journal verify`"
        ) from error
