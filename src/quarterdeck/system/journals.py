"""Where the journal of a bot lies, or that there is none."""

from __future__ import annotations

from pathlib import Path

from quarterdeck.config import Workspace
from quarterdeck.domain import ConfigError


def journal_of(workspace: Workspace, bot: str) -> Path:
    """
    Give the journal of a bot.

    Raises:
        ConfigError: If there is no such bot, or it never ran.
    """
    path = workspace.bot_folder(bot).journal
    if not path.exists() and not workspace.bot_file(bot).exists():
        names = ", ".join(sorted(one.stem for one in workspace.bots.glob("*.yaml"))) or "none"
        raise ConfigError(f"there is no bot {bot!r} in {workspace.root}; there are: {names}")
    if not path.exists():
        raise ConfigError(f"bot {bot!r} has never run; start it with 'quarterdeck run {bot}'")
    return path
