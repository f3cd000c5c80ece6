"""Running a bot in front of a person, or of a program."""

from __future__ import annotations

import math
from collections.abc import Callable

from msgspec import Struct
from rich.console import Console
from rich.text import Text

from quarterdeck.cli.output import make_console, write_json
from quarterdeck.cli.story import Told, told
from quarterdeck.cli.tables import print_summary
from quarterdeck.cli.times import clock_time, instant_ns
from quarterdeck.config import BotConfig, Workspace, parse_replay_argument
from quarterdeck.domain import ConfigError
from quarterdeck.system import Happening, ReplaySource, RunOptions, run_bot


class RunWords(Struct, frozen=True):
    """The words of a `run` command line that say on what and how fast."""

    replay: tuple[str, ...]
    from_at: str | None
    to_at: str | None
    speed: str | None
    cycles: int | None
    standby: bool


def options_from(words: RunWords) -> RunOptions:
    """
    Read the words.

    Raises:
        ConfigError: If a recording, a time or the speed makes no sense.
    """
    from_ns, to_ns = instant_ns(words.from_at, "--from"), instant_ns(words.to_at, "--to")
    if from_ns is not None and to_ns is not None and to_ns <= from_ns:
        raise ConfigError(f"--to {words.to_at} is not after --from {words.from_at}; write a later time")
    return RunOptions(
        replay=tuple(replay_source(text) for text in words.replay),
        from_ns=from_ns,
        to_ns=to_ns,
        speed=speed_from(words.speed or ("max" if words.replay else "1")),
        cycles=words.cycles,
        standby=words.standby,
    )


def replay_source(text: str) -> ReplaySource:
    """
    Read `VENUE:PAIR=PATH`.

    Raises:
        ConfigError: If it has another form.
    """
    argument = parse_replay_argument(text)
    return ReplaySource(argument.venue, argument.instrument, argument.path)


def speed_from(text: str) -> float | None:
    """
    Read a speed; None is as fast as possible.

    Raises:
        ConfigError: If it is neither a number above zero nor `max`.

    Example:
        >>> speed_from("60"), speed_from("max")
        (60.0, None)
    """
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not 0.0 < speed < math.inf:
        raise ConfigError(f"--speed {text!r}: write a number above zero, or max")
    return speed


def run_shown(workspace: Workspace, config: BotConfig, options: RunOptions, *, as_json: bool) -> int:
    """
    Run a bot and show it: one line for each interesting fact and a summary, or one JSON object at the end.

    Returns:
        The exit code.
    """
    if as_json:
        summary = run_bot(workspace, config, options)
        write_json(summary)
        return summary.exit_code
    console = make_console()
    summary = run_bot(workspace, config, options, watch=teller(console))
    print_summary(console, summary)
    return summary.exit_code


def teller(console: Console) -> Callable[[Happening], None]:
    """Make the watcher that tells the story of a run, line by line."""

    def watch(happening: Happening) -> None:
        for fact in happening.facts:
            line = told(fact, happening.state)
            if line is not None:
                print_line(console, line)

    return watch


def print_line(console: Console, line: Told) -> None:
    """Print one line of the story."""
    text = Text.assemble((clock_time(line.at_ns), "dim"), "  ", (f"{line.word:<9}", line.style), " ", line.text)
    console.print(text, soft_wrap=True)
