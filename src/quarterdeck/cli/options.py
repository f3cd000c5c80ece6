"""The options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def _from_above(context: typer.Context, value: Path | None) -> Path | None:
    """Take `--workspace` from before the command where it does not stand after it."""
    if value is not None or context.parent is None:
        return value
    above: Path | None = context.find_root().params.get("workspace")
    return above


WorkspaceOption = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        metavar="DIR",
        callback=_from_above,
        help="The workspace; else $QUARTERDECK_HOME, else the current folder if it is one.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, and nothing else there.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
BotArgument = Annotated[str, typer.Argument(metavar="BOT", help="The bot's name.", show_default=False)]
LimitOption = Annotated[int, typer.Option("--limit", metavar="N", help="Show at most so many.")]
CursorOption = Annotated[
    str | None, typer.Option("--cursor", metavar="C", help="Go on after the page before; its `next`.")
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; it is written down.", show_default=False)]
