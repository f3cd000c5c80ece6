"""
Write one segment in a process of its own: `python -m quarterdeck.journal.pack JOURNAL LAST_SEQ FOLDER`.

It takes the rows of the file from its first up to LAST_SEQ, which a snapshot must follow, and leaves them in FOLDER
with what readers want of them, the state, and a manifest. Everything is read back and compared, and synced, before
the manifest is written. One line of JSON on standard output describes the segment, or, with exit status 2, says what
went wrong. Another process, as DuckDB keeps tens of megabytes, and the bot must not wait.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import islice
from pathlib import Path
from types import UnionType
from typing import Final, get_type_hints

import duckdb
import msgspec
import numpy as np
from msgspec import Struct
from msgspec.structs import astuple

from quarterdeck.domain import IntegrityError
from quarterdeck.journal.archived import find_archived_order, segment_rows
from quarterdeck.journal.body import decode_facts
from quarterdeck.journal.projections import RECORDS, records_of
from quarterdeck.journal.reader import SqliteReader
from quarterdeck.journal.records import Book
from quarterdeck.journal.schema import read_meta
from quarterdeck.journal.segments import MANIFEST, MANIFEST_FORMAT, STATE, FileNoted, Manifest, Packed, Segment
from quarterdeck.journal.snapshots import Snapshot
from quarterdeck.ports import Row

BATCH_ROWS: Final = 1_024
SAID_WHY: Final = 2

_ROWS: Final = {"seq": "BIGINT", "at_ns": "BIGINT", "kind": "VARCHAR", "body": "BLOB", "prev": "BLOB", "hash": "BLOB"}
# For people: exact amounts stay texts, and stand beside them as numbers.
_FOR_PEOPLE: Final = (
    "*, make_timestamp_ns(at_ns) AS at, qty::DOUBLE AS qty_float, price::DOUBLE AS price_float, "
    "fee::DOUBLE AS fee_float, realised::DOUBLE AS realised_float"
)


def main(arguments: list[str]) -> int:
    """Write the segment, report in JSON, and return the exit status."""
    journal, last_seq, folder = arguments
    os.umask(0o077)  # as private as the journal
    try:
        packed = Packed(_Packing(Path(journal), int(last_seq), Path(folder)).run())
    except (duckdb.Error, IntegrityError, OSError) as error:
        packed = Packed(problem=str(error).splitlines()[0])
    sys.stdout.buffer.write(msgspec.json.encode(packed) + b"\n")
    return SAID_WHY if packed.problem else 0


class _Packing:
    def __init__(self, journal: Path, last_seq: int, folder: Path) -> None:
        self._journal = journal
        self._last_seq = last_seq
        self._folder = folder
        self._counts = dict.fromkeys(("rows", *RECORDS), 0)
        self._last_at_ns = 0

    def run(self) -> Segment:
        beside = self._folder / "packing.duckdb"
        config = {"autoinstall_known_extensions": "false", "memory_limit": "512MB", "threads": "1"}
        with SqliteReader(self._journal) as reader, duckdb.connect(str(beside), config=dict(config)) as connection:
            base = reader.base()
            snapshot = self._snapshot(reader)
            bot = read_meta(reader.connection, self._journal).get("bot", "")
            rows = reader.rows(base.seq, self._last_seq - base.seq)
            first_at_ns = self._take(reader, rows, connection)
            files = self._written(connection)
        beside.unlink()
        state = self._folder / STATE
        state.write_bytes(snapshot.body)
        files[STATE] = _noted(state, 1)
        manifest = Manifest(
            format=MANIFEST_FORMAT,
            bot=bot,
            first_seq=base.seq + 1,
            last_seq=self._last_seq,
            prev=base.hash.hex(),
            hash=snapshot.chain_hash.hex(),
            first_at_ns=first_at_ns,
            last_at_ns=self._last_at_ns,
            state_hash=snapshot.state_hash.hex(),
            files=files,
        )
        return self._sealed(manifest)

    def _snapshot(self, reader: SqliteReader) -> Snapshot:
        found = reader.latest_snapshot(self._last_seq)
        if found is None or found.seq != self._last_seq:
            raise IntegrityError(f"{self._journal}: no sound snapshot follows row {self._last_seq}")
        return found

    def _take(self, reader: SqliteReader, rows: Iterable[Row], connection: duckdb.DuckDBPyConnection) -> int:
        """Fold the rows batch by batch into tables; give the time of the first."""
        segments = reader.segments()
        book = Book(lambda client_id: find_archived_order(self._journal, segments, client_id))
        _create(connection, "rows", _ROWS)
        for table, record in RECORDS.items():
            _create(connection, table, _columns(record))
        first_at_ns: int | None = None
        waiting = iter(rows)
        while batch := list(islice(waiting, BATCH_ROWS)):
            first_at_ns = batch[0].at_ns if first_at_ns is None else first_at_ns
            self._last_at_ns = batch[-1].at_ns
            self._insert(connection, "rows", list(_ROWS), [astuple(row) for row in batch])
            records = records_of(((row.seq, row.kind, row.body) for row in batch), decode_facts)
            for table in ("fills", "events", "cycles"):
                kind = RECORDS[table]
                self._insert_records(connection, table, [one for _, one in records if isinstance(one, kind)])
            for seq, one in records:
                book.take(seq, one)
        self._insert_records(connection, "orders", list(book.orders.values()))
        self._insert_records(connection, "mentions", book.mention_records())
        return first_at_ns or 0

    def _insert_records(self, connection: duckdb.DuckDBPyConnection, table: str, records: Sequence[Struct]) -> None:
        self._insert(connection, table, list(_columns(RECORDS[table])), [astuple(one) for one in records])

    def _insert(
        self, connection: duckdb.DuckDBPyConnection, table: str, names: list[str], values: Sequence[tuple[object, ...]]
    ) -> None:
        self._counts[table] += len(values)
        if values:
            # Column by column: DuckDB takes arrays a hundred times faster than rows.
            arrays = [_array(column) for column in zip(*values, strict=True)]
            connection.register("batch", dict(zip(names, arrays, strict=True)))
            connection.execute(f"INSERT INTO {table} SELECT {', '.join(names)} FROM batch")  # noqa: S608 - our own names
            connection.unregister("batch")

    def _written(self, connection: duckdb.DuckDBPyConnection) -> dict[str, FileNoted]:
        files = {}
        for table in ("rows", *RECORDS):
            target = self._folder / f"{table}.parquet"
            shown = _FOR_PEOPLE if table == "fills" else "*"
            order = "intent_id, seq" if table == "mentions" else "ALL" if table in ("fills", "events") else "1"
            connection.execute(
                f"COPY (SELECT {shown} FROM {table} ORDER BY {order}) TO '{_quoted(target)}' "  # noqa: S608 - our own names
                "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 8192)"
            )
            files[target.name] = _noted(target, self._counts[table])
        return files

    def _sealed(self, manifest: Manifest) -> Segment:
        """Read the rows back, sync every file, and write the manifest last."""
        raw = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
        segment = Segment(
            last_seq=manifest.last_seq,
            first_seq=manifest.first_seq,
            prev=bytes.fromhex(manifest.prev),
            hash=bytes.fromhex(manifest.hash),
            first_at_ns=manifest.first_at_ns,
            last_at_ns=manifest.last_at_ns,
            place=os.path.relpath(self._folder, self._journal.parent),
            manifest_hash=sha256(raw).hexdigest(),
            fills=self._counts["fills"],
            orders=self._counts["orders"],
            events=self._counts["events"],
        )
        for _ in segment_rows(self._journal, segment):
            pass  # reading them proves them
        for name in manifest.files:
            _sync(self._folder / name)
        target = self._folder / MANIFEST
        target.write_bytes(raw)
        _sync(target)
        _sync(self._folder)
        return segment


def _create(connection: duckdb.DuckDBPyConnection, table: str, columns: dict[str, str]) -> None:
    listed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    connection.execute(f"CREATE TABLE {table} ({listed})")


def _columns(record: type[Struct]) -> dict[str, str]:
    return {name: _kind(hint) for name, hint in get_type_hints(record).items()}


def _kind(hint: type | UnionType) -> str:
    return "VARCHAR" if hint is str else "BIGINT"  # the only other kind, None where it may be


def _array(column: tuple[object, ...]) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    made = np.empty(len(column), dtype=object)
    made[:] = column
    return made


def _noted(path: Path, rows: int) -> FileNoted:
    raw = path.read_bytes()
    return FileNoted(sha256(raw).hexdigest(), len(raw), rows)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
