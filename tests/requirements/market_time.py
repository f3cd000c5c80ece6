"""What a bot hears while it runs, input by input, in the time of its market."""

from __future__ import annotations

from typing import TypeVar
from unittest import mock

from msgspec import Struct

from quarterdeck.cli.main import run_command
from quarterdeck.config import Workspace
from quarterdeck.domain import Fact, Input
from quarterdeck.engine import State, step

OneInput = TypeVar("OneInput", bound=Input)
OneFact = TypeVar("OneFact", bound=Fact)


class Heard(Struct):
    """The inputs of a run in their order, each with what came of it."""

    rows: list[tuple[Input, list[Fact]]]

    def instants(self, kind: type[OneInput]) -> list[int]:
        """Say when inputs of a kind came."""
        return [news.at_ns for news, _ in self.rows if isinstance(news, kind)]

    def facts(self, kind: type[OneFact]) -> list[OneFact]:
        """List the facts of a kind."""
        return [fact for _, facts in self.rows for fact in facts if isinstance(fact, kind)]


def heard(workspace: Workspace, start: str, cycles: int) -> Heard:
    """Run the bot of a new workspace at full speed, and write down everything that its loop takes."""
    kept: list[tuple[Input, list[Fact]]] = []

    def listening(state: State, news: Input) -> list[Fact]:
        facts = step(state, news)
        kept.append((news, facts))
        return facts

    words = ["run", "demo", "--speed", "max", "--from", start, "--cycles", str(cycles), "--json"]
    with mock.patch("quarterdeck.system.loop.step", listening):
        assert run_command(["--workspace", str(workspace.root), *words]) == 0
    return Heard(kept)
