"""The table of README.md is complete: every line of the specification that is due has tests that carry its number."""

from __future__ import annotations

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
LINES = [
    *(f"A-{number}" for number in (*range(16, 41), 63, 64, 66, 68)),
    *(f"D-{number}" for number in range(10, 14)),
    *(f"X{number}" for number in range(1, 21)),
    *(f"S{number}" for number in (*range(2, 10), 15, 20, 24, 27)),
    *(f"R{number}" for number in (22, 23, 38, 39, *range(43, 50), 53, 54, 59)),
]
ALSO = ["A-67"]
ROW = re.compile(r"^\| ([A-Z]-?\d+) \| `(test_[a-z0-9_]+)` \| `(test_[a-z_]+\.py)` \|$", re.MULTILINE)


def table() -> list[tuple[str, str, str]]:
    return ROW.findall((HERE / "README.md").read_text(encoding="utf-8"))


def named_in(file: Path) -> list[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [node.name for node in functions if node.name.startswith("test_")]


def test_every_line_that_is_due_has_a_test_of_its_number() -> None:
    assert len(LINES) == len(set(LINES)) == 79
    told = {line for line, _, _ in table()}
    assert [line for line in LINES if line not in told] == []
    assert told - set(LINES) == set(ALSO)


def test_every_test_of_the_table_exists_and_carries_the_number_of_its_line() -> None:
    found = {file.name: named_in(file) for file in HERE.glob("test_*.py")}
    for line, test, file in table():
        assert test in found[file], test
        assert test.startswith(f"test_{line.lower().replace('-', '')}_"), test


def test_every_test_of_the_folder_stands_in_the_table_once() -> None:
    here = [(name, file.name) for file in sorted(HERE.glob("test_*_lines.py")) for name in named_in(file)]
    listed = [(test, file) for _, test, file in table()]
    assert len(listed) == len(set(listed))
    assert sorted(here) == sorted(listed)
