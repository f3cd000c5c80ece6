"""G1, G2, G3, E8: whether trading is allowed at all, this pair, at this time."""

from __future__ import annotations

import math

from quarterdeck.domain import pure
from quarterdeck.guardrails.codes import INF, PASSED, REFUSED, SLACK, UNKNOWN


@pure
def kill_switch(raised: int) -> int:
    """
    G1: refuse everything while the kill switch is on.

    Args: 1 when raised, else 0.
    """
    return PASSED if raised == 0 else REFUSED


@pure
def control_level(level: int) -> int:
    """
    G2: refuse opening unless the bot is running.

    Args: 0 running, 1 paused, 2 reducing, 3 halted.
    """
    return PASSED if level == 0 else REFUSED


@pure
def pair_allowed(approved: int, tradable: int) -> int:
    """
    G3: refuse a pair that is not approved, or that its venue does not trade.

    Args: each 1 or 0.
    """
    return PASSED if approved == 1 and tradable == 1 else REFUSED


@pure
def clock(skew_ms: float, skew_max_ms: float, steady: int) -> int:
    """
    E8: refuse while a venue's clock and ours differ by more than the limit, or ours jumped and nobody confirmed it.

    Args: the difference without its sign, and the limit, in milliseconds; `steady` 1 or 0.
    Errors: a difference that was never measured (NaN), or is below zero, gives UNKNOWN.
    """
    if 0.0 <= skew_ms <= skew_max_ms + SLACK < INF and steady == 1:
        return PASSED
    return REFUSED if 0.0 <= skew_ms < INF and math.isfinite(skew_max_ms) else UNKNOWN
