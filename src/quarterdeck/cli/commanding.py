"""Commands to running bots, and what came of them."""

from __future__ import annotations

from typing import Final

from quarterdeck.cli.output import make_console, write_json
from quarterdeck.cli.places import operator
from quarterdeck.config import Workspace, checked_name
from quarterdeck.system import kill, resume

WAIT_S: Final = 5.0


def kill_shown(workspace: Workspace, bot: str | None, reason: str, *, as_json: bool) -> None:
    """Raise the kill switch of a workspace, and show what its bots answered."""
    outcome = kill(workspace, None if bot is None else checked_name(bot), reason, operator(), WAIT_S)
    if as_json:
        write_json(outcome)
        return
    console = make_console()
    console.print(f"kill switch raised, epoch {outcome.epoch}: no bot of {workspace.root} signs an order any more")
    for name, answer in outcome.bots.items():
        console.print(f"  {name}: {answer}", soft_wrap=True)
    console.print("let one trade again with: quarterdeck resume BOT")


def resume_shown(workspace: Workspace, bot: str, reason: str, *, as_json: bool) -> None:
    """Ask a bot to trade again, and show what it answered."""
    outcome = resume(workspace, checked_name(bot), reason, operator(), WAIT_S)
    if as_json:
        write_json({"bot": bot, "outcome": outcome})
    else:
        make_console().print(f"{bot}: {outcome}", soft_wrap=True)
