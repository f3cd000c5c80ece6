"""Wiring one session: which clock, which gate, which venues, which journal. The only place that knows them all."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Final

from msgspec import Struct

from quarterdeck.config import BotConfig, BotFolder, load_strategy
from quarterdeck.domain import AlertRaised, Bug, Input, IntegrityError, QuarterdeckError, Retryable
from quarterdeck.journal import Inbox, JournalWriter, Projector
from quarterdeck.market import MarketView, quote_shape
from quarterdeck.system.clocks import TapeClock, WallClock
from quarterdeck.system.drive import Driver, Stage
from quarterdeck.system.errands import Errands, Outside
from quarterdeck.system.hands import Hands, Reach
from quarterdeck.system.kill_file import KillFile
from quarterdeck.system.log import FileLog
from quarterdeck.system.loop import Happening, Loop, Wiring
from quarterdeck.system.opinions import Opinions
from quarterdeck.system.ownership import Owned
from quarterdeck.system.paper import PaperMarket, open_venues
from quarterdeck.system.recover import Recovered
from quarterdeck.system.session import Session
from quarterdeck.venues import SigningGate

QUOTE_LEVELS: Final = 2
PRICE_AGE_BARS: Final = 2


class Held(Struct, frozen=True):
    """What a session holds on to while it lives."""

    folder: BotFolder
    owned: Owned
    kill: KillFile
    log: FileLog


class Plan(Struct, frozen=True):
    """What is to be wired: the bot, its recovered state, when it begins, its pace, and who is told what happens."""

    config: BotConfig
    recovered: Recovered
    start_ns: int
    speed: float | None
    tell: Callable[[Happening], None]


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


async def wire(plan: Plan, held: Held, stack: AsyncExitStack) -> Parts:
    """
    Wire a session; what it opens is closed by the stack, last opened first.

    Raises:
        ConfigError: If the strategy cannot be loaded, or a venue's file was made with other settings.
        IntegrityError: If a file cannot be opened.
    """
    config, state = plan.config, plan.recovered.state
    full_speed = plan.speed is None
    board = Switchboard()
    clock = TapeClock(max(plan.start_ns, state.at_ns), plan.speed)
    opinions = _opinions(config, held.log, inline=full_speed)
    journal = held.owned.journal
    gate = SigningGate(clock, kill_epoch=held.kill.epoch, lease_end_steady_ns=lambda: journal.lease.until_boot_ns)
    venues: PaperMarket = open_venues(config, held.folder, clock, gate)
    stack.push_async_callback(venues.aclose)
    inbox = _inbox(held)
    if inbox is not None:
        stack.callback(inbox.close)
    writer = JournalWriter(journal, projector=Projector(held.folder.journal), on_failure=board.journal_failed)
    stack.push_async_callback(writer.aclose)
    view = MarketView([exchange.name for exchange in config.exchanges])

    def say(alert: AlertRaised) -> None:
        held.log.complain(alert.code, alert.text)

    hands = Hands(Reach(venues.by_name, clock, board.offer, say), state)
    wiring = Wiring(writer, lambda: view.surroundings(config.pairs), hands.do, plan.tell, shares_commits=full_speed)
    board.loop = loop = Loop(state, plan.recovered.seq, wiring)
    venues.subscribe(loop.offer)
    outside = Outside(held.kill, inbox, venues.by_name, hands.do, clock, WallClock(), held.log)
    board.errands = errands = Errands(outside, loop, paced=not full_speed)
    stage = Stage(
        loop=loop,
        hands=hands,
        clock=clock,
        view=view,
        venues=venues.bars,
        shapes={e.name: quote_shape(e.spread_bps, e.depth_quote, levels=QUOTE_LEVELS) for e in config.exchanges},
        opinions=opinions,
        primary=dict.fromkeys(config.pairs, config.exchanges[0].name),
        timeframe_ns=config.timeframe_ns,
        errands=errands,
        full_speed=full_speed,
    )
    return Parts(writer, Session(loop, hands, errands, Driver(stage), clock), view, clock)


def _inbox(held: Held) -> Inbox | None:
    """Open the inbox; a broken one is complained of and left alone, as the kill file reaches the bot without it."""
    try:
        return Inbox(held.folder.inbox, lock_timeout_ms=0)
    except (IntegrityError, Retryable) as error:
        held.log.complain("inbox", f"{error}; nothing is heard from it in this session")
        return None


def _opinions(config: BotConfig, log: FileLog, *, inline: bool) -> Opinions:
    def complain(text: str) -> None:
        log.complain("strategy", text)

    steps = {pair: float(config.exchanges[0].listing(pair).tick) for pair in config.pairs}
    return Opinions(load_strategy(config), steps, config.timeframe_ns, complain, inline=inline)
