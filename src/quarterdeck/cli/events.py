"""`quarterdeck events`."""

from __future__ import annotations

from typing import Annotated

import typer

from quarterdeck.cli.options import BotArgument, CursorOption, JsonOption, LimitOption, WorkspaceOption


def events(
    *,
    bot: BotArgument,
    kinds: Annotated[
        list[str] | None, typer.Option("--type", metavar="TYPE", help="Only events of this type; repeat it.")
    ] = None,
    limit: LimitOption = 100,
    cursor: CursorOption = None,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """List a bot's events for an audit, oldest first."""
    from quarterdeck.cli.auditing import events_of
    from quarterdeck.cli.output import make_console, write_json
    from quarterdeck.cli.places import workspace_at
    from quarterdeck.cli.tables import print_events, print_more

    page = events_of(workspace_at(workspace), bot, frozenset(kinds or ()), limit, cursor)
    if json:
        write_json(page)
    else:
        console = make_console()
        print_events(console, page.items, f"no events of type {', '.join(kinds)}" if kinds else "no events yet")
        print_more(console, page.next)
