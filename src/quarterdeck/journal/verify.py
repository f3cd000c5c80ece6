"""
Prove that a journal is what was written, byte for byte as far as bytes carry meaning.

Covered: the header of the file, the schema, what SQLite's own integrity check sees (the structure of every page),
the chain over all rows, those of the archive first, with every file of its segments; the seals of snapshots, lease,
meta and segments, the projected tables (folded again and compared), the frames of the WAL, and the heads that were
noted outside the file (`anchors`); a file without any is sound too, as a lone copy has none: that is a note. Not
covered: bytes that carry nothing, namely the unused space within and between pages, the counters in the file header
that SQLite keeps for its caches, and frames of earlier rounds of the WAL; a change there alters no row, snapshot,
lease or table.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from quarterdeck.domain import ConfigError, IntegrityError
from quarterdeck.journal.anchors import Anchor, anchors_of, read_anchors
from quarterdeck.journal.archived import segment_rows
from quarterdeck.journal.body import decode_facts
from quarterdeck.journal.chain import GENESIS
from quarterdeck.journal.database import guarded, wal_of
from quarterdeck.journal.header import HEADER_BYTES, header_damage
from quarterdeck.journal.projections import (
    Folder,
    differing_table,
    fold_beside,
    history_after,
    projected_seq,
)
from quarterdeck.journal.reader import SEQ_MAX, SqliteReader
from quarterdeck.journal.schema import FORMAT_VERSION, read_meta
from quarterdeck.journal.segments import MANIFEST, Manifest, Segment
from quarterdeck.journal.snapshots import read_snapshots
from quarterdeck.journal.wal import scan_wal

RESTORE: Final = "keep a copy of the folder and restore the journal from a backup"
REBUILD: Final = "rebuild the projections; the rows themselves are sound"
ARCHIVE: Final = "restore this folder of the archive from a backup; the rows of the journal itself are sound without"
LOST: Final = "rows that were durable are lost or exchanged: restore a backup, and find out who wrote to the file"
REMAKE: Final = "nothing is lost: states are folded from an earlier snapshot; a new one replaces it"


class Problem(Struct, frozen=True):
    """Something that is not as it was written; `seq` is the first row concerned, where it is known."""

    what: str
    todo: str
    seq: int | None = None


class VerifyReport(Struct, frozen=True):
    """
    What a verification found: the sound part of the chain, the problems, and notes that are no problems.

    Of `rows`, `archived` are in the archive; `anchors` heads noted outside agree with the chain.
    """

    path: str
    rows: int
    head_hash: str
    snapshots: int
    problems: tuple[Problem, ...]
    notes: tuple[str, ...] = ()
    archived: int = 0
    anchors: int = 0

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
        self._archived = 0
        self._anchored: dict[int, Anchor] = {}
        self._agreeing = 0

    def run(self) -> VerifyReport:
        self._attempt(self._check_header, RESTORE)
        self._attempt(self._check_wal, RESTORE)
        try:
            with SqliteReader(self._path) as reader:
                self._check_content(reader)
        except (ConfigError, IntegrityError) as error:
            self._problems.append(Problem(str(error), RESTORE))
        return VerifyReport(
            path=str(self._path),
            rows=self._rows,
            head_hash=self._head.hex(),
            snapshots=self._snapshots,
            problems=tuple(self._problems),
            notes=tuple(self._notes),
            archived=self._archived,
            anchors=self._agreeing,
        )

    def _attempt(self, check: Callable[[], None], todo: str) -> None:
        try:
            with guarded(self._path, "verifying"):
                check()
        except IntegrityError as error:
            self._problems.append(Problem(str(error), todo))

    def _check_header(self) -> None:
        with self._path.open("rb") as file:
            header = file.read(HEADER_BYTES)
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
        found = read_anchors(self._path)
        self._anchored = {anchor.seq: anchor for anchor in found.anchors}
        self._attempt(lambda: self._check_archive(reader), RESTORE)
        self._check_chain(reader)
        self._check_anchors(is_there=found.is_there, unreadable=found.unreadable)
        self._attempt(lambda: self._check_snapshots(connection), RESTORE)
        self._attempt(lambda: self._check_records(reader), RESTORE)
        self._attempt(lambda: self._check_projections(reader), REBUILD)

    def _check_structure(self, connection: sqlite3.Connection) -> None:
        found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(10)")]
        if found != ["ok"]:
            self._problems += [Problem(f"SQLite finds: {line}", RESTORE) for line in found]

    def _check_archive(self, reader: SqliteReader) -> None:
        for segment in reader.segments():
            try:
                check_segment(self._path, segment)
                for row in segment_rows(self._path, segment):
                    self._meet(row.seq, row.hash)
            except (IntegrityError, OSError) as error:
                self._problems.append(Problem(str(error), ARCHIVE, seq=segment.first_seq))
            self._archived = self._rows = segment.last_seq
            self._head = segment.hash

    def _check_chain(self, reader: SqliteReader) -> None:
        try:
            for row in reader.rows(reader.base().seq):
                self._rows, self._head = row.seq, row.hash
                self._meet(row.seq, row.hash)
        except IntegrityError as error:
            todo = f"rows up to {self._rows} are sound; {RESTORE}"
            self._problems.append(Problem(str(error), todo, seq=self._rows + 1))

    def _meet(self, seq: int, mark: bytes) -> None:
        """Compare a row with the head that was noted when it was the last."""
        anchor = self._anchored.get(seq)
        if anchor is not None and anchor.hash == mark.hex():
            self._agreeing += 1
        elif anchor is not None:
            self._problems.append(Problem(f"row {seq} is not the one that {anchors_of(self._path)} names", LOST, seq))

    def _check_anchors(self, *, is_there: bool, unreadable: int) -> None:
        place = anchors_of(self._path)
        if not is_there and self._rows:
            self._notes.append(f"{place} is not there: nothing outside the file speaks for its last rows")
        if unreadable:
            self._notes.append(f"{place}: {unreadable} lines are no anchors; a crash may cut a line short")
        chain_holds = all(problem.seq is None for problem in self._problems)
        gone = [seq for seq in self._anchored if seq > self._rows]
        if chain_holds and gone:
            what = f"the journal ends at row {self._rows}, but {place} names row {max(gone)}"
            self._problems.append(Problem(what, LOST, seq=self._rows + 1))

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

    def _check_projections(self, reader: SqliteReader) -> None:
        if reader.format < FORMAT_VERSION:
            self._notes.append(f"the file has format {reader.format}; the next start of the bot folds its tables anew")
            return
        connection = reader.connection
        connection.execute("BEGIN")
        until = projected_seq(connection)
        head, _ = reader.head()
        if not 0 <= until <= head:
            raise IntegrityError(f"the tables claim to be folded up to row {until}, but the journal ends at row {head}")
        chain_holds = all(problem.seq is None for problem in self._problems)
        base, history = reader.base(), history_after(connection, self._path)
        # A fold of rows that cannot be trusted says nothing, nor does one that is being made anew.
        if self._decode is not None and chain_holds and until >= base.seq:
            rows = ((row.seq, row.kind, row.body) for row in reader.rows(0, until))
            again = fold_beside(rows, self._decode, base.seq, history)
            try:
                table = differing_table(connection, again)
            finally:
                again.close()
            if table is not None:
                raise IntegrityError(f"the projected table {table!r} is not what the rows give")
        connection.execute("COMMIT")


def check_segment(journal: Path, segment: Segment) -> None:
    """
    Compare the files of a segment with its manifest, and that with what the journal knows of it.

    Raises:
        IntegrityError: If a file is missing or is not the one that was written.
    """
    place = segment.folder(journal)
    with guarded(place, "reading the archive"):
        raw = (place / MANIFEST).read_bytes()
        if sha256(raw).hexdigest() != segment.manifest_hash:
            raise IntegrityError(f"{place / MANIFEST}: is not the manifest that was written")
        manifest = msgspec.json.decode(raw, type=Manifest)
        for name, noted in manifest.files.items():
            if sha256((place / name).read_bytes()).hexdigest() != noted.sha256:
                raise IntegrityError(f"{place / name}: is not the file that was written")
