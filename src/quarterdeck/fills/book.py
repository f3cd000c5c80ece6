"""What it costs to take a quantity out of one side of a book."""

from __future__ import annotations

from quarterdeck.domain import pure


@pure
def walk(levels: tuple[tuple[float, float], ...], qty_base: float) -> tuple[float, float]:
    """
    Take a quantity out of one side of a book, best level first.

    Args: (price, quantity) pairs, best first, in quote per base and base units; the quantity wanted in base units.
    Returns: (quantity filled, its notional in quote). Less is filled than wanted where the book ends. Levels whose
    price or quantity is not above zero (NaN included) offer nothing.
    """
    filled = 0.0
    notional = 0.0
    if not qty_base > 0.0:  # nor does a quantity of NaN take anything
        return filled, notional
    for price, offered in levels:
        if price > 0.0 and offered > 0.0:
            left = qty_base - filled
            taken = offered if offered < left else left  # noqa: FURB136 - a call of min costs as much as all of this
            filled += taken
            notional += taken * price
            if not filled < qty_base:
                break
    return filled, notional


@pure
def effective_price(
    levels: tuple[tuple[float, float], ...], qty_base: float, fee_rate: float, sign: int
) -> tuple[float, float, float]:
    """
    Price a quantity through the depth of a book and the fee: what one unit really costs or brings.

    Args: the side that would be taken, best first; base units; fee as a fraction of notional; sign +1 buy, -1 sell.
    Returns: (effective price in quote per base, fee in quote, quantity the book offers up to the one wanted).
    A book that offers nothing, or a quantity that is not above zero, gives three zeros; the caller must compare
    the quantity offered with the one wanted before it trusts the price.
    Source: specification, A-32.
    """
    filled, notional = walk(levels, qty_base)
    if not filled > 0.0:
        return 0.0, 0.0, 0.0
    average = notional / filled
    return average * (1.0 + sign * fee_rate), average * qty_base * fee_rate, filled
