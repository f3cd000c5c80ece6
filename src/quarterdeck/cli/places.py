"""From words on the command line to a workspace and a bot in it."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path

import typer

from quarterdeck.config import BotConfig, Workspace, find_workspace, load_bot
from quarterdeck.domain import ConfigError, NotAllowed


def workspace_at(option: Path | None) -> Workspace:
    """
    Find the workspace of this command.

    Raises:
        ConfigError: If there is none.
    """
    return find_workspace(option, os.environ, Path.cwd())


def bot_in(workspace: Workspace, bot: str) -> BotConfig:
    """
    Load a bot of a workspace.

    Raises:
        ConfigError: If there is no such bot, or its file has problems.
    """
    path = workspace.bot_file(bot)
    if not path.is_file():
        there = ", ".join(sorted(file.stem for file in workspace.bots.glob("*.yaml"))) or "none yet"
        raise ConfigError(f"there is no bot {bot!r} in {workspace.root}; there are: {there}")
    return load_bot(path, workspace)


def bot_to_run(bot: str | None, config: Path | None, workspace: Path | None) -> tuple[Workspace, BotConfig]:
    """
    Find what `run` is to run: a bot of the workspace, or a configuration file anywhere.

    A configuration outside any workspace makes its own folder the root of what the bot writes.

    Raises:
        ConfigError: If neither or both are named, or what is named has problems.
    """
    if (bot is None) == (config is None):
        raise ConfigError("name a bot of the workspace, or a file with --config; one of them")
    if bot is not None:
        found = workspace_at(workspace)
        return found, bot_in(found, bot)
    assert config is not None
    try:
        found = workspace_at(workspace)
    except ConfigError:
        if workspace is not None:
            raise
        return Workspace(config.absolute().parent), load_bot(config)
    return found, load_bot(config, found)


def confirm(question: str, *, yes: bool) -> None:
    """
    Ask before something that changes what a bot may do.

    Raises:
        NotAllowed: If it was not confirmed; without a terminal only `--yes` confirms.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise NotAllowed(f"{question} Not confirmed: add --yes")
    if not typer.confirm(question, err=True):
        raise NotAllowed("not confirmed; nothing was done")


def operator() -> str:
    """Name the person at this command line, for the journal."""
    return f"{getpass.getuser()} (command line)"
