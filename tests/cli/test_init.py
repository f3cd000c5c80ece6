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
    assert run_command(["init", "w", "--yes"]) == 0
    shown = capsys.readouterr().out
    assert "can lose all the money" in shown
    assert "cd w && quarterdeck run demo" in shown.splitlines()[-1]
    assert run_command(["--workspace", "w", "run", "demo", "--speed", "max", "--cycles", "2", "--json"]) == 0


def test_a_second_init_overwrites_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["init", "w", "--yes"]) == 0
    assert run_command(["init", "w", "--yes"]) == 2
    assert "already; nothing was written" in capsys.readouterr().err


def test_the_wizard_asks_for_name_pairs_and_capital(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Person("mine\nsol-usd, btc-usd\n5000\n"))
    assert run_command(["init", "w"]) == 0
    config = load_bot(Workspace(Path("w")).bot_file("mine"))
    assert (config.pairs, int(config.capital)) == (("SOL-USD", "BTC-USD"), 5000)


def test_without_a_person_the_wizard_asks_for_yes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert run_command(["init", "w"]) == 3
    assert "--yes" in capsys.readouterr().err
    assert not Path("w").exists()
