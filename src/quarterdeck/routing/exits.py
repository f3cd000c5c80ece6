"""Where to sell what is held: only venues that hold some, the best price first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from quarterdeck.domain import GRID_SLACK, Quote, VenueQuote
from quarterdeck.fills import effective_price
from quarterdeck.routing.best_price import Candidate

_ANY_QTY: Final = 1e-300  # less than any book holds


def exit_price(quote: Quote, qty: float) -> float:
    """Give the average price at which a quantity could be sold into the bids, in quote per base; 0.0 where none."""
    if not quote.bids:
        return 0.0
    effective, _, filled = effective_price(quote.bids, qty, 0.0, -1)
    return effective if filled > 0.0 else 0.0


def exit_quotes(candidates: Sequence[Candidate]) -> tuple[VenueQuote, ...]:
    """
    Say what selling would bring on each venue that holds some.

    Args:
        candidates: Where something is held; `spendable` is the base quantity to be sold there. Where it is not
            above zero the best bid alone decides.

    Returns:
        One quote for each candidate, in their order, prices and fees in base currency; a book without a price gives
        an effective price of 0.0.
    """
    return tuple([_quote(candidate) for candidate in candidates])


def exit_order(candidates: Sequence[Candidate]) -> list[int]:
    """
    Rank the venues that hold some by what selling would bring there.

    A book that takes the whole quantity comes before one that takes a part of it, then the higher effective price in
    base currency; ties go to the candidate named first. Every candidate is named once, those without a price last.

    Args:
        candidates: As for `exit_quotes`.

    Returns:
        Their indices, the best first.
    """
    quotes = exit_quotes(candidates)
    return sorted(range(len(quotes)), key=lambda index: _rank(quotes[index]))


def _rank(quote: VenueQuote) -> tuple[bool, bool, float]:
    return (not quote.effective_price > 0.0, not quote.has_liquidity, -quote.effective_price)


def _quote(candidate: Candidate) -> VenueQuote:
    quote = candidate.quote
    qty = candidate.spendable if candidate.spendable > 0.0 else _ANY_QTY
    effective = fee = filled = 0.0
    if quote.bids and candidate.rate > 0.0:
        effective, fee, filled = effective_price(quote.bids, qty, candidate.fee_taker, -1)
    enough = filled > 0.0 and filled >= qty * (1.0 - GRID_SLACK)
    return candidate.told(effective, fee, has_liquidity=enough)
