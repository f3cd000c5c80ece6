"""`quarterdeck run`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from quarterdeck.cli.options import JsonOption, WorkspaceOption


def run(  # noqa: PLR0913 - Typer reads the options from the signature
    *,
    bot: Annotated[str | None, typer.Argument(metavar="BOT", help="A bot of the workspace.")] = None,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="F", help="A configuration file instead of a bot's name.")
    ] = None,
    replay: Annotated[
        list[str] | None,
        typer.Option("--replay", metavar="VENUE:PAIR=PATH", help="Recorded candles, Parquet or CSV; repeat it."),
    ] = None,
    from_at: Annotated[str | None, typer.Option("--from", metavar="T", help="Begin here: a date or time, UTC.")] = None,
    to_at: Annotated[
        str | None, typer.Option("--to", metavar="T", help="End here; a date means 00:00 UTC of that day.")
    ] = None,
    speed: Annotated[
        str | None,
        typer.Option("--speed", metavar="N|max", help="N times as fast as time; max for replays, 1 otherwise."),
    ] = None,
    cycles: Annotated[int | None, typer.Option("--cycles", metavar="N", min=1, help="End after N cycles.")] = None,
    json: JsonOption = False,
    standby: Annotated[bool, typer.Option("--standby", help="Wait while another process owns the bot.")] = False,
    workspace: WorkspaceOption = None,
) -> int:
    """
    Run a bot on paper money.

    Over recorded candles with --replay, else over the synthetic market. SIGTERM and Ctrl-C end it in good order.
    """
    from quarterdeck.cli.places import bot_to_run
    from quarterdeck.cli.running import RunWords, options_from, run_shown

    where, settings = bot_to_run(bot, config, workspace)
    words = RunWords(tuple(replay or ()), from_at, to_at, speed, cycles, standby)
    return run_shown(where, settings, options_from(words), as_json=json)
