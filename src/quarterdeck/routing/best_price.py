"""The best venue for one order: the cheapest after walking the book and paying the fee."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from quarterdeck.domain import Quote, VenueQuote
from quarterdeck.fills import effective_price


class Candidate(Struct, frozen=True, gc=False):
    """A venue that could take the order: its book, its taker fee, and the most (quote) that we can spend there."""

    quote: Quote
    fee_taker: float
    spendable: float


class Route(Struct, frozen=True, gc=False):
    """
    The venue chosen and why: what every candidate would have cost.

    `price` is the average price of the walk before the fee, in quote per base.
    """

    venue: str
    price: float
    quotes: tuple[VenueQuote, ...]


def best_price(candidates: Sequence[Candidate], notional: float, *, notional_min: float) -> Route | None:
    """
    Choose where to buy for an amount.

    A candidate that could take the whole order comes before one whose book or money covers only a part of it, and
    that before one that cannot even pay the venue's minimum. Ties go to the candidate named first.

    Args:
        candidates: Healthy venues with a fresh, two-sided book, in the order the bot names them.
        notional: What the order is to be worth, in quote. Above zero.
        notional_min: The least an order may be worth, in quote.

    Returns:
        The route, or None where no candidate can fill any of it.
    """
    quotes: list[VenueQuote] = []
    best: tuple[int, float, int, float] | None = None
    for index, candidate in enumerate(candidates):
        asks = candidate.quote.asks
        if not asks or not asks[0][0] > 0.0:
            continue
        qty = notional / asks[0][0]
        effective, fee, filled = effective_price(asks, qty, candidate.fee_taker, 1)
        enough = filled >= qty * (1.0 - 1e-9)
        quotes.append(VenueQuote(candidate.quote.venue, effective, fee, enough))
        if not filled > 0.0:
            continue
        rank = 2 if candidate.spendable < notional_min else 1
        if enough and candidate.spendable >= effective * qty:
            rank = 0
        price = effective / (1.0 + candidate.fee_taker)
        if best is None or (rank, effective) < best[:2]:
            best = (rank, effective, index, price)
    if best is None:
        return None
    return Route(venue=candidates[best[2]].quote.venue, price=best[3], quotes=tuple(quotes))


def exit_price(quote: Quote, qty: float) -> float:
    """Give the average price at which a quantity could be sold into the bids, in quote per base; 0.0 where none."""
    if not quote.bids:
        return 0.0
    effective, _, filled = effective_price(quote.bids, qty, 0.0, -1)
    return effective if filled > 0.0 else 0.0
