"""A bot that has run over midnight, told about through the command line; made once, and only read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quarterdeck.cli.main import run_command
from quarterdeck.config import Workspace, create_workspace
from tests.requirements.market_time import Heard, heard

Told = Callable[..., Any]


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace whose bot ran from 22:30 on for two hours and a half, and was refused what came too soon."""
    workspace = create_workspace(tmp_path_factory.mktemp("shop") / "w")
    file = workspace.bot_file("demo")
    file.write_text(file.read_text(encoding="utf-8").replace("cooldown_s: 60 ", "cooldown_s: 900 "), encoding="utf-8")
    words = ["run", "demo", "--speed", "max", "--from", "2026-01-05T22:30", "--cycles", "150", "--json"]
    assert run_command(["--workspace", str(workspace.root), *words]) == 0
    return workspace


@pytest.fixture
def told(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> Told:
    """Run a command on the shop with --json and read what it prints; `code` is what it must exit with."""

    def ask(*words: str, code: int = 0, root: Path = shop.root) -> Any:  # noqa: ANN401 - JSON
        capsys.readouterr()
        assert run_command(["--workspace", str(root), *words, "--json"]) == code
        return json.loads(capsys.readouterr().out)

    return ask


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> Heard:
    """Every input that a bot took from 22:30 to 01:00, whether anything came of it or not."""
    workspace = create_workspace(tmp_path_factory.mktemp("evening") / "w")
    return heard(workspace, "2026-01-05T22:30", 150)
