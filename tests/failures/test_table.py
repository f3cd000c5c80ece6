"""The table is complete: every number that is due has tests that exist, carry it, and say what they guard."""

import ast
import re
from pathlib import Path

from tests.failures.table import TABLE

HERE = Path(__file__).parent
ELSEWHERE = HERE.parent / "requirements" / "test_r_lines.py"
DUE = [*range(1, 26), *range(27, 40), *range(45, 48), *range(49, 57), 59, 64]
ALSO = [26, 40, 41, 43, 44, 48, 61, 62, 63, 65]
NAME = re.compile(r"test_r(\d\d)_")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def numbered_in(file: Path) -> list[Function]:
    """List the tests of a file that carry a number."""
    body = ast.parse(file.read_text(encoding="utf-8")).body
    return [node for node in body if isinstance(node, Function) and NAME.match(node.name)]


def test_every_number_that_is_due_has_its_row() -> None:
    assert list(TABLE) == [f"R{number}" for number in sorted([*DUE, *ALSO])]
    assert len(DUE) == 51
    assert all(bug.tests and bug.fault.endswith(".") for bug in TABLE.values())


def test_every_test_of_a_row_exists_and_carries_its_number_and_no_other_does() -> None:
    numbered = [node.name for file in [*sorted(HERE.glob("test_*.py")), ELSEWHERE] for node in numbered_in(file)]
    assert len(numbered) == len(set(numbered))
    listed = [(number, name) for number, bug in TABLE.items() for name in bug.tests]
    assert sorted(name for _, name in listed) == sorted(numbered)
    for number, name in listed:
        found = NAME.match(name)
        assert found is not None
        assert number == f"R{int(found[1])}", name


def test_every_test_of_this_folder_says_which_defence_it_guards() -> None:
    for file in sorted(HERE.glob("test_*.py")):
        for node in numbered_in(file):
            assert (ast.get_docstring(node) or "").startswith("Guards "), node.name
