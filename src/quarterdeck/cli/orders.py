"""`quarterdeck orders`."""

from __future__ import annotations

from typing import Annotated

import typer

from quarterdeck.cli.options import CursorOption, JsonOption, LimitOption, ReasonOption, WorkspaceOption, YesOption


def orders(  # noqa: PLR0913 - Typer reads the options from the signature
    *,
    words: Annotated[
        list[str],
        typer.Argument(metavar="BOT [cancel|resolve ORDER]", help="A bot, and an order of it.", show_default=False),
    ],
    every: Annotated[bool, typer.Option("--all", help="Those that ended as well, oldest first.")] = False,
    limit: LimitOption = 100,
    cursor: CursorOption = None,
    reason: ReasonOption = "",
    yes: YesOption = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """
    List a bot's open orders; cancel or resolve one.

    `resolve` ends an order whose outcome is not known, on the word of a person who looked at the venue and saw that it
    does not work there; it wants a --reason.
    """
    from quarterdeck.cli.adjusting import Ask
    from quarterdeck.cli.ordering import OrderWords, orders_shown
    from quarterdeck.cli.places import workspace_at

    asked = OrderWords(tuple(words), every, limit, cursor)
    orders_shown(workspace_at(workspace), asked, Ask(reason, yes, json))
