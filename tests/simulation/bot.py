"""One session of a bot in a simulated process: the real engine, loop, hands, driver, errands and journal."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import cast

from quarterdeck.domain import (
    CycleDue,
    Input,
    IntegrityError,
    ListingsReported,
    NotOwner,
    QuarterdeckError,
    Quote,
    Started,
    Surroundings,
)
from quarterdeck.journal import Holder, Inbox, InlineJournal, JournalSettings, SqliteJournal
from quarterdeck.market import MarketView
from quarterdeck.system import (
    Driver,
    Errands,
    Hands,
    Happening,
    Loop,
    Outside,
    Reach,
    Recovered,
    Session,
    Stage,
    TapeClock,
    Wiring,
    recover,
)
from quarterdeck.system.polled import PolledVenue
from quarterdeck.system.rounds import Ground, Rounds, Space
from quarterdeck.venues import SigningGate
from tests.simulation.limits import renewed, settings_under
from tests.simulation.scenario import PAIRS, PRIMARY
from tests.simulation.slow_journal import Machine, SlowJournal
from tests.simulation.surrounds import Home, Surrounds
from tests.simulation.venue_client import VenueClient
from tests.simulation.venues_drawn import COIN_MARKET
from tests.simulation.virtual_time import Process
from tests.simulation.whims import Musings, Whims

RENEW_S = 1.0
LOOK_AROUND_S = 1.0  # people nudge the bot besides, as they do the real one
SNAPSHOT_ROWS = 120
CHECKPOINT_BYTES = 128 << 10
MINUTE_NS = 60_000_000_000
PLENTY = Space(total=1 << 40, free=1 << 39)


class QuietLog:
    """A log that keeps nothing: what counts is in the journal."""

    def say(self, event: str, text: str) -> None:
        """Hear it."""

    def complain(self, event: str, text: str) -> None:
        """Hear it too."""


class DeafVenue:
    """The market of the world reaches the exchanges by itself; the driver's quotes only reach the bot."""

    def on_quote(self, quote: Quote, tradable: bool, *, liquidates: bool = True, through: bool = False) -> None:
        """Ignore it."""

    def on_bar_range(self, instrument: str, low: float, high: float, at_ns: int) -> None:
        """Ignore it."""

    def on_funding(self, instrument: str, rate: Decimal, at_ns: int) -> None:
        """Ignore it."""


class Bot:
    """One process of a bot, from its start to its end."""

    def __init__(self, around: Surrounds, home: Home, process: Process) -> None:
        self.process = process
        self.home = home
        self.loop: Loop | None = None
        self.errands: Errands | None = None
        self.is_ready = False
        self.owns = False
        self.last_cycle: CycleDue | None = None
        self._around = around

    async def run(self, *, gone_epoch: int | None, on_taken: Callable[[], None]) -> None:
        """
        Take the bot, recover, play the market until told to stop, and let go.

        Raises:
            NotOwner: If another process owns the bot, or took it.
            IntegrityError: If the journal failed; what works was cancelled as far as the venues answer.
        """
        around, home = self._around, self.home
        home.door.seeks(self.process)
        journal = SqliteJournal(
            home.path,
            home.name,
            Holder(pid=int(self.process.name), host="sim", boot_id="boot"),
            settings=JournalSettings(synchronous="OFF", checkpoint_bytes=CHECKPOINT_BYTES),
            clock=around.loop.steady_ns,
            gone_epoch=gone_epoch,
        )
        self.owns = True
        home.door.took(self.process)
        home.journals.append(journal)
        home.door.epochs[self.process] = journal.lease.epoch
        on_taken()
        recovered = recover(home.path)
        home.durable.check_recovered(recovered)
        session = self._wire(journal, recovered)
        try:
            await self._play(journal, session)
        except IntegrityError:
            await session.hands.cancel_without_journal()
            await self._end(session)
            raise
        except QuarterdeckError:  # no `finally`: a process that was killed must not clean up
            await self._end(session)
            raise
        await self._end(session)

    async def _end(self, session: Session) -> None:
        await self.rounds.aclose()
        await session.hands.stop()

    def _wire(self, journal: SqliteJournal, recovered: Recovered) -> Session:
        around, home, state = self._around, self.home, recovered.state
        start_ns = max(around.clock.now_ns(), state.at_ns)
        self.clock = clock = TapeClock(start_ns, 1.0, steady=around.loop.steady_ns)
        gate = SigningGate(clock, kill_epoch=around.kill.epoch, lease_end_steady_ns=lambda: journal.lease.until_boot_ns)
        venues = {name: VenueClient(side, self.process, clock, gate, home.door) for name, side in around.sides.items()}
        self.inline = InlineJournal(journal, clock=around.loop.steady_ns)
        machine = Machine(around.rng, around.scenario.machine.commit_s)
        slow = SlowJournal(journal, self.inline, self.process, home.disk, machine, home.door.journal_failed)
        self.view = view = MarketView(tuple(around.sides))
        reach = Reach(
            venues, clock, self.offer, lambda _alert: None, lambda name, up: view.set_health(name, healthy=up)
        )
        hands = Hands(reach, state)
        quoted = (*around.quoted, COIN_MARKET)
        seen = partial(self._seen, quoted)
        self.loop = loop = Loop(
            state, recovered.seq, Wiring(slow, seen, hands.do, self._watch, snapshot_rows=SNAPSHOT_ROWS)
        )
        for venue in venues.values():
            venue.subscribe(loop.offer)
        outside = Outside(
            kill=around.kill,
            inbox=cast("Inbox", home.inbox),
            venues=venues,
            act=hands.do,
            clock=clock,
            wall=around.wall,
            log=QuietLog(),
            renew=partial(renewed, home.settings),
        )
        self.rounds = self._rounds({name: PolledVenue(venue, hands) for name, venue in venues.items()}, clock, view)
        self.errands = Errands(outside, loop, paced=True)
        return Session(loop, hands, self.errands, Driver(self._stage(loop, hands)), clock)

    def _stage(self, loop: Loop, hands: Hands) -> Stage:
        around, errands = self._around, self.errands
        assert errands is not None
        return Stage(
            loop=loop,
            hands=hands,
            clock=self.clock,
            view=self.view,
            venues=dict.fromkeys(around.sides, DeafVenue()),
            shapes=around.scenario.shapes,
            opinions=self._opinions(),
            primary=dict.fromkeys(PAIRS, PRIMARY),
            timeframe_ns=MINUTE_NS,
            errands=errands,
            full_speed=False,
            unlisted=frozenset({(PRIMARY, COIN_MARKET)}),
            rounds=self.rounds,
            look_around_s=LOOK_AROUND_S,
        )

    def _opinions(self) -> Musings:
        temper = self.home.draw.temper
        whims = Whims(buys=temper.buys, sells=temper.sells, raises=temper.raises, lies=temper.lies)
        opinions = Musings(whims, dict.fromkeys(PAIRS, 0.01), MINUTE_NS, self._hear_complaint, inline=True)
        opinions.slow_s, opinions.rng = temper.slow_s, self._around.rng
        return opinions

    def _rounds(self, venues: dict[str, PolledVenue], clock: TapeClock, view: MarketView) -> Rounds:
        ground = Ground(
            listers=venues,
            timed=venues,
            clock=clock,
            view=view,
            offer=self.offer,
            log=QuietLog(),
            folder=self.home.path.parent,
            key=self.process.name,
            primary={pair: (PRIMARY, pair) for pair in PAIRS},
            timeframe_ns=MINUTE_NS,
            archive=_archive_nothing,
            space=lambda _folder: PLENTY,
        )
        return Rounds(ground, paced=True)

    def discover(self, venue: str) -> None:
        """Hear at once what a venue lists, as an operator may ask."""
        self.offer(ListingsReported(self.clock.now_ns(), venue, self._around.sides[venue].box.listings()))

    def see(self, quote: Quote) -> None:
        """Hear of a book from a stream."""
        self.view.observe(quote)

    def repeat_cycle(self) -> None:
        """Hear the latest signals once more."""
        if self.last_cycle is not None:
            self._around.coverage.hit("signals told twice")
            self.offer(self.last_cycle)

    def offer(self, news: Input) -> None:
        """Pass news to the loop."""
        assert self.loop is not None
        self.loop.offer(news)

    def _seen(self, quoted: tuple[str, ...]) -> Surroundings:
        shown, fleet = self.view.surroundings(quoted), self.home.fleet
        return shown if fleet is None else fleet.seen(shown, self.clock.now_ns())

    def _watch(self, happening: Happening) -> None:
        if isinstance(happening.news, CycleDue):
            self.last_cycle = happening.news

    def _hear_complaint(self, text: str) -> None:
        hit = self._around.coverage.hit
        if "raised" in text:
            hit("strategy raised")
        elif "cannot be used" in text:
            hit("strategy answered nonsense")

    async def _play(self, journal: SqliteJournal, session: Session) -> None:
        around, home = self._around, self.home
        self.process.spawn(self._renew(self.inline, session.errands))
        epoch = journal.lease.epoch
        home.version += around.rng.random() < around.scenario.machine.upgrade_share
        await session.open(
            Started(
                at_ns=self.clock.now_ns(),
                session=f"{home.name}-{epoch}",
                epoch=epoch,
                software=f"simulated {home.version}",
                settings=settings_under(home.settings, session.loop.state.changes),
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
