"""Strategies of the workspace: only from production, one in a file, pinned by the content that was checked."""

from pathlib import Path

import pytest

from quarterdeck.config import Workspace, create_workspace, load_bot, load_strategy, make_strategy, open_strategy
from quarterdeck.domain import ConfigError

OWN = """\
from quarterdeck import Candles, Signals, SmaCrossover, Strategy, integer


class Mine(Strategy):
    \"\"\"Mine.\"\"\"

    look_bars = integer(3, low=1, high=9)

    @property
    def window_bars(self) -> int:
        return self.look_bars

    def signals(self, candles: Candles) -> Signals:
        raise NotImplementedError
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = create_workspace(tmp_path / "w")
    text = made.bot_file("demo").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("strategy:"))
    own = "strategy: {name: mine, parameters: {look_bars: 5}}"
    made.bot_file("demo").write_text(text.replace(line, own), encoding="utf-8")
    return made


def problem_of(workspace: Workspace) -> str:
    with pytest.raises(ConfigError) as raised:
        load_bot(workspace.bot_file("demo"))
    return str(raised.value)


def test_a_file_in_production_is_loaded_with_its_parameters(workspace: Workspace) -> None:
    (workspace.production / "mine.py").write_text(OWN, encoding="utf-8")
    config = load_bot(workspace.bot_file("demo"))
    strategy = load_strategy(config)
    assert strategy.window_bars == 5
    assert config.strategy.file == workspace.production / "mine.py"
    assert not (workspace.production / "__pycache__").exists()


def test_a_file_that_changed_since_it_was_checked_is_refused(workspace: Workspace) -> None:
    (workspace.production / "mine.py").write_text(OWN, encoding="utf-8")
    config = load_bot(workspace.bot_file("demo"))
    (workspace.production / "mine.py").write_text(OWN.replace("9)", "8)"), encoding="utf-8")
    with pytest.raises(ConfigError, match="changed while the bot was starting"):
        load_strategy(config)


def test_development_is_never_loaded(workspace: Workspace) -> None:
    (workspace.development / "mine.py").write_text(OWN, encoding="utf-8")
    assert "move it to" in problem_of(workspace)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("x = 1\n", "exactly one subclass of Strategy; found none"),
        (OWN + "\n\nclass Other(Mine):\n    pass\n", "exactly one subclass of Strategy; found Mine, Other"),
        ("def broken(:\n", "mine.py:1: SyntaxError"),
        ("import nowhere_at_all\n", "mine.py:1: ModuleNotFoundError"),
        ("\nx = undefined\n", "mine.py:2: NameError"),
        (OWN.replace("low=1", "low=5"), "parameter 'look_bars': 3 is not allowed"),
        (OWN.replace("high=9", "high=4"), "look_bars takes an integer from 1 to 4"),
    ],
)
def test_a_file_with_a_slip_says_where(workspace: Workspace, text: str, problem: str) -> None:
    (workspace.production / "mine.py").write_text(text, encoding="utf-8")
    assert problem in problem_of(workspace)


def test_a_file_may_not_take_the_name_of_a_built_in_strategy(workspace: Workspace) -> None:
    (workspace.production / "sma_crossover.py").write_text(OWN, encoding="utf-8")
    path = workspace.bot_file("demo")
    path.write_text(path.read_text(encoding="utf-8").replace("name: mine", "name: sma_crossover"), encoding="utf-8")
    assert "comes with Quarterdeck; rename the file" in problem_of(workspace)


def test_an_unknown_strategy_suggests_a_known_one(workspace: Workspace) -> None:
    (workspace.production / "mine_own.py").write_text(OWN, encoding="utf-8")
    assert "there is no strategy 'mine'; did you mean mine_own?" in problem_of(workspace)


def test_what_is_looked_at_may_stand_in_development_or_in_any_file(workspace: Workspace, tmp_path: Path) -> None:
    """Bots load from production only; looking at a strategy is no trading."""
    (workspace.development / "mine.py").write_text(OWN, encoding="utf-8")
    elsewhere = tmp_path / "my-own file.py"
    elsewhere.write_text(OWN.replace("high=9", "high=7"), encoding="utf-8")

    assert open_strategy("mine", workspace).file == workspace.development / "mine.py"
    assert open_strategy(str(elsewhere), None).file == elsewhere
    assert open_strategy("sma_crossover", None).file is None


def test_of_two_files_of_one_name_the_one_in_development_is_looked_at(workspace: Workspace) -> None:
    for folder in (workspace.production, workspace.development):
        (folder / "mine.py").write_text(OWN, encoding="utf-8")
    assert open_strategy("mine", workspace).file == workspace.development / "mine.py"
    (workspace.development / "mine.py").unlink()
    assert open_strategy("mine", workspace).file == workspace.production / "mine.py"


@pytest.mark.parametrize("word", ["nowhere.py", "unheard_of", "../x"])
def test_a_strategy_that_is_nowhere_is_an_error(workspace: Workspace, word: str) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read|there is no strategy"):
        open_strategy(word, workspace)


def test_parameters_are_written_as_in_a_bots_file() -> None:
    found = open_strategy("bollinger_reversion", None)

    assert make_strategy(found, {"period_bars": "30", "band_width": "2"}).values() == {
        "period_bars": 30,
        "band_width": 2.0,
    }
    for chosen in ({"period_bars": "many"}, {"periods": "3"}, {"period_bars": "1e999"}, {"period_bars": "[1"}):
        with pytest.raises(ConfigError):
            make_strategy(found, chosen)
