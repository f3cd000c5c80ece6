"""Making a workspace: a few questions, then the files and the next step."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Final

import typer

from quarterdeck.cli.output import make_console, warn_of_unbuilt
from quarterdeck.config import Starter, create_workspace, load_bot
from quarterdeck.domain import NotAllowed

RISK_NOTICE: Final = (
    "Trading can lose all the money that it is given; nothing here is advice, and this bot trades paper money only."
)


def create_shown(folder: Path, *, asks: bool) -> None:
    """
    Create a workspace and say what to do next.

    Raises:
        ConfigError: If files stand there already, or an answer makes no sense.
        NotAllowed: If questions are to be asked and nobody is there to answer.
    """
    starter = _ask() if asks else Starter()
    workspace = create_workspace(folder, starter)
    config = load_bot(workspace.bot_file(starter.bot), workspace)
    warn_of_unbuilt(config)
    console = make_console()
    console.print(f"created a workspace in {workspace.root}", soft_wrap=True)
    console.print(f"  bots/{starter.bot}.yaml   {', '.join(config.pairs)} on {_venues(config.exchanges)}, paper money")
    console.print("  strategies/     yours go to development/, and to production/ when they have proven themselves")
    console.print(RISK_NOTICE, style="dim", soft_wrap=True)
    into = "" if workspace.root == Path.cwd() else f"cd {shlex.quote(str(folder))} && "
    console.print(f"next: {into}quarterdeck run {starter.bot} --speed 60 --cycles 60", soft_wrap=True, style="bold")


def _ask() -> Starter:
    if not sys.stdin.isatty():
        raise NotAllowed("init: nobody is here to answer its questions; add --yes for the defaults")
    default = Starter()
    bot: str = typer.prompt("Name of the first bot", default=default.bot, err=True)
    pairs: str = typer.prompt("Pairs", default=" ".join(default.pairs), err=True)
    capital: int = typer.prompt("Paper capital", default=default.capital, type=int, err=True)
    return Starter(bot=bot, pairs=tuple(dict.fromkeys(pairs.replace(",", " ").upper().split())), capital=capital)


def _venues(exchanges: tuple[object, ...]) -> str:
    return " and ".join(str(getattr(exchange, "name", exchange)) for exchange in exchanges)
