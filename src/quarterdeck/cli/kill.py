"""`quarterdeck kill`."""

from __future__ import annotations

from typing import Annotated

import typer

from quarterdeck.cli.options import JsonOption, WorkspaceOption, YesOption


def kill(
    *,
    bot: Annotated[str | None, typer.Argument(metavar="BOT", help="Whose answer to wait for; else all.")] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is written down.")] = "killed by hand",
    yes: YesOption = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """
    Halt all bots of the workspace at once.

    Nothing more is sent and what works is cancelled, whether bots run or not. Halts survive restarts.
    """
    from quarterdeck.cli.commanding import kill_shown
    from quarterdeck.cli.places import confirm, workspace_at

    where = workspace_at(workspace)
    confirm("Kill: halt every bot of this workspace and cancel its orders?", yes=yes)
    kill_shown(where, bot, reason, as_json=json)
