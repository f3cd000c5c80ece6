"""What the bot is worth at given marks. Statistics, so float64; the books themselves stay exact."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from quarterdeck.domain import MarkTaken
from quarterdeck.portfolio.position import Position

RateOf = Callable[[str], float | None]
PriceOf = Callable[[str, str], float | None]
QuoteOf = Callable[[str, str], str]


def marked_equity(
    cash: Mapping[str, Mapping[str, Decimal]],
    positions: Mapping[str, Mapping[str, Position]],
    rate_of: RateOf,
    price_of: PriceOf,
    quote_of: QuoteOf,
    base_currency: str = "",
) -> tuple[float | None, tuple[MarkTaken, ...]]:
    """
    Value cash and positions; one in a perpetual is worth what it gained or lost on its cost.

    Args:
        cash: Venue → asset → amount.
        positions: Venue → instrument → position.
        rate_of: Gives what one unit of an asset is worth in base currency, or None where that is not known. It is
            asked only for what is held, and not for the base currency where that is named.
        price_of: Gives the mark of an instrument on a venue, in quote per base, or None where it has no fresh price.
        quote_of: Gives the quote asset of an instrument on a venue.
        base_currency: What counts one for one; empty to ask `rate_of` for everything.

    Returns:
        Equity in base currency, or None where something held has no price or its money no rate; and the marks that
        were used, those of positions whose quote has no rate included.
    """
    total = _money(cash, rate_of, base_currency)
    whole = total is not None
    total = total or 0.0
    marks: list[MarkTaken] = []
    for venue, held in positions.items():
        for instrument, position in held.items():
            if not position.qty:
                continue
            price = price_of(venue, instrument)
            if price is None:
                whole = False
                continue
            marks.append(MarkTaken(venue, instrument, price))
            asset = quote_of(venue, instrument)
            rate = 1.0 if asset == base_currency else rate_of(asset)
            if rate is None:
                whole = False
                continue
            value = float(position.qty) * price
            if ":" in instrument:
                value -= float(position.cost)
            total += value * rate
    return (total if whole else None), tuple(marks)


def _money(cash: Mapping[str, Mapping[str, Decimal]], rate_of: RateOf, base_currency: str) -> float | None:
    """Value cash; None where some of it has no rate. Every rate is asked for all the same."""
    total, whole = 0.0, True
    for holdings in cash.values():
        for asset, amount in holdings.items():
            if amount:
                rate = 1.0 if asset == base_currency else rate_of(asset)
                if rate is None:
                    whole = False
                else:
                    total += float(amount) * rate
    return total if whole else None
