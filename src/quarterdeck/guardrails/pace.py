"""G8, G9, E4, E6, E7, E9, E10: how often, how many, and how this order stands to the bot's others."""

from __future__ import annotations

import math

from quarterdeck.domain import pure
from quarterdeck.guardrails.codes import PASSED, REFUSED, SLACK, UNKNOWN


@pure
def cooldown(since_last_trade_s: float, cooldown_s: float) -> int:
    """
    G8: refuse a pair that traded less than the cooldown ago; exactly the cooldown is allowed.

    Args: both in seconds; infinity for a pair that never traded.
    Errors: NaN, or a cooldown that is not finite, gives UNKNOWN.
    """
    if math.isfinite(cooldown_s) and since_last_trade_s >= cooldown_s - SLACK:
        return PASSED
    return UNKNOWN if math.isnan(since_last_trade_s) or not math.isfinite(cooldown_s) else REFUSED


@pure
def trade_rate(trades: int, trades_max: int) -> int:
    """
    G9: refuse more trades within the window than the limit.

    Args: counts, this trade included.
    """
    return PASSED if trades <= trades_max else REFUSED


@pure
def open_orders(orders: int, orders_max: int, orders_pair: int, orders_pair_max: int) -> int:
    """
    E4: refuse more open orders than the limits of the bot and of one pair.

    Args: counts, this order included.
    """
    return PASSED if orders <= orders_max and orders_pair <= orders_pair_max else REFUSED


@pure
def duplicate(alike: int) -> int:
    """
    E6: refuse an order like one that the same source just made.

    Args: how many such orders there are within the window.
    """
    return PASSED if alike == 0 else REFUSED


@pure
def unresolved(orders: int) -> int:
    """
    E7: refuse while it is not known what an account holds for the pair.

    Args: unknown orders, plus one while the account is being reconciled.
    """
    return PASSED if orders == 0 else REFUSED


@pure
def breaker(rejects: int, rejects_max: int, executions: int, executions_max: int) -> int:
    """
    E9: refuse after so many identical rejects in a row, or so many executions since a person last looked.

    Args: counts; `executions_max` below zero for no limit.
    """
    return PASSED if rejects < rejects_max and (executions_max < 0 or executions < executions_max) else REFUSED


@pure
def self_cross(crossing: int) -> int:
    """
    E10: refuse an order that could trade against another of ours on the same account.

    Args: how many of ours it would meet.
    """
    return PASSED if crossing == 0 else REFUSED
