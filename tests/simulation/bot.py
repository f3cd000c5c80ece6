"""One session of the bot in a simulated process: the real engine, loop, hands, driver, errands and journal."""

import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import cast

import numpy as np

from quarterdeck.domain import (
    SECOND_NS,
    Input,
    IntegrityError,
    ListingsReported,
    NotOwner,
    QuarterdeckError,
    Quote,
    Started,
)
from quarterdeck.journal import Holder, Inbox, InlineJournal, Item, JournalSettings, SqliteJournal
from quarterdeck.market import Candles, MarketView
from quarterdeck.ports import Entry
from quarterdeck.strategies import BUY, HOLD, SELL, Signals, Strategy, real
from quarterdeck.system import (
    Driver,
    Errands,
    Hands,
    KillFile,
    Loop,
    Opinions,
    Outside,
    Reach,
    Recovered,
    Session,
    Stage,
    TapeClock,
    Wiring,
    recover,
)
from quarterdeck.system.rounds import Ground, Rounds, Space
from quarterdeck.venues import SigningGate
from tests.simulation.coverage import Coverage
from tests.simulation.door import Door
from tests.simulation.durable import Durable
from tests.simulation.limits import renewed, settings_under
from tests.simulation.prices import Prices
from tests.simulation.scenario import BOT, COIN_MARKET, PAIRS, VENUES, Scenario, instrument_of
from tests.simulation.venue_client import VenueClient
from tests.simulation.venue_side import VenueSide, WorldClock
from tests.simulation.virtual_time import Process, VirtualLoop

RENEW_S = 1.0
DRAIN_NS = 60 * SECOND_NS
DRAIN_POLL_S = 0.5
SNAPSHOT_ROWS = 120
PLENTY = Space(total=1 << 40, free=1 << 39)


class Whims(Strategy):
    """Opinions that follow from the bar's time and price alone, so that every session has the same."""

    buys = real(0.5, low=0.0, high=1.0)
    sells = real(0.2, low=0.0, high=1.0)

    @property
    def window_bars(self) -> int:
        """One bar is enough for a whim."""
        return 1

    def signals(self, candles: Candles) -> Signals:
        """Toss a coin for each bar."""
        bars = zip(candles.opened_at_ns.tolist(), candles.close_ticks.tolist(), strict=True)
        return Signals(
            np.array([self._whim(f"{candles.instrument} {at} {ticks}") for at, ticks in bars], dtype=np.int8)
        )

    def _whim(self, text: str) -> int:
        chance = int.from_bytes(sha256(text.encode()).digest()[:4], "big") / 2**32
        if chance < self.buys:
            return BUY
        return SELL if chance > 1.0 - self.sells else HOLD


class MemoryInbox:
    """Requests that wait for the bot, whoever it is at the moment."""

    def __init__(self) -> None:
        self._waiting: dict[str, Item] = {}
        self._done: set[str] = set()

    def put(self, item: Item) -> None:
        """Ask for something, once for each key."""
        if item.key not in self._done:
            self._waiting.setdefault(item.key, item)

    def pending(self) -> Sequence[Item]:
        """List what waits."""
        return list(self._waiting.values())

    def done(self, keys: Sequence[str]) -> None:
        """Take off what was answered."""
        for key in keys:
            self._waiting.pop(key, None)
            self._done.add(key)


class QuietLog:
    """A log that keeps nothing: what counts is in the journal."""

    def say(self, event: str, text: str) -> None:
        """Hear it."""

    def complain(self, event: str, text: str) -> None:
        """Hear it too."""


class DeafVenue:
    """The market of the world reaches the exchanges by itself; the driver's quotes only reach the bot."""

    def on_quote(self, quote: Quote, tradable: bool) -> None:
        """Ignore it."""

    def on_bar_range(self, instrument: str, low: float, high: float, at_ns: int) -> None:
        """Ignore it."""


class SlowJournal:
    """The journal in the process, with the time that a commit takes and the places where a crash may fall."""

    def __init__(self, journal: InlineJournal, process: Process, rng: Random, commit_s: float) -> None:
        self._journal = journal
        self._process = process
        self._rng = rng
        self._commit_s = commit_s

    async def append(self, entries: Sequence[Entry]) -> int:
        """Commit, sooner or later."""
        await self._process.pass_by("before commit")
        await asyncio.sleep(self._commit_s * self._rng.random())
        seq = await self._journal.append(entries)
        await self._process.pass_by("after commit")
        await asyncio.sleep(self._commit_s * self._rng.random())
        return seq

    async def append_later(self, entries: Sequence[Entry]) -> int:
        """Commit at once all the same."""
        return await self.append(entries)

    async def save_snapshot(self, seq: int, state_hash: bytes, body: bytes) -> None:
        """Keep a state."""
        await self._journal.save_snapshot(seq, state_hash, body)


class Surrounds:
    """What every session of one world shares, because it lies outside of it."""

    def __init__(self, path: Path, loop: VirtualLoop, rng: Random, scenario: Scenario, coverage: Coverage) -> None:
        self.path = path
        self.loop = loop
        self.rng = rng
        self.scenario = scenario
        self.coverage = coverage
        self.clock = WorldClock(loop, scenario.start_ns)
        self.wall = WorldClock(loop, scenario.start_ns)
        self.kill = KillFile(path.parent / "KILL")
        self.durable = Durable(path, coverage)
        validity_ns = {name: found.validity_ns for name, found in scenario.personalities.items()}
        self.door = Door(self.durable, coverage, self.kill.epoch, loop.steady_ns, validity_ns)
        self.sides = {name: VenueSide(name, scenario, loop, rng, coverage) for name in VENUES}
        self.durable.promises.moves = self._moves
        self.prices = Prices(rng, scenario)
        self.quoted = tuple(
            dict.fromkeys([instrument_of(pair, scenario.quotes[venue]) for pair in PAIRS for venue in VENUES])
        )
        self.version = 1
        self.inbox = MemoryInbox()
        self.journals: list[SqliteJournal] = []

    def _moves(self, venue: str, asset: str) -> list[Decimal]:
        return [amount for moved, amount in self.sides[venue].moved if moved == asset]

    def close(self) -> None:
        """Close every file."""
        for journal in self.journals:
            journal.close()
        self.durable.close()
        self.kill.close()


class Bot:
    """One process of the bot, from its start to its end."""

    def __init__(self, around: Surrounds, process: Process) -> None:
        self.process = process
        self.loop: Loop | None = None
        self.errands: Errands | None = None
        self.is_ready = False
        self._around = around

    async def run(self, *, gone_epoch: int | None, on_taken: Callable[[], None]) -> None:
        """
        Take the bot, recover, play the market until told to stop, and let go.

        Raises:
            NotOwner: If another process owns the bot, or took it.
        """
        around = self._around
        holder = Holder(pid=int(self.process.name), host="sim", boot_id="boot")
        journal = SqliteJournal(
            around.path,
            BOT,
            holder,
            settings=JournalSettings(synchronous="OFF"),
            clock=around.loop.steady_ns,
            gone_epoch=gone_epoch,
        )
        around.journals.append(journal)
        around.door.epochs[self.process] = journal.lease.epoch
        on_taken()
        recovered = recover(around.path)
        around.durable.check_recovered(recovered)
        session = self._wire(journal, recovered)
        try:
            await self._play(journal, session)
        except QuarterdeckError:
            await self._end(session)
            raise
        await self._end(session)

    async def _end(self, session: Session) -> None:
        await self.rounds.aclose()
        await session.hands.stop()

    def _wire(self, journal: SqliteJournal, recovered: Recovered) -> Session:
        around, state = self._around, recovered.state
        start_ns = max(around.clock.now_ns(), state.at_ns)
        clock = TapeClock(start_ns, 1.0, steady=around.loop.steady_ns)
        gate = SigningGate(clock, kill_epoch=around.kill.epoch, lease_end_steady_ns=lambda: journal.lease.until_boot_ns)
        venues = {
            name: VenueClient(side, self.process, clock, gate, around.door) for name, side in around.sides.items()
        }
        self.inline = InlineJournal(journal, clock=around.loop.steady_ns)
        slow = SlowJournal(self.inline, self.process, around.rng, around.scenario.commit_s)
        view = MarketView(VENUES)
        reach = Reach(
            venues, clock, self.offer, lambda _alert: None, lambda name, up: view.set_health(name, healthy=up)
        )
        hands = Hands(reach, state)
        quoted = (*around.quoted, COIN_MARKET)
        self.loop = loop = Loop(
            state,
            recovered.seq,
            Wiring(slow, lambda: view.surroundings(quoted), hands.do, lambda _: None, snapshot_rows=SNAPSHOT_ROWS),
        )
        for venue in venues.values():
            venue.subscribe(loop.offer)
        outside = Outside(
            kill=around.kill,
            inbox=cast("Inbox", around.inbox),
            venues=venues,
            act=hands.do,
            clock=clock,
            wall=around.wall,
            log=QuietLog(),
            renew=partial(renewed, around.scenario.settings),
        )
        self.rounds = self._rounds(venues, clock, view)
        self.errands = Errands(outside, loop, paced=True)
        buys, sells = around.scenario.whims
        steps = dict.fromkeys(PAIRS, 0.01)
        opinions = Opinions(Whims(buys=buys, sells=sells), steps, 60 * SECOND_NS, lambda _: None, inline=True)
        stage = Stage(
            loop=loop,
            hands=hands,
            clock=clock,
            view=view,
            venues=dict.fromkeys(VENUES, DeafVenue()),
            shapes=around.scenario.shapes,
            opinions=opinions,
            primary=dict.fromkeys(PAIRS, VENUES[0]),
            timeframe_ns=60 * SECOND_NS,
            errands=self.errands,
            full_speed=False,
            unlisted=frozenset({(VENUES[0], COIN_MARKET)}),
            rounds=self.rounds,
        )
        self.clock = clock
        return Session(loop, hands, self.errands, Driver(stage), clock)

    def _rounds(self, venues: dict[str, VenueClient], clock: TapeClock, view: MarketView) -> Rounds:
        ground = Ground(
            listers=venues,
            timed=venues,
            clock=clock,
            view=view,
            offer=self.offer,
            log=QuietLog(),
            folder=self._around.path.parent,
            key=self.process.name,
            primary={pair: (VENUES[0], pair) for pair in PAIRS},
            timeframe_ns=60 * SECOND_NS,
            archive=_archive_nothing,
            space=lambda _folder: PLENTY,
        )
        return Rounds(ground, paced=True)

    def discover(self, venue: str) -> None:
        """Hear at once what a venue lists, as an operator may ask."""
        self.offer(ListingsReported(self.clock.now_ns(), venue, self._around.sides[venue].listings()))

    def offer(self, news: Input) -> None:
        """Pass news to the loop."""
        assert self.loop is not None
        self.loop.offer(news)

    async def _play(self, journal: SqliteJournal, session: Session) -> None:
        around = self._around
        self.process.spawn(self._renew(self.inline, session.errands))
        epoch = journal.lease.epoch
        around.version += around.rng.random() < around.scenario.upgrade_share
        await session.open(
            Started(
                at_ns=self.clock.now_ns(),
                session=f"{BOT}-{epoch}",
                epoch=epoch,
                software=f"simulated {around.version}",
                settings=settings_under(around.scenario.settings, session.loop.state.changes),
                kill_epoch=around.kill.epoch(),
            )
        )
        await self.process.pass_by("recovery")
        await session.recover()
        self.is_ready = True
        await session.driver.play(around.prices.batches_from(self.clock.now_ns()), None)
        await session.wind_down("the run is over")
        await self.inline.release()

    async def _renew(self, inline: InlineJournal, errands: Errands) -> None:
        while not inline.lease.released:
            await asyncio.sleep(RENEW_S)
            try:
                if not inline.lease.released:
                    inline.renew_if_due()
            except (NotOwner, IntegrityError) as error:
                errands.fail(error)
                return


async def _archive_nothing(_before_ns: int) -> None:
    """No world lasts long enough to put rows aside."""
