"""From a quote's floats and a customer's decimals to whole ticks and lots."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from quarterdeck.domain import Listing, Quote, lots_down, ticks_toward

Level = tuple[int, int]  # (ticks, lots)

# Beyond these nothing is a price or a quantity, and products would not fit the digits of exact money.
_EXPONENT_MAX = 12
_PRICE_MAX = 1e13


class Ladder(NamedTuple):
    """Both sides of a book in whole ticks and lots, best first."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


def ladder_from(quote: Quote, listing: Listing, depth_share: float) -> Ladder:
    """
    Put a quote on the listing's grid: asks round up, bids down, quantities down to whole lots.

    A level that then has no price or no quantity (zero, NaN, absurdly high) offers nothing and is left out.
    """
    tick, lot = float(listing.tick), float(listing.lot)
    return Ladder(
        bids=_levels(quote.bids, tick, lot / depth_share, +1),
        asks=_levels(quote.asks, tick, lot / depth_share, -1),
    )


def whole_steps(value: Decimal, step: Decimal) -> int | None:
    """
    Count the steps in a value exactly.

    Args: value and step in one unit, step above zero.
    Returns: the count; None where the value is not finite, absurdly large or small, or not on the grid.
    """
    if not value.is_finite() or abs(value.adjusted()) > _EXPONENT_MAX:
        return None
    numerator, denominator = value.as_integer_ratio()
    step_numerator, step_denominator = step.as_integer_ratio()
    count, rest = divmod(numerator * step_denominator, denominator * step_numerator)
    return None if rest else count


def steps_within(value: Decimal, step: Decimal) -> int:
    """
    Count the whole steps within a value exactly.

    Args: value and step in one unit, finite, value not below zero, step above it.
    """
    numerator, denominator = value.as_integer_ratio()
    step_numerator, step_denominator = step.as_integer_ratio()
    return numerator * step_denominator // (denominator * step_numerator)


def take(levels: tuple[Level, ...], skip_lots: int, want_lots: int, limit_ticks: int | None, sign: int) -> list[Level]:
    """
    Take lots out of one side of a book, best first.

    Args:
        levels: The side, best first.
        skip_lots: What was taken from its front before.
        want_lots: How much is wanted.
        limit_ticks: The worst acceptable price; None takes any.
        sign: +1 for a buyer (worse is higher), -1 for a seller.

    Returns:
        What is offered up to the quantity wanted, as (ticks, lots).
    """
    taken: list[Level] = []
    for ticks, offered in levels:
        if want_lots <= 0 or (limit_ticks is not None and sign * ticks > sign * limit_ticks):
            break
        lots = min(offered - skip_lots, want_lots)
        if lots <= 0:
            skip_lots -= offered
            continue
        skip_lots = 0
        want_lots -= lots
        taken.append((ticks, lots))
    return taken


def _levels(pairs: tuple[tuple[float, float], ...], tick: float, lot: float, side: int) -> tuple[Level, ...]:
    levels = ((ticks_toward(price, tick, side), lots_down(qty, lot)) for price, qty in pairs if price < _PRICE_MAX)
    return tuple(level for level in levels if level[0] > 0 and level[1] > 0)
