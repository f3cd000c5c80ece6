"""`init`: a workspace, the wizard, and the next step."""

import io
import sys
from pathlib import Path

import pytest

from quarterdeck.cli.main import run_command
from quarterdeck.config import Workspace, load_bot


class Person(io.StringIO):
    """Somebody at a terminal who answers questions."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUARTERDECK_HOME", raising=False)
    monkeypatch.chdir(tmp_path)


def test_a_new_workspace_names_the_risk_and_the_next_step(capsys: pytest.CaptureFixture[str]) -> None:
    """S1, S25."""
    assert run_command(["init", "w", "--yes"]) == 0
    shown = capsys.readouterr().out
    assert "can lose all the money" in shown
    assert "cd w && quarterdeck run demo" in shown.splitlines()[-1]
    assert run_command(["--workspace", "w", "run", "demo", "--speed", "max", "--cycles", "2", "--json"]) == 0


def test_a_second_init_overwrites_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["init", "w", "--yes"]) == 0
    assert run_command(["init", "w", "--yes"]) == 2
    assert "already; nothing was written" in capsys.readouterr().err


def test_the_wizard_asks_what_a_trader_must_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    """S1."""
    answers = ["mine", "sol-usd, btc-usd", "5000", "40", "rsi_momentum", "5m", "3", "8%", "2"]
    monkeypatch.setattr(sys, "stdin", Person("\n".join([*answers, ""])))
    assert run_command(["init", "w"]) == 0
    config = load_bot(Workspace(Path("w")).bot_file("mine"))
    assert (config.pairs, int(config.capital), int(config.sizing.value)) == (("SOL-USD", "BTC-USD"), 5000, 40)
    assert (config.strategy.name, config.strategy.timeframe) == ("rsi_momentum", "5m")
    limits = (config.risk.stop_loss, config.risk.take_profit, config.guardrails.daily_loss_max)
    assert limits == (0.03, 0.08, 0.02)


def test_the_wizard_asks_again_where_an_answer_makes_no_sense(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = [
        "../x",
        "mine",
        "btc",
        "btc-usd eth-eur",
        "btc-usd",
        "5",
        "5000",
        "",
        "magic",
        "",
        "2m",
        "",
        "0",
        "",
        "",
        "",
    ]
    monkeypatch.setattr(sys, "stdin", Person("\n".join([*answers, ""])))
    assert run_command(["init", "w"]) == 0
    told = capsys.readouterr().err
    for words in ("not a name of a bot", "write it like BTC-USD", "quoted in one currency", "from 1000 to", "one of:"):
        assert words in told
    config = load_bot(Workspace(Path("w")).bot_file("mine"))
    assert (config.pairs, int(config.sizing.value), config.risk.stop_loss) == (("BTC-USD",), 50, 0.05)


def test_without_a_person_the_wizard_asks_for_yes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert run_command(["init", "w"]) == 3
    assert "--yes" in capsys.readouterr().err
    assert not Path("w").exists()
