"""
Prove that a journal is what was written, byte for byte as far as bytes carry meaning.

Covered: the header of the file, the schema, what SQLite's own integrity check sees (the structure of every page),
the chain over all rows, the seals of snapshots, lease and meta, the projected tables (folded again and compared), and
the frames of the WAL. Not covered: bytes that carry nothing, namely the unused space within and between pages, the
counters in the file header that SQLite keeps for its caches, and frames of earlier rounds of the WAL; a change
there alters no row, snapshot, lease or table. A row is also held by the head hash, where one is kept outside.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

from quarterdeck.domain import ConfigError, IntegrityError
from quarterdeck.journal.body import decode_facts
from quarterdeck.journal.chain import GENESIS
from quarterdeck.journal.database import guarded, read_meta, wal_of
from quarterdeck.journal.projections import Folder, differing_table, projected_seq
from quarterdeck.journal.reader import SEQ_MAX, SqliteReader
from quarterdeck.journal.snapshots import read_snapshots
from quarterdeck.journal.wal import scan_wal

RESTORE: Final = "keep a copy of the folder and restore the journal from a backup"
REBUILD: Final = "rebuild the projections; the rows themselves are sound"
REMAKE: Final = "nothing is lost: states are folded from an earlier snapshot; a new one replaces it"

_HEADER_BYTES: Final = 100


class Problem(Struct, frozen=True):
    """Something that is not as it was written; `seq` is the first row concerned, where it is known."""

    what: str
    todo: str
    seq: int | None = None


class VerifyReport(Struct, frozen=True):
    """What a verification found: the sound part of the chain, the problems, and notes that are no problems."""

    path: str
    rows: int
    head_hash: str
    snapshots: int
    problems: tuple[Problem, ...]
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Tell whether everything is as it was written."""
        return not self.problems

    @property
    def first_bad_seq(self) -> int | None:
        """The first row that cannot be trusted; None where all can, or where the damage lies elsewhere."""
        return min((problem.seq for problem in self.problems if problem.seq is not None), default=None)


def verify(path: Path, *, decode: Folder | None = decode_facts) -> VerifyReport:
    """
    Check a journal from its first byte to its last; the bot may be running.

    Args:
        path: The journal.
        decode: How to read the facts of a row, to fold the projected tables again; None leaves those out.

    Raises:
        ConfigError: If there is no such file.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: there is no such file; check the workspace and the name of the bot")
    return _Verification(path, decode).run()


class _Verification:
    def __init__(self, path: Path, decode: Folder | None) -> None:
        self._path = path
        self._decode = decode
        self._problems: list[Problem] = []
        self._notes: list[str] = []
        self._rows = 0
        self._head = GENESIS
        self._snapshots = 0

    def run(self) -> VerifyReport:
        self._attempt(self._check_header, RESTORE)
        self._attempt(self._check_wal, RESTORE)
        try:
            with SqliteReader(self._path) as reader:
                self._check_content(reader)
        except IntegrityError as error:
            self._problems.append(Problem(str(error), RESTORE))
        return VerifyReport(
            path=str(self._path),
            rows=self._rows,
            head_hash=self._head.hex(),
            snapshots=self._snapshots,
            problems=tuple(self._problems),
            notes=tuple(self._notes),
        )

    def _attempt(self, check: Callable[[], None], todo: str) -> None:
        try:
            with guarded(self._path, "verifying"):
                check()
        except IntegrityError as error:
            self._problems.append(Problem(str(error), todo))

    def _check_header(self) -> None:
        with self._path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
        self._problems += [Problem(f"the file header is damaged: {what}", RESTORE) for what in header_damage(header)]

    def _check_wal(self) -> None:
        wal = wal_of(self._path)
        report = scan_wal(wal)
        if (report.damaged or report.torn) and scan_wal(wal) != report:
            report = scan_wal(wal)  # the owner was writing; what stays is believed
        if report.damaged:
            self._problems.append(Problem(f"{wal}: {report.damaged}", RESTORE))
        elif report.torn and report.cut:
            self._notes.append(f"{wal}: {report.torn}; a crash cut it short, and the next start drops it")
        elif report.torn:
            todo = "after a power cut this is to be expected, and the next start drops it; otherwise check the disk"
            self._problems.append(Problem(f"{wal}: {report.torn}", todo))

    def _check_content(self, reader: SqliteReader) -> None:
        connection = reader.connection
        self._attempt(lambda: self._check_structure(connection), RESTORE)
        self._check_chain(reader)
        self._attempt(lambda: self._check_snapshots(connection), RESTORE)
        self._attempt(lambda: self._check_records(reader), RESTORE)
        self._attempt(lambda: self._check_projections(connection), REBUILD)

    def _check_structure(self, connection: sqlite3.Connection) -> None:
        found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(10)")]
        if found != ["ok"]:
            self._problems += [Problem(f"SQLite finds: {line}", RESTORE) for line in found]

    def _check_chain(self, reader: SqliteReader) -> None:
        try:
            for row in reader.rows():
                self._rows, self._head = row.seq, row.hash
        except IntegrityError as error:
            todo = f"rows up to {self._rows} are sound; {RESTORE}"
            self._problems.append(Problem(str(error), todo, seq=self._rows + 1))

    def _check_snapshots(self, connection: sqlite3.Connection) -> None:
        for found in read_snapshots(connection, SEQ_MAX):
            if isinstance(found, str):
                self._problems.append(Problem(found, REMAKE))
            else:
                self._snapshots += 1

    def _check_records(self, reader: SqliteReader) -> None:
        lease = reader.lease()
        if lease is None and self._rows == 0:
            return  # a start was cut short before anybody owned the bot
        if lease is None:
            raise IntegrityError(f"{self._path}: the journal names no owner, though it always has had one")
        bot = read_meta(reader.connection, self._path).get("bot")
        if bot != lease.bot:
            raise IntegrityError(f"{self._path}: the journal is of bot {bot!r}, its lease of bot {lease.bot!r}")

    def _check_projections(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN")
        until = projected_seq(connection)
        head = connection.execute("SELECT max(seq) FROM rows").fetchone()[0] or 0
        if not 0 <= until <= head:
            raise IntegrityError(f"the tables claim to be folded up to row {until}, but the journal ends at row {head}")
        chain_holds = all(problem.seq is None for problem in self._problems)
        if self._decode is not None and chain_holds:  # a fold of rows that cannot be trusted says nothing
            table = differing_table(connection, self._decode)
            if table is not None:
                raise IntegrityError(f"the projected table {table!r} is not what the rows give")
        connection.execute("COMMIT")


def header_damage(header: bytes) -> Iterator[str]:
    """
    Yield what is wrong with the first 100 bytes of a journal, beyond what SQLite itself refuses.

    SQLite ignores several of these fields, so a change in them would stay unseen.
    """
    if len(header) < _HEADER_BYTES:
        yield "it is shorter than 100 bytes"
        return
    if not header.startswith(b"SQLite format 3\0"):
        yield "it is not that of a SQLite file"
    if header[18:20] != b"\x02\x02":
        yield "the file is not in WAL mode"
    if header[20:24] != bytes((0, 64, 32, 32)):
        yield "the page layout is not ours"
    if header[24:28] != header[92:96]:
        yield "the change counter was not written by SQLite"
    if struct.unpack_from(">I", header, 44)[0] != 4 or header[56:60] != b"\0\0\0\x01":  # noqa: PLR2004 - format 4, UTF-8
        yield "the schema format or the text encoding is not ours"
    if any(header[48:56]) or any(header[64:68]) or any(header[72:92]):
        yield "a field that is always zero is not"
