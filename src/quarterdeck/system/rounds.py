"""
What a running bot does by the hour and the day, in the time of the market.

It discovers pairs, archives, and looks after clocks, disk and data. At full speed a job is waited for, so that a replay
is the same every time. At a pace it runs beside the market, so that a venue or a disk that is slow holds nothing up.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from msgspec import Struct

from quarterdeck.domain import (
    DAY_NS,
    MINUTE_NS,
    SECOND_NS,
    AccountReported,
    ControlAsked,
    Input,
    Listing,
    ListingsReported,
    QuarterdeckError,
    RateLimited,
    Retryable,
)
from quarterdeck.journal import KEPT_NS
from quarterdeck.market import MarketView
from quarterdeck.ports import Clock
from quarterdeck.system.log import Log
from quarterdeck.system.margins import Margins
from quarterdeck.system.schedule import Job, Schedule

DISCOVER_EVERY_NS: Final = 60 * MINUTE_NS
PROBE_EVERY_NS: Final = MINUTE_NS
PROBE_IN_REPLAY_EVERY_NS: Final = 5 * MINUTE_NS
FREE_BYTES_MIN: Final = 64 << 20
FREE_SHARE_MIN: Final = 0.01
SILENT_BARS: Final = 5
PUT_OFF_NS: Final = 5 * SECOND_NS
NS_PER_MS: Final = 1_000_000


class Lister(Protocol):
    """A venue that says what it lists."""

    async def listings(self) -> Sequence[Listing]:
        """List every instrument, with its grid and fees."""
        ...


class Timed(Protocol):
    """A venue with a clock of its own."""

    async def account(self) -> AccountReported:
        """Read the account; the reading carries the venue's time."""
        ...


class Space(Struct, frozen=True):
    """What a disk holds and what of it is free for us, in bytes."""

    total: int
    free: int


def space_at(folder: Path) -> Space:
    """
    Ask the file system of a folder.

    Raises:
        OSError: If it does not answer.
    """
    found = os.statvfs(folder)
    return Space(found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize)


def is_low(space: Space) -> bool:
    """Tell whether a disk is about to fill: less than 64 MiB or 1 % are free."""
    return space.free < FREE_BYTES_MIN or space.free < space.total * FREE_SHARE_MIN


def skew_ms(asked_ns: int, answered_ns: int, venue_ns: int) -> float:
    """
    Say how far a venue's clock is ahead of ours beyond what the journey of the answer explains.

    Args: our clock before and after asking, and the venue's in its answer, in nanoseconds UTC.
    Returns: milliseconds, negative where the venue is behind; 0.0 where both clocks may be equal.
    """
    return (max(venue_ns - answered_ns, 0) + min(venue_ns - asked_ns, 0)) / NS_PER_MS


class Ground(Struct, frozen=True):
    """
    Where the rounds go.

    `timed` are the venues whose clock is not ours. `primary` names, by pair, venue and instrument of the bars that the
    strategy sees. `folder` holds the journal; `archive` puts aside the rows from before an instant,
    `anchor_failure` says why the journal's head could not be noted outside it, if so. `key` marks the requests of this
    session. `margins` looks after leverage where perpetuals are traded.
    """

    listers: Mapping[str, Lister]
    timed: Mapping[str, Timed]
    clock: Clock
    view: MarketView
    offer: Callable[[Input], None]
    log: Log
    folder: Path
    key: str
    primary: Mapping[str, tuple[str, str]]
    timeframe_ns: int
    archive: Callable[[int], Awaitable[object]]
    space: Callable[[Path], Space] = space_at
    anchor_failure: Callable[[], str] = str
    margins: Margins | None = None


class Rounds:
    """Makes the rounds of one session."""

    def __init__(self, ground: Ground, *, paced: bool) -> None:
        self._ground = ground
        self._paced = paced
        self._work: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {"discovery": self._discover}
        jobs = [Job("discovery", DISCOVER_EVERY_NS)]
        if ground.timed:
            self._work["probe"] = self._probe
            jobs.append(Job("probe", PROBE_EVERY_NS if paced else PROBE_IN_REPLAY_EVERY_NS))
        if ground.margins is not None:
            self._work["margin"] = ground.margins.look_around
            jobs.append(Job("margin", PROBE_EVERY_NS if paced else DISCOVER_EVERY_NS))
        if paced:  # the rows of a replay at full speed do not grow old, and its disk and its feed decide nothing
            self._work |= {"archive": self._archive, "disk": self._look_at_disk, "data": self._look_at_data}
            jobs += [Job("archive", DAY_NS), Job("disk", MINUTE_NS), Job("data", MINUTE_NS)]
        self._schedule = Schedule(jobs)
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._put_off: set[str] = set()
        self._was_low = False
        self._lows = 0
        self._silent: set[str] = set()
        self._anchor_failure = ""
        self._began_ns = ground.clock.now_ns()

    @property
    def next_ns(self) -> int:
        """Say before which instant nothing falls due."""
        return 0 if self._failure is not None else self._schedule.next_ns

    async def begin(self) -> None:
        """Compare the clocks and set leverage before anything is decided: nothing may be opened where nobody did."""
        for name in ("probe", "margin"):
            if name in self._work:
                self._schedule.begin(name, self._ground.clock.now_ns())
                await self._run(name)

    async def look_around(self) -> None:
        """
        Begin every job that is due; at full speed, wait for it too.

        Raises: what a job failed with that nobody foresaw.
        """
        if self._failure is not None:
            raise self._failure
        now_ns = self._ground.clock.now_ns()
        for name in self._schedule.due(now_ns):
            self._schedule.begin(name, now_ns)
            if self._paced:
                task = asyncio.create_task(self._run(name), name=name)
                self._tasks.add(task)
                task.add_done_callback(self._ended)
            else:
                await self._run(name)

    async def aclose(self) -> None:
        """Drop what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, name: str) -> None:
        try:
            await self._work[name]()
        finally:
            self._schedule.end(name)
            if name in self._put_off:
                self._put_off.discard(name)
                self._schedule.put_off(name, self._ground.clock.now_ns() + PUT_OFF_NS)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failure = self._failure or task.exception()

    async def _discover(self) -> None:
        """Ask every venue at once what it lists; one that does not answer says nothing, and holds no other up."""
        ground = self._ground
        found = await asyncio.gather(*(self._listed(name, venue) for name, venue in ground.listers.items()))
        for name, listings in zip(ground.listers, found, strict=True):
            if listings is None:
                continue
            ground.offer(ListingsReported(ground.clock.now_ns(), name, listings))

    async def _listed(self, name: str, venue: Lister) -> tuple[Listing, ...] | None:
        try:
            return tuple(await venue.listings())
        except RateLimited:  # what is more urgent goes first
            self._put_off.add("discovery")
            return None
        except Retryable as error:
            self._ground.log.complain("discovery", f"{name}: {error}")
            return None

    async def _probe(self) -> None:
        """Ask every venue that is not in our process for a sign of life and its time; a silent one is routed around."""
        await asyncio.gather(*(self._probe_one(name, venue) for name, venue in self._ground.timed.items()))

    async def _probe_one(self, name: str, venue: Timed) -> None:
        ground = self._ground
        asked_ns = ground.clock.now_ns()
        try:
            report = await venue.account()
        except RateLimited:  # what is more urgent goes first, and shows whether the venue answers
            self._put_off.add("probe")
            return
        except Retryable as error:
            ground.view.set_health(name, healthy=False)
            ground.log.complain("venue", f"{name}: {error}")
            return
        ground.view.set_health(name, healthy=True)
        if report.venue_at_ns:
            ground.view.set_skew(name, skew_ms(asked_ns, ground.clock.now_ns(), report.venue_at_ns))

    async def _archive(self) -> None:
        """Put old rows aside; where that fails they stay in the journal, and tomorrow is another day."""
        try:
            await self._ground.archive(self._ground.clock.now_ns() - KEPT_NS)
        except QuarterdeckError as error:
            self._ground.log.complain("archive", str(error))

    async def _look_at_disk(self) -> None:
        """Go down to exits while there is still room to write them down; a person takes it from there."""
        ground = self._ground
        failure = ground.anchor_failure()
        if failure and failure != self._anchor_failure:
            ground.log.complain("anchor", failure)
        self._anchor_failure = failure
        try:
            space = ground.space(ground.folder)
        except OSError as error:
            ground.log.complain("disk", f"{ground.folder}: {error}")
            return
        is_new, self._was_low = is_low(space) and not self._was_low, is_low(space)
        if is_new:
            self._lows += 1
            text = f"only {space.free >> 20} MiB are free in {ground.folder}; make room, then resume"
            ground.log.complain("disk", text)
            key = f"disk:{ground.key}:{self._lows}"
            ground.offer(ControlAsked(ground.clock.now_ns(), key, "reduce", "disk", text))

    async def _look_at_data(self) -> None:
        """Tell of a pair whose bars stay away, and when they are back."""
        ground = self._ground
        now_ns = ground.clock.now_ns()
        for pair, (venue, instrument) in ground.primary.items():
            quote = ground.view.quote(venue, instrument)
            silent_ns = now_ns - (self._began_ns if quote is None else quote.at_ns)
            if silent_ns <= SILENT_BARS * ground.timeframe_ns:
                if pair in self._silent:
                    self._silent.discard(pair)
                    ground.log.say("data", f"{pair}: {venue} gives bars again")
            elif pair not in self._silent:
                self._silent.add(pair)
                ground.log.complain("data", f"{pair}: no bar of {venue} for {silent_ns // SECOND_NS} s; no signals")
