"""What a key of the bot file is: its path, form, default, unit and bounds; for readers, docs and run-time changes."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Final, Literal

from msgspec import Struct

Form = Literal["money", "number", "whole", "flag", "word", "choice", "words", "map"]


class Bounds(Struct, frozen=True):
    """What a number may be: from low to high, both allowed unless said otherwise."""

    low: float
    high: float = math.inf
    low_allowed: bool = True
    high_allowed: bool = True

    def allow(self, value: float | Decimal) -> bool:
        """Tell whether a number lies within."""
        above = value >= self.low if self.low_allowed else value > self.low
        below = value <= self.high if self.high_allowed else value < self.high
        return above and below

    def describe(self) -> str:
        """Say in words what is allowed."""
        low = f"from {self.low:.15g}" if self.low_allowed else f"above {self.low:.15g}"
        if math.isinf(self.high):
            return f"{self.low:.15g} or more" if self.low_allowed else low
        return f"{low} to {self.high:.15g}" if self.high_allowed else f"{low} and below {self.high:.15g}"


ABOVE_ZERO: Final = Bounds(0.0, low_allowed=False)
ZERO_OR_MORE: Final = Bounds(0.0)
SHARE: Final = Bounds(0.0, 1.0, low_allowed=False)
SHARE_OR_ZERO: Final = Bounds(0.0, 1.0)

EVERY_NUMBER: Final = Bounds(-math.inf)

# What stands in a path for a name that the user chooses, or for a place in a list.
_CHOSEN: Final = re.compile(r"[A-Z]+")
_PLACE: Final = re.compile(r"\[[0-9]+\]")


class Key(Struct, frozen=True, kw_only=True):
    """
    One key of the bot file.

    Attributes:
        path: Where it stands, like `guardrails.cooldown_s`; `[]` is any place in a list, a word in capitals any name.
        says: What it means, for the reference.
        form: How it is written. A `map` has keys of its own, which the user names.
        default: What counts where it is absent; None for nothing, which `null` spells too.
        default_says: The default in words, where it is no fixed value.
        unit: Of a number.
        bounds: Of a number; everything finite if None.
        options: Of a choice.
        is_live: It may be changed while the bot runs.
        looser: Which way lets more through, for the fleet's ceilings: a higher number, a lower one, or a word.
    """

    path: str
    says: str
    form: Form
    default: object = None
    default_says: str = ""
    unit: str = ""
    bounds: Bounds | None = None
    options: tuple[str, ...] = ()
    is_live: bool = False
    looser: Literal["", "higher", "lower", "true", "false", "more", "cross"] = ""

    @property
    def name(self) -> str:
        """The last word of its path."""
        return self.path.rpartition(".")[2]

    @property
    def within(self) -> Bounds:
        """Its bounds; every finite number where it states none."""
        return self.bounds or EVERY_NUMBER

    def covers(self, path: str) -> bool:
        """Tell whether a path of some file, like `exchanges[0].name`, is this key."""
        mine, other = self.path.split("."), _PLACE.sub("[]", path).split(".")
        if self.form == "map" and len(other) == len(mine) + 1:
            mine.append("ANY")
        return len(mine) == len(other) and all(
            word == said or (_CHOSEN.fullmatch(word) is not None and said != "")
            for word, said in zip(mine, other, strict=True)
        )
