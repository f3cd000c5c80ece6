"""The demo ends by itself, tells every step of a decision, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from quarterdeck.cli.demo_data import find_data
from quarterdeck.cli.main import run_command
from quarterdeck.domain import ConfigError

PROGRAM = [sys.executable, "-c", "from quarterdeck.cli import main; main()"]
STEPS = ("prices", "signals", "intent", "sized", "routed", "checked", "order", "fill", "books")


def test_five_cycles_show_every_step_and_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert run_command(["demo", "--cycles", "5", "--exit", "--speed", "max", "--plain"]) == 0
    shown = capsys.readouterr().out
    words = {line.split()[2] for line in shown.splitlines() if line.startswith("2026-")}
    assert words >= set(STEPS)
    assert "quarterdeck init" in shown.splitlines()[-1]


def test_a_kept_workspace_holds_the_journal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "kept"
    assert run_command(["demo", "--cycles", "2", "--exit", "--speed", "max", "--keep", str(kept)]) == 0
    assert run_command(["--workspace", str(kept), "replay", "demo", "--verify"]) == 0
    assert "agree" in capsys.readouterr().out


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_demo_in_good_order(tmp_path: Path, number: signal.Signals, code: int) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen([*PROGRAM, "demo"], stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        while "owns the bot" not in process.stdout.readline():
            pass
        process.send_signal(number)
        rest = process.stdout.read()
        assert process.wait(30) == code
    assert "released" in rest
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_recordings_is_understood_by_the_names_of_its_files(tmp_path: Path) -> None:
    for name in ("ETH-USD-1m.csv", "BTC-USD-1m.csv", "BTC-USDT-1m.csv", "BTC-USD-1h.csv", "README.md"):
        (tmp_path / name).write_text("", encoding="utf-8")
    data = find_data((str(tmp_path),))
    assert (data.pairs, data.timeframe) == (("BTC-USD", "ETH-USD"), "1m")
    assert [source.path.name for source in data.sources] == ["BTC-USD-1m.csv", "ETH-USD-1m.csv"]
    hourly = find_data((str(tmp_path / "BTC-USD-1h.csv"),))
    assert (hourly.pairs, hourly.timeframe) == (("BTC-USD",), "1h")
    named = find_data((f"kraken:BTC-USD={tmp_path / 'any.csv'}",))
    assert [source.venue for source in named.sources] == ["kraken"]


def test_a_folder_without_recordings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no recorded candles there; give a folder or file named like"):
        find_data((str(tmp_path),))
