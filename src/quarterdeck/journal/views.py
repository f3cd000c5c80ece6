"""Pages of fills, orders and events as outsiders see them: the projected tables and, folded here, the rows after."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from quarterdeck.domain import InputError, IntegrityError
from quarterdeck.journal.body import decode_facts
from quarterdeck.journal.database import guarded
from quarterdeck.journal.projections import columns, fold_orders, projected_seq, records_of
from quarterdeck.journal.reader import SqliteReader
from quarterdeck.journal.records import EventRecord, FillRecord, OrderRecord, Record

PAGE_MAX: Final = 1_000


class Page(Struct, frozen=True):
    """One page of a list, oldest first; `next` is the cursor of the page that follows, None at the end."""

    items: tuple[dict[str, object], ...]
    next: str | None = None


def trades(path: Path, *, since_ns: int = 0, limit: int = 100, cursor: str | None = None) -> Page:
    """
    List fills in the order in which they were booked.

    Args:
        path: The journal.
        since_ns: Only fills at or after this instant (UTC, as the venue told it).
        limit: At most so many, up to 1000.
        cursor: `next` of the page before.

    Raises:
        InputError: If the cursor or the limit is wrong.
        IntegrityError: If the journal cannot be read.
    """
    return _listed(path, _Query("fills", FillRecord, since_ns, limit, cursor))


def events(path: Path, *, since_ns: int = 0, limit: int = 100, cursor: str | None = None) -> Page:
    """List what an auditor wants to know of, oldest first; arguments and errors as for `trades`."""
    return _listed(path, _Query("events", EventRecord, since_ns, limit, cursor))


def orders(path: Path, *, limit: int = 100, cursor: str | None = None) -> Page:
    """List orders as they stand now, in the order in which they were planned; errors as for `trades`."""
    after = _place(cursor)[0]
    _check_limit(limit)
    with SqliteReader(path) as reader, _shown(path, "orders"):
        connection = reader.connection
        connection.execute("BEGIN")
        changed = fold_orders(connection, _tail(reader)).orders
        # Orders planned by the same row stand on the same page, so that a row number is cursor enough.
        last = connection.execute(
            "SELECT max(planned_seq) FROM (SELECT planned_seq FROM orders WHERE planned_seq > ? "
            "ORDER BY planned_seq LIMIT ?)",
            (after, limit),
        ).fetchone()[0]
        stored = connection.execute(
            f"SELECT {columns('orders')} FROM orders WHERE planned_seq > ? AND planned_seq <= ?",  # noqa: S608
            (after, last or after),
        ).fetchall()
        found = {record.client_id: record for record in (OrderRecord(*row) for row in stored)}
        is_last_stored = len(stored) < limit
        for record in changed.values():
            if record.client_id in found or (is_last_stored and record.planned_seq > after):
                found[record.client_id] = record
        return _order_page(list(found.values()), limit, is_last=is_last_stored)


def _order_page(found: list[OrderRecord], limit: int, *, is_last: bool) -> Page:
    in_order = sorted(found, key=lambda record: (record.planned_seq, record.client_id))
    page = in_order[:limit]
    page += [record for record in in_order[limit:] if record.planned_seq == page[-1].planned_seq]
    is_more = len(page) < len(in_order) or not is_last
    following = f"{page[-1].planned_seq}-0" if page and is_more else None
    return Page(tuple(_order_item(record) for record in page), following)


class _Query(Struct, frozen=True):
    table: str
    record: type[FillRecord | EventRecord]
    since_ns: int
    limit: int
    cursor: str | None


def _listed(path: Path, query: _Query) -> Page:
    place = _place(query.cursor)
    _check_limit(query.limit)
    wanted = query.limit + 1  # one more tells whether there is a next page
    with SqliteReader(path) as reader, _shown(path, query.table):
        connection = reader.connection
        connection.execute("BEGIN")
        stored = connection.execute(
            f"SELECT {columns(query.table)} FROM {query.table} WHERE (seq, nth) > (?, ?) AND at_ns >= ? "  # noqa: S608
            "ORDER BY seq, nth LIMIT ?",
            (*place, query.since_ns, wanted),
        ).fetchall()
        found = [query.record(*row) for row in stored]
        if len(found) < wanted:
            found += [
                record
                for _, record in _tail(reader)
                if isinstance(record, query.record)
                and (record.seq, record.nth) > place
                and record.at_ns >= query.since_ns
            ]
        page = found[: query.limit]
        following = f"{page[-1].seq}-{page[-1].nth}" if len(found) > query.limit else None
        return Page(tuple(_item(record) for record in page), following)


def _tail(reader: SqliteReader) -> list[tuple[int, Record]]:
    """Fold the rows that the tables do not hold yet, in the caller's read transaction."""
    rows = reader.rows(after_seq=projected_seq(reader.connection))
    return records_of(((row.seq, row.body) for row in rows), decode_facts)


@contextmanager
def _shown(path: Path, table: str) -> Iterator[None]:
    """Name the table where what is stored in it cannot be shown: values of the wrong type or out of every range."""
    try:
        with guarded(path, f"reading {table}"):
            yield
    except (TypeError, ValueError, OverflowError, msgspec.MsgspecError) as error:
        raise IntegrityError(
            f"{path}: the table {table!r} is damaged ({error}); run `quarterdeck journal verify`"
        ) from error


def _item(record: FillRecord | EventRecord) -> dict[str, object]:
    shown = msgspec.structs.asdict(record)
    del shown["nth"]
    shown["at"] = iso(record.at_ns)
    if isinstance(record, FillRecord):
        shown["booked_at"] = iso(record.booked_at_ns)
        shown["inferred"] = bool(record.inferred)
        del shown["booked_at_ns"]
    else:
        shown["id"] = f"{record.seq}-{record.nth}"
        shown["details"] = msgspec.json.decode(record.details)
    return shown


def _order_item(record: OrderRecord) -> dict[str, object]:
    shown = msgspec.structs.asdict(record)
    shown["planned_at"] = iso(shown.pop("planned_at_ns"))
    shown["moved_at"] = iso(shown.pop("moved_at_ns"))
    return shown


def iso(at_ns: int) -> str:
    """Write an instant as ISO 8601 in UTC with microseconds and a Z."""
    seconds, rest_ns = divmod(at_ns, 1_000_000_000)
    at = dt.datetime.fromtimestamp(seconds, dt.UTC).replace(microsecond=rest_ns // 1000)
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _place(cursor: str | None) -> tuple[int, int]:
    if cursor is None:
        return (-1, -1)
    seq, dash, nth = cursor.partition("-")
    if not (dash and seq.isdecimal() and nth.isdecimal()):
        raise InputError(f"cursor {cursor!r}: give 'next' of the page before as it stands, or leave the cursor out")
    return int(seq), int(nth)


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= PAGE_MAX:
        raise InputError(f"limit {limit}: ask for 1 to {PAGE_MAX} items")
