"""`quarterdeck pairs`."""

from __future__ import annotations

from typing import Annotated

import typer

from quarterdeck.cli.options import JsonOption, ReasonOption, WorkspaceOption, YesOption


def pairs(
    *,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="BOT [add|remove PAIR...]", help="A bot, and which pairs it may open.", show_default=False
        ),
    ],
    reason: ReasonOption = "",
    yes: YesOption = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """
    Show or change what a bot may trade.

    A pair that is removed is not opened any more; what is held of it can still be sold.
    """
    from quarterdeck.cli.adjusting import Ask
    from quarterdeck.cli.pairing import pairs_shown
    from quarterdeck.cli.places import workspace_at

    pairs_shown(workspace_at(workspace), words, Ask(reason, yes, json))
