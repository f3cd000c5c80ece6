"""`quarterdeck orders`."""

from __future__ import annotations

from typing import Annotated

import typer

from quarterdeck.cli.options import CursorOption, JsonOption, LimitOption, WorkspaceOption


def orders(
    *,
    words: Annotated[
        list[str],
        typer.Argument(metavar="BOT [cancel ORDER]", help="A bot, and an order to cancel.", show_default=False),
    ],
    every: Annotated[bool, typer.Option("--all", help="Those that ended as well, oldest first.")] = False,
    limit: LimitOption = 100,
    cursor: CursorOption = None,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """List a bot's open orders, or cancel one."""
    from quarterdeck.cli.ordering import OrderWords, orders_shown
    from quarterdeck.cli.places import workspace_at

    orders_shown(workspace_at(workspace), OrderWords(tuple(words), every, limit, cursor), as_json=json)
