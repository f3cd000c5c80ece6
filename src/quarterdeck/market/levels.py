"""Levels inside a bar: whether the bar reached one, and at which price the market met it."""

from __future__ import annotations

from typing import Final

from quarterdeck.domain import pure

_SLACK: Final = 1e-9


@pure
def reached_in_bar(level: float, low: float, high: float, falling: bool) -> bool:  # noqa: FBT001 - the kernel compiles it
    """
    Tell whether a market that moved between two prices was at a level or beyond.

    Args: the level, lowest and highest price in quote per base; `falling`: it is met from above, else from below.
    Returns: False where the low is no price or above the high; NaN anywhere gives False.
    """
    if not 0.0 < low <= high:
        return False
    return low <= level if falling else high >= level


@pure
def met_at(level: float, open_: float, falling: bool) -> float:  # noqa: FBT001 - the kernel compiles it
    """
    Give the price at which a bar met a level that it reached: the level, or the open where it began beyond.

    Args: level and open in quote per base; `falling`: it is met from above, else from below.
    Source: design, section 7.
    """
    if falling:
        return min(level, open_)
    return max(level, open_)


@pure
def level_at(price: float, share: float, sign: int) -> float:
    """Give the level a fraction above a price (sign +1) or below it (-1); all in quote per base."""
    return price * (1.0 + sign * share)


@pure
def rises(price: float, high: float) -> bool:
    """Tell whether a mark is higher than every one before."""
    return price > high


@pure
def is_beyond(price: float, level: float, falling: bool) -> bool:  # noqa: FBT001 - the kernel compiles it
    """
    Tell whether a price that was reported is at a level, or beyond; NaN is nowhere.

    Args: both in quote per base; `falling`: the level is met from above, else from below.
    """
    return price <= level * (1.0 + _SLACK) if falling else price >= level * (1.0 - _SLACK)
