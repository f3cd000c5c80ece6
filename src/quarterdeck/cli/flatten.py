"""`quarterdeck flatten`."""

from __future__ import annotations

from quarterdeck.cli.options import BotArgument, JsonOption, ReasonOption, WorkspaceOption, YesOption


def flatten(
    *,
    bot: BotArgument,
    reason: ReasonOption = "",
    yes: YesOption = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> int:
    """
    Sell everything that a running bot holds.

    It says which positions and asks first. Exit 3 if a guardrail or a venue stood in the way of one.
    """
    from quarterdeck.cli.adjusting import Ask
    from quarterdeck.cli.ordering import flatten_shown
    from quarterdeck.cli.places import workspace_at

    return flatten_shown(workspace_at(workspace), bot, Ask(reason, yes, json))
