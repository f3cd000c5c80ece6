"""Fees and average prices as exact money."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from typing import Final

from quarterdeck.domain import multiply, quantize, share_of

FEE_STEP: Final = Decimal("1e-8")
_ONE: Final = Decimal(1)


def fee_of(amount: Decimal, rate: Decimal, step: Decimal = FEE_STEP) -> Decimal:
    """
    Charge a rate on an amount, cut to whole steps toward zero.

    Cutting makes an order that fills in parts never dearer than one that fills at once, so what was locked for the
    whole covers the parts.

    Args:
        amount: What the fee is charged on (notional or quantity), in the asset the fee is paid in.
        rate: Fraction of the amount; below zero for a rebate.
        step: Smallest unit of the fee asset that the venue books.

    Returns:
        The fee, below zero for a rebate.
    """
    return quantize(multiply(amount, rate), step, ROUND_DOWN)


def average_price(notional: Decimal, qty: Decimal) -> Decimal:
    """
    State the average price of a filled quantity, rounded half-even to 1e-12.

    Args: notional in quote; quantity in base units, above zero.
    """
    return share_of(notional, _ONE, qty)
