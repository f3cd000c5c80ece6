"""What a trader does to a bot that runs: watch, limit, pause, stop, all from the terminal, with a real process."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from quarterdeck.cli.main import run_command
from quarterdeck.config import create_workspace

PROGRAM = [sys.executable, "-c", "from quarterdeck.cli import main; main()"]


@pytest.fixture(autouse=True)
def _workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUARTERDECK_HOME", raising=False)
    monkeypatch.chdir(create_workspace(tmp_path / "w").root)


# Buys as soon as it may, and never sells: what it holds, a person has to sell.
HOARDER = """\
import numpy as np

from quarterdeck.market import Candles
from quarterdeck.strategies import Signals, Strategy


class Hoarder(Strategy):
    window_bars = 2

    def signals(self, candles: Candles) -> Signals:
        return Signals(np.ones(len(candles.close), dtype=np.int8))
"""


@contextmanager
def running(until: str) -> Iterator[None]:
    """Run the bot in a process of its own, and wait until it says something."""
    command = [*PROGRAM, "run", "demo", "--speed", "60", "--from", "2026-01-05"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while until not in process.stdout.readline():
            assert process.poll() is None
        yield
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 143


@pytest.fixture
def _running() -> Iterator[None]:
    with running("owns the bot"):
        yield


def told(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> Any:  # noqa: ANN401 - JSON
    capsys.readouterr()
    assert run_command([*words, "--json"]) == code
    return json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("_running")
def test_a_running_bot_is_limited_paused_questioned_and_resumed(capsys: pytest.CaptureFixture[str]) -> None:
    changed = told(capsys, "settings", "set", "demo", "risk.stop_loss=0.03", "--reason", "careful")
    assert (changed["outcome"], changed["loosens"]) == ("done: risk.stop_loss", [])
    assert told(capsys, "settings", "history", "demo")["items"][-1]["reason"] == "careful"
    assert told(capsys, "guardrails", "demo", "set", "cooldown_s=20", "--yes")["loosens"] == ["guardrails.cooldown_s"]
    assert told(capsys, "pairs", "demo", "remove", "ETH-USD")["outcome"] == "done: pairs"
    assert told(capsys, "pause", "demo")["outcome"] == "done: pause"
    status = told(capsys, "status", "demo")
    assert (status["control"], status["opening"]["allowed"]) == ("paused", False)
    assert [hold["cause"] for hold in status["holds"]] == ["operator"]
    assert set(status["changes"]) == {"risk.stop_loss", "guardrails.cooldown_s", "pairs"}
    assert told(capsys, "resume", "demo", "--yes", "--rebase")["outcome"] == "done: resume"
    moved = told(capsys, "funds", "demo", "withdraw", "coinbase", "usd", "100", "--yes")
    assert moved["outcome"] == "done: -100 USD on coinbase"
    assert told(capsys, "orders", "demo", "cancel", "nope", code=3)["error"]["message"] == "refused: no order nope"
    assert told(capsys, "settings", "unset", "demo", "risk.stop_loss", "--yes")["outcome"] == "done: risk.stop_loss"
    assert "risk.stop_loss" not in told(capsys, "status", "demo")["changes"]


def test_a_person_sells_what_a_running_bot_holds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("strategies/production/hoarder.py").write_text(HOARDER, encoding="utf-8")
    bot = Path("bots/demo.yaml")
    lines = bot.read_text(encoding="utf-8").splitlines()
    lines = ["strategy: {name: hoarder, timeframe: 1m}" if "name: sma_crossover" in one else one for one in lines]
    bot.write_text("\n".join(lines), encoding="utf-8")
    with running("fill "):
        with Path("/dev/null").open(encoding="utf-8") as nobody:
            monkeypatch.setattr("sys.stdin", nobody)
            refused = told(capsys, "flatten", "demo", code=3)["error"]["message"]
        assert "Sell everything that demo holds at market: 0.00" in refused
        assert told(capsys, "reduce", "demo")["outcome"] == "done: reduce"
        outcome = told(capsys, "flatten", "demo", "--yes")
        assert (outcome["outcome"], outcome["left"]) == ("done: flatten", [])
        assert {one["state"] for one in outcome["exits"]} == {"filled"}
        assert told(capsys, "explain", "demo", "--last")["intent"]["cause"] == "flatten"
        assert told(capsys, "flatten", "demo", "--yes") == {"bot": "demo", "outcome": "nothing is held"}
