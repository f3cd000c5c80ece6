"""Where to reduce what is held, by selling or by buying back: only venues that hold some, the best price first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from quarterdeck.domain import GRID_SLACK, Quote, VenueQuote
from quarterdeck.fills import effective_price
from quarterdeck.routing.best_price import Candidate

_ANY_QTY: Final = 1e-300  # less than any book holds


def exit_price(quote: Quote, qty: float, sign: int = -1) -> float:
    """Give the average price at which a book would take a quantity, sold or (+1) bought; 0.0 where it takes none."""
    levels = quote.bids if sign < 0 else quote.asks
    if not levels:
        return 0.0
    effective, _, filled = effective_price(levels, qty, 0.0, sign)
    return effective if filled > 0.0 else 0.0


def exit_quotes(candidates: Sequence[Candidate], sign: int = -1) -> tuple[VenueQuote, ...]:
    """
    Say what selling would bring, or buying back (+1) cost, on each venue that holds some.

    Args:
        candidates: Where something is held; `spendable` is the base quantity to be sold or bought there. Where it is
            not above zero the best level alone decides.
        sign: -1 to sell, +1 to buy back.

    Returns:
        One quote for each candidate, in their order, prices and fees in base currency; a book without a price gives
        an effective price of 0.0.
    """
    return tuple([_quote(candidate, sign) for candidate in candidates])


def exit_order(candidates: Sequence[Candidate], sign: int = -1) -> list[int]:
    """
    Rank the venues that hold some by what selling would bring there, or buying back cost.

    A book that takes the whole quantity comes before one that takes a part of it, then the better effective price in
    base currency; ties go to the candidate named first. Every candidate is named once, those without a price last.

    Args:
        candidates: As for `exit_quotes`.

    Returns:
        Their indices, the best first.
    """
    quotes = exit_quotes(candidates, sign)
    return sorted(range(len(quotes)), key=lambda index: _rank(quotes[index], sign))


def _rank(quote: VenueQuote, sign: int) -> tuple[bool, bool, float]:
    return (not quote.effective_price > 0.0, not quote.has_liquidity, sign * quote.effective_price)


def _quote(candidate: Candidate, sign: int) -> VenueQuote:
    quote = candidate.quote
    qty = candidate.spendable if candidate.spendable > 0.0 else _ANY_QTY
    effective = fee = filled = 0.0
    levels = quote.bids if sign < 0 else quote.asks
    if levels and candidate.rate > 0.0:
        effective, fee, filled = effective_price(levels, qty, candidate.fee_taker, sign)
    enough = filled > 0.0 and filled >= qty * (1.0 - GRID_SLACK)
    return candidate.told(effective, fee, has_liquidity=enough)
