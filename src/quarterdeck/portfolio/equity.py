"""What the bot is worth at given marks. Statistics, so float64; the books themselves stay exact."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from quarterdeck.domain import MarkTaken
from quarterdeck.portfolio.position import Position

PriceOf = Callable[[str, str], float | None]


def marked_equity(
    cash: Mapping[str, Mapping[str, Decimal]],
    positions: Mapping[str, Mapping[str, Position]],
    at_par: frozenset[str] | tuple[str, ...],
    price_of: PriceOf,
) -> tuple[float | None, tuple[MarkTaken, ...]]:
    """
    Value cash and positions.

    Args:
        cash: Venue → asset → amount.
        positions: Venue → instrument → position.
        at_par: Assets that count one for one: the base currency and the stablecoins.
        price_of: Gives the mark of an instrument on a venue, or None where it has no fresh price. For cash in
            another asset it is asked for the id `ASSET-*`.

    Returns:
        Equity in base currency, or None where something held has no price; and the marks that were used.
    """
    total = 0.0
    marks: list[MarkTaken] = []
    whole = True
    for venue in cash:
        for asset, amount in cash[venue].items():
            if asset in at_par:
                total += float(amount)
            elif amount:
                price = price_of(venue, f"{asset}-*")
                whole = whole and price is not None
                total += float(amount) * (price or 0.0)
    for venue, held in positions.items():
        for instrument, position in held.items():
            if not position.qty:
                continue
            price = price_of(venue, instrument)
            if price is None:
                whole = False
            else:
                marks.append(MarkTaken(venue, instrument, price))
                total += float(position.qty) * price
    return (total if whole else None), tuple(marks)
