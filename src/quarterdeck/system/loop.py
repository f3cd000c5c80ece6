"""
The loop: waiting inputs → decide and apply → one durable commit → acts. In that order, always.

State may run ahead of the disk, acts may not: nothing is sent before the facts that decided it are durable. A commit
that fails ends the process, and with it the state that ran ahead.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from quarterdeck.domain import DayClosed, Fact, Input, Surroundings
from quarterdeck.engine import READS_MARKET, ShellAct, State, acts_of, encode_state, state_hash, step
from quarterdeck.journal import encode_body
from quarterdeck.ports import Entry

BATCH_MAX: Final = 64
SNAPSHOT_ROWS: Final = 20_000


class Happening(Struct, frozen=True):
    """One input and what it brought about, told to watchers after the commit. `state` is the live one: look only."""

    seq: int
    news: Input
    facts: list[Fact]
    state: State


Watch = Callable[[Happening], None]


class LoopJournal(Protocol):
    """What the loop asks of a journal: the port, commits that may be shared, and snapshots."""

    async def append(self, entries: Sequence[Entry]) -> int:
        """Append durably."""
        ...

    async def append_later(self, entries: Sequence[Entry]) -> int:
        """Append with a later commit."""
        ...

    async def save_snapshot(self, seq: int, state_hash: bytes, body: bytes) -> None:
        """Keep a state."""
        ...


class Wiring(Struct, frozen=True):
    """
    What the loop is wired to.

    `surroundings` digests the market at the instant of a decision; `shares_commits` lets rows that ask for no action
    wait for a later commit, for replays at full speed; `snapshot_rows` apart, a state is kept.
    """

    journal: LoopJournal
    surroundings: Callable[[], Surroundings]
    act: Callable[[ShellAct], None]
    watch: Watch
    shares_commits: bool = False
    snapshot_rows: int = SNAPSHOT_ROWS


class Loop:
    """One bot's loop; used from one asyncio task at a time."""

    def __init__(self, state: State, head_seq: int, wiring: Wiring) -> None:
        self.state = state
        self.seq = head_seq
        self._wiring = wiring
        self._inputs: deque[Input] = deque()
        self._snapshot_seq = head_seq
        self._waiter: asyncio.Future[None] | None = None
        self._is_nudged = False

    def offer(self, news: Input) -> None:
        """Queue an input; it is decided in the order of arrival."""
        self._inputs.append(news)
        if self._waiter is not None:
            _wake(self._waiter)

    @property
    def has_news(self) -> bool:
        """Tell whether an input waits."""
        return bool(self._inputs)

    def nudge(self) -> None:
        """End this wait for news, or the next one: something outside is worth a look."""
        self._is_nudged = True
        if self._waiter is not None:
            _wake(self._waiter)

    async def wait_for_news(self, timeout_s: float | None) -> None:
        """Wait until an input arrives or somebody nudges, or for so long. Only one may wait."""
        was_nudged, self._is_nudged = self._is_nudged, False
        if self._inputs or was_nudged:
            return
        running = asyncio.get_running_loop()
        self._waiter = waiter = running.create_future()  # a task for each wait would cost more than most inputs do
        timer = None if timeout_s is None else running.call_later(timeout_s, _wake, waiter)
        try:
            await waiter
        finally:
            self._waiter = None
            self._is_nudged = False
            if timer is not None:
                timer.cancel()

    async def pump(self) -> int:
        """
        Work one batch of waiting inputs through to their acts.

        Returns:
            How many inputs were taken.

        Raises:
            NotOwner, IntegrityError: If the commit failed; the state has run ahead of the disk and must be thrown away.
        """
        taken = 0
        happened: list[tuple[Input, list[Fact]]] = []
        entries: list[Entry] = []
        while self._inputs and taken < BATCH_MAX:
            news = self._inputs.popleft()
            taken += 1
            if type(news) in READS_MARKET:
                news = msgspec.structs.replace(news, surroundings=self._wiring.surroundings())
            facts = step(self.state, news)
            if facts:
                entries.append(Entry(facts[0].at_ns, type(news).__name__, encode_body(news, facts)))
                happened.append((news, facts))
        if entries:
            await self._commit(entries, happened)
        return taken

    async def _commit(self, entries: list[Entry], happened: list[tuple[Input, list[Fact]]]) -> None:
        acts = [act for _, facts in happened for act in acts_of(facts, self.state)]
        if acts or not self._wiring.shares_commits:
            last = await self._wiring.journal.append(entries)
        else:
            last = await self._wiring.journal.append_later(entries)
        self.seq = last
        for act in acts:
            self._wiring.act(act)
        first = last - len(entries) + 1
        for offset, (news, facts) in enumerate(happened):
            self._wiring.watch(Happening(first + offset, news, facts, self.state))
        # Kept once a day at least: only what lies before a kept state may go to the archive.
        is_day_over = any(type(fact) is DayClosed for _, facts in happened for fact in facts)
        if is_day_over or last - self._snapshot_seq >= self._wiring.snapshot_rows:
            await self.snapshot()

    async def snapshot(self) -> None:
        """Keep the state as it is, so that a start need not fold everything."""
        self._snapshot_seq = self.seq
        body = encode_state(self.state)
        await self._wiring.journal.save_snapshot(self.seq, bytes.fromhex(state_hash(self.state)), body)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
