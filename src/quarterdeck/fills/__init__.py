"""
What a trade costs and when it happens, written once for the exchange model, routing and the backtests.

Walking a book and judging a bar are scalar functions on floats; fees are exact Decimals.
"""

from quarterdeck.fills.bars import trades_through
from quarterdeck.fills.book import effective_price, walk
from quarterdeck.fills.fees import FEE_STEP, average_price, fee_asset_of, fee_of
from quarterdeck.fills.floats import (
    covers,
    fee_within,
    larger,
    lesser,
    money_plus,
    nearest_step,
    nearest_ticks,
    product,
    reaches_least,
    whole_parts,
)

__all__ = [
    "FEE_STEP",
    "average_price",
    "covers",
    "effective_price",
    "fee_asset_of",
    "fee_of",
    "fee_within",
    "larger",
    "lesser",
    "money_plus",
    "nearest_step",
    "nearest_ticks",
    "product",
    "reaches_least",
    "trades_through",
    "walk",
    "whole_parts",
]
