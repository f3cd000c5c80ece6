"""`doctor` at the command line: exit code, JSON, and lines that name the place."""

import json
from pathlib import Path

import pytest

from quarterdeck.cli.main import run_command
from quarterdeck.config import create_workspace


@pytest.fixture(autouse=True)
def _workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUARTERDECK_HOME", raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(create_workspace(tmp_path / "w").root)


def test_a_sound_workspace_exits_0_and_tells_its_risks(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["ok"], found["problems"]) == (True, [])
    assert {risk["severity"] for risk in found["risks"]} == {"risk"}


def test_a_problem_exits_2_and_names_file_and_line(capsys: pytest.CaptureFixture[str]) -> None:
    """S2."""
    bot = Path("bots/demo.yaml")
    bot.write_text(bot.read_text().replace("cooldown_s: 60", "colldown_s: 60"))
    line = 1 + bot.read_text()[: bot.read_text().index("colldown_s")].count("\n")
    assert run_command(["doctor"]) == 2
    shown = capsys.readouterr().out
    assert f"✗ bots/demo.yaml:{line}: guardrails.colldown_s" in shown
    assert "unknown key; did you mean cooldown_s?" in shown
    assert shown.rstrip().splitlines()[-1].startswith("1 problem, ")
    assert run_command(["doctor", "--json"]) == 2
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert (problem["file"], problem["line"], problem["path"]) == ("bots/demo.yaml", line, "guardrails.colldown_s")
