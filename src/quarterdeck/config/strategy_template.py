"""The file of a new strategy: it works as it is written, and says where to change what."""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from typing import Final

from quarterdeck.config.workspace import Workspace
from quarterdeck.domain import ConfigError
from quarterdeck.strategies import BUILTIN

NAME_RULE: Final = "up to 40 of a-z, 0-9 and _, beginning with a letter, like my_breakout"

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_TAKEN: Final = ("Candles", "Signals", "Strategy")  # what the file itself needs by these names
_TEXT: Final = '''\
"""{title}: say here what it trades on, and why that should earn anything."""

from quarterdeck import Candles, Signals, Strategy, integer
from quarterdeck.indicators import crosses


class {kind}(Strategy):
    """Long from the bar that closes above the average of the last `average_bars` closes, until one closes below it."""

    # A parameter: its default, and the bounds that a bot's file (and a search) must keep. There are also
    # real(2.0, low=0.5, high=5.0), choice("close", ["close", "open"]) and flag(False).
    average_bars = integer(30, low=2, high=500)

    @property
    def window_bars(self) -> int:
        """How many of the latest bars decide; live, `signals` gets exactly so many. Here: two averages, a bar apart."""
        return self.average_bars + 1

    def signals(self, candles: Candles) -> Signals:
        """
        Give one action for each bar: 1 is BUY, -1 is SELL, 0 is HOLD, as an array of int8.

        Value i may use bars up to i and no other, and no more than `window_bars` of them. In a backtest `candles` is
        the whole series, live it is one window; the answers must agree, which `quarterdeck check-strategy` tries.

        `candles` has arrays of one value per bar: opened_at_ns, open, high, low, close, volume, and close_ticks, the
        closes in whole price steps, for sums and comparisons that are exact. Any library may be used on them; they
        are not to be written to. What orders, sizes, stops and limits become of an action is the bot's business.
        """
        # +1 where the close (an average of 1 bar) crosses above the average, -1 where below, 0 elsewhere.
        action = crosses(candles.close_ticks, 1, self.average_bars)

        # How sure it is, from 0 to 1, may be given beside it: Signals(action, confidence), with an array of float64.
        # A bot with sizing.confidence_min trades only on what is at least so sure.
        return Signals(action)
'''


def create_strategy(place: Workspace, name: str) -> Path:
    """
    Write the file of a new strategy into the workspace's development folder.

    Returns:
        The file.

    Raises:
        ConfigError: If the name is none or is taken, or the file cannot be written.
    """
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise ConfigError(f"strategy {name!r}: not a name of a strategy; use {NAME_RULE}")
    if name in BUILTIN:
        raise ConfigError(f"{name} is a strategy that comes with Quarterdeck; choose another name")
    for folder in (place.development, place.production):
        if (folder / f"{name}.py").exists():
            raise ConfigError(f"{folder / name}.py is there already; nothing was written. Choose another name")
    file = place.development / f"{name}.py"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as out:
            out.write(strategy_text(name))
    except OSError as error:
        raise ConfigError(f"{file}: cannot be written: {error.strerror}") from error
    return file


def strategy_text(name: str) -> str:
    """Write a strategy that works, under this name."""
    words = [word for word in name.split("_") if word]
    kind = "".join(word.capitalize() for word in words)
    if kind in _TAKEN:
        kind += "Rule"
    return _TEXT.format(title=" ".join(words).capitalize(), kind=kind)
