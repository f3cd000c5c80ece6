"""`quarterdeck resume`."""

from __future__ import annotations

from typing import Annotated

import typer

from quarterdeck.cli.options import BotArgument, JsonOption, WorkspaceOption, YesOption


def resume(
    *,
    bot: BotArgument,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is written down.")] = "resumed by hand",
    yes: YesOption = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Let a bot trade again after a kill or halt."""
    from quarterdeck.cli.commanding import resume_shown
    from quarterdeck.cli.places import confirm, workspace_at

    where = workspace_at(workspace)
    confirm(f"Let {bot} trade again?", yes=yes)
    resume_shown(where, bot, reason, as_json=json)
