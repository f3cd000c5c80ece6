"""Finding and making workspaces."""

from pathlib import Path

import pytest

from quarterdeck.config import Starter, Workspace, checked_name, create_workspace, find_workspace, load_bot
from quarterdeck.domain import ConfigError


def test_the_option_comes_before_the_environment_and_that_before_the_folder(tmp_path: Path) -> None:
    a, b, c = (create_workspace(tmp_path / name).root for name in "abc")
    assert find_workspace(a, {"QUARTERDECK_HOME": str(b)}, c).root == a
    assert find_workspace(None, {"QUARTERDECK_HOME": str(b)}, c).root == b
    assert find_workspace(None, {}, c).root == c


def test_no_workspace_is_an_error_that_names_init(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="quarterdeck init"):
        find_workspace(None, {}, tmp_path)
    with pytest.raises(ConfigError, match=r"--workspace .*quarterdeck init"):
        find_workspace(tmp_path, {}, tmp_path)
    with pytest.raises(ConfigError, match=r"QUARTERDECK_HOME"):
        find_workspace(None, {"QUARTERDECK_HOME": str(tmp_path / "gone")}, tmp_path)


def test_a_new_workspace_has_its_folders_and_a_bot_that_loads(tmp_path: Path) -> None:
    workspace = create_workspace(tmp_path / "new" / "w")
    assert all(
        folder.is_dir()
        for folder in (workspace.bots, workspace.production, workspace.development, workspace.data, workspace.run)
    )
    assert load_bot(workspace.bot_file("demo"), workspace).name == "demo"
    assert workspace.bot_folder("demo").journal == workspace.root / "run" / "demo" / "journal.db"
    assert workspace.kill == workspace.root / "run" / "kill"


def test_nothing_is_ever_overwritten(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"README.md already; nothing was written"):
        create_workspace(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


@pytest.mark.parametrize(
    "starter",
    [
        Starter(bot="on"),
        Starter(bot="123"),
        Starter(pairs=("ADA-EUR", "BTC-EUR")),
        Starter(pairs=("BTCUSD", "xrp/usd")),
        Starter(strategy="rsi_momentum", timeframe="1h"),
        Starter(capital=1_000, value=20, stop_loss=0.031, take_profit=0.5, daily_loss_max=0.02),
    ],
)
def test_every_starter_makes_a_file_that_loads(tmp_path: Path, starter: Starter) -> None:
    workspace = create_workspace(tmp_path / "w", starter)
    assert load_bot(workspace.bot_file(starter.bot), workspace).name == starter.bot


@pytest.mark.parametrize("starter", [Starter(pairs=("BTC-USD", "BTC-EUR")), Starter(capital=5), Starter(bot="A b")])
def test_a_starter_that_makes_no_sense_writes_nothing(tmp_path: Path, starter: Starter) -> None:
    with pytest.raises(ConfigError):
        create_workspace(tmp_path / "w", starter)
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize("name", ["../x", "", "a/b", "A", ".", "-x", "x" * 41, "a\n"])
def test_a_name_that_could_leave_the_folder_is_none(name: str) -> None:
    with pytest.raises(ConfigError):
        checked_name(name)
    with pytest.raises(ConfigError):
        Workspace(Path("w")).bot_folder(name)
