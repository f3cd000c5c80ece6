"""The file of a new strategy: it stands in development, works as it is, and takes nobody's place."""

from pathlib import Path

import pytest

from quarterdeck.config import Workspace, create_strategy, create_workspace, make_strategy, open_strategy
from quarterdeck.config.strategy_template import strategy_text
from quarterdeck.domain import ConfigError


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return create_workspace(tmp_path / "w")


def test_a_new_strategy_stands_in_development_and_can_be_made(workspace: Workspace) -> None:
    file = create_strategy(workspace, "my_idea")
    found = open_strategy("my_idea", workspace)

    assert file == workspace.development / "my_idea.py"
    assert found.file == file
    assert found.kind.__name__ == "MyIdea"
    assert make_strategy(found, {"average_bars": "12"}).window_bars == 13


@pytest.mark.parametrize("name", ["a", "strategy", "signals", "candles", "x2_and_more", "a" * 40])
def test_any_name_makes_a_file_that_works(workspace: Workspace, name: str) -> None:
    create_strategy(workspace, name)

    assert make_strategy(open_strategy(name, workspace), {}).window_bars == 31


def test_lines_are_no_longer_than_those_of_the_house() -> None:
    assert max(len(line) for line in strategy_text("a" * 40).splitlines()) <= 120


@pytest.mark.parametrize("name", ["", "My", "9lives", "../x", "a-b", "class", "_x", "ä", "a" * 41, "a.py"])
def test_a_name_that_is_none_is_refused(workspace: Workspace, name: str) -> None:
    with pytest.raises(ConfigError, match="not a name of a strategy; use up to 40 of a-z"):
        create_strategy(workspace, name)
    assert list(workspace.development.iterdir()) == []


def test_the_name_of_a_strategy_of_the_house_is_refused(workspace: Workspace) -> None:
    with pytest.raises(ConfigError, match="comes with Quarterdeck; choose another name"):
        create_strategy(workspace, "macd_trend")


@pytest.mark.parametrize("folder", ["development", "production"])
def test_a_file_that_is_there_is_never_written_over(workspace: Workspace, folder: str) -> None:
    file = workspace.root / "strategies" / folder / "mine.py"
    file.write_text("mine", encoding="utf-8")

    with pytest.raises(ConfigError, match="is there already; nothing was written"):
        create_strategy(workspace, "mine")
    assert file.read_text(encoding="utf-8") == "mine"
    assert not (workspace.development / "mine.py").exists() or folder == "development"


def test_a_folder_that_cannot_be_written_says_so(workspace: Workspace) -> None:
    workspace.development.rmdir()
    workspace.development.write_text("", encoding="utf-8")

    with pytest.raises(ConfigError, match="cannot be written"):
        create_strategy(workspace, "mine")
