"""What people read is read before it changes: whole outputs, compared with stored texts."""

from pathlib import Path

import pytest

from tests.cli.telling import COLUMNS, FOLDER, STORY, told


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return told(tmp_path_factory.mktemp("told").resolve())


@pytest.mark.parametrize("name", STORY)
def test_the_command_line_says_what_it_said(name: str, texts: dict[str, str]) -> None:
    stored = FOLDER / f"{name}.txt"
    assert texts[name] == stored.read_text(encoding="utf-8"), "python -m tests.cli.telling writes it anew"


def test_every_stored_transcript_is_told() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(STORY)


@pytest.mark.parametrize("name", STORY)
def test_tables_fit_into_80_columns(name: str, texts: dict[str, str]) -> None:
    """Lines that wrap by themselves may be longer; rows of a table may not."""
    rows = [line for line in texts[name].splitlines() if "   " in line and not line.startswith("2026-")]
    assert [row for row in rows if len(row) > COLUMNS] == []


def test_two_tellings_are_the_same(tmp_path: Path, texts: dict[str, str]) -> None:
    assert told(tmp_path.resolve()) == texts
