"""What the documents show of strategies is true, and works."""

import re
from pathlib import Path

import pytest

from quarterdeck import indicators
from quarterdeck.config import make_strategy, open_strategy
from quarterdeck.strategies import BUILTIN, render_strategies
from quarterdeck.system import try_strategy

GUIDE = Path("docs") / "guide" / "write-a-strategy.md"
EXAMPLES = ["Dip", "Agreed", "Runs"]


def examples(repository: Path) -> list[str]:
    text = (repository / GUIDE).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_docs_show_these_examples(repository: Path) -> None:
    found = [re.findall(r"^class (\w+)\(Strategy\)", example, re.MULTILINE) for example in examples(repository)]

    assert found == [[name] for name in EXAMPLES]


@pytest.mark.parametrize("place", range(len(EXAMPLES)), ids=EXAMPLES)
def test_docs_examples_are_strategies_that_pass_every_check(repository: Path, tmp_path: Path, place: int) -> None:
    file = tmp_path / "example.py"
    file.write_text(examples(repository)[place], encoding="utf-8")
    found = open_strategy(str(file), None)
    tried = try_strategy(found, make_strategy(found, {}))

    assert [check for one in tried.series for check in one.checks if not check.passed] == []
    assert tried.strategy == EXAMPLES[place]


def test_docs_name_every_indicator(repository: Path) -> None:
    text = (repository / GUIDE).read_text(encoding="utf-8")

    assert [name for name in indicators.__all__ if f"`{name}`" not in text] == []


def test_docs_of_strategies_are_those_of_the_code(repository: Path) -> None:
    page = (repository / "docs" / "reference" / "strategies.md").read_text(encoding="utf-8")

    assert page == render_strategies()
    assert [name for name in BUILTIN if f"\n## {name}\n" not in page] == []
