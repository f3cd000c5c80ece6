"""Commands to running bots, and what came of them."""

from __future__ import annotations

from typing import Final

from quarterdeck.cli.output import make_console, write_json
from quarterdeck.cli.places import operator
from quarterdeck.config import Workspace, checked_name
from quarterdeck.system import kill, lower, resume

WAIT_S: Final = 5.0


def kill_shown(workspace: Workspace, bot: str | None, reason: str, *, as_json: bool) -> None:
    """Raise the kill switch of a workspace, and show what its bots answered."""
    outcome = kill(workspace, None if bot is None else checked_name(bot), reason, operator(), WAIT_S)
    if as_json:
        write_json(outcome)
        return
    console = make_console()
    raised = f"kill switch raised, epoch {outcome.epoch}: no bot of {workspace.root} signs an order any more"
    console.print(raised, soft_wrap=True)
    for name, answer in outcome.bots.items():
        console.print(f"  {name}: {answer}", soft_wrap=True)
    console.print("let one trade again with: quarterdeck resume BOT")


def resume_shown(workspace: Workspace, bot: str, reason: str, *, rebase: bool, as_json: bool) -> None:
    """Ask a bot to trade again, and show what it answered."""
    _outcome_shown(
        bot, resume(workspace, checked_name(bot), reason, operator(), WAIT_S, rebase=rebase), as_json=as_json
    )


def lower_shown(workspace: Workspace, bot: str, command: str, reason: str, *, as_json: bool) -> None:
    """Tighten what a bot may do, and show what it answered."""
    why = reason or f"{command} by hand"
    outcome = lower(workspace, checked_name(bot), command, why, operator(), WAIT_S)
    _outcome_shown(bot, outcome, as_json=as_json)


def _outcome_shown(bot: str, outcome: str, *, as_json: bool) -> None:
    if as_json:
        write_json({"bot": bot, "outcome": outcome})
    else:
        make_console().print(f"{bot}: {outcome}", soft_wrap=True)
