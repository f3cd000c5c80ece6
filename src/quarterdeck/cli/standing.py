"""How bots stand, in front of a person or of a program."""

from __future__ import annotations

from rich.text import Text

from quarterdeck.cli.output import make_console, money, write_json
from quarterdeck.cli.status_view import print_status
from quarterdeck.cli.tables import CONTROL_STYLE, new_table
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
    print_status(make_console(), found)


def show_all(workspace: Workspace, *, as_json: bool) -> None:
    """Show every bot of a workspace in a line each."""
    bots = list_bots(workspace)
    found = {bot: _status_if_run(workspace, bot) for bot in bots}
    if as_json:
        write_json({"items": [status for status in found.values() if status is not None], "next": None})
        return
    right = ("equity", "today", "open", "unknown", "alerts")
    table = new_table("bots", "bot", "control", "owner", *right, right=right)
    for bot, status in found.items():
        table.add_row(bot, *(_row(status) if status is not None else [Text("never ran", "dim")]))
    make_console().print(table if bots else "no bots in bots/ yet; 'quarterdeck init DIR' makes an example")


def _row(status: BotStatus) -> list[str | Text]:
    today = status.today
    gained = "–" if today is None else money(today.equity - today.equity_open - today.flows)
    counts = [len(status.open_orders), len(status.unknown_orders), len(status.alerts)]
    return [
        Text(status.control.value, CONTROL_STYLE[status.control]),
        f"process {status.owner.pid}" if status.owner else "–",
        money(status.equity),
        gained,
        *[str(count) for count in counts],
    ]


def _status_if_run(workspace: Workspace, bot: str) -> BotStatus | None:
    try:
        return read_status(workspace, bot)
    except ConfigError:
        return None
