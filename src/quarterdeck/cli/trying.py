"""Strategies that are written and tried, in front of a person, or of a program."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Final

from msgspec import Struct
from rich.console import Console
from rich.text import Text

from quarterdeck.backtest import SeriesChecked
from quarterdeck.cli.backtest_words import sources_of
from quarterdeck.cli.output import make_console, write_json
from quarterdeck.cli.places import workspace_at
from quarterdeck.config import Workspace, create_strategy, make_strategy, open_strategy
from quarterdeck.domain import ConfigError
from quarterdeck.system import StrategyTried, try_strategy

EXIT_FAILED: Final = 3


class TrialWords(Struct, frozen=True):
    """The words of a `check-strategy` command line."""

    strategy: str
    data: tuple[str, ...]
    chosen: tuple[str, ...]


def trial_shown(words: TrialWords, workspace: Path | None, *, as_json: bool) -> int:
    """
    Try a strategy and show what was found.

    Returns:
        The exit code: 3 where it failed a check.

    Raises:
        ConfigError: If there is no such strategy, parameter or recording.
    """
    # What a strategy prints is not part of the report.
    with contextlib.redirect_stdout(sys.stderr):
        found = open_strategy(words.strategy, _workspace_if_any(workspace))
        strategy = make_strategy(found, dict(_assignment(text) for text in words.chosen))
        tried = try_strategy(found, strategy, sources_of(words.data) if words.data else None)
    if as_json:
        write_json(tried)
    else:
        print_trial(make_console(), tried)
    return 0 if tried.ok else EXIT_FAILED


def print_trial(console: Console, tried: StrategyTried) -> None:
    """Print what every check found on every series."""
    values = ", ".join(f"{name} {value}" for name, value in tried.parameters.items())
    console.print(Text.assemble((tried.strategy, "bold"), f" ({values})" if values else ""))
    for note in tried.notes:
        console.print(Text(note, "dim"), soft_wrap=True)
    for one in tried.series:
        console.print()
        console.print(_headline(one), soft_wrap=True)
        for check in one.checks:
            word, style = ("fine", "green") if check.passed else ("FAILED", "bold red")
            console.print(Text.assemble((f"  {word:<7}", style), f"{check.name:<14}", check.says), soft_wrap=True)
    console.print()
    if tried.ok:
        console.print(Text.assemble("It may be believed: ", ("live it says what a backtest says.", "green")))
    else:
        console.print(Text("A backtest of it proves nothing: correct what failed first.", "bold red"))


def creation_shown(workspace: Workspace, name: str) -> None:
    """
    Write the file of a new strategy, and say what to do with it.

    Raises:
        ConfigError: If the name is none or is taken.
    """
    file = create_strategy(workspace, name)
    console = make_console()
    console.print(f"wrote {file}", soft_wrap=True)
    console.print()
    console.print("It works as it is; change it into yours. Then:")
    console.print(f"  quarterdeck check-strategy {name}", soft_wrap=True)
    console.print(f"  quarterdeck backtest {name} --data FILE", soft_wrap=True)
    console.print(f"and move it to {workspace.production} for bots to find it.", soft_wrap=True)


def _headline(one: SeriesChecked) -> str:
    took = f"; {one.live_us:,.0f} µs a window live, {one.bar_ns:,.0f} ns a bar as a series" if one.live_us else ""
    return f"{one.instrument}: {one.bars:,} bars, window of {one.window_bars:,}{took}"


def _workspace_if_any(option: Path | None) -> Workspace | None:
    """Find the workspace; a strategy of the house, or a file, needs none."""
    try:
        return workspace_at(option)
    except ConfigError:
        if option is not None:
            raise
        return None


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise ConfigError(f"--set {text!r}: write NAME=VALUE, like --set fast_bars=10")
    return name, value
