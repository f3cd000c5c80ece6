"""The import contracts hold, and each of them breaks when its breach is planted in a copy of the package."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")

BREACHES = {
    "a clock in a guardrail": ("guardrails/__init__.py", "import time", "quarterdeck.guardrails -> time"),
    "a database in the engine": ("engine/__init__.py", "import sqlite3", "quarterdeck.engine -> sqlite3"),
    "a look upwards": ("domain/__init__.py", "import quarterdeck.engine", "quarterdeck.domain -> quarterdeck.engine"),
    "a look at a sibling": (
        "orders/__init__.py",
        "import quarterdeck.fills",
        "quarterdeck.orders -> quarterdeck.fills",
    ),
    "a face that opens an adapter": ("cli/__init__.py", "import quarterdeck.journal", "quarterdeck.cli -> "),
    "an undeclared room": ("attic/__init__.py", "", "- quarterdeck.attic"),
    "a strategy that sees orders": (
        "strategies/__init__.py",
        "import quarterdeck.orders",
        "quarterdeck.strategies -> ",
    ),
    "an exchange that knows guardrails": (
        "exchange/__init__.py",
        "import quarterdeck.guardrails",
        "quarterdeck.exchange -> ",
    ),
}


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    command = [str(LINT_IMPORTS), "--no-cache", "--no-logo", "--config", str(root / "pyproject.toml")]
    return subprocess.run(command, cwd=root / "src", capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def copied(repository: Path, tmp_path: Path) -> Path:
    shutil.copy(repository / "pyproject.toml", tmp_path)
    shutil.copytree(repository / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_every_contract_is_kept(copied: Path) -> None:
    done = lint_imports(copied)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(("path", "line", "report"), BREACHES.values(), ids=BREACHES.keys())
def test_a_planted_import_breaks_a_contract(copied: Path, path: str, line: str, report: str) -> None:
    planted = copied / "src/quarterdeck" / path
    planted.parent.mkdir(exist_ok=True)
    with planted.open("a") as file:
        file.write(f"\n{line}\n")
    done = lint_imports(copied)
    assert done.returncode == 1, done.stderr
    assert report in done.stdout


def test_a_cycle_inside_a_room_breaks_a_contract(copied: Path) -> None:
    room = copied / "src/quarterdeck/domain"
    (room / "first.py").write_text("import quarterdeck.domain.second\n")
    (room / "second.py").write_text("import quarterdeck.domain.first\n")
    done = lint_imports(copied)
    assert done.returncode == 1, done.stderr
    assert "No import cycles inside a room BROKEN" in done.stdout
