"""
The journal as the loop sees it: a thread that owns the connection, or the same calls inline for simulations.

Waiting appends share one commit. Renewing the lease, folding projections and checkpointing happen on the same
thread, after the waiters were told, so that they never race with an append and never stand in its way for long.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final

from quarterdeck.domain import Bug, QuarterdeckError
from quarterdeck.journal.archive import archive_rows, history_seq, next_boundary, pack_segment
from quarterdeck.journal.lease import Lease, steady_ns
from quarterdeck.journal.projections import Projector
from quarterdeck.journal.segments import Segment
from quarterdeck.journal.sqlite import SqliteJournal
from quarterdeck.ports import Entry

GROUP_ENTRIES_MAX: Final = 1_024
LATER_ENTRIES_MAX: Final = 256
LATER_BYTES_MAX: Final = 1 << 20
QUIET_NS: Final = 20_000_000
BACKLOG_ROWS_MAX: Final = 512
PROJECT_ROWS: Final = 256

Failed = Callable[[QuarterdeckError], None]


class _Job:
    """Something for the thread to do, and the future of whoever waits for it."""

    __slots__ = ("action", "entries", "future")

    def __init__(
        self, future: asyncio.Future[int], entries: Sequence[Entry], action: Callable[[], object] | None
    ) -> None:
        self.future = future
        self.entries = entries
        self.action = action


class JournalWriter:
    """
    The journal of a running bot; fulfils `ports.Journal`.

    Made inside the event loop that uses it. `on_failure` is called on the loop, once, when the journal dies while
    nobody waits, as when the lease is lost between appends.
    """

    def __init__(
        self,
        journal: SqliteJournal,
        *,
        projector: Projector | None = None,
        clock: Callable[[], int] = steady_ns,
        on_failure: Failed | None = None,
    ) -> None:
        self._journal = journal
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._later: list[Entry] = []
        self._later_bytes = 0
        self._handed: asyncio.Future[int] | None = None
        self._next_seq = journal.head_seq + 1
        self._upkeep = _Upkeep(journal, projector, clock)
        self._on_failure = on_failure
        self._is_closed = False
        self._crash: Bug | None = None
        self._held: deque[_Job | None] = deque()  # taken from the queue, not begun; the thread's own
        self._thread = Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    @property
    def lease(self) -> Lease:
        """The lease as last renewed."""
        return self._journal.lease

    @property
    def failure(self) -> QuarterdeckError | None:
        """The error that ended the journal, None while it lives."""
        return self._journal.failure or self._crash

    @property
    def projection_failure(self) -> QuarterdeckError | None:
        """Why the projected tables are no longer kept up, None while they are."""
        return self._upkeep.projection_failure

    @property
    def anchor_failure(self) -> str:
        """Why the head could not be noted outside the file when that was last tried; empty where it could."""
        return self._journal.anchor_failure

    async def append(self, entries: Sequence[Entry]) -> int:
        """
        Write entries, after those that were left for later; durable on return.

        Returns:
            The number of the last row.

        Raises:
            NotOwner: If the lease went; nothing was written.
            IntegrityError: If the write failed.
        """
        return await self._hand_over(entries)

    async def append_later(self, entries: Sequence[Entry]) -> int:
        """
        Leave entries that ask for no action to a later commit; order is kept. Waits only where too many are waiting.

        Returns:
            The number that the last row will have.

        Raises:
            NotOwner, IntegrityError: If an earlier commit failed.
        """
        self._later.extend(entries)
        self._later_bytes += sum(len(entry.body) for entry in entries)
        seq = self._next_seq + len(self._later) - 1
        if len(self._later) >= LATER_ENTRIES_MAX or self._later_bytes >= LATER_BYTES_MAX:
            # One commit runs while the next one fills; the one before must be done, so memory stays bounded.
            handed, self._handed = self._handed, self._hand_over(())
            self._handed.add_done_callback(_seen)
            if handed is not None:
                await handed
        return seq

    async def flush(self) -> None:
        """
        Make durable whatever was left for later.

        Raises:
            NotOwner, IntegrityError: If a commit failed.
        """
        handed, self._handed = self._handed, None
        if self._later:
            await self._hand_over(())
        if handed is not None:
            await handed

    async def save_snapshot(self, seq: int, state_hash: bytes, body: bytes) -> None:
        """Keep a state, once every row before it is durable; see `SqliteJournal.save_snapshot`."""
        await self.flush()
        await self._submit((), lambda: self._journal.save_snapshot(seq, state_hash, body))

    async def catch_up(self) -> None:
        """Bring the projected tables up to the last row."""
        await self.flush()
        await self._submit((), self._upkeep.project_all)

    async def archive(self, before_ns: int, folder: Path | None = None) -> list[Segment]:
        """
        Move rows older than an instant of their own time into the archive, as far as a snapshot follows them.

        Segments are written by another process, while appends go on; what the thread itself does for each is one
        transaction of some milliseconds.

        Returns:
            The segments that were made, oldest first.

        Raises:
            NotOwner: If the lease went; the journal is dead.
            IntegrityError: If a segment could not be written or proved: its rows stay, and the journal lives on,
                unless its `failure` says otherwise.
        """
        await self.catch_up()
        path, done = self._journal.path, list[Segment]()
        while (last_seq := await asyncio.to_thread(next_boundary, path, before_ns)) is not None:
            segment = await asyncio.to_thread(pack_segment, path, last_seq, folder)
            history = await asyncio.to_thread(history_seq, path, before_ns, segment)
            await self._submit((), partial(self._journal.retire, segment, history))
            done.append(segment)
        return done

    async def release(self) -> None:
        """
        Give the bot up, so that the next owner need not wait; the tables are complete. Only `aclose` may follow.

        Raises:
            NotOwner, IntegrityError: If the lease had gone, or a write failed.
        """
        await self.catch_up()
        await self._submit((), self._journal.release)

    async def aclose(self) -> None:
        """Write what was left for later, fold the projections, close the file, end the thread."""
        if self._is_closed:
            return
        try:
            if self.failure is None and not self._journal.lease.released:
                await self.catch_up()
        finally:
            self._is_closed = True
            self._jobs.put(None)
            await asyncio.to_thread(self._thread.join)

    def _hand_over(self, entries: Sequence[Entry]) -> asyncio.Future[int]:
        if self._later:
            entries = [*self._later, *entries]
            self._later = []
            self._later_bytes = 0
        self._next_seq += len(entries)
        return self._submit(entries, None)

    def _submit(self, entries: Sequence[Entry], action: Callable[[], object] | None) -> asyncio.Future[int]:
        if self._is_closed:
            raise Bug("the journal was used after it was closed")
        future: asyncio.Future[int] = self._loop.create_future()
        self._jobs.put(_Job(future, entries, action))
        return future

    # What follows runs on the thread.

    def _run(self) -> None:
        try:
            self._serve()
        except Exception as error:  # noqa: BLE001 - the outermost loop of the thread: no waiter may hang
            self._crash = Bug(f"the thread of the journal ended: {error!r}")
            self._report(self._crash)
            while (job := self._held.popleft() if self._held else self._jobs.get()) is not None:
                self._tell([(job.future, error)])
        self._upkeep.close()
        self._journal.close()

    def _serve(self) -> None:
        while True:
            if not self._held:
                try:
                    self._held.append(self._jobs.get(timeout=self._upkeep.wait_s()))
                except Empty:
                    self._look_after(everything=True)
                    continue
            if self._held[0] is None:
                return
            self._look_after(everything=False)
            job = self._held.popleft()
            assert job is not None
            if job.action is not None:
                self._act(job, job.action)
            else:
                self._append(self._group(job))
            if self._upkeep.is_overdue():
                self._look_after(everything=True)

    def _group(self, first: _Job) -> list[_Job]:
        """Take every append that is waiting already, in order; a job of another sort ends the group."""
        group, count = [first], len(first.entries)
        while count < GROUP_ENTRIES_MAX:
            try:
                job = self._jobs.get_nowait()
            except Empty:
                break
            if job is None or job.action is not None:
                self._held.append(job)
                break
            group.append(job)
            count += len(job.entries)
        return group

    def _append(self, group: list[_Job]) -> None:
        entries = group[0].entries if len(group) == 1 else [entry for job in group for entry in job.entries]
        try:
            last = self._journal.append(entries)
        except Exception as error:  # noqa: BLE001 - the outermost loop of the thread: no waiter may hang
            self._tell([(job.future, error) for job in group])
            return
        self._upkeep.note_rows(len(entries))
        seq = last - len(entries)
        answers: list[tuple[asyncio.Future[int], int | Exception]] = []
        for job in group:
            seq += len(job.entries)
            answers.append((job.future, seq))
        self._tell(answers)

    def _act(self, job: _Job, action: Callable[[], object]) -> None:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - the outermost loop of the thread: no waiter may hang
            self._tell([(job.future, error)])
        else:
            self._tell([(job.future, 0)])

    def _look_after(self, *, everything: bool) -> None:
        """Renew the lease where it is time to; with time on hand, fold and checkpoint as well."""
        was_dead = self._journal.failure is not None
        self._upkeep.renew()
        if everything:
            self._upkeep.work()
        failure = self._journal.failure
        if failure is not None and not was_dead:
            self._report(failure)

    def _report(self, failure: QuarterdeckError) -> None:
        if self._on_failure is not None:
            with suppress(RuntimeError):  # the loop has ended: nobody is left to tell
                self._loop.call_soon_threadsafe(self._on_failure, failure)

    def _tell(self, answers: Sequence[tuple[asyncio.Future[int], int | Exception]]) -> None:
        with suppress(RuntimeError):  # the loop has ended: nobody waits
            self._loop.call_soon_threadsafe(_answer, answers)


class _Upkeep:
    """What the thread does between appends: renew, project, checkpoint. Failures of the journal stay in the journal."""

    def __init__(self, journal: SqliteJournal, projector: Projector | None, clock: Callable[[], int]) -> None:
        self._journal = journal
        self._projector = projector
        self._clock = clock
        self._backlog_rows = 1 if projector is not None else 0  # rows of an earlier session may be waiting

    @property
    def projection_failure(self) -> QuarterdeckError | None:
        return None if self._projector is None else self._projector.failure

    def note_rows(self, count: int) -> None:
        if self._projector is not None:
            self._backlog_rows += count

    def wait_s(self) -> float | None:
        """Say how long the thread may sleep; None until the next job."""
        if not self._is_ours():
            return None
        until_renewal_ns = max(0, self._journal.renew_due_ns() - self._clock())
        has_work = self._backlog_rows > 0 or self._journal.checkpoint_is_due()
        return (min(until_renewal_ns, QUIET_NS) if has_work else until_renewal_ns) / 1e9

    def is_overdue(self) -> bool:
        """Tell whether work was put off so long that it goes before the next append."""
        has_waited = self._backlog_rows >= BACKLOG_ROWS_MAX or self._journal.anchor_is_due()
        return has_waited or self._journal.checkpoint_is_due()

    def renew(self) -> None:
        if self._is_ours() and self._clock() >= self._journal.renew_due_ns():
            with suppress(QuarterdeckError):  # kept by the journal, which is dead from here on
                self._journal.renew()

    def work(self) -> None:
        if self._journal.anchor_is_due() and self._is_ours():
            self._journal.anchor()
        if self._backlog_rows > 0 and self._projector is not None:
            done = self._projector.step(PROJECT_ROWS)
            self._backlog_rows = self._backlog_rows - done if done == PROJECT_ROWS else 0
        if self._journal.checkpoint_is_due() and self._is_ours():
            with suppress(QuarterdeckError):  # as above
                self._journal.checkpoint()

    def project_all(self) -> None:
        while self._projector is not None and self._projector.step():
            pass
        self._backlog_rows = 0

    def close(self) -> None:
        if self._projector is not None:
            self._projector.close()

    def _is_ours(self) -> bool:
        return self._journal.failure is None and not self._journal.lease.released


class InlineJournal:
    """The same journal without a thread: every call does its work before it returns. For simulations and replays."""

    def __init__(self, journal: SqliteJournal, *, projector: Projector | None = None, clock: Callable[[], int]) -> None:
        self._journal = journal
        self._projector = projector
        self._clock = clock
        self._later: list[Entry] = []
        self._later_bytes = 0

    @property
    def lease(self) -> Lease:
        """The lease as last renewed."""
        return self._journal.lease

    @property
    def failure(self) -> QuarterdeckError | None:
        """The error that ended the journal, None while it lives."""
        return self._journal.failure

    def renew_if_due(self) -> None:
        """
        Renew the lease where it is time to; called by the simulation's own timer.

        Raises:
            NotOwner, IntegrityError: If it was lost, or the write failed.
        """
        if self._clock() >= self._journal.renew_due_ns():
            self._journal.renew()

    async def append(self, entries: Sequence[Entry]) -> int:
        """Write entries, after those that were left for later; see `JournalWriter.append`."""
        entries = [*self._later, *entries]
        self._later = []
        self._later_bytes = 0
        seq = self._journal.append(entries)
        if self._journal.anchor_is_due():
            self._journal.anchor()
        if self._journal.checkpoint_is_due():
            self._journal.checkpoint()
        return seq

    async def append_later(self, entries: Sequence[Entry]) -> int:
        """Leave entries to a later commit, in order; see `JournalWriter.append_later`."""
        self._later.extend(entries)
        self._later_bytes += sum(len(entry.body) for entry in entries)
        seq = self._journal.head_seq + len(self._later)
        if len(self._later) >= LATER_ENTRIES_MAX or self._later_bytes >= LATER_BYTES_MAX:
            await self.append(())
        return seq

    async def flush(self) -> None:
        """Make durable whatever was left for later."""
        if self._later:
            await self.append(())

    async def save_snapshot(self, seq: int, state_hash: bytes, body: bytes) -> None:
        """Keep a state; see `SqliteJournal.save_snapshot`."""
        await self.flush()
        self._journal.save_snapshot(seq, state_hash, body)

    async def catch_up(self) -> None:
        """Bring the projected tables up to the last row."""
        await self.flush()
        while self._projector is not None and self._projector.step():
            pass

    async def archive(self, before_ns: int, folder: Path | None = None) -> list[Segment]:
        """Move old rows into the archive; see `JournalWriter.archive`."""
        await self.catch_up()
        return archive_rows(self._journal, before_ns, folder)

    async def release(self) -> None:
        """Give the bot up; only `aclose` may follow."""
        await self.catch_up()
        self._journal.release()

    async def aclose(self) -> None:
        """Write what was left for later, fold the projections, close the file."""
        try:
            if self._journal.failure is None and not self._journal.lease.released:
                await self.catch_up()
        finally:
            if self._projector is not None:
                self._projector.close()
            self._journal.close()


def _seen(future: asyncio.Future[int]) -> None:
    """Take note of a failure that every later call raises as well, so that asyncio does not report it as lost."""
    if not future.cancelled():
        future.exception()


def _answer(answers: Sequence[tuple[asyncio.Future[int], int | Exception]]) -> None:
    for future, outcome in answers:
        if future.cancelled():
            continue  # whoever waited has gone; the rows stand all the same
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
