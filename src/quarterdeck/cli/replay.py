"""`quarterdeck replay --verify`."""

from __future__ import annotations

from typing import Annotated

import typer

from quarterdeck.cli.options import BotArgument, JsonOption, WorkspaceOption


def replay(
    *,
    bot: BotArgument,
    verify: Annotated[bool, typer.Option("--verify", help="The only thing to be done with a replay yet.")] = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> int:
    """
    Prove a bot's journal by deciding it again.

    Folds its facts and decides its inputs again: both must agree with what is written. Exit 5 if they do not.
    """
    from quarterdeck.cli.auditing import replay_shown
    from quarterdeck.cli.places import workspace_at

    return replay_shown(workspace_at(workspace), bot, verify=verify, as_json=json)
