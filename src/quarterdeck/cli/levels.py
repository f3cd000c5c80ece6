"""`quarterdeck pause` and `quarterdeck reduce`."""

from __future__ import annotations

from quarterdeck.cli.options import BotArgument, JsonOption, ReasonOption, WorkspaceOption


def pause(
    *, bot: BotArgument, reason: ReasonOption = "", json: JsonOption = False, workspace: WorkspaceOption = None
) -> None:
    """Let a bot only sell, for 15 minutes."""
    from quarterdeck.cli.commanding import lower_shown
    from quarterdeck.cli.places import workspace_at

    lower_shown(workspace_at(workspace), bot, "pause", reason, as_json=json)


def reduce(
    *, bot: BotArgument, reason: ReasonOption = "", json: JsonOption = False, workspace: WorkspaceOption = None
) -> None:
    """Let a bot only sell, until it is resumed."""
    from quarterdeck.cli.commanding import lower_shown
    from quarterdeck.cli.places import workspace_at

    lower_shown(workspace_at(workspace), bot, "reduce", reason, as_json=json)
