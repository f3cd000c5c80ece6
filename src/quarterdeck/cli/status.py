"""`quarterdeck status`."""

from __future__ import annotations

from typing import Annotated

import typer

from quarterdeck.cli.options import JsonOption, WorkspaceOption


def status(
    *,
    bot: Annotated[str | None, typer.Argument(metavar="BOT", help="One bot; else all of them.")] = None,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Show how a bot stands, whether it runs or not."""
    from quarterdeck.cli.places import workspace_at
    from quarterdeck.cli.standing import show_all, show_one

    where = workspace_at(workspace)
    if bot is None:
        show_all(where, as_json=json)
    else:
        show_one(where, bot, as_json=json)
