"""
Every guardrail once: a pure scalar function, and what a trader may know of it.

The functions answer PASSED or REFUSED. Each is written so that a number that is not finite refuses: NaN never passes
a comparison here. Which rules exist is fixed in code; thresholds come from settings. Bits are given for ever, so that
a verdict packed today is read rightly by every later version.
"""

from __future__ import annotations

import math
from enum import StrEnum, unique
from typing import Final

from msgspec import Struct

from quarterdeck.domain import pure

PASSED: Final = 0
REFUSED: Final = 1
SLACK: Final = 1e-9


@unique
class Exits(StrEnum):
    """What a rule means for an order that only reduces."""

    PASS = "pass"  # noqa: S105 - a word, not a secret
    PASS_UNLESS_HALTED = "pass unless halted"  # noqa: S105 - a word, not a secret
    BOUND = "bound"


class Rule(Struct, frozen=True):
    """What a trader may know of a guardrail."""

    id: str
    bit: int
    name: str
    keys: tuple[str, ...]
    unit: str
    exits: Exits
    reason: str


BITS: Final[dict[str, int]] = {f"G{n}": n - 1 for n in range(1, 11)} | {f"E{n}": n + 9 for n in range(1, 14)}

RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "G1", BITS["G1"], "kill switch", (), "raised", Exits.BOUND, "the kill switch is on; resume the bot to clear it"
    ),
    Rule(
        "G2",
        BITS["G2"],
        "control level",
        ("loss_rate_max", "loss_rate_window_min", "loss_rate_pause_min"),
        "level",
        Exits.PASS_UNLESS_HALTED,
        "the bot is paused, reducing or halted",
    ),
    Rule(
        "G4",
        BITS["G4"],
        "order value",
        ("order_value_max_quote", "order_value_max_share"),
        "base currency",
        Exits.PASS,
        "the order is worth more than one order may be, or equity is not known",
    ),
    Rule(
        "G8",
        BITS["G8"],
        "cooldown",
        ("cooldown_s",),
        "s",
        Exits.PASS,
        "the pair traded too short a time ago",
    ),
    Rule(
        "G10",
        BITS["G10"],
        "balance and venue limits",
        ("headroom_share",),
        "share of what is free",
        Exits.BOUND,
        "the free balance does not cover the order with fees and headroom, or it is outside the venue's limits",
    ),
)


@pure
def kill_switch(raised: int) -> int:
    """
    G1: refuse everything while the kill switch is on.

    Args: 1 when raised, else 0.
    """
    return REFUSED if raised != 0 else PASSED


@pure
def control_level(level: int) -> int:
    """
    G2: refuse opening unless the bot is running.

    Args: 0 running, 1 paused, 2 reducing, 3 halted.
    """
    return PASSED if level == 0 else REFUSED


@pure
def order_value(notional: float, value_max: float) -> int:
    """
    G4: refuse an order worth more than the limit.

    Args: both in base currency, above zero.
    Errors: a number that is not finite, or not above zero, refuses.
    """
    if not (math.isfinite(notional) and math.isfinite(value_max) and notional > 0.0):
        return REFUSED
    return PASSED if notional <= value_max * (1.0 + SLACK) else REFUSED


@pure
def order_value_max(value_max_quote: float, value_max_share: float, equity: float) -> float:
    """
    Work out the limit of G4: the smaller of an amount and a share of equity.

    Errors: equity that is not known (NaN), or a limit that is NaN, gives NaN, which refuses.
    """
    share = value_max_share * equity
    if not math.isfinite(equity) or math.isnan(share) or math.isnan(value_max_quote):
        return math.nan
    return min(value_max_quote, share)


@pure
def cooldown(since_last_trade_s: float, cooldown_s: float) -> int:
    """
    G8: refuse a pair that traded less than the cooldown ago; exactly the cooldown is allowed.

    Args: both in seconds; infinity for a pair that never traded.
    """
    if math.isnan(since_last_trade_s) or not math.isfinite(cooldown_s):
        return REFUSED
    return PASSED if since_last_trade_s >= cooldown_s - SLACK else REFUSED


@pure
def balance(need: float, free: float) -> int:
    """
    G10, first part: refuse what the free balance does not cover.

    Args: need with fees and headroom, and what is free, in one asset.
    """
    if not (math.isfinite(need) and math.isfinite(free) and need > 0.0):
        return REFUSED
    return PASSED if need <= free * (1.0 + SLACK) else REFUSED


@pure
def venue_limits(lots: int, lots_min: int, lots_max: int, notional: float, notional_min: float) -> int:
    """
    G10, second part: refuse what the venue would.

    Args: whole lots of the order and the venue's bounds; notional and its minimum in quote.
    """
    if lots < lots_min or lots > lots_max or lots <= 0:
        return REFUSED
    if not (math.isfinite(notional) and math.isfinite(notional_min) and notional > 0.0):
        return REFUSED
    return PASSED if notional >= notional_min * (1.0 - SLACK) else REFUSED
