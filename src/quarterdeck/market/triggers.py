"""Price levels that turn into an input only when the market reaches them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

Cause = Literal["stop_loss", "take_profit", "trailing_stop", "ratchet"]


class Trigger(Struct, frozen=True, array_like=True, gc=False):
    """
    A price of one instrument on one venue to wake up at; `falling`: fires at or below it, else at or above it.

    `stop_loss`, `take_profit` and `trailing_stop` ask for an exit; `ratchet`, always rising, asks the feed only to
    report a new high, so that a trailing stop can follow it.
    """

    venue: str
    instrument: str
    cause: Cause
    price: float
    falling: bool


def crossed(triggers: Iterable[Trigger], low: float, high: float) -> list[Trigger]:
    """
    Pick the triggers that a market moving between two prices has reached, in the order given.

    Args: triggers of one instrument on one venue; lowest and highest price since the last look, in quote per base.
    Returns: those reached. A price that is NaN or not above zero reaches nothing: it is no price.
    """
    if not 0.0 < low <= high:
        return []
    return [trigger for trigger in triggers if (low <= trigger.price if trigger.falling else high >= trigger.price)]
