"""`quarterdeck journal verify` and `quarterdeck journal export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from quarterdeck.cli.options import JsonOption, WorkspaceOption

journal = typer.Typer(help="Check and export journals.", rich_markup_mode=None, no_args_is_help=True)

BotOrNone = Annotated[str | None, typer.Argument(metavar="BOT", help="A bot of the workspace.")]


@journal.command()
def verify(
    *,
    bot: BotOrNone = None,
    file: Annotated[Path | None, typer.Option("--file", metavar="F", help="A journal file instead.")] = None,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> int:
    """
    Check a journal against its hash chain.

    Exit 5 if a row does not fit.
    """
    from quarterdeck.cli.auditing import journal_of, verify_shown

    return verify_shown(journal_of(bot, file, workspace), as_json=json)


@journal.command()
def export(
    *,
    bot: BotOrNone = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="F", help="Write here instead of stdout.")] = None,
    file: Annotated[Path | None, typer.Option("--file", metavar="F", help="A journal file instead.")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """
    Write a journal as lines of JSON.

    Each line is one row: seq, at_ns, kind, payload, facts, prev, hash.
    """
    from quarterdeck.cli.auditing import export_shown, journal_of

    export_shown(journal_of(bot, file, workspace), out)
