"""Wiring one session: which clock, which gate, which venues, which journal. The only place that knows them all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Final

from msgspec import Struct

from quarterdeck.config import BotConfig, BotFolder, load_strategy
from quarterdeck.domain import (
    SECOND_NS,
    AlertRaised,
    BotSettings,
    Bug,
    Input,
    IntegrityError,
    NotOwner,
    QuarterdeckError,
    Retryable,
)
from quarterdeck.journal import Inbox, InboxListener, JournalWriter, Projector
from quarterdeck.market import MarketView, quote_shape
from quarterdeck.system.adjust import renewed
from quarterdeck.system.clocks import TapeClock, WallClock
from quarterdeck.system.drive import Driver
from quarterdeck.system.errands import Errands, Outside
from quarterdeck.system.hands import Hands, Reach
from quarterdeck.system.kill_file import KillFile
from quarterdeck.system.lag import LagWatch
from quarterdeck.system.layout import Layout, layout_of
from quarterdeck.system.log import FileLog
from quarterdeck.system.loop import Happening, Loop, Wiring
from quarterdeck.system.margins import Margined, Margins
from quarterdeck.system.opinions import Opinions
from quarterdeck.system.ownership import Owned
from quarterdeck.system.paper import PaperMarket, open_venues
from quarterdeck.system.polled import PolledVenue
from quarterdeck.system.recover import Recovered
from quarterdeck.system.rounds import Ground, Rounds
from quarterdeck.system.session import Session
from quarterdeck.system.settlements import Settlements
from quarterdeck.system.stage import Stage
from quarterdeck.venues import SigningGate

QUOTE_LEVELS: Final = 2
PRICE_AGE_BARS: Final = 2
LATE_NS_MAX: Final = 10 * SECOND_NS
FILES_POLL_S: Final = 0.2


class Held(Struct, frozen=True):
    """What a session holds on to while it lives."""

    folder: BotFolder
    owned: Owned
    kill: KillFile
    log: FileLog


class Plan(Struct, frozen=True):
    """
    What is to be wired: the bot, its recovered state, when it begins, its pace, and who is told what happens.

    One that `stands_by` waits for what an owner before it has not let go of. `settlements` are what perpetuals pay in
    a market of the past.
    """

    config: BotConfig
    settings: BotSettings
    recovered: Recovered
    start_ns: int
    speed: float | None
    tell: Callable[[Happening], None]
    stands_by: bool = False
    settlements: Settlements | None = None


class Parts(Struct, frozen=True):
    """The wired parts of a session."""

    writer: JournalWriter
    session: Session
    view: MarketView
    clock: TapeClock


class Switchboard:
    """Where calls go that are needed before what they reach is made."""

    def __init__(self) -> None:
        self.loop: Loop | None = None
        self.errands: Errands | None = None

    def offer(self, news: Input) -> None:
        """Pass news to the loop."""
        if self.loop is None:
            raise Bug("news before the loop was made")
        self.loop.offer(news)

    def journal_failed(self, error: QuarterdeckError) -> None:
        """Tell the errands that the journal died."""
        if self.errands is not None:
            self.errands.fail(error)


class Opened(Struct, frozen=True):
    """What is open before anything is known of the bot: its journal's writer, and where calls go meanwhile."""

    writer: JournalWriter
    board: Switchboard


def open_writer(held: Held, board: Switchboard) -> JournalWriter:
    """Begin to write, and so to renew the lease: folding a long journal may take longer than a lease lasts."""
    projector = Projector(held.folder.journal)
    return JournalWriter(held.owned.journal, projector=projector, on_failure=board.journal_failed)


async def wire(plan: Plan, held: Held, opened: Opened, stack: AsyncExitStack) -> Parts:
    """
    Wire a session; what it opens is closed by the stack, last opened first.

    Raises:
        ConfigError: If the strategy cannot be loaded, no venue lists a pair, or a venue's file was made with other
            settings.
        IntegrityError: If a file cannot be opened.
    """
    config, state = plan.config, plan.recovered.state
    full_speed = plan.speed is None
    writer, board = opened.writer, opened.board
    clock = TapeClock(max(plan.start_ns, state.at_ns), plan.speed)
    layout = layout_of(plan.settings)
    opinions = _opinions(config, layout, held.log, inline=full_speed)
    journal = held.owned.journal
    gate = SigningGate(clock, kill_epoch=held.kill.epoch, lease_end_steady_ns=lambda: journal.lease.until_boot_ns)
    venues = await _venues(plan, held, clock, gate)
    stack.push_async_callback(venues.aclose)
    inbox = _inbox(held)
    if inbox is not None:
        stack.callback(inbox.close)
    view = _view(venues)

    def say(alert: AlertRaised) -> None:
        held.log.complain(alert.code, alert.text)

    def note_health(venue: str, healthy: bool) -> None:  # noqa: FBT001 - the shape that the hands tell it in
        view.set_health(venue, healthy=healthy)

    hands = Hands(Reach(venues.by_name, clock, board.offer, say, note_health, held.log.complain), state)
    wiring = Wiring(writer, lambda: view.surroundings(layout.quoted), hands.do, plan.tell, shares_commits=full_speed)
    board.loop = loop = Loop(state, plan.recovered.seq, wiring)
    venues.subscribe(loop.offer)
    renew = partial(renewed, config.path)
    outside = Outside(held.kill, inbox, venues.by_name, hands.do, clock, WallClock(), held.log, renew)
    board.errands = errands = Errands(outside, loop, paced=not full_speed)
    lag = None
    if not full_speed:
        lag = LagWatch(asyncio.get_running_loop())
        stack.callback(lag.close)
        stack.callback(InboxListener(held.folder.inbox, errands.hear).close)
    polled = {name: PolledVenue(venue, hands) for name, venue in venues.by_name.items()}
    ground = Ground(
        listers=polled,
        timed={name: polled[name] for name in venues.remote},
        clock=clock,
        view=view,
        offer=loop.offer,
        log=held.log,
        folder=held.folder.root,
        key=str(journal.lease.epoch),
        primary=layout.primary,
        timeframe_ns=config.timeframe_ns,
        archive=writer.archive,
        anchor_failure=lambda: writer.anchor_failure,
        margins=_margins(config, venues, view, held.log),
    )
    rounds = Rounds(ground, paced=not full_speed)
    stack.push_async_callback(rounds.aclose)
    cast = _Cast(loop, hands, clock, view, venues, layout, opinions, errands, rounds, held.log, lag)
    driver = Driver(_stage(plan, cast))
    return Parts(writer, Session(loop, hands, errands, driver, clock), view, clock)


def _margins(config: BotConfig, venues: PaperMarket, view: MarketView, log: FileLog) -> Margins | None:
    """Look after the leverage of the perpetuals that the bot trades; nothing is to be done where it trades none."""
    places = [
        (listing.venue, listing.instrument)
        for exchange in config.exchanges
        for listing in exchange.traded
        if listing.is_perpetual
    ]
    if not places:
        return None
    return Margins(Margined(venues.by_name, places, int(config.risk.leverage_max), view, log.complain))


async def _venues(plan: Plan, held: Held, clock: TapeClock, gate: SigningGate) -> PaperMarket:
    """
    Open the venues; who stands by waits for files that a frozen owner still holds, while the lease is kept up.

    Raises:
        NotOwner: If another process holds one, and nobody asked us to wait.
    """
    was_told = False
    while True:
        try:
            return open_venues(plan.config, held.folder, clock, gate)
        except NotOwner as error:
            if not plan.stands_by:
                raise
            if not was_told:
                was_told = True
                held.log.complain("venue", f"{error}; the owner before us does not let go of it yet")
        await asyncio.sleep(FILES_POLL_S)


class _Cast(Struct, frozen=True):
    """Who is on the stage."""

    loop: Loop
    hands: Hands
    clock: TapeClock
    view: MarketView
    venues: PaperMarket
    layout: Layout
    opinions: Opinions
    errands: Errands
    rounds: Rounds
    log: FileLog
    lag: LagWatch | None


def _stage(plan: Plan, cast: _Cast) -> Stage:
    config, layout = plan.config, cast.layout
    return Stage(
        loop=cast.loop,
        hands=cast.hands,
        clock=cast.clock,
        view=cast.view,
        venues=cast.venues.bars,
        shapes={e.name: quote_shape(e.spread_bps, e.depth_quote, levels=QUOTE_LEVELS) for e in config.exchanges},
        opinions=cast.opinions,
        primary={pair: venue for pair, (venue, _) in layout.primary.items()},
        timeframe_ns=config.timeframe_ns,
        errands=cast.errands,
        full_speed=plan.speed is None,
        listed_as={pair: instrument for pair, (_, instrument) in layout.primary.items()},
        unlisted=layout.unlisted,
        rounds=cast.rounds,
        late_ns_max=0 if plan.speed is None else int(LATE_NS_MAX * plan.speed),
        complain=cast.log.complain,
        lag_s=None if cast.lag is None else cast.lag.worst_s,
        timed=cast.venues.timed,
        perpetuals={
            (exchange.name, listing.instrument): float(exchange.personality.perpetuals.maintenance)
            for exchange in config.exchanges
            for listing in exchange.traded
            if listing.is_perpetual
        },
        settlements=plan.settlements,
    )


def _view(venues: PaperMarket) -> MarketView:
    """Look at every venue; a venue in our own process has our clock, the others are compared on the rounds."""
    view = MarketView(list(venues.by_name))
    for name in venues.by_name:
        if name not in venues.remote:
            view.set_skew(name, 0.0)
    return view


def _inbox(held: Held) -> Inbox | None:
    """Open the inbox; a broken one is complained of and left alone, as the kill file reaches the bot without it."""
    try:
        return Inbox(held.folder.inbox, lock_timeout_ms=0)
    except (IntegrityError, Retryable) as error:
        held.log.complain("inbox", f"{error}; nothing is heard from it in this session")
        return None


def _opinions(config: BotConfig, layout: Layout, log: FileLog, *, inline: bool) -> Opinions:
    def complain(text: str) -> None:
        log.complain("strategy", text)

    return Opinions(load_strategy(config), dict(layout.steps), config.timeframe_ns, complain, inline=inline)
