"""Quotes made from bars, for venues that have no book of their own."""

from __future__ import annotations

import math
from typing import Final

from msgspec import Struct

from quarterdeck.domain import InputError, Quote

_BPS: Final = 1e-4
_LEVEL_APART_BPS_MIN: Final = 1.0
_HALF_SPREAD_BPS_MAX: Final = 5_000.0


class QuoteShape(Struct, frozen=True, gc=False):
    """
    How a made-up book looks around its price; `quote_shape` makes one.

    The factors turn the price into the price of each level, best first; `level_quote` is what each level holds.
    """

    bid_factors: tuple[float, ...]
    ask_factors: tuple[float, ...]
    level_quote: float


def quote_shape(spread_bps: float, depth_quote: float, levels: int = 5) -> QuoteShape:
    """
    Describe a symmetrical book.

    Args: distance from best bid to best ask in basis points of the price; depth of each side in quote, spread
        evenly over the levels; levels on each side. Levels lie one spread apart, and at least one basis point.
    Raises: InputError where a figure is out of bounds.
    """
    apart_bps = max(spread_bps, _LEVEL_APART_BPS_MIN)
    if levels < 1 or not (math.isfinite(depth_quote) and depth_quote > 0.0):
        raise InputError(f"a book of {levels} levels and depth {depth_quote}: both must be above zero")
    if not (spread_bps >= 0.0 and spread_bps / 2 + (levels - 1) * apart_bps <= _HALF_SPREAD_BPS_MAX):
        raise InputError(f"a spread of {spread_bps} bps on {levels} levels: it must be from 0 to a few hundred")
    offsets = [(spread_bps / 2 + level * apart_bps) * _BPS for level in range(levels)]
    return QuoteShape(
        bid_factors=tuple(1.0 - offset for offset in offsets),
        ask_factors=tuple(1.0 + offset for offset in offsets),
        level_quote=depth_quote / levels,
    )


def quote_from_price(venue: str, instrument: str, price: float, at_ns: int, shape: QuoteShape) -> Quote:
    """
    Make the quote of a venue that is known by its last price only.

    Args: venue and instrument; last price in quote per base, above zero; when the venue said so; the book's shape.
    Raises: InputError where the price is not finite or not above zero.
    """
    if not 0.0 < price < math.inf:
        raise InputError(f"{venue} {instrument}: a price of {price} is no price")
    base = shape.level_quote / price
    return Quote(
        venue,
        instrument,
        at_ns,
        price,
        tuple([(price * factor, base / factor) for factor in shape.bid_factors]),
        tuple([(price * factor, base / factor) for factor in shape.ask_factors]),
    )
