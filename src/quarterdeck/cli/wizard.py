"""Making a workspace: a few questions, then the files, a look at them, and the next step."""

from __future__ import annotations

import math
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import typer

from quarterdeck.cli.output import make_console
from quarterdeck.config import TIMEFRAMES_NS, Starter, checked_name, create_workspace, instrument_from_any, load_bot
from quarterdeck.domain import ConfigError, InputError, NotAllowed
from quarterdeck.strategies import BUILTIN

RISK_NOTICE: Final = (
    "Trading can lose all the money that it is given; nothing here is advice, and this bot trades paper money only."
)
CAPITAL_MIN: Final = 1_000
VALUE_MIN: Final = 10
AMOUNT_MAX: Final = 10**12
_QUOTES: Final = ("USD", "USDT", "USDC", "EUR")

T = TypeVar("T")


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
    console = make_console()
    console.print(f"created a workspace in {workspace.root}", soft_wrap=True)
    venues = " and ".join(exchange.name for exchange in config.exchanges)
    console.print(f"  bots/{starter.bot}.yaml   {', '.join(config.pairs)} on {venues}, paper money", soft_wrap=True)
    console.print("  strategies/     yours go to development/, and to production/ when they have proven themselves")
    console.print(RISK_NOTICE, style="dim", soft_wrap=True)
    into = "" if workspace.root == Path.cwd() else f"cd {shlex.quote(str(folder))} && "
    console.print("check it: quarterdeck doctor", soft_wrap=True, style="dim")
    console.print(f"next: {into}quarterdeck run {starter.bot} --speed 60 --cycles 60", soft_wrap=True, style="bold")


def _ask() -> Starter:
    if not sys.stdin.isatty():
        raise NotAllowed("init: nobody is here to answer its questions; add --yes for the defaults")
    default = Starter()
    bot = _asked("Name of the first bot", default.bot, checked_name)
    pairs = _asked("Pairs to trade", " ".join(default.pairs), _pairs)
    capital = _asked("Paper capital, half of it on each of two venues", str(default.capital), _whole(CAPITAL_MIN))
    value = _asked("Size of one order, in the same currency", str(capital // 100), _whole(VALUE_MIN))
    strategy = _asked(f"Strategy ({', '.join(sorted(BUILTIN))})", default.strategy, _one_of(sorted(BUILTIN)))
    timeframe = _asked(f"Bars ({', '.join(TIMEFRAMES_NS)})", default.timeframe, _one_of(list(TIMEFRAMES_NS)))
    return Starter(
        bot=bot,
        pairs=pairs,
        capital=capital,
        value=value,
        strategy=strategy,
        timeframe=timeframe,
        stop_loss=_asked("Sell a position that lost, in %", "5", _percent),
        take_profit=_asked("Sell a position that gained, in %", "10", _percent),
        daily_loss_max=_asked("Open nothing more on a day that lost, in %", "5", _percent),
    )


def _asked(question: str, default: str, read: Callable[[str], T]) -> T:
    """Ask until the answer makes sense."""
    while True:
        answer: str = typer.prompt(question, default=default, err=True)
        try:
            return read(answer.strip())
        except ConfigError as error:
            typer.echo(f"  {error}", err=True)


def _pairs(text: str) -> tuple[str, ...]:
    words = text.replace(",", " ").split()
    instruments = [instrument_from_any(word, _QUOTES) for word in words]
    if any(":" in instrument.id for instrument in instruments):
        raise InputError("perpetuals are not available in this version; name spot pairs like BTC-USD")
    if any(instrument.base == instrument.quote for instrument in instruments):
        raise InputError("a pair needs two different coins, like BTC-USD")
    if len({instrument.quote for instrument in instruments}) != 1:
        raise InputError("name pairs quoted in one currency, like BTC-USD ETH-USD")
    return tuple(dict.fromkeys(instrument.id for instrument in instruments))


def _whole(low: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= AMOUNT_MAX:
            raise InputError(f"write a whole number from {low} to {AMOUNT_MAX}")
        return int(text)

    return read


def _one_of(words: list[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise InputError(f"write one of: {', '.join(words)}")
        return text

    return read


def _percent(text: str) -> float:
    try:
        share = float(text.removesuffix("%")) / 100.0
    except ValueError:
        share = 0.0
    share = round(share, 6) if math.isfinite(share) else 0.0
    if not 0.0 < share < 1.0:
        raise InputError("write a percentage above 0 and below 100, like 5")
    return share
