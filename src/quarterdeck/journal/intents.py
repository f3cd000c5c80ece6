"""
Which rows speak of an intent, an order or a bar: found by an index, so that a long journal takes no longer.

Rows that the tables do not hold yet are looked through besides, and those of the archive are found there.
"""

from __future__ import annotations

from pathlib import Path

from quarterdeck.domain import IntegrityError, IntentFormed
from quarterdeck.journal.archived import Query, Values, ask, find_archived_order, parquet_of
from quarterdeck.journal.body import decode_facts
from quarterdeck.journal.reader import SqliteReader
from quarterdeck.journal.records import CycleRecord
from quarterdeck.journal.viewing import book_of_tail, tail_of, viewing
from quarterdeck.ports import Row


def intent_rows(path: Path, intent_id: str) -> list[Row]:
    """
    Read every row that speaks of an intent or of one of its orders, oldest first.

    Args: the journal; the id of the intent.
    Returns: an empty list where nobody ever wanted this.
    Raises: ConfigError if there is no journal; IntegrityError if it, or its archive, cannot be read.
    """
    with viewing(path, "mentions") as reader:
        query = "SELECT seq FROM mentions WHERE intent_id = ?"
        seqs = {int(seq) for (seq,) in reader.connection.execute(query, (intent_id,))}
        seqs |= {seq for told, seq in book_of_tail(reader).mentions if told == intent_id}
        rows = reader.picked(sorted(seqs))
        if rows and _begins(rows[0], intent_id):
            return rows  # nothing speaks of an intent before it is formed, so that none of it has been archived
        archived = {int(str(seq)) for (seq,) in _archived(reader, "mentions", "intent_id", intent_id)}
        return reader.picked(sorted(archived - seqs)) + rows


def intent_of_order(path: Path, client_id: str) -> str | None:
    """Name the intent that an order belongs to; None where there is no such order. Errors as for `intent_rows`."""
    with viewing(path, "orders") as reader:
        query = "SELECT intent_id FROM orders WHERE client_id = ?"
        found = reader.connection.execute(query, (client_id,)).fetchone()
        if found is not None:
            return str(found[0])
        recent = book_of_tail(reader).orders.get(client_id)
        known = recent or find_archived_order(path, reader.segments(), client_id)
        return None if known is None else known.intent_id


def last_intent(path: Path) -> str | None:
    """Name the intent that was formed or refused last; None where there never was one. Errors as for `intent_rows`."""
    with viewing(path, "projected") as reader:
        recent = book_of_tail(reader).last_intent
        found = reader.connection.execute("SELECT last_intent FROM projected").fetchone()
        if found is None or not isinstance(found[0], str):
            raise IntegrityError(f"{path}: the journal does not say what was wanted last; rebuild its tables")
        return recent or found[0] or None


def cycle_row(path: Path, bar_ns: int) -> Row | None:
    """
    Read the row in which the opinions on a bar were worked through.

    Args: the journal; the opening time of the bar, in nanoseconds UTC.
    Returns: None where that never happened.
    Raises: as for `intent_rows`.
    """
    with viewing(path, "cycles") as reader:
        seqs = [
            record.seq for _, record in tail_of(reader) if isinstance(record, CycleRecord) if record.bar_ns == bar_ns
        ]
        if not seqs:
            query = "SELECT seq FROM cycles WHERE bar_ns = ?"
            seqs = [int(seq) for (seq,) in reader.connection.execute(query, (bar_ns,))]
        if not seqs:
            seqs = [int(str(seq)) for (seq,) in _archived(reader, "cycles", "bar_ns", bar_ns)]
        found = reader.picked(seqs[-1:])
        return found[0] if found else None


def _begins(row: Row, intent_id: str) -> bool:
    return any(isinstance(fact, IntentFormed) and fact.intent.id == intent_id for fact in decode_facts(row.body))


def _archived(reader: SqliteReader, table: str, column: str, value: object) -> list[Values]:
    sql = f"SELECT seq FROM read_parquet(?) WHERE {column} = ?"  # noqa: S608 - names of our own
    queries: list[Query] = [(sql, [parquet_of(reader.path, segment, table), value]) for segment in reader.segments()]
    return ask(reader.path, queries)
