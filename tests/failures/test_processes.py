"""R27, R28, R35 to R38 with real processes, files, sockets and signals: the bugs that were about them."""

import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

from quarterdeck.domain import Control, FillBooked, OrderState
from quarterdeck.system import raise_kill, recover, verify_journal, verify_replay
from tests.conftest import ROOT
from tests.drill.stage import BotProcess, Stage
from tests.system.acting import VALIDITY_NS, at_sea, at_venues, epoch_of, facts_now, planned, resting, sailing

LEASE_S = 2.0
MORE = 3
"""So many more orders show that a bot trades on."""


def trades_on(bot: BotProcess, stage: Stage, what: str) -> None:
    before = len(planned(stage))
    bot.until(lambda: len(planned(stage)) >= before + MORE, what)


def booked(stage: Stage) -> list[str]:
    return [f"{fact.venue} {fact.trade_id}" for fact in facts_now(stage) if isinstance(fact, FillBooked)]


def assert_nothing_was_lost(stage: Stage) -> None:
    """Start once more and stop: then every trade of every venue is booked once, and every order has its plan."""
    again = stage.run(stage.plan(cycles=2, validity_ns=VALIDITY_NS))
    assert again.exit_code() == 0, again.said()
    assert verify_journal(stage.folder.journal).ok
    replayed = verify_replay(stage.folder.journal)
    assert replayed.ok, replayed.problems
    told, written = Counter(booked(stage)), planned(stage)
    for venue in stage.venues.values():
        venue.stop()
        state = venue.state()
        ids = [order.client_id for order in state.orders.values()]
        assert len(ids) == len(set(ids))
        assert set(ids) <= written
        assert {trade.trade_id for trade in state.trades} == {
            name.split()[1] for name in told if name.startswith(f"{venue.name} ")
        }
    assert set(told.values()) == {1}


def test_r27_readers_hold_up_nothing_and_a_lock_that_stays_ends_the_bot_without_losing_a_fill(tmp_path: Path) -> None:
    """
    Guards one writer on an append-only file: a locked database swallowed a filled order elsewhere.

    A reader that keeps a long transaction does not matter, a writer that comes and goes is waited for, and one that
    stays ends the bot: it never goes on without its journal, and the next session books what was filled.
    """
    with at_sea(tmp_path) as stage:
        bot = sailing(stage)
        with closing(sqlite3.connect(stage.folder.journal, isolation_level=None)) as stranger:
            stranger.execute("BEGIN")
            assert stranger.execute("SELECT count(*) FROM rows").fetchone()[0] > 0
            trades_on(bot, stage, "trading beside a reader")
            stranger.execute("ROLLBACK")
            stranger.execute("BEGIN IMMEDIATE")
            assert not bot.has_ended(0.5)
            stranger.execute("ROLLBACK")
            trades_on(bot, stage, "trading after a short lock")
            stranger.execute("BEGIN IMMEDIATE")
            assert bot.exit_code(20.0) == 5, bot.said()
            stranger.execute("ROLLBACK")
        assert resting(stage) == set()
        assert_nothing_was_lost(stage)


def test_r28_with_a_disk_that_takes_no_more_the_bot_cancels_and_ends_and_the_kill_switch_still_works(
    tmp_path: Path,
) -> None:
    """Guards the two paths that need no disk: cancels without a journal, and a kill file that never grows."""
    with at_sea(tmp_path) as stage:
        bot = sailing(stage, file_bytes_max=360_000)
        assert bot.exit_code() == 5, bot.said()
        assert resting(stage) == set()
        raise_it = (
            "import resource, sys; from pathlib import Path; from quarterdeck.system import raise_kill\n"
            "path = Path(sys.argv[1]); size = path.stat().st_size\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)); raise_kill(path)\n"
        )
        subprocess.run([sys.executable, "-c", raise_it, str(stage.workspace.kill)], check=True, cwd=ROOT)
        again = stage.run(stage.plan(cycles=3, validity_ns=VALIDITY_NS))
        assert again.exit_code() == 0, again.said()
        assert recover(stage.folder.journal).state.control is Control.HALTED
        assert set(at_venues(stage)) <= planned(stage)


def test_r35_a_second_process_sends_nothing_and_a_paused_owner_that_wakes_too_late_neither(tmp_path: Path) -> None:
    """Guards lock, lease and epoch between processes: a second instance that was not started sent orders."""
    with at_sea(tmp_path) as stage:
        first = sailing(stage, lease_s=LEASE_S)
        second = stage.run(stage.plan(validity_ns=VALIDITY_NS))
        assert second.exit_code() == 4
        assert f"is owned by process {first.pid}" in second.said()
        assert epoch_of(stage) == 1
        third = stage.run(stage.plan(speed=300.0, validity_ns=VALIDITY_NS, lease_s=LEASE_S, standby=True))
        _pause(first, stage.folder.journal)
        third.until(lambda: epoch_of(stage) == 2, "the take-over")
        third.until(lambda: len(resting(stage)) <= 1, "what works is in hand")
        first.signal(signal.SIGCONT)
        assert first.exit_code(10.0) == 4, first.said()
        assert f"process {third.pid}" in first.said()
        third.signal(signal.SIGTERM)
        assert third.exit_code() == 143, third.said()
        assert_nothing_was_lost(stage)


def _pause(bot: BotProcess, journal: Path) -> None:
    """Stop a process, but not in the middle of a commit: then it holds the file, and nobody could take over."""
    for _ in range(200):
        bot.signal(signal.SIGSTOP)
        with closing(sqlite3.connect(journal, timeout=0.01, isolation_level=None)) as stranger:
            try:
                stranger.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                bot.signal(signal.SIGCONT)
                bot.has_ended(0.01)
                continue
            stranger.execute("ROLLBACK")
            return
    raise AssertionError("the bot is always in a commit")


def test_r36_after_a_kill_no_process_sends_anything_neither_at_once_nor_after_a_restart(tmp_path: Path) -> None:
    """Guards the kill file that every process reads at its last hop, and the halt that outlives the process."""
    with at_sea(tmp_path) as stage:
        bot = sailing(stage)
        raise_kill(stage.workspace.kill)
        bot.until(lambda: recover(stage.folder.journal).state.control is Control.HALTED, "the halt", 2.0)
        before = planned(stage)
        bot.until(lambda: resting(stage) == set(), "the cancel of what rested")
        bot.kill()
        again = stage.run(stage.plan(cycles=10, validity_ns=VALIDITY_NS))
        assert again.exit_code() == 0, again.said()
        assert planned(stage) == before
        assert recover(stage.folder.journal).state.control is Control.HALTED
        assert OrderState.OPEN not in at_venues(stage).values()


def test_r37_sigterm_cancels_what_works_before_the_process_ends(tmp_path: Path) -> None:
    """Guards the end on SIGTERM, as a container gives it: open orders were left behind elsewhere."""
    with at_sea(tmp_path) as stage:
        bot = sailing(stage)
        bot.signal(signal.SIGTERM)
        assert bot.exit_code(10.0) == 143, bot.said()
        assert resting(stage) == set()
        assert recover(stage.folder.journal).state.released
        states = at_venues(stage)
        assert set(states) <= planned(stage)
        assert OrderState.OPEN not in states.values()


def test_r38_a_switch_that_broke_while_the_bot_trades_ends_trading_within_a_second(tmp_path: Path) -> None:
    """Guards failing closed in a process that trades: the switch of others raised an error, and trading went on."""
    with at_sea(tmp_path) as stage:
        bot = sailing(stage)
        stage.workspace.kill.write_bytes(b"\xff" * 24)
        bot.until(lambda: recover(stage.folder.journal).state.control is Control.HALTED, "the halt", 1.0)
        before = planned(stage)
        bot.until(lambda: resting(stage) == set(), "the cancel of what rested")
        assert not bot.has_ended(0.5)
        assert planned(stage) == before
