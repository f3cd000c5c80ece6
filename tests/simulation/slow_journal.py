"""The journal of a simulated process: commits take their time, crashes fall beside them, and disks fail."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import NamedTuple

from quarterdeck.domain import IntegrityError, QuarterdeckError
from quarterdeck.journal import InlineJournal, SqliteJournal
from quarterdeck.ports import Entry
from tests.simulation.disk import Disk
from tests.simulation.virtual_time import Process

FAILURES = ("full", "short write", "sync failed")


class DiskFailed(IntegrityError):
    """The disk of a world failed on purpose; the session ends, and the next one finds a sound disk."""


class Machine(NamedTuple):
    """Chance, and how long a commit takes at most."""

    rng: Random
    commit_s: float


class SlowJournal:
    """The journal in the process, with the time that a commit takes and the places where a crash may fall."""

    def __init__(
        self,
        file: SqliteJournal,
        inline: InlineJournal,
        process: Process,
        disk: Disk,
        machine: Machine,
        failed: Callable[[Process], None],
    ) -> None:
        self._file = file
        self._journal = inline
        self._process = process
        self._rng = machine.rng
        self._commit_s = machine.commit_s
        self._disk = disk
        self._failed = failed
        self._death: QuarterdeckError | None = None

    async def append(self, entries: Sequence[Entry]) -> int:
        """Commit, sooner or later; or fail, and for good."""
        if self._death is not None:
            raise self._death
        await self._process.pass_by("before commit")
        await asyncio.sleep(self._commit_s * self._rng.random())
        failure = self._disk.take_failure()
        if failure and failure != "sync failed":  # nothing of the transaction stands in the file
            self._die(failure)
        if self._process.springs("torn commit"):
            self._disk.tear(partial(self._file.append, entries))
            await self._process.end_at("torn commit")
        seq = await self._journal.append(entries)
        if failure:  # it stands there, though nobody could be told
            self._die(failure)
        await self._process.pass_by("after commit")
        await asyncio.sleep(self._commit_s * self._rng.random())
        return seq

    async def append_later(self, entries: Sequence[Entry]) -> int:
        """Commit at once all the same."""
        return await self.append(entries)

    async def save_snapshot(self, seq: int, state_hash: bytes, body: bytes) -> None:
        """Keep a state."""
        if self._death is None:
            await self._journal.save_snapshot(seq, state_hash, body)

    def _die(self, failure: str) -> None:
        self._death = DiskFailed(f"the disk failed: {failure}")
        self._failed(self._process)
        raise self._death
