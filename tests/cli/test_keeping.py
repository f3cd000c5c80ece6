"""Archive, backup and restore at the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from quarterdeck.cli.main import run_command
from quarterdeck.config import create_workspace


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("QUARTERDECK_HOME", raising=False)
    root = create_workspace(tmp_path / "w").root
    monkeypatch.chdir(root)
    assert run_command(["run", "demo", "--from", "2026-01-01", "--speed", "max", "--cycles", "60", "--json"]) == 0
    return root


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, object]:
    """Run a command with --json and read what it said."""
    capsys.readouterr()
    assert run_command([*words, "--json"]) == code
    answer: dict[str, object] = json.loads(capsys.readouterr().out)
    return answer


def test_rows_are_moved_to_the_archive_and_trades_reach_into_it(capsys: pytest.CaptureFixture[str]) -> None:
    before = said(capsys, "trades", "demo")
    moved = said(capsys, "archive", "demo", "--before", "2026-01-01T00:50")
    assert isinstance(moved["moved"], int)
    assert moved["moved"] > 20
    assert said(capsys, "trades", "demo") == before
    assert run_command(["journal", "verify", "demo"]) == 0
    assert run_command(["archive", "demo"]) == 0
    assert "0 rows from before" in capsys.readouterr().out


def test_a_backup_is_verified_and_can_be_restored(
    workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = str(tmp_path / "copy")
    done = said(capsys, "backup", "demo", copy)
    assert done["left_out"] == []
    restored = said(capsys, "restore", copy)
    assert restored["head"] == done["head"]
    assert (workspace / "run" / ".before-restore-demo").is_dir()
    assert run_command(["restore", copy]) == 0
    assert "next: quarterdeck run demo" in capsys.readouterr().out
    error = said(capsys, "restore", str(tmp_path), code=2)["error"]
    assert isinstance(error, dict)
    assert error["code"] == "config_error"
