"""`new-strategy` and `check-strategy` as people and programs meet them."""

import json
from pathlib import Path

import pytest

from quarterdeck.cli.main import run_command
from quarterdeck.config import create_workspace
from tests.feeds.recordings import row, write_csv

PEEKS = '''\
import numpy as np

from quarterdeck import Candles, Signals, Strategy


class Peeks(Strategy):
    """It buys before every rise."""

    window_bars = 2

    def signals(self, candles: Candles) -> Signals:
        print("one moment")
        action = np.zeros(len(candles), dtype=np.int8)
        action[:-1] = np.sign(np.diff(candles.close_ticks))
        return Signals(action)
'''


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace that is the current folder."""
    monkeypatch.delenv("QUARTERDECK_HOME", raising=False)
    workspace = create_workspace(tmp_path / "w")
    monkeypatch.chdir(workspace.root)
    return workspace.root


def test_a_new_strategy_is_written_told_of_and_passes(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["new-strategy", "my_idea"]) == 0
    shown = capsys.readouterr().out
    assert f"wrote {root}/strategies/development/my_idea.py" in shown
    assert "  quarterdeck check-strategy my_idea\n" in shown

    assert run_command(["check-strategy", "my_idea"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("MyIdea (average_bars 30)\n")
    assert "  fine   look-ahead    the future changes nothing; tried at " in shown
    assert "FAILED" not in shown


def test_a_name_that_is_taken_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["new-strategy", "mine"]) == 0
    assert run_command(["new-strategy", "mine"]) == 2
    assert "is there already; nothing was written" in capsys.readouterr().err
    assert run_command(["new-strategy", "rsi_momentum"]) == 2
    assert run_command(["new-strategy", "../mine"]) == 2


def test_one_that_peeks_exits_3_and_says_which_bar(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "peeks.py").write_text(PEEKS, encoding="utf-8")

    assert run_command(["check-strategy", "peeks.py"]) == 3
    shown = capsys.readouterr()
    assert "  FAILED look-ahead    it knows the future: bar " in shown.out
    assert "A backtest of it proves nothing: correct what failed first." in shown.out
    assert "one moment" in shown.err
    assert "one moment" not in shown.out


def test_with_json_the_report_alone_is_on_stdout(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "strategies" / "development" / "peeks.py").write_text(PEEKS, encoding="utf-8")

    assert run_command(["check-strategy", "peeks", "--json"]) == 3
    report = json.loads(capsys.readouterr().out)
    assert report.keys() == {"strategy", "parameters", "file", "hash", "ok", "series", "notes"}
    assert report["series"][0].keys() == {
        "instrument", "bars", "window_bars", "signals", "live_us", "live_us_max", "bar_ns", "checks",
    }  # fmt: skip
    assert (report["strategy"], report["ok"]) == ("Peeks", False)
    assert report["file"] == str(root / "strategies" / "development" / "peeks.py")
    failed = {check["name"] for one in report["series"] for check in one["checks"] if not check["passed"]}
    assert failed == {"look-ahead", "window"}


def test_a_strategy_of_the_house_needs_no_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert run_command(["check-strategy", "macd_trend", "--set", "fast_bars=5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["parameters"] == {"fast_bars": 5, "slow_bars": 26, "signal_bars": 9}


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["nowhere"], "there is no strategy 'nowhere'"),
        (["nowhere.py"], "cannot be read"),
        (["macd_trend", "--set", "fast_bars"], "write NAME=VALUE"),
        (["macd_trend", "--set", "fast=5"], "has no parameter 'fast'"),
        (["macd_trend", "--set", "fast_bars=1"], "it takes an integer from 2 to 60"),
        (["macd_trend", "--data", "nowhere.parquet"], "nowhere.parquet"),
        (["macd_trend", "--workspace", "nowhere"], "create a workspace"),
    ],
)
def test_what_makes_no_sense_exits_2(words: list[str], problem: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["check-strategy", *words]) == 2
    assert problem in capsys.readouterr().err


def test_a_recording_may_be_given_with_its_pair(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_csv(tmp_path / "mine.csv", [row(minute, 100.0 + minute % 7) for minute in range(600)])

    assert run_command(["check-strategy", "macd_trend", "--data", f"SOL-USD={path}", "--json"]) == 0
    assert [one["instrument"] for one in json.loads(capsys.readouterr().out)["series"]] == ["SOL-USD"]
