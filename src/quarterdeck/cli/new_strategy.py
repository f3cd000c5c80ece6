"""`quarterdeck new-strategy`."""

from __future__ import annotations

from typing import Annotated

import typer

from quarterdeck.cli.options import WorkspaceOption


def new_strategy(
    *,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="What bots will call it, like my_breakout.", show_default=False)
    ],
    workspace: WorkspaceOption = None,
) -> None:
    """Write a strategy that works, to be changed into yours."""
    from quarterdeck.cli.places import workspace_at
    from quarterdeck.cli.trying import creation_shown

    creation_shown(workspace_at(workspace), name)
