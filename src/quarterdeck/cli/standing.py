"""How bots stand, in front of a person or of a program."""

from __future__ import annotations

from rich.text import Text

from quarterdeck.cli.output import make_console, money, warn_of_unbuilt, write_json
from quarterdeck.cli.places import bot_in
from quarterdeck.cli.tables import CONTROL_STYLE, new_table, print_status
from quarterdeck.config import Workspace
from quarterdeck.domain import ConfigError
from quarterdeck.system import BotStatus, list_bots, read_status


def show_one(workspace: Workspace, bot: str, *, as_json: bool) -> None:
    """
    Show one bot.

    Raises:
        ConfigError: If it never ran.
    """
    found = read_status(workspace, bot)
    if as_json:
        write_json(found)
        return
    if workspace.bot_file(bot).is_file():
        warn_of_unbuilt(bot_in(workspace, bot))
    print_status(make_console(), found)


def show_all(workspace: Workspace, *, as_json: bool) -> None:
    """Show every bot of a workspace in a line each."""
    bots = list_bots(workspace)
    found = {bot: _status_if_run(workspace, bot) for bot in bots}
    if as_json:
        write_json({"items": [status for status in found.values() if status is not None], "next": None})
        return
    right = ("equity", "open", "unknown")
    table = new_table("bots", "bot", "control", "owner", "equity", "open", "unknown", right=right)
    for bot, status in found.items():
        if status is None:
            table.add_row(bot, Text("never ran", "dim"), "", "", "", "")
        else:
            control = Text(status.control.value, CONTROL_STYLE[status.control])
            owner = f"process {status.owner.pid}" if status.owner else "–"
            counts = (str(len(status.open_orders)), str(len(status.unknown_orders)))
            table.add_row(bot, control, owner, money(status.equity), *counts)
    make_console().print(table if bots else "no bots in bots/ yet; 'quarterdeck init DIR' makes an example")


def _status_if_run(workspace: Workspace, bot: str) -> BotStatus | None:
    try:
        return read_status(workspace, bot)
    except ConfigError:
        return None
