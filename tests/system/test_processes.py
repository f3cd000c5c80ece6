"""Processes and signals: one owner for a bot, a good end on SIGTERM, and a kill that binds whoever runs."""

import signal
from collections import Counter
from pathlib import Path

import pytest

from quarterdeck.domain import CancelRequested, Control, OrderState
from quarterdeck.journal import SqliteReader
from quarterdeck.system import is_running, kill, recover, resume, verify_journal
from tests.drill.stage import BOT, CHURN, Stage
from tests.system.acting import (
    VALIDITY_NS,
    ask_for_a_resting_order,
    at_sea,
    at_venues,
    epoch_of,
    facts_now,
    pause,
    planned,
    resting,
    sailing,
)

LEASE_S = 2.0


def head_of(stage: Stage) -> int:
    with SqliteReader(stage.folder.journal) as reader:
        return reader.head()[0]


def test_a_second_process_is_turned_away_and_told_by_whom(tmp_path: Path) -> None:
    with at_sea(tmp_path) as stage:
        first = sailing(stage)
        second = stage.run(stage.plan(validity_ns=VALIDITY_NS))
        assert second.exit_code() == 4
        assert f"is owned by process {first.pid}" in second.said()
        assert "--standby" in second.said()
        before = len(planned(stage))
        first.until(lambda: len(planned(stage)) > before, "the first one trades on")
        assert epoch_of(stage) == 1


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_one_that_stands_by_takes_over_when_the_owner_ends(tmp_path: Path, ending: signal.Signals) -> None:
    with at_sea(tmp_path) as stage:
        first = sailing(stage)
        second = stage.run(stage.plan(validity_ns=VALIDITY_NS, standby=True, cycles=20))
        assert not second.has_ended(0.7)
        assert epoch_of(stage) == 1
        first.signal(ending)
        assert second.exit_code() == 0, second.said()
        assert first.exit_code() == (143 if ending is signal.SIGTERM else -9)
        assert epoch_of(stage) == 2
        assert verify_journal(stage.folder.journal).ok


def test_one_that_stands_by_ends_in_good_order_too(tmp_path: Path) -> None:
    with at_sea(tmp_path) as stage:
        first = sailing(stage)
        second = stage.run(stage.plan(validity_ns=VALIDITY_NS, standby=True))
        assert not second.has_ended(1.5)
        second.signal(signal.SIGTERM)
        assert second.exit_code(5.0) == 143, second.said()
        before = len(planned(stage))
        first.until(lambda: len(planned(stage)) > before, "the owner trades on")


def test_a_paused_owner_that_wakes_too_late_neither_appends_nor_sends(tmp_path: Path) -> None:
    with at_sea(tmp_path) as stage:
        first = sailing(stage, lease_s=LEASE_S)
        pause(first, stage)
        second = stage.run(stage.plan(speed=300.0, validity_ns=VALIDITY_NS, lease_s=LEASE_S, standby=True))
        second.until(lambda: epoch_of(stage) == 2, "the take-over")
        before = len(planned(stage))
        second.until(lambda: len(planned(stage)) > before + 2, "the successor trades")
        first.signal(signal.SIGCONT)
        assert first.exit_code(10.0) == 4, first.said()
        assert f"process {second.pid}" in first.said()
        assert stage.folder.pid.read_text() == f"{second.pid}\n"
        assert len(resting(stage)) == 1, "the late one cancelled what is not its own any more"
        second.signal(signal.SIGTERM)
        assert second.exit_code() == 143, second.said()
        assert verify_journal(stage.folder.journal).ok
        written = planned(stage)
        for venue in stage.venues.values():
            venue.stop()
            sent = Counter(order.client_id for order in venue.state().orders.values())
            assert set(sent.values()) == {1}
            assert sent.keys() <= written


def test_sigterm_cancels_what_works_and_lets_the_next_one_start_at_once(tmp_path: Path) -> None:
    with at_sea(tmp_path) as stage:
        bot = sailing(stage)
        bot.signal(signal.SIGTERM)
        assert bot.exit_code(10.0) == 143, bot.said()
        assert bot.summary()["exit_code"] == 143
        assert resting(stage) == set()
        assert not is_running(stage.workspace, BOT)
        state = recover(stage.folder.journal).state
        assert state.released
        before = head_of(stage)
        again = stage.run(stage.plan(cycles=3, validity_ns=VALIDITY_NS))
        assert again.exit_code(10.0) == 0, again.said()
        assert head_of(stage) > before
        assert again.summary()["session"] == f"{BOT}-2"
        assert OrderState.OPEN not in at_venues(stage).values()


def test_a_kill_halts_a_running_bot_within_a_second_and_survives_restarts(tmp_path: Path) -> None:
    with at_sea(tmp_path) as stage:
        bot = sailing(stage)
        outcome = kill(stage.workspace, BOT, "drill", "test", wait_s=1.0)
        assert outcome.bots == {BOT: "halted"}
        before = planned(stage)
        bot.until(lambda: resting(stage) == set(), "the cancel of what rested")
        cancelled = {fact.client_id for fact in facts_now(stage) if isinstance(fact, CancelRequested)}
        assert cancelled & before
        assert not bot.has_ended(0.8)  # four bars, on each of which the strategy wants to trade
        assert planned(stage) == before
        bot.kill()
        again = stage.run(stage.plan(cycles=10, validity_ns=VALIDITY_NS))
        assert again.exit_code() == 0, again.said()
        assert recover(stage.folder.journal).state.control is Control.HALTED
        assert planned(stage) == before
        assert resume(stage.workspace, BOT, "seen to", "test", wait_s=0.0).startswith("not running")
        third = stage.run(stage.plan(speed=300.0, validity_ns=VALIDITY_NS))
        third.until(lambda: planned(stage) > before, "trading after the resume")


def test_a_resume_is_heard_by_a_running_bot(tmp_path: Path) -> None:
    with at_sea(tmp_path) as stage:
        bot = sailing(stage)
        kill(stage.workspace, BOT, "drill", "test", wait_s=2.0)
        before = planned(stage)
        assert resume(stage.workspace, BOT, "seen to", "test", wait_s=5.0) == "done: resume"
        bot.until(lambda: planned(stage) > before, "trading after the resume")


@pytest.mark.parametrize("damage", ["empty", "cut", "garbage", "deleted"])
def test_with_a_broken_kill_file_nothing_trades(tmp_path: Path, damage: str) -> None:
    with at_sea(tmp_path) as stage:
        bot = sailing(stage)
        path = stage.workspace.kill
        if damage == "deleted":
            path.unlink()
        else:
            content = {"empty": b"", "cut": path.read_bytes()[:9], "garbage": b"\xff" * 24}[damage]
            path.write_bytes(content)
        bot.until(lambda: recover(stage.folder.journal).state.control is Control.HALTED, "the halt", 2.0)
        before = planned(stage)
        bot.until(lambda: resting(stage) == set(), "the cancel of what rested")
        assert not bot.has_ended(0.8)
        assert planned(stage) == before


SLOW = "import threading\n" + CHURN.replace("        beat =", "        threading.Event().wait(2.5)\n        beat =")
SPINNING = CHURN.replace("        beat =", "        while True:\n            pass\n        beat =")
RAISING = CHURN.replace("        beat =", '        raise ZeroDivisionError("in a strategy")\n        beat =')


def test_a_strategy_that_thinks_long_does_not_hold_up_a_kill(tmp_path: Path) -> None:
    with at_sea(tmp_path) as stage:
        (stage.workspace.production / "churn.py").write_text(SLOW)
        ask_for_a_resting_order(stage)
        bot = stage.run(stage.plan(speed=300.0, validity_ns=VALIDITY_NS))
        bot.until(lambda: len(resting(stage)) == 1, "a resting order")
        outcome = kill(stage.workspace, BOT, "drill", "test", wait_s=1.0)
        assert outcome.bots == {BOT: "halted"}
        bot.until(lambda: resting(stage) == set(), "the cancel of what rested", 1.0)
        bot.signal(signal.SIGTERM)
        assert bot.exit_code(5.0) == 143, bot.said()


def test_a_strategy_that_never_lets_go_of_the_processor_holds_up_neither_a_kill_nor_the_end(tmp_path: Path) -> None:
    with at_sea(tmp_path) as stage:
        (stage.workspace.production / "churn.py").write_text(SPINNING)
        ask_for_a_resting_order(stage)
        bot = stage.run(stage.plan(speed=300.0, validity_ns=VALIDITY_NS))
        bot.until(lambda: len(resting(stage)) == 1, "a resting order")
        assert kill(stage.workspace, BOT, "drill", "test", wait_s=1.0).bots == {BOT: "halted"}
        bot.until(lambda: resting(stage) == set(), "the cancel of what rested", 2.0)
        bot.signal(signal.SIGTERM)
        assert bot.exit_code(10.0) == 143, bot.said()


def test_a_bot_that_was_stopped_for_seconds_notices_and_opens_nothing_on_that_bar(tmp_path: Path) -> None:
    """R64: the lag is the loop's own, whatever its clock says."""
    with at_sea(tmp_path) as stage:
        bot = sailing(stage)
        pause(bot, stage)
        assert not bot.has_ended(2.6)
        bot.signal(signal.SIGCONT)
        bot.until(lambda: "the event loop was held up for" in stage.folder.log.read_text(), "the alarm", 5.0)
        before = len(planned(stage))
        bot.until(lambda: len(planned(stage)) > before, "trading afterwards")


def test_a_strategy_that_raises_holds_and_is_logged(tmp_path: Path) -> None:
    with at_sea(tmp_path) as stage:
        (stage.workspace.production / "churn.py").write_text(RAISING)
        bot = stage.run(stage.plan(cycles=5, validity_ns=VALIDITY_NS))
        assert bot.exit_code() == 0, bot.said()
        signals = bot.summary()["signals"]
        assert signals == {"BUY": 0, "SELL": 0, "HOLD": 10}
        assert "the strategy raised ZeroDivisionError: in a strategy; HOLD" in stage.folder.log.read_text()


def test_a_strategy_that_hangs_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with at_sea(tmp_path) as stage:
        (stage.workspace.production / "churn.py").write_text(SLOW.replace("2.5", "45.0"))
        bot = stage.run(stage.plan(speed=300.0, validity_ns=VALIDITY_NS))
        bot.until(lambda: epoch_of(stage) == 1, "a session")
        assert not bot.has_ended(1.0)
        bot.signal(signal.SIGTERM)
        assert bot.exit_code(10.0) == 143, bot.said()
