"""Whose money is whose, in front of a person or of a program."""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from quarterdeck.cli.adjusting import WAIT_S, Ask
from quarterdeck.cli.output import make_console, quantity, write_json
from quarterdeck.cli.places import confirm, operator
from quarterdeck.config import Workspace, checked_name
from quarterdeck.domain import ConfigError, decimal_from
from quarterdeck.system import funds_asked, move_funds

WAYS: Final = {"deposit": 1, "withdraw": -1, "arrived": 1, "left": -1}
EXTERNAL: Final = frozenset({"arrived", "left"})


class Funds(Struct, frozen=True):
    """The words of a `funds` command line."""

    way: str
    venue: str
    asset: str
    amount: str


def _question(bot: str, way: str, shown: str) -> str:
    if way in EXTERNAL:
        return f"{shown} {way}, and it never was {bot}'s?"
    return f"From now on {bot} owns {shown}?" if way == "deposit" else f"Take {shown} away from {bot}?"


def funds_shown(workspace: Workspace, bot: str, words: Funds, ask: Ask) -> None:
    """
    Have money declared as a bot's own or not, and show what came of it.

    Raises:
        ConfigError: If a word is wrong.
        NotAllowed: If it was not confirmed, or the bot said no.
    """
    if words.way not in WAYS:
        raise ConfigError(f"{words.way!r}: write deposit, withdraw, arrived or left")
    amount = decimal_from(words.amount, "amount")
    if amount <= 0:
        raise ConfigError(f"amount {words.amount}: write an amount above zero")
    asset = words.asset.upper()
    shown = f"{quantity(amount)} {asset} on {words.venue}"
    confirm(_question(bot, words.way, shown), yes=ask.yes)
    signed = amount if WAYS[words.way] > 0 else amount.copy_negate()
    asked = funds_asked(words.venue, asset, signed, ask.reason, operator())
    asked = replace(asked, external=words.way in EXTERNAL)
    later = "it hears of it when it next starts"
    outcome = move_funds(workspace, checked_name(bot), asked, WAIT_S).in_words(later)
    if ask.as_json:
        write_json({"bot": bot, "venue": words.venue, "asset": asset, "amount": signed, "outcome": outcome})
    else:
        make_console().print(f"{bot}: {outcome}", soft_wrap=True)
