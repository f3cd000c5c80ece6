"""E1, E2: whether the price is right, and comes from a market that can be believed."""

from __future__ import annotations

import math

from quarterdeck.domain import pure
from quarterdeck.guardrails.codes import INF, PASSED, REFUSED, SLACK, UNKNOWN


@pure
def price_collar(deviation: float, deviation_max: float, walk: float, walk_max: float) -> int:
    """
    E1: refuse a price far from the reference, and a market order that would eat far into the book.

    Args: fractions without sign: of the reference price, and of the best level; `walk` 0 for a limit order.
    Errors: a number that is not finite or below zero gives UNKNOWN.
    """
    if 0.0 <= deviation <= deviation_max + SLACK < INF and 0.0 <= walk <= walk_max + SLACK < INF:
        return PASSED
    known = 0.0 <= deviation < INF and 0.0 <= walk < INF and math.isfinite(deviation_max) and math.isfinite(walk_max)
    return REFUSED if known else UNKNOWN


@pure
def market_data(age_s: float, age_max_s: float, sound: int) -> int:
    """
    E2: refuse on old prices, and on a book that is crossed, one-sided or without a price.

    A price from the future is as wrong as an old one, so the sign of the age does not count.

    Args: ages in seconds; `sound` 1 or 0.
    Errors: an age that is not finite gives UNKNOWN: there is no price.
    """
    if abs(age_s) <= age_max_s + SLACK < INF and sound == 1:
        return PASSED
    return REFUSED if math.isfinite(age_s) and math.isfinite(age_max_s) else UNKNOWN
