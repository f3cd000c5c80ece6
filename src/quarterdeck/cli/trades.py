"""`quarterdeck trades`."""

from __future__ import annotations

from typing import Annotated

import typer

from quarterdeck.cli.options import BotArgument, CursorOption, JsonOption, LimitOption, WorkspaceOption


def trades(
    *,
    bot: BotArgument,
    since: Annotated[str | None, typer.Option("--since", metavar="T", help="From a date or time on, UTC.")] = None,
    limit: LimitOption = 100,
    cursor: CursorOption = None,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """List a bot's fills, oldest first."""
    from quarterdeck.cli.output import make_console, write_json
    from quarterdeck.cli.places import workspace_at
    from quarterdeck.cli.tables import print_more, print_trades
    from quarterdeck.cli.times import instant_ns
    from quarterdeck.system import read_trades

    since_ns = instant_ns(since, "--since") or 0
    page = read_trades(workspace_at(workspace), bot, since_ns=since_ns, limit=limit, cursor=cursor)
    if json:
        write_json(page)
    else:
        console = make_console()
        print_trades(console, page.items, "no fills yet" if since is None and cursor is None else "no fills since then")
        print_more(console, page.next)
