"""
Pages of fills, orders and events as outsiders see them.

They come from the archive, from the projected tables and, folded here, from the rows after those; no seam shows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from quarterdeck.domain import DAY_NS, InputError
from quarterdeck.journal.archived import Query, ask, parquet_of
from quarterdeck.journal.auditing import EventRecord
from quarterdeck.journal.projections import ENDED_LISTED, columns, history_after
from quarterdeck.journal.reader import SEQ_MAX, SqliteReader
from quarterdeck.journal.records import FillRecord, OrderRecord
from quarterdeck.journal.viewing import book_of_tail, tail_of, viewing
from quarterdeck.ports import iso

PAGE_MAX: Final = 10_000
# A venue's clock may be ahead of the time of the row that holds what it says.
_CLOCKS_APART_NS: Final = DAY_NS


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
        limit: At most so many, up to 10 000.
        cursor: `next` of the page before.

    Raises:
        InputError: If the cursor or the limit is wrong.
        IntegrityError: If the journal or its archive cannot be read.
    """
    return _listed(path, _Wanted("fills", FillRecord, since_ns, limit, cursor))


def events(path: Path, *, since_ns: int = 0, limit: int = 100, cursor: str | None = None) -> Page:
    """List what an auditor wants to know of, oldest first; arguments and errors as for `trades`."""
    return _listed(path, _Wanted("events", EventRecord, since_ns, limit, cursor))


def orders(path: Path, *, limit: int = 100, cursor: str | None = None) -> Page:
    """List orders as they stand now, in the order in which they were planned; errors as for `trades`."""
    after = _place(cursor)[0]
    _check_limit(limit)
    with viewing(path, "orders") as reader:
        found = {record.client_id: record for record in _archived_orders(reader, after, limit)}
        found |= {record.client_id: record for record in _stored_orders(reader, after, limit)}
        changed = book_of_tail(reader).orders
        found |= {client_id: record for client_id, record in changed.items() if record.planned_seq > after}
        return _order_page(list(found.values()), limit)


def _stored_orders(reader: SqliteReader, after: int, limit: int) -> list[OrderRecord]:
    """Read as many as a page holds, with all that the same row planned, and those of the row that follows."""
    query = (
        f"SELECT {columns('orders')} FROM orders WHERE planned_seq > ? AND planned_seq <= coalesce("  # noqa: S608
        "(SELECT min(planned_seq) FROM orders WHERE planned_seq > "
        "(SELECT planned_seq FROM orders WHERE planned_seq > ? ORDER BY planned_seq LIMIT 1 OFFSET ?)), ?)"
    )
    return [OrderRecord(*row) for row in reader.connection.execute(query, (after, after, limit - 1, SEQ_MAX))]


def _archived_orders(reader: SqliteReader, after: int, limit: int) -> list[OrderRecord]:
    """Read as `_stored_orders` those that have left the tables, as the last segment that speaks of them has them."""
    history = history_after(reader.connection, reader.path)
    if after >= history:
        return []
    files = [
        parquet_of(reader.path, segment, "orders")
        for segment in reader.segments()
        if segment.orders and segment.last_seq > after and segment.first_seq <= history
    ]
    if not files:
        return []
    sql = (
        f"WITH known AS (SELECT {columns('orders')} FROM read_parquet(?) WHERE planned_seq > ? AND last_seq <= ? "  # noqa: S608
        "QUALIFY row_number() OVER (PARTITION BY client_id ORDER BY last_seq DESC) = 1), "
        f"gone AS (SELECT * FROM known WHERE state IN ({ENDED_LISTED})) "
        "SELECT * FROM gone WHERE planned_seq <= coalesce((SELECT min(planned_seq) FROM gone WHERE planned_seq > "
        "(SELECT planned_seq FROM gone ORDER BY planned_seq LIMIT 1 OFFSET ?)), ?)"
    )
    found = ask(reader.path, [(sql, [files, after, history, limit - 1, SEQ_MAX])])
    return [OrderRecord(*row) for row in found]  # type: ignore[arg-type]  # as the files have them


def _order_page(found: list[OrderRecord], limit: int) -> Page:
    in_order = sorted(found, key=lambda record: (record.planned_seq, record.client_id))
    page = in_order[:limit]
    # Orders planned by the same row stand on the same page, so that a row number is cursor enough.
    page += [record for record in in_order[limit:] if record.planned_seq == page[-1].planned_seq]
    following = f"{page[-1].planned_seq}-0" if len(page) < len(in_order) else None
    return Page(tuple(_order_item(record) for record in page), following)


class _Wanted(Struct, frozen=True):
    table: str
    record: type[FillRecord | EventRecord]
    since_ns: int
    limit: int
    cursor: str | None


def _listed(path: Path, wanted: _Wanted) -> Page:
    place = _place(wanted.cursor)
    _check_limit(wanted.limit)
    count = wanted.limit + 1  # one more tells whether there is a next page
    with viewing(path, wanted.table) as reader:
        found = _archived(reader, wanted, place, count)
        if len(found) < count:
            stored = reader.connection.execute(
                f"SELECT {columns(wanted.table)} FROM {wanted.table} WHERE (seq, nth) > (?, ?) "  # noqa: S608
                "AND at_ns >= ? ORDER BY seq, nth LIMIT ?",
                (*place, wanted.since_ns, count - len(found)),
            )
            found += [wanted.record(*row) for row in stored]
        if len(found) < count:
            found += [
                record
                for _, record in tail_of(reader)
                if isinstance(record, wanted.record)
                and (record.seq, record.nth) > place
                and record.at_ns >= wanted.since_ns
            ]
        page = found[: wanted.limit]
        following = f"{page[-1].seq}-{page[-1].nth}" if len(found) > wanted.limit else None
        return Page(tuple(_item(record) for record in page), following)


def _archived(
    reader: SqliteReader, wanted: _Wanted, place: tuple[int, int], count: int
) -> list[FillRecord | EventRecord]:
    """Read those that have left the table for the archive, segment after segment until there are enough."""
    is_fill = wanted.record is FillRecord
    until = history_after(reader.connection, reader.path) if is_fill else reader.base().seq
    if place[0] > until:
        return []
    sql = (
        f"SELECT {columns(wanted.table)} FROM read_parquet(?) WHERE (seq > ? OR (seq = ? AND nth > ?)) AND seq <= ? "  # noqa: S608
        f"AND at_ns >= ? ORDER BY seq, nth LIMIT {count}"
    )
    queries: list[Query] = [
        (sql, [parquet_of(reader.path, segment, wanted.table), place[0], *place, until, wanted.since_ns])
        for segment in reader.segments()
        if (segment.fills if is_fill else segment.events)
        and segment.last_seq >= place[0]
        and segment.first_seq <= until
        and segment.last_at_ns >= wanted.since_ns - _CLOCKS_APART_NS
    ]
    found = ask(reader.path, queries, enough=count)
    return [wanted.record(*row) for row in found]  # type: ignore[arg-type]  # as the files have them


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
