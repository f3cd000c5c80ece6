"""A bot's pairs, in front of a person or of a program."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from quarterdeck.cli.adjusting import Ask, bot_and_verb, change_shown
from quarterdeck.cli.output import make_console, quantity, write_json
from quarterdeck.cli.tables import new_table
from quarterdeck.config import Workspace
from quarterdeck.domain import ConfigError
from quarterdeck.system import PairRow, pairs_with, read_pairs


def pairs_shown(workspace: Workspace, words: Sequence[str], ask: Ask) -> None:
    """
    Show a bot's pairs, or change which of them it may open.

    Raises:
        ConfigError: If a word is wrong.
        NotAllowed: If the bot said no.
    """
    bot, verb, rest = bot_and_verb(words, ["add", "remove"])
    if verb:
        named = tuple(word.upper() for word in rest)
        if not named:
            raise ConfigError(f"pairs {verb}: say which, like BTC-USD")
        value = pairs_with(
            workspace, bot, added=named if verb == "add" else (), removed=named if verb == "remove" else ()
        )
        change_shown(workspace, bot, {"pairs": value}, ask)
        return
    rows = read_pairs(workspace, bot)
    if ask.as_json:
        write_json({"items": rows, "next": None})
        return
    table = new_table(bot, "pair", "may be opened", "held", "text", right=("held",))
    for row in rows:
        listed = [_listed(row, place) for place in range(len(row.listings))]
        table.add_row(row.pair, _standing(row), quantity(row.qty), ", ".join(listed) or "no venue lists it")
    make_console().print(table)


def _standing(row: PairRow) -> Text:
    if not row.approved:
        return Text("no: removed", "yellow")
    return Text("yes", "green") if row.tradable else Text("no: not traded now", "red")


def _listed(row: PairRow, place: int) -> str:
    one = row.listings[place]
    name = one.venue if one.instrument == row.pair else f"{one.venue} as {one.instrument}"
    return name if one.tradable else f"{name} (not traded now)"
