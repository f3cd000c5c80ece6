"""What the documents say about the house agrees with the house."""

import re
from pathlib import Path

import pytest

from tools.house import House

LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)")


def test_docs_link_only_to_files_that_exist(repository: Path) -> None:
    broken = [
        f"{path}: {target}"
        for path, text in House(repository).texts.items()
        if path.endswith(".md")
        for target in LINK.findall(text)
        if "://" not in target and not target.startswith("mailto:")
        if not (repository / path).parent.joinpath(target).exists()
    ]
    assert broken == []


def test_docs_picture_names_every_room_that_is_built(repository: Path) -> None:
    picture = (repository / "ARCHITECTURE.md").read_text()
    assert [room for room in House(repository).rooms if not re.search(rf"\b{room}\b", picture)] == []


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_docs_name_only_commands_that_exist(repository: Path, name: str) -> None:
    named = set(re.findall(r"(?:`|^\s*\$? ?)make ([a-z][a-z-]*)", (repository / name).read_text(), re.MULTILINE))
    commands = set(re.findall(r"^([a-z-]+):.*## ", (repository / "Makefile").read_text(), re.MULTILINE))
    assert named
    assert named <= commands
