"""`quarterdeck archive`."""

from __future__ import annotations

from typing import Annotated

import typer

from quarterdeck.cli.options import BotArgument, JsonOption, WorkspaceOption


def archive(
    *,
    bot: BotArgument,
    before: Annotated[
        str | None,
        typer.Option("--before", metavar="T", help="Rows from before a date or time, UTC; 7 days back by default."),
    ] = None,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """
    Move a stopped bot's old rows into its archive.

    They stay readable: trades, events, orders, explain and replay reach into it. A running bot does this every day.
    """
    from quarterdeck.cli.output import make_console, write_json
    from quarterdeck.cli.places import workspace_at
    from quarterdeck.cli.times import instant_ns
    from quarterdeck.system import archive_bot

    outcome = archive_bot(workspace_at(workspace), bot, instant_ns(before, "--before"))
    if json:
        write_json(outcome)
        return
    console = make_console()
    console.print(f"{bot}: {outcome.moved:,} rows from before {outcome.before_at} moved, {outcome.kept:,} kept")
    for one in outcome.segments:
        console.print(
            f"  {one.first_seq:,}–{one.last_seq:,}  {one.from_at} to {one.to_at}  {one.folder}", soft_wrap=True
        )
