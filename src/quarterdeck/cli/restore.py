"""`quarterdeck restore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from quarterdeck.cli.options import JsonOption, WorkspaceOption


def restore(
    *,
    source: Annotated[Path, typer.Argument(metavar="SRC", help="The folder of a backup.", show_default=False)],
    force: Annotated[
        bool, typer.Option("--force", help="Also where what is there goes further; it is moved aside.")
    ] = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """
    Put a bot back from a backup.

    Verified before and after; what was there is moved aside, never deleted. A running bot is never touched. Exit 3 if
    the journal that is there goes further than the backup.
    """
    from quarterdeck.cli.output import make_console, write_json
    from quarterdeck.cli.places import workspace_at
    from quarterdeck.system import restore as restore_bot

    outcome = restore_bot(workspace_at(workspace), source, force=force)
    if json:
        write_json(outcome)
        return
    console = make_console()
    console.print(f"{outcome.bot}: {outcome.files} files restored, up to row {outcome.head.seq:,}; verified")
    for what in (*(f"moved aside: {path}" for path in outcome.put_aside), *outcome.left):
        console.print(what, soft_wrap=True)
    for step in outcome.next:
        console.print(f"next: {step}", soft_wrap=True)
