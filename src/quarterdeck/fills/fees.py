"""Fees and average prices as exact money."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Final, Literal

from quarterdeck.domain import Listing, Side, multiply, quantize, share_of

FEE_STEP: Final = Decimal("1e-8")
_ONE: Final = Decimal(1)
_ROUNDING: Final = {"down": ROUND_DOWN, "up": ROUND_CEILING, "half_even": ROUND_HALF_EVEN}
_WHOLE: Final[dict[str, Callable[[Fraction], int]]] = {"down": math.trunc, "up": math.ceil, "half_even": round}


def fee_of(
    amount: Decimal,
    rate: Decimal,
    step: Decimal = FEE_STEP,
    rounding: Literal["down", "up", "half_even"] = "down",
) -> Decimal:
    """
    Charge a rate on an amount, in whole steps.

    `down` cuts toward zero: an order that fills in parts is then never dearer than one that fills at once. `up` rounds
    in the venue's favour, so that a fee grows and a rebate shrinks; with it, or with `half_even`, each part may cost a
    step more.

    Args:
        amount: What the fee is charged on (notional or quantity), in the asset the fee is paid in. Not negative.
        rate: Fraction of the amount; below zero for a rebate.
        step: Smallest unit of the fee asset that the venue books.
        rounding: What the venue does with the rest.

    Returns:
        The fee, below zero for a rebate.
    """
    fee = multiply(amount, rate)
    if step.as_tuple().digits == (1,):
        return quantize(fee, step, _ROUNDING[rounding])
    return multiply(Decimal(_WHOLE[rounding](Fraction(fee) / Fraction(step))), step)


def fee_asset_of(listing: Listing, side: Side) -> str:
    """Name the asset in which a venue takes the fee of a trade on this side."""
    match listing.fee_asset:
        case "quote":
            return listing.quote
        case "base":
            return listing.base
        case "received":
            return listing.base if side is Side.BUY else listing.quote
        case name:
            return name


def average_price(notional: Decimal, qty: Decimal) -> Decimal:
    """
    State the average price of a filled quantity, rounded half-even to 1e-12.

    Args: notional in quote; quantity in base units, above zero.
    """
    return share_of(notional, _ONE, qty)
