"""The promises of pyproject.toml, the pins and the Makefile."""

import importlib
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*==\S+)", re.MULTILINE)
COMMANDS = [
    *("help", "setup", "check", "test", "test-all", "demo", "bench"),
    *("sim", "mutants", "soak", "pins", "docs-check", "clean"),
]
RULES_NOT_TO_BE_IGNORED = {"ANN", "BLE001", "C901", "DTZ", "PLC0415", "PLR0913", "TID251", "TID252"}


@pytest.fixture
def project(repository: Path) -> dict[str, Any]:
    return tomllib.loads((repository / "pyproject.toml").read_text())


@pytest.mark.parametrize("name", ["core", "dev"])
def test_every_pin_has_hashes_and_names_no_host(repository: Path, name: str) -> None:
    text = (repository / f"requirements/{name}.txt").read_text()
    entries = text.replace("\\\n", " ").splitlines()
    pins = [entry for entry in entries if PIN.match(entry)]
    assert len(pins) > 5
    assert [pin for pin in pins if "--hash=sha256:" not in pin] == []
    assert "://" not in text


def test_constraints_are_the_pins_without_hashes(repository: Path) -> None:
    pinned, constrained = (
        set(PIN.findall((repository / name).read_text())) for name in ("requirements/dev.txt", "constraints.txt")
    )
    assert pinned == constrained


def test_core_pins_are_among_the_pins_for_development(repository: Path) -> None:
    core, dev = (set(PIN.findall((repository / f"requirements/{name}.txt").read_text())) for name in ("core", "dev"))
    assert core < dev


def test_every_dependency_is_pinned(repository: Path, project: dict[str, Any]) -> None:
    wanted = project["project"]["dependencies"] + project["project"]["optional-dependencies"]["dev"]
    wanted_names = {re.split(r"[<>=\[; ]", entry)[0] for entry in wanted}
    pinned_names = {pin.split("==")[0] for pin in PIN.findall((repository / "requirements/dev.txt").read_text())}
    assert wanted_names <= pinned_names


def test_every_lint_exception_gives_its_reason(repository: Path) -> None:
    text = (repository / "pyproject.toml").read_text()
    lint = text[text.index("[tool.ruff.lint]") : text.index("[tool.ruff.lint.flake8-tidy-imports]")]
    exceptions = re.findall(r'^ +"[A-Z]+[0-9]*".*$', lint, re.MULTILINE)
    assert len(exceptions) > 10
    assert [line for line in exceptions if not re.search(r"# .{8,}", line)] == []


def test_the_rules_that_hold_the_house_up_are_on(project: dict[str, Any]) -> None:
    lint = project["tool"]["ruff"]["lint"]
    assert lint["select"] == ["ALL"]
    assert RULES_NOT_TO_BE_IGNORED.isdisjoint(lint["ignore"])
    assert project["tool"]["mypy"]["strict"] is True


def test_no_lint_exception_covers_the_core(repository: Path, project: dict[str, Any]) -> None:
    globs = project["tool"]["ruff"]["lint"]["per-file-ignores"]
    assert [glob for glob in globs if (repository / "src/quarterdeck/engine/decide.py").match(glob)] == []
    assert "TID251" not in globs["tests/**"]


def test_make_alone_lists_every_command(repository: Path) -> None:
    done = subprocess.run(["make"], cwd=repository, capture_output=True, text=True, timeout=30, check=True)  # noqa: S607
    listed = re.findall(r"^  ([a-z-]+) +\S", done.stdout, re.MULTILINE)
    assert listed == COMMANDS


def test_the_package_says_that_it_is_typed(repository: Path) -> None:
    assert (repository / "src/quarterdeck/py.typed").is_file()


def test_every_public_name_of_the_package_resolves() -> None:
    package = importlib.import_module("quarterdeck")
    assert [name for name in package.__all__ if getattr(package, name, None) is None] == []
    assert package.__all__ == sorted(package.__all__, key=lambda name: (not name[0].isupper(), name))
