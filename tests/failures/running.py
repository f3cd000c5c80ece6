"""One session of the bot on a stage: what a process is made of, and the premises that outlive it."""

import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path

import numpy as np

from quarterdeck.domain import MINUTE_NS, AlertRaised, Input, Quote, Started
from quarterdeck.engine import State
from quarterdeck.feeds import BarBatch
from quarterdeck.journal import InlineJournal, SqliteJournal
from quarterdeck.market import Candles, MarketView, quote_shape
from quarterdeck.strategies import Signals, Strategy
from quarterdeck.system import (
    Driver,
    Errands,
    Hands,
    KillFile,
    Loop,
    Opinions,
    Outside,
    Reach,
    Session,
    Stage,
    TapeClock,
    Wiring,
    recover,
)
from quarterdeck.system.polled import PolledVenue
from quarterdeck.system.rounds import Ground, Rounds, Space
from quarterdeck.venues import SigningGate
from tests.engine.driving import BTC, ETH
from tests.failures.network import FarSide, Wire
from tests.failures.skipping_time import StageClock

PAIRS = (BTC, ETH)
VENUES = ("a", "b")
RENEW_S = 1.0
FOREVER_NS = 1 << 62
PLENTY = Space(total=1 << 40, free=1 << 39)


class Mute(Strategy):
    """Has no opinion; the tests offer theirs themselves."""

    window_bars = 1

    def signals(self, candles: Candles) -> Signals:
        """Hold."""
        return Signals(np.zeros(len(candles), dtype=np.int8))


class DeafVenue:
    """The market reaches the exchanges by itself; what the driver tells of it reaches the bot alone."""

    def on_quote(self, quote: Quote, tradable: bool, *, liquidates: bool = True, through: bool = False) -> None:
        """Ignore it."""

    def on_bar_range(self, instrument: str, low: float, high: float, at_ns: int) -> None:
        """Ignore it."""

    def on_funding(self, instrument: str, rate: Decimal, at_ns: int) -> None:
        """Ignore it."""


class Notes:
    """A log that a test reads."""

    def __init__(self) -> None:
        self.complaints: list[str] = []

    def say(self, event: str, text: str) -> None:
        """Nobody listens."""

    def complain(self, event: str, text: str) -> None:
        """Keep what a person should look at."""
        self.complaints.append(f"{event}: {text}")


class Premises:
    """
    What lies outside of every process: files, the machine, the venues.

    A test may set the rest before it starts a process: what the disk holds, what the strategy thinks, bars to be
    played, how late a bar may be, how late the event loop was, who is told of alerts.
    """

    def __init__(self, folder: Path, machine: StageClock, sides: dict[str, FarSide]) -> None:
        self.path = folder / "journal.db"
        self.kill_path = folder / "kill"
        self.kill = KillFile(self.kill_path)
        self.machine = machine
        self.sides = sides
        self.notes = Notes()
        self.space = PLENTY
        self.snapshot_rows = 10_000
        self.strategy: Strategy = Mute()
        self.batches: Sequence[BarBatch] = ()
        self.late_ns_max = 0
        self.lag_s: Callable[[], float] = lambda: 0.0
        self.tell: Callable[[AlertRaised], None] = lambda _alert: None


class Running:
    """One session: what a process of the bot is made of."""

    def __init__(self, world: Premises, journal: SqliteJournal) -> None:
        recovered = recover(world.path)
        self.state: State = recovered.state
        self.journal = journal
        self.inline = InlineJournal(journal, clock=world.machine.steady_ns)
        start_ns = max(world.machine.now_ns(), self.state.at_ns)
        self.clock = TapeClock(start_ns, 1.0, steady=world.machine.steady_ns)
        gate = SigningGate(
            self.clock, kill_epoch=world.kill.epoch, lease_end_steady_ns=lambda: journal.lease.until_boot_ns
        )
        self.wires = {name: Wire(side, self.clock, gate) for name, side in world.sides.items()}
        self.view = MarketView(VENUES)
        reach = Reach(self.wires, self.clock, self.offer, world.tell, self._note_health, world.notes.complain)
        self.hands = Hands(reach, self.state)
        surroundings = partial(self.view.surroundings, PAIRS)
        wiring = Wiring(self.inline, surroundings, self.hands.do, lambda _: None, snapshot_rows=world.snapshot_rows)
        self.loop = Loop(self.state, recovered.seq, wiring)
        for wire in self.wires.values():
            wire.subscribe(self.loop.offer)
        outside = Outside(world.kill, None, self.wires, self.hands.do, self.clock, world.machine, world.notes)
        self.errands = Errands(outside, self.loop, paced=True)
        self.rounds = Rounds(self._ground(world), paced=True)
        self.session = Session(self.loop, self.hands, self.errands, Driver(self._stage(world)), self.clock)
        self.batches = world.batches
        self.tasks: list[asyncio.Task[None]] = []

    def offer(self, news: Input) -> None:
        """Pass news to the loop."""
        self.loop.offer(news)

    def _note_health(self, venue: str, healthy: bool) -> None:
        self.view.set_health(venue, healthy=healthy)

    def _ground(self, world: Premises) -> Ground:
        polled = {name: PolledVenue(wire, self.hands) for name, wire in self.wires.items()}
        return Ground(
            listers=polled,
            timed=polled,
            clock=self.clock,
            view=self.view,
            offer=self.offer,
            log=world.notes,
            folder=world.path.parent,
            key=str(self.journal.lease.epoch),
            primary={pair: (VENUES[0], pair) for pair in PAIRS},
            timeframe_ns=MINUTE_NS,
            archive=_archive_nothing,
            space=lambda _folder: world.space,
        )

    def _stage(self, world: Premises) -> Stage:
        return Stage(
            loop=self.loop,
            hands=self.hands,
            clock=self.clock,
            view=self.view,
            venues=dict.fromkeys(VENUES, DeafVenue()),
            shapes=dict.fromkeys(VENUES, quote_shape(2.0, 250_000.0)),
            opinions=Opinions(world.strategy, dict.fromkeys(PAIRS, 0.01), MINUTE_NS, lambda _: None, inline=True),
            primary=dict.fromkeys(PAIRS, VENUES[0]),
            timeframe_ns=MINUTE_NS,
            errands=self.errands,
            full_speed=False,
            rounds=self.rounds,
            late_ns_max=world.late_ns_max,
            complain=world.notes.complain,
            lag_s=world.lag_s,
        )

    def begin(self, started: Started) -> None:
        """Start its tasks; whatever they fail with is raised by the next look at them."""
        running = asyncio.get_event_loop_policy().get_event_loop()
        self.tasks = [running.create_task(self._run(started)), running.create_task(self._renew())]

    async def _run(self, started: Started) -> None:
        await self.session.open(started)
        await self.session.recover()
        await self.session.driver.play(self.batches, None)
        await self.session.driver.advance_to(FOREVER_NS)
        await self.session.wind_down("the run is over")
        await self.inline.release()

    async def _renew(self) -> None:
        while not self.inline.lease.released:
            await asyncio.sleep(RENEW_S)
            if not self.inline.lease.released:
                self.inline.renew_if_due()


async def _archive_nothing(_before_ns: int) -> None:
    """No stage stands long enough to put rows aside."""
