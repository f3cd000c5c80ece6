"""Running one bot: own it, recover it, wire it, drive it, and let it go in good order."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

import msgspec

from quarterdeck.config import BotConfig, Workspace, load_bot
from quarterdeck.domain import MINUTE_NS, BotSettings, IntegrityError, QuarterdeckError, Started
from quarterdeck.journal import LEASE_NS, RENEW_NS, JournalSettings, JournalWriter
from quarterdeck.ports import iso
from quarterdeck.system.kill_file import KillFile
from quarterdeck.system.log import FileLog
from quarterdeck.system.loop import Happening, Watch
from quarterdeck.system.market import Market, RunOptions, open_market
from quarterdeck.system.ownership import Owned, take_bot
from quarterdeck.system.recover import SOFTWARE, Recovered, recover
from quarterdeck.system.state_file import StateFile
from quarterdeck.system.tally import JournalHead, RunFacts, RunSummary, Tally
from quarterdeck.system.wire import PRICE_AGE_BARS, Held, Opened, Parts, Plan, Switchboard, open_writer, wire

EXIT_SIGNALLED: Final = 143
PATIENCE_BARS: Final = 2


def run_bot(workspace: Workspace, config: BotConfig, options: RunOptions, watch: Watch | None = None) -> RunSummary:
    """
    Run a bot until its market ends, enough cycles ran, or it is told to stop.

    Args:
        workspace: Where its files lie.
        config: What it is.
        options: What it runs on, and how fast.
        watch: Told of every input and its facts; once they are durable, or at full speed once a commit holds them.

    Returns:
        The summary; its `exit_code` is 0, or 143 after SIGTERM or SIGINT.

    Raises:
        NotOwner: If another process owns the bot, or took it over meanwhile.
        IntegrityError: If the journal failed; what works was cancelled as far as the venues answer.
        ConfigError: If recordings, strategy or settings do not fit.
    """
    folder = workspace.bot_folder(config.name)
    lease_ns = int(options.lease_s * 1e9)
    settings = JournalSettings(lease_ns=lease_ns, renew_ns=lease_ns * RENEW_NS // LEASE_NS)
    with ExitStack() as stack:
        stack.enter_context(_leaving_on_signals())
        owned = take_bot(folder, config.name, standby=options.standby, settings=settings)
        stack.callback(owned.lock.close)
        stack.callback(owned.journal.close)
        stack.callback(_give_up, owned)
        kill = KillFile(workspace.kill)
        stack.callback(kill.close)
        log = FileLog(folder.log)
        stack.callback(log.close)
        stack.enter_context(_pid_told(folder.pid))
        return asyncio.run(_Session(workspace, config, options, watch).run(Held(folder, owned, kill, log)))


@contextmanager
def _leaving_on_signals() -> Iterator[None]:
    """Let a signal that comes before the session listens for it end the process in good order, with 128 + number."""
    before = {number: signal.signal(number, _leave) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def _give_up(owned: Owned) -> None:
    """Give the bot up if nobody has: a session that never began should not be waited for."""
    journal = owned.journal
    if journal.failure is None and not journal.lease.released:
        with suppress(QuarterdeckError):  # the journal is closed already, or the lease went: it runs out by itself
            journal.release()


@contextmanager
def _pid_told(path: Path) -> Iterator[None]:
    """Keep our number in a file for outside readers; one that cannot be written stops nobody."""
    ours = f"{os.getpid()}\n"
    with suppress(OSError):
        path.write_text(ours, encoding="utf-8")
    try:
        yield
    finally:
        with suppress(OSError):
            if path.read_text(encoding="utf-8") == ours:  # who took over from us has put its own there
                path.unlink()


class _Session:
    """One run of one bot."""

    def __init__(self, workspace: Workspace, config: BotConfig, options: RunOptions, watch: Watch | None) -> None:
        self._workspace = workspace
        self._config = config
        self._options = options
        self._watch = watch
        self._tally = Tally()
        self._state_file: StateFile | None = None
        self._has_begun = False
        self._began_s = time.perf_counter()

    async def run(self, held: Held) -> RunSummary:
        async with AsyncExitStack() as stack:
            board = Switchboard()
            opened = Opened(open_writer(held, board), board)
            stack.push_async_callback(opened.writer.aclose)
            stack.push_async_callback(self._let_go, opened.writer)
            recovered = recover(held.folder.journal)
            for sentence in recovered.skipped:
                held.log.complain("snapshot", sentence)
            self._config = _as_changed(self._workspace, self._config, recovered)
            market = open_market(self._config, self._options, time.time_ns(), recovered.state.last_bar_ns)
            options = self._options
            plan = Plan(
                config=self._config,
                settings=self._settings(),
                recovered=recovered,
                start_ns=market.start_ns,
                speed=options.speed,
                tell=self._tell,
                stands_by=options.standby,
                settlements=market.settlements,
            )
            parts = await wire(plan, held, opened, stack)
            banned = parts.session.hands.silent_until_ns
            self._state_file = StateFile(held.folder.state, parts.view, parts.clock, banned)
            try:
                await self._play(parts, held, market, self._started(parts, held, plan))
            except IntegrityError:
                await parts.session.hands.cancel_without_journal()
                raise
            finally:
                await parts.session.hands.stop()
            self._state_file.write(parts.session.loop.state)
        return self._summary(parts, held)

    async def _let_go(self, writer: JournalWriter) -> None:
        """Give the bot up where the session never began: nobody should wait for it."""
        if not self._has_begun and writer.failure is None:
            with suppress(QuarterdeckError):  # the lease went, and runs out by itself
                await writer.release()

    def _tell(self, happening: Happening) -> None:
        self._tally.take(happening)
        if self._state_file is not None:
            self._state_file.note(happening.state, happening.facts)
        if self._watch is not None:
            self._watch(happening)

    def _started(self, parts: Parts, held: Held, plan: Plan) -> Started:
        epoch = held.owned.journal.lease.epoch
        return Started(
            at_ns=parts.clock.now_ns(),
            session=f"{self._config.name}-{epoch}",
            epoch=epoch,
            software=SOFTWARE,
            settings=plan.settings,
            kill_epoch=held.kill.epoch(),
            recorded_hash=plan.recovered.recorded_hash,
        )

    async def _play(self, parts: Parts, held: Held, market: Market, started: Started) -> None:
        self._has_begun = True
        parts.session.errands.listen_to_signals()
        await parts.session.open(started)
        await parts.session.recover()
        held.log.say("session", f"{started.session} began under epoch {started.epoch}")
        await parts.session.driver.play(market.batches, self._options.cycles)
        await parts.session.wind_down("the run is over")
        await parts.writer.catch_up()
        await parts.writer.release()
        held.log.say("session", f"{started.session} ended")

    def _settings(self) -> BotSettings:
        """
        Say what the engine needs, where prices come as bars.

        At a multiple of true time, an order may be sent as long after its decision, and may take as long to fill, as
        it could in true time. An order that waits for the next bar to open is given two. A recording is marked once a
        bar, as a backtest of it is, where its bars are longer than a minute.
        """
        age_ns_max = PRICE_AGE_BARS * self._config.timeframe_ns
        settings = self._config.engine_settings(age_ns_max)
        faster = max(1.0, self._options.speed or 1.0)
        send_within_ns = int(settings.send_within_ns * faster)
        timeout_ns = int(settings.order_timeout_ns * faster)
        return msgspec.structs.replace(
            settings,
            send_within_ns=send_within_ns,
            mark_age_ns_max=age_ns_max,
            naked_ns_max=int(settings.naked_ns_max * faster),
            mark_every_ns=max(self._config.timeframe_ns, MINUTE_NS) if self._options.replay else MINUTE_NS,
            order_timeout_ns=max(timeout_ns, PATIENCE_BARS * self._config.timeframe_ns) if timeout_ns else 0,
        )

    def _summary(self, parts: Parts, held: Held) -> RunSummary:
        journal = held.owned.journal
        facts = RunFacts(
            bot=self._config.name,
            mode=self._config.mode,
            head=JournalHead(journal.head_seq, journal.head_hash.hex()),
            wall_s=time.perf_counter() - self._began_s,
            exit_code=EXIT_SIGNALLED if parts.session.errands.was_signalled else 0,
            from_at=_at(self._tally.first_ns),
            to_at=_at(self._tally.last_ns),
        )
        return self._tally.summary(parts.session.loop.state, facts)


def _as_changed(workspace: Workspace, config: BotConfig, recovered: Recovered) -> BotConfig:
    """Read the file again under the settings that were changed while the bot ran: later sessions keep them."""
    if not recovered.state.changes:
        return config
    return load_bot(config.path, workspace, overrides=recovered.state.changes)


def _at(at_ns: int | None) -> str | None:
    return None if at_ns is None else iso(at_ns)
