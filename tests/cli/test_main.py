"""The command line as a whole: help, versions, workspaces, and what errors look like."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from quarterdeck.cli import main as entry
from quarterdeck.cli.main import app, run_command
from quarterdeck.config import create_workspace

HELP = """\
Usage: quarterdeck [OPTIONS] COMMAND [ARGS]...

  Trade crypto on several exchanges at once; every order passes one door, the
  guardrails.

Options:
  --workspace DIR  The workspace; else $QUARTERDECK_HOME, else the current
                   folder if it is one.
  --version        Print the version and exit.
  --help           Show this message and exit.

Commands:
  init            Create a workspace with one bot, ready to run.
  doctor          Find everything that is wrong with a workspace.
  run             Run a bot on paper money.
  status          Show how a bot stands, whether it runs or not.
  kill            Halt all bots of the workspace at once.
  pause           Let a bot only sell, for 15 minutes.
  reduce          Let a bot only sell, until it is resumed.
  resume          Let a bot trade again after a kill or halt.
  flatten         Sell everything that a running bot holds.
  orders          List a bot's open orders; cancel or resolve one.
  trades          List a bot's fills, oldest first.
  explain         Tell why a bot traded, or did not.
  events          List a bot's events for an audit, oldest first.
  guardrails      Show a bot's limits and their use, or change some.
  pairs           Show or change what a bot may trade.
  funds           Say whose money is whose.
  replay          Prove a bot's journal by deciding it again.
  archive         Move a stopped bot's old rows into its archive.
  backup          Back up a bot, running or not, and verify the copy.
  restore         Put a bot back from a backup.
  demo            Watch a bot decide and trade, and why.
  new-strategy    Write a strategy that works, to be changed into yours.
  check-strategy  Try whether a strategy may be believed.
  backtest        Try a strategy on recorded candles, under all the rules.
  settings        Show and change what a bot was told, running or not.
  journal         Check and export journals.

  Trading can lose all the money that it is given; this version trades paper
  money only.
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("QUARTERDECK_HOME", raising=False)
    monkeypatch.setenv("COLUMNS", "80")


def test_the_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["--help"]) == 0
    assert capsys.readouterr().out == HELP


def test_docs_tell_of_every_command(repository: Path) -> None:
    page = (repository / "docs" / "reference" / "command-line.md").read_text(encoding="utf-8")
    functions = [command.callback for command in app.registered_commands if command.callback is not None]
    named = [function.__name__.replace("_", "-") for function in functions]
    assert [
        name for name in [*named, "settings", "journal"] if f"`{name} " not in page and f"`{name}`" not in page
    ] == []


def test_the_help_loads_nothing_but_typer() -> None:
    code = (
        "import sys; from quarterdeck.cli.main import run_command; run_command(['--help']);"
        "heavy = {'rich', 'msgspec', 'numpy', 'duckdb', 'yaml', 'quarterdeck.system', 'quarterdeck.domain', 'asyncio'};"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["--version"]) == 0
    assert capsys.readouterr().out.startswith("quarterdeck ")


@pytest.mark.parametrize("words", [["nonsense"], ["run", "--nonsense"], ["run", "demo", "--cycles", "0"], ["trades"]])
def test_a_wrong_command_line_exits_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(words) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Error:" in shown.err


def test_with_json_an_error_is_json_on_stdout_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["status", "--json"]) == 2
    shown = capsys.readouterr()
    error = json.loads(shown.out)["error"]
    assert error["code"] == "config_error"
    assert "quarterdeck init" in error["message"]
    assert error["message"] in shown.err


def test_configuration_errors_come_line_by_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """S2; S4, X3: real money is not reached by a word in a file."""
    (tmp_path / "bot.yaml").write_text("mode: live\nnme: x\n", encoding="utf-8")
    assert run_command(["run", "--config", "bot.yaml", "--json"]) == 2
    shown = capsys.readouterr()
    details = json.loads(shown.out)["error"]["details"]
    assert shown.err.splitlines() == [f"error: {len(details)} problems", *details]
    assert "bot.yaml:1: mode: mode live is not available in this version; write mode: paper" in details
    assert "bot.yaml:2: nme: unknown key; did you mean name?" in details


def test_the_workspace_may_stand_before_and_after_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    create_workspace(Path("w"))
    for words in (["--workspace", "w", "status"], ["status", "--workspace", "w"]):
        assert run_command(words) == 0
        assert "never ran" in capsys.readouterr().out
    assert run_command(["--workspace", "w", "journal", "verify", "demo"]) == 2
    assert "there is no journal" in capsys.readouterr().err


def test_a_bug_exits_1_with_its_trace(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(path: object) -> None:
        raise ZeroDivisionError(path)

    create_workspace(Path("w"))
    monkeypatch.setattr("quarterdeck.cli.standing.list_bots", broken)
    assert run_command(["--workspace", "w", "status", "--json"]) == 1
    shown = capsys.readouterr()
    assert json.loads(shown.out)["error"]["code"] == "bug"
    assert "ZeroDivisionError" in shown.err
    assert "please report it" in shown.err


def test_whoever_stops_reading_ends_the_command_quietly() -> None:
    writer = "import sys; from quarterdeck.cli import main; sys.argv = ['quarterdeck', 'run', '--help']; main()"
    command = f'"{sys.executable}" -c "{writer}" | true'
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_main_exits_with_the_code_of_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["quarterdeck", "status"])
    with pytest.raises(SystemExit) as exited:
        entry()
    assert exited.value.code == 2
