"""
Letting old rows leave the journal for the archive: A-40 keeps seven days of them at hand, A-37 thirty of history.

Another process writes a segment and proves it; only then, in one transaction that checks the lease, do its rows leave
the file. What a crash leaves in between is a segment that the journal does not know: it is put aside, never deleted.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace

from quarterdeck.domain import DAY_NS, IntegrityError
from quarterdeck.journal.database import guarded
from quarterdeck.journal.projections import projected_seq
from quarterdeck.journal.reader import SqliteReader
from quarterdeck.journal.segments import Packed, Segment, default_archive
from quarterdeck.journal.snapshots import snapshots_before
from quarterdeck.journal.sqlite import SqliteJournal

KEPT_NS: Final = 7 * DAY_NS
HISTORY_NS: Final = 30 * DAY_NS
SEGMENT_ROWS_MAX: Final = 20_000

_PACK: Final = "quarterdeck.journal.pack"
_PACK_TIMEOUT_S: Final = 900.0
_SAID_WHY: Final = 2


def archive_rows(journal: SqliteJournal, before_ns: int, archive: Path | None = None) -> list[Segment]:
    """
    Move rows older than an instant into the archive, as far as a snapshot follows them.

    The tables must be folded that far. The last row always stays.

    Args:
        journal: The journal, ours.
        before_ns: By the rows' own time, UTC.
        archive: The folder of the archive; `archive/BOT` of the workspace if None.

    Returns:
        The segments that were made, oldest first.

    Raises:
        NotOwner: If the lease went.
        IntegrityError: If a segment could not be written or proved; its rows stay where they are.
    """
    done: list[Segment] = []
    while (last_seq := next_boundary(journal.path, before_ns)) is not None:
        done.append(pack_segment(journal.path, last_seq, archive))
        journal.retire(done[-1], history_seq(journal.path, before_ns, done[-1]))
    return done


def next_boundary(journal: Path, before_ns: int) -> int | None:
    """
    Choose the last row of the next segment: old enough, followed by a sound snapshot, not too far from the first.

    Raises:
        IntegrityError: If the journal cannot be read, or its tables are not folded that far.
    """
    with SqliteReader(journal) as reader, guarded(journal, "choosing what to archive"):
        base, (head, _) = reader.base(), reader.head()
        found = [seq for seq in snapshots_before(reader.connection, before_ns) if base.seq < seq < head]
        sound = [seq for seq in found if (kept := reader.latest_snapshot(seq)) is not None and kept.seq == seq]
        near = [seq for seq in sound if seq <= base.seq + SEGMENT_ROWS_MAX]
        chosen = max(near) if near else min(sound, default=None)
        if chosen is not None and projected_seq(reader.connection) < chosen:
            raise IntegrityError(f"{journal}: the tables are not folded up to row {chosen}; nothing can be archived")
    return chosen


def history_seq(journal: Path, before_ns: int, newest: Segment) -> int:
    """Give the last row whose fills and ended orders are history when the rows before an instant leave."""
    old_ns = before_ns - (HISTORY_NS - KEPT_NS)
    with SqliteReader(journal) as reader, guarded(journal, "looking how far history reaches back"):
        archived = [segment.last_seq for segment in reader.segments() if segment.last_at_ns < old_ns]
        query = "SELECT max(seq) FROM rows WHERE at_ns < ? AND seq <= ?"
        found = reader.connection.execute(query, (old_ns, newest.last_seq)).fetchone()[0]
    return found or max(archived, default=0)


def pack_segment(journal: Path, last_seq: int, archive: Path | None = None) -> Segment:
    """
    Write the rows of a journal up to a row as a segment, in another process; the journal itself is only read.

    Raises:
        IntegrityError: If it could not be written or proved.
    """
    archive = archive or default_archive(journal)
    beside = archive / f".packing-{last_seq}-{os.getpid()}"
    try:
        archive.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in archive.glob(".packing-*"):  # by a process that was killed; one that still writes there must fail
            shutil.rmtree(left, ignore_errors=True)
        beside.mkdir(mode=0o700)
        segment = _packed(journal, last_seq, beside)
        target = archive / f"{segment.first_seq:012d}-{segment.last_seq:012d}"
        _put_aside(target)
        beside.rename(target)
        _sync_folder(archive)
    except OSError as error:
        raise IntegrityError(f"{archive}: cannot be written: {error}; free space or mend its rights") from error
    return replace(segment, place=os.path.relpath(target.absolute(), journal.parent.absolute()))


def _packed(journal: Path, last_seq: int, folder: Path) -> Segment:
    # -P: a file called duckdb.py in the user's folder must not be taken for the real one.
    command = [sys.executable, "-P", "-m", _PACK, str(journal.absolute()), str(last_seq), str(folder.absolute())]
    try:
        done = subprocess.run(  # noqa: S603 - our own program, and no shell
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PACK_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise IntegrityError(f"{folder}: writing the segment took too long: {error}") from error
    try:
        packed = msgspec.json.decode(done.stdout, type=Packed)
    except msgspec.MsgspecError as error:
        said = (done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
        raise IntegrityError(f"{folder}: its writer ended with status {done.returncode} ({said})") from error
    if packed.segment is None:
        raise IntegrityError(f"{folder}: the rows up to {last_seq} could not be archived: {packed.problem}")
    return packed.segment


def _put_aside(target: Path) -> None:
    """Move a segment that the journal does not know out of the way; it may hold the rows of a lost journal."""
    if target.exists():
        asides = (target.with_name(f"{target.name}.unknown-{number}") for number in count(1))
        target.rename(next(aside for aside in asides if not aside.exists()))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
