import io
import json
from pathlib import Path

import pytest

from quarterdeck.domain import ConfigError, Control, FillBooked, NotAllowed
from quarterdeck.system import (
    export_journal,
    is_running,
    journal_of,
    kill,
    read_events,
    read_trades,
    recover,
    replay_journal,
    resume,
)
from tests.drill.stage import BOT, Stage
from tests.system.replaying import facts_of, local, orders_of, played


def control_of(stage: Stage) -> Control:
    return recover(stage.folder.journal).state.control


def test_a_kill_before_the_first_run_binds_it(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        outcome = kill(stage.workspace, None, "storm", "test", wait_s=0.0)
        assert outcome.bots == {BOT: "never ran; its first start will be halted"}
        summary = played(stage)
        assert (summary.control, summary.orders.planned) == (Control.HALTED, 0)


def test_a_kill_while_the_bot_is_away_binds_its_next_session(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        before = played(stage, cycles=40).orders.planned
        assert before > 0
        outcome = kill(stage.workspace, BOT, "storm", "test", wait_s=0.0)
        assert outcome.bots == {BOT: "not running; it will not trade until it is resumed"}
        summary = played(stage, cycles=40)
        assert (summary.control, summary.orders.planned) == (Control.HALTED, 0)


def test_a_resume_while_the_bot_is_away_lets_its_next_session_trade(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        played(stage, cycles=30)
        kill(stage.workspace, BOT, "storm", "test", wait_s=0.0)
        played(stage, cycles=10)
        assert control_of(stage) is Control.HALTED
        assert resume(stage.workspace, BOT, "calm", "test", wait_s=0.0).startswith("not running")
        summary = played(stage)
        assert summary.control is Control.RUNNING
        assert summary.orders.planned > 0


def test_a_kill_after_a_resume_that_was_not_yet_heard_stands(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        played(stage, cycles=30)
        kill(stage.workspace, BOT, "storm", "test", wait_s=0.0)
        resume(stage.workspace, BOT, "calm", "test", wait_s=0.0)
        kill(stage.workspace, BOT, "storm again", "test", wait_s=0.0)
        before = len(orders_of(stage))
        assert played(stage, cycles=30).control is Control.HALTED
        assert len(orders_of(stage)) == before


def test_a_broken_kill_file_must_be_mended_before_a_resume(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        played(stage, cycles=10)
        stage.workspace.kill.write_bytes(b"garbage")
        with pytest.raises(NotAllowed, match="run 'quarterdeck kill' to mend it first"):
            resume(stage.workspace, BOT, "calm", "test", wait_s=0.0)
        kill(stage.workspace, BOT, "mend", "test", wait_s=0.0)
        resume(stage.workspace, BOT, "calm", "test", wait_s=0.0)
        assert played(stage, cycles=30).control is Control.RUNNING


def test_a_broken_inbox_does_not_stop_a_kill(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        played(stage, cycles=10)
        stage.folder.inbox.write_bytes(b"garbage" * 900)
        assert kill(stage.workspace, BOT, "storm", "test", wait_s=0.0).epoch > 0
        assert played(stage, cycles=10).control is Control.HALTED


def test_a_bot_that_never_ran_has_nothing_to_show(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        assert not is_running(stage.workspace, BOT)
        with pytest.raises(ConfigError, match="never run"):
            resume(stage.workspace, BOT, "", "test", wait_s=0.0)
        with pytest.raises(ConfigError, match="never run"):
            journal_of(stage.workspace, BOT)


def test_trades_events_and_the_export_tell_what_the_journal_holds(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        summary = played(stage)
        page = read_trades(stage.workspace, BOT, since_ns=0, limit=1_000)
        booked = [fact.trade_id for fact in facts_of(stage) if isinstance(fact, FillBooked)]
        assert [item["trade_id"] for item in page.items] == booked
        assert read_events(stage.workspace, BOT, since_ns=0, limit=1_000).items
        out = io.BytesIO()
        assert export_journal(stage.folder.journal, out) == summary.journal_head.seq
        lines = [json.loads(line) for line in out.getvalue().splitlines()]
        assert lines[-1]["hash"] == summary.journal_head.hash
        assert replay_journal(stage.workspace, BOT).ok
