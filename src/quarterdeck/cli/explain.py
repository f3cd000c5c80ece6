"""`quarterdeck explain`."""

from __future__ import annotations

from typing import Annotated

import typer

from quarterdeck.cli.options import JsonOption, WorkspaceOption


def explain(  # noqa: PLR0913 - Typer reads the options from the signature
    *,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[BOT] [INTENT|ORDER]", help="What to explain.", show_default=False)
    ] = None,
    bot: Annotated[str | None, typer.Option("--bot", metavar="BOT", help="Whose; else whoever knows it.")] = None,
    last: Annotated[bool, typer.Option("--last", help="The last intent.")] = False,
    bar: Annotated[
        str | None, typer.Option("--bar", metavar="T", help="The bar of this instant, UTC: traded or not, and why.")
    ] = None,
    pair: Annotated[str | None, typer.Option("--pair", metavar="PAIR", help="With --bar: only this pair.")] = None,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """
    Tell why a bot traded, or did not.

    From opinion, size, route and every guardrail's verdict to order and fills, out of the journal alone.
    """
    from quarterdeck.cli.places import workspace_at
    from quarterdeck.cli.questions import Question, explain_shown

    question = Question(tuple(words or ()), bot, last, bar, pair)
    explain_shown(workspace_at(workspace), question, as_json=json)
