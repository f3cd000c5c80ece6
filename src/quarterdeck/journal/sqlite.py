"""The synchronous core of the journal: one connection that appends, and the lease under which it may."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Literal, NoReturn

from msgspec import Struct

from quarterdeck.domain import IntegrityError, NotOwner, QuarterdeckError, ensure
from quarterdeck.journal.anchors import Anchors
from quarterdeck.journal.chain import StoredRow, chain, link
from quarterdeck.journal.database import (
    FAULTS,
    LOCK_TIMEOUT_MS,
    PAGE_BYTES,
    connect,
    create_private,
    explained,
    transaction,
    wal_of,
)
from quarterdeck.journal.lease import (
    LEASE_NS,
    RENEW_NS,
    Holder,
    Lease,
    check_held,
    given_up,
    read_lease,
    renewed,
    steady_ns,
    taken,
    write_lease,
)
from quarterdeck.journal.places import Places
from quarterdeck.journal.projections import HISTORY_AFTER, history_after, shed
from quarterdeck.journal.schema import bring_up, ensure_schema, write_meta
from quarterdeck.journal.segments import Segment, read_base, write_segment
from quarterdeck.journal.snapshots import drop_snapshots, write_snapshot
from quarterdeck.journal.wal import cut_torn_tail, scan_wal
from quarterdeck.ports import Entry

BODY_BYTES_MAX: Final = 1 << 20

_INSERT: Final = "INSERT INTO rows VALUES (?, ?, ?, ?, ?)"
_GUARD: Final = "SELECT epoch, until_boot_ns, released, (SELECT max(seq) FROM rows) FROM lease"


class JournalSettings(Struct, frozen=True):
    """
    How a journal is written.

    `synchronous` OFF is for simulations, which model durability themselves. `checkpoint_bytes` is how much the WAL
    may hold before it is worked into the database file at the next quiet moment.
    """

    synchronous: Literal["FULL", "OFF"] = "FULL"
    lock_timeout_ms: int = LOCK_TIMEOUT_MS
    lease_ns: int = LEASE_NS
    renew_ns: int = RENEW_NS
    checkpoint_bytes: int = 4 << 20


class SqliteJournal:
    """
    The journal of one bot, held by this process; used from one thread at a time.

    After any failure it is dead: every later write raises the same error, and the process must end. A failed append
    may still be found by the next process, whole or not at all, as with any order that may have been sent.
    """

    def __init__(
        self,
        path: Path,
        bot: str,
        holder: Holder,
        *,
        settings: JournalSettings | None = None,
        clock: Callable[[], int] = steady_ns,
        gone_epoch: int | None = None,
    ) -> None:
        """
        Open the journal, creating it if need be, and take the bot over under a new epoch.

        Args:
            path: The file; its folder must exist.
            bot: Whose journal it is; that of another bot is refused.
            holder: Who we are.
            settings: How to write.
            clock: The boot clock, in nanoseconds.
            gone_epoch: The caller holds proof that the process of this machine which owned the bot under this epoch
                is dead, so that its lease need not be waited for.

        Raises:
            NotOwner: If another process owns the bot; the message names it.
            IntegrityError: If the file cannot be opened, is damaged, or is not ours.
        """
        self.path = path
        self.settings = settings or JournalSettings()
        self._clock = clock
        self._death: QuarterdeckError | None = None
        self._wal_bytes = 0
        self._head_at_ns = 0
        with _opening(path):
            _refuse_damaged_wal(path)
            create_private(path)
            self._connection = connect(
                path, synchronous=self.settings.synchronous, lock_timeout_ms=self.settings.lock_timeout_ms
            )
        try:
            with _opening(path):
                ensure_schema(self._connection, path, bot)
                # So that our first write starts a new round of the WAL, free of what a crash left at its end.
                self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
                self._lease = self._acquire(bot, holder, gone_epoch)
                bring_up(self._connection, path)
                self.head_seq, self.head_hash = self._read_head()
                self._places = Places(path.parent, (path, wal_of(path)))
            self._anchors = Anchors(path, is_synced=self.settings.synchronous == "FULL")
        except BaseException:
            self._connection.close()
            raise

    @property
    def lease(self) -> Lease:
        """The lease as last written; `until_boot_ns` is its end on the boot clock."""
        return self._lease

    @property
    def failure(self) -> QuarterdeckError | None:
        """The error that ended this journal, None while it lives."""
        return self._death

    def append(self, entries: Sequence[Entry]) -> int:
        """
        Write entries in one transaction that also checks the lease; on return they are durable.

        Args:
            entries: At least one. All of them are written, or none.

        Returns:
            The number of the last row.

        Raises:
            NotOwner: If the lease went; nothing was written.
            IntegrityError: If the write failed.
        """
        self._check_alive()
        ensure(bool(entries), "an append needs at least one entry")
        ensure(all(len(entry.body) <= BODY_BYTES_MAX for entry in entries), "a journal row is larger than 1 MiB")
        rows = chain(self.head_hash, self.head_seq, entries)
        try:
            self._write(rows)
        except NotOwner as error:
            self._die(error)
        except FAULTS as error:
            self._die(explained(self.path, "appending", error), error)
        except IntegrityError as error:
            self._die(error)
        self.head_seq, self.head_hash = rows[-1][0], rows[-1][4]
        self._head_at_ns = rows[-1][1]
        self._wal_bytes += sum(len(row[3]) + PAGE_BYTES for row in rows)
        return self.head_seq

    def save_snapshot(self, seq: int, state_hash: bytes, body: bytes) -> None:
        """
        Keep the state folded from the rows up to `seq`, bound to the chain at that row.

        Args:
            seq: A row that exists.
            state_hash: What the fold must give, by the caller's own hash.
            body: The encoded state.

        Raises:
            NotOwner: If the lease went.
            IntegrityError: If the write failed.
        """
        self._change(lambda: write_snapshot(self._connection, seq, state_hash, body), "saving a snapshot")

    def renew(self) -> Lease:
        """
        Move the end of our lease on to the full length from now.

        Raises:
            NotOwner: If it had gone already.
            IntegrityError: If the write failed.
        """
        lease = renewed(self._lease, self._clock() + self.settings.lease_ns)
        self._change(lambda: write_lease(self._connection, lease), "renewing the lease")
        self._lease = lease
        return lease

    def renew_due_ns(self) -> int:
        """Say at which instant of the boot clock the lease should be renewed."""
        return self._lease.until_boot_ns - self.settings.lease_ns + self.settings.renew_ns

    def release(self) -> None:
        """
        Give the bot up, so that the next owner need not wait. Nothing can be appended afterwards.

        Raises:
            NotOwner: If it had gone already.
            IntegrityError: If the write failed.
        """
        self.anchor()
        lease = given_up(self._lease)
        self._change(lambda: write_lease(self._connection, lease), "releasing the lease")
        self._lease = lease

    def retire(self, segment: Segment, history_seq: int) -> None:
        """
        Let rows go that a segment of the archive holds, in one transaction: the chain begins after them from then on.

        Args:
            segment: Written and proved; it begins where the rows of the file do, and a snapshot follows its last row.
            history_seq: Up to this row, fills and ended orders leave the tables.

        Raises:
            Bug: If the segment does not fit, or the tables are not folded that far; nothing was changed.
            NotOwner: If the lease went.
            IntegrityError: If the write failed.
        """
        base = read_base(self._connection)
        fits = (segment.first_seq, segment.prev) == (base.seq + 1, base.hash) and segment.last_seq < self.head_seq
        ensure(fits, f"the segment up to row {segment.last_seq} does not follow row {base.seq}, or leaves no row")
        self._change(lambda: self._retire(segment, history_seq), "letting archived rows go")
        self._wal_bytes = max(self._wal_bytes, self.settings.checkpoint_bytes)  # it holds every page that was emptied

    def _retire(self, segment: Segment, history_seq: int) -> None:
        execute = self._connection.execute
        found = execute(
            "SELECT r.hash, s.chain_hash, p.seq FROM rows r JOIN snapshots s ON s.seq = r.seq, projected p "
            "WHERE r.seq = ?",
            (segment.last_seq,),
        ).fetchone()
        is_ready = found is not None and found[:2] == (segment.hash, segment.hash) and found[2] >= segment.last_seq
        if not is_ready:
            raise IntegrityError(
                f"{self.path}: row {segment.last_seq} is not what was archived, no snapshot follows it, or the tables "
                "are not folded that far; run `quarterdeck journal verify`"
            )
        history_seq = max(min(history_seq, segment.last_seq), history_after(self._connection, self.path))
        write_segment(self._connection, segment)
        drop_snapshots(self._connection, segment.last_seq)
        shed(self._connection, segment.last_seq, history_seq)
        write_meta(self._connection, HISTORY_AFTER, str(history_seq))
        execute("DELETE FROM rows WHERE seq <= ?", (segment.last_seq,))

    def anchor_is_due(self) -> bool:
        """Tell whether a full hour of the rows' own time went by since the head was last noted outside the file."""
        return 0 < self._head_at_ns >= self._anchors.due_ns

    @property
    def anchor_failure(self) -> str:
        """Why the head could not be noted outside the file when that was last tried; empty where it could."""
        return self._anchors.failure

    def anchor(self) -> None:
        """Note the head outside the file. One that cannot be written stops nobody; `anchor_failure` says so."""
        if self._head_at_ns:
            self._anchors.note(self.head_seq, self.head_hash, self._head_at_ns)

    def checkpoint_is_due(self) -> bool:
        """Tell whether the WAL holds more than it should."""
        return self._wal_bytes >= self.settings.checkpoint_bytes

    def checkpoint(self) -> None:
        """
        Work the WAL into the database file as far as readers allow; for quiet moments.

        Raises:
            IntegrityError: If it failed.
        """
        self._check_alive()
        try:
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        except FAULTS as error:
            self._die(explained(self.path, "checkpointing", error), error)
        self._wal_bytes = 0

    def close(self) -> None:
        """Close the file. The lease stays as it is: release it first where another process should follow at once."""
        self._death = self._death or IntegrityError(f"{self.path}: the journal is closed")
        # A close that cannot checkpoint loses nothing: what was acknowledged is in the WAL.
        with suppress(sqlite3.Error):
            self._connection.close()

    def _acquire(self, bot: str, holder: Holder, gone_epoch: int | None) -> Lease:
        with transaction(self._connection):
            cut_torn_tail(wal_of(self.path))  # nobody writes while we hold the lock
            now_ns = self._clock()
            claim = Lease(bot, 0, holder.pid, holder.host, holder.boot_id, now_ns + self.settings.lease_ns)
            found = read_lease(self._connection)
            lease = taken(found, claim, now_ns, gone_epoch=gone_epoch)
            write_lease(self._connection, lease)
        return lease

    def _read_head(self) -> tuple[int, bytes]:
        rows = self._connection.execute(
            "SELECT seq, at_ns, kind, body, hash FROM rows ORDER BY seq DESC LIMIT 2"
        ).fetchall()
        base = read_base(self._connection)
        if not rows:
            return base.seq, base.hash
        seq, at_ns, kind, body, found = rows[0]
        prev_seq, prev = (rows[1][0], rows[1][4]) if len(rows) > 1 else (base.seq, base.hash)
        typed = isinstance(at_ns, int) and isinstance(kind, str) and isinstance(body, bytes) and isinstance(prev, bytes)
        follows = typed and seq == prev_seq + 1 and len(prev) == len(base.hash)
        if not (follows and found == link(prev, seq, Entry(at_ns, kind, body))):
            raise IntegrityError(
                f"{self.path}: the last row ({seq}) does not follow from the one before it; run `quarterdeck journal "
                "verify` and restore the file from a backup"
            )
        return seq, found

    def _write(self, rows: list[StoredRow]) -> None:
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        self._check_guard(execute(_GUARD).fetchone())
        if len(rows) == 1:
            execute(_INSERT, rows[0])
        else:
            self._connection.executemany(_INSERT, rows)
        execute("COMMIT")
        self._places.check()

    def _check_guard(self, found: tuple[int, int, int, int | None] | None) -> None:
        """Make sure, inside the transaction, that lease and head are as we left them: four numbers, one read."""
        ours = self._lease
        if found is not None and found[:3] == (ours.epoch, ours.until_boot_ns, 0) and self._clock() < found[1]:
            if (found[3] or 0) != self.head_seq:
                raise IntegrityError(
                    f"{self.path}: another process wrote to the journal: it ends at row {found[3]}, we left it at "
                    f"{self.head_seq}; find and end that process, then run `quarterdeck journal verify`"
                )
            return
        check_held(read_lease(self._connection), ours, self._clock())
        raise IntegrityError(f"{self.path}: another process changed our lease; end it, then start the bot again")

    def _change(self, write: Callable[[], object], doing: str) -> None:
        """Make one change besides an append, under the same checks."""
        self._check_alive()
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._check_guard(self._connection.execute(_GUARD).fetchone())
            write()
            self._connection.execute("COMMIT")
            self._places.check()
        except (NotOwner, IntegrityError) as error:
            self._die(error)
        except FAULTS as error:
            self._die(explained(self.path, doing, error), error)

    def _check_alive(self) -> None:
        if self._death is not None:
            raise self._death

    def _die(self, error: QuarterdeckError, cause: Exception | None = None) -> NoReturn:
        self._roll_back()
        self._death = error
        raise error from cause

    def _roll_back(self) -> None:
        with suppress(sqlite3.Error):
            self._connection.execute("ROLLBACK")


@contextmanager
def _opening(path: Path) -> Iterator[None]:
    """As `guarded`; but a file that stays locked is in use, be it by an owner stopped in the middle of a write."""
    try:
        yield
    except FAULTS as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
            raise NotOwner(f"{path}: another process is writing to it and does not end; stop that process") from error
        raise explained(path, "opening", error) from error


def _refuse_damaged_wal(path: Path) -> None:
    """Refuse a file from whose WAL SQLite would silently forget acknowledged rows."""
    wal = wal_of(path)
    report = scan_wal(wal)
    # An owner that is writing may be seen in the middle of a frame; damage stays.
    if report.damaged and scan_wal(wal) == report:
        raise IntegrityError(
            f"{wal}: {report.damaged}; acknowledged rows would be lost. Keep a copy of the folder, restore the file "
            "from a backup, or read what is left with `quarterdeck journal export`"
        )
