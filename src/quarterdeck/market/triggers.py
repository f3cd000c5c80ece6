"""Price levels that turn into an input only when the market reaches them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from quarterdeck.market.levels import reached_in_bar

Cause = Literal["stop_loss", "take_profit", "trailing_stop", "ratchet", "liquidation"]


class Trigger(Struct, frozen=True, array_like=True, gc=False):
    """
    A price of one instrument on one venue to wake up at; `falling`: fires at or below it, else at or above it.

    `stop_loss`, `take_profit` and `trailing_stop` ask for an exit; `ratchet` asks the feed only to report a new high,
    of a short position a new low, so that a trailing stop can follow it. `liquidation` is where the venue closes a
    position by itself; the engine asks for none.
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
    return [trigger for trigger in triggers if reached_in_bar(trigger.price, low, high, trigger.falling)]


def nearest_first(triggers: Iterable[Trigger]) -> list[Trigger]:
    """
    Put levels that one bar reached in the order in which they count: what loses before what wins, the nearest first.

    A bar does not say which of its extremes came first, so the worse is taken to have. What lies at one price keeps
    the order given.
    """
    return sorted(triggers, key=_order_of)


def _order_of(trigger: Trigger) -> tuple[bool, float]:
    return trigger.cause == "take_profit", -trigger.price if trigger.falling else trigger.price
