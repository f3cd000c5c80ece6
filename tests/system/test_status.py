from pathlib import Path

import pytest

from quarterdeck.domain import ConfigError, Control
from quarterdeck.system import examine, kill, list_bots, read_status
from tests.drill.stage import BOT
from tests.system.acting import at_sea, sailing
from tests.system.replaying import local, played


def test_a_bot_that_never_ran_has_no_status(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        assert list_bots(stage.workspace) == [BOT]
        with pytest.raises(ConfigError, match="has never run; start it with 'quarterdeck run drill'"):
            read_status(stage.workspace, BOT)


def test_a_bot_that_is_not_configured_is_told_apart(tmp_path: Path) -> None:
    with local(tmp_path) as stage, pytest.raises(ConfigError, match=f"there is no bot 'other' in .*: {BOT}"):
        read_status(stage.workspace, "other")


def test_a_file_that_names_no_bot_holds_up_nothing(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        (stage.workspace.bots / f"{BOT} copy.yaml").write_text("")
        assert list_bots(stage.workspace) == [BOT]
        assert list(kill(stage.workspace, None, "drill", "ann", 0.0).bots) == [BOT]
        wrong = [one for one in examine(stage.workspace).problems if one.file.endswith("copy.yaml")]
        assert [one.problem for one in wrong] == [f"'{BOT} copy' is not a name of a bot"]


def test_the_status_after_a_run_is_that_of_its_summary(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        summary = played(stage, cycles=41)
        status = read_status(stage.workspace, BOT)
        assert (status.control, status.halt_reason, status.owner) == (Control.RUNNING, "", None)
        assert status.cash == summary.cash
        assert status.positions == summary.positions
        assert status.equity == summary.equity
        assert status.last_cycle_at == "2020-09-13T13:07:00.000000Z"
        assert {rule.id for rule in status.guardrails} >= {"G1", "G2", "G4", "G8", "G10"}
        assert [venue.name for venue in status.venues] == ["alpha", "beta"]


def test_the_status_of_a_running_bot_tells_its_owner_and_what_works(tmp_path: Path) -> None:
    with at_sea(tmp_path) as stage:
        bot = sailing(stage)
        status = read_status(stage.workspace, BOT)
        assert status.owner is not None
        assert (status.owner.pid, status.owner.epoch) == (bot.pid, 1)
        limits = [order for order in status.open_orders if order.kind == "limit"]
        assert [(order.instrument, order.side, order.state, order.cancel) for order in limits] == [
            ("BTC-USD", "buy", "open", "none")
        ]
        assert stage.folder.pid.read_text() == f"{bot.pid}\n"


def test_a_state_file_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        stage.folder.state.mkdir(parents=True)
        assert played(stage, cycles=20).exit_code == 0
        assert read_status(stage.workspace, BOT).venues == []
