"""`quarterdeck guardrails`."""

from __future__ import annotations

from typing import Annotated

import typer

from quarterdeck.cli.options import JsonOption, ReasonOption, WorkspaceOption, YesOption


def guardrails(
    *,
    words: Annotated[
        list[str],
        typer.Argument(metavar="BOT [set KEY=VALUE...]", help="A bot, and what to change.", show_default=False),
    ],
    reason: ReasonOption = "",
    yes: YesOption = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """
    Show a bot's limits and their use, or change some.

    Tightening is done at once; loosening is asked about. Which rules there are is fixed.
    """
    from quarterdeck.cli.adjusting import Ask, guardrails_shown
    from quarterdeck.cli.places import workspace_at

    guardrails_shown(workspace_at(workspace), words, Ask(reason, yes, json))
