"""Killing and resuming, asked from outside a running bot, with real processes."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from quarterdeck.cli.main import run_command
from quarterdeck.config import create_workspace

PROGRAM = [sys.executable, "-c", "from quarterdeck.cli import main; main()"]


@pytest.fixture(autouse=True)
def _workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUARTERDECK_HOME", raising=False)
    monkeypatch.chdir(create_workspace(tmp_path / "w").root)


@pytest.fixture
def running() -> Iterator[subprocess.Popen[str]]:
    """A bot at work in a process of its own."""
    command = [*PROGRAM, "run", "demo", "--speed", "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "COLUMNS": "100"}) as process:
        assert process.stdout is not None
        assert "owns the bot" in process.stdout.readline()
        yield process
        process.kill()


def test_kill_halts_a_running_bot_and_resume_lets_it_go_on(
    running: subprocess.Popen[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """X8, S20."""
    assert run_command(["kill", "demo", "--yes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bots"] == {"demo": "halted"}
    assert run_command(["resume", "demo", "--yes"]) == 0
    assert "done: resume" in capsys.readouterr().out
    running.send_signal(signal.SIGTERM)
    assert running.wait(30) == 143


def test_a_second_process_for_a_bot_exits_4_and_names_the_owner(
    running: subprocess.Popen[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """S3."""
    assert run_command(["run", "demo"]) == 4
    assert f"process {running.pid}" in capsys.readouterr().err


def test_without_a_person_only_yes_confirms(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Path(os.devnull).open(encoding="utf-8") as nobody:
        monkeypatch.setattr(sys, "stdin", nobody)
        for words in (["kill"], ["resume", "demo"]):
            assert run_command(words) == 3
            assert "Not confirmed: add --yes" in capsys.readouterr().err
    assert not Path("run/kill").exists()


def test_a_bot_that_does_not_run_is_killed_too(capsys: pytest.CaptureFixture[str]) -> None:
    run = ["run", "demo", "--speed", "max", "--cycles", "1", "--json"]
    assert run_command(run) == 0
    assert run_command(["kill", "--yes"]) == 0
    assert "will not trade until it is resumed" in capsys.readouterr().out
    assert run_command(run) == 0
    assert json.loads(capsys.readouterr().out)["control"] == "halted"
