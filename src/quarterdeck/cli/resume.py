"""`quarterdeck resume`."""

from __future__ import annotations

from typing import Annotated

import typer

from quarterdeck.cli.options import BotArgument, JsonOption, WorkspaceOption, YesOption


def resume(
    *,
    bot: BotArgument,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is written down.")] = "resumed by hand",
    rebase: Annotated[
        bool, typer.Option("--rebase", help="Lift the loss limits too: day and peaks begin anew at today's worth.")
    ] = False,
    yes: YesOption = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """
    Let a bot trade again after a kill or halt.

    It accepts what balances differ by, so look at `status` first. Loss limits lift by themselves, or with --rebase.
    """
    from quarterdeck.cli.commanding import resume_shown
    from quarterdeck.cli.places import confirm, workspace_at

    where = workspace_at(workspace)
    lifts = ", with its loss limits counted anew from what it is worth now" if rebase else ""
    confirm(f"Let {bot} trade again{lifts}?", yes=yes)
    resume_shown(where, bot, reason, rebase=rebase, as_json=json)
