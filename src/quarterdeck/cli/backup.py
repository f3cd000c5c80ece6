"""`quarterdeck backup`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from quarterdeck.cli.options import BotArgument, JsonOption, WorkspaceOption


def backup(
    *,
    bot: BotArgument,
    dest: Annotated[Path, typer.Argument(metavar="DEST", help="A folder that does not exist yet.", show_default=False)],
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """
    Back up a bot, running or not, and verify the copy.

    Journal, archive, anchors, inbox, bot file and strategy; never a secret. Exit 5 if the copy does not verify.
    """
    from quarterdeck.cli.output import make_console, write_json
    from quarterdeck.cli.places import workspace_at
    from quarterdeck.system import back_up

    outcome = back_up(workspace_at(workspace), bot, dest)
    if json:
        write_json(outcome)
        return
    console = make_console()
    console.print(
        f"{bot}: {outcome.files} files, {outcome.bytes:,} bytes in {outcome.folder}; verified", soft_wrap=True
    )
    console.print(
        f"the journal up to row {outcome.head.seq:,} of {outcome.head.at}; head {outcome.head.hash}", soft_wrap=True
    )
    for what in outcome.left_out:
        console.print(f"left out: {what}", soft_wrap=True)
    console.print(f"next: quarterdeck restore {outcome.folder} puts it back", soft_wrap=True)
