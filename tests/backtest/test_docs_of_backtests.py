"""What the documents say of backtests runs, and the reference page is complete."""

import re
from pathlib import Path

import msgspec
import pytest

from quarterdeck.backtest import BacktestResult, BacktestSettings, render_backtests
from quarterdeck.backtest.reference import COLUMNS, MEMBERS, SETTINGS
from quarterdeck.cli.main import run_command
from tests.backtest.test_result import small_result

PAGES = ("README.md", "docs/guide/backtest-a-strategy.md")


def test_docs_the_example_in_python_runs(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = (repository / "docs" / "guide" / "backtest-a-strategy.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(compile(example, "backtest-a-strategy.md", "exec"), {})  # noqa: S102 - our own page
    assert "SAMPLE DATA" in capsys.readouterr().out


@pytest.mark.parametrize("name", PAGES)
def test_docs_every_option_of_the_examples_exists(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    text = (repository / name).read_text()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("QUARTERDECK_HOME", raising=False)
    commands = [
        line.partition("#")[0].split() for line in re.findall(r"^quarterdeck (backtest .*)$", text, re.MULTILINE)
    ]
    assert commands
    for words in commands:
        # Without their files the examples cannot run to the end, but a wrong option would be told before that.
        assert run_command([*words, "--data", "BTC-USD=no-such-file.csv"]) == 2
        said = capsys.readouterr().err
        assert "No such option" not in said
        assert (
            "no-such-file" in said or "candles" in said or "workspace" in said or ".parquet" in said or ".csv" in said
        )


def test_docs_the_reference_names_every_setting_member_and_column() -> None:
    page = render_backtests()
    fields = [field.name for field in msgspec.structs.fields(BacktestSettings)]
    assert list(SETTINGS) == fields
    result = small_result()
    assert [name for name in MEMBERS if not hasattr(BacktestResult, name.removesuffix("()"))] == []
    told = {column for table in (result.trades, result.orders, result.fills) for column in table.columns}
    assert told == set(COLUMNS)
    assert all(f"`{name}`" in page for name in (*fields, *told))


def test_docs_the_page_of_backtests_follows_from_the_code(repository: Path) -> None:
    assert (repository / "docs" / "reference" / "backtests.md").read_text() == render_backtests()
