"""
The latest state of the market, kept beside the engine: closed bars, quotes, rates, the health of venues.

Bars are arrays of float64 with closes in whole ticks beside them; a window of them is a view and copies nothing.
"""

from quarterdeck.market.bars import Bar, BarAnswer, BarWindow
from quarterdeck.market.candles import Candles, validated
from quarterdeck.market.grid import TICKS_MAX, prices_from, ticks_from
from quarterdeck.market.levels import is_beyond, level_at, met_at, reached_in_bar, rises
from quarterdeck.market.quotes import QuoteShape, quote_from_price, quote_shape
from quarterdeck.market.rates import Par, asset_rates, off_peg, shows
from quarterdeck.market.triggers import Cause, Trigger, crossed, nearest_first
from quarterdeck.market.view import MarketView

__all__ = [
    "TICKS_MAX",
    "Bar",
    "BarAnswer",
    "BarWindow",
    "Candles",
    "Cause",
    "MarketView",
    "Par",
    "QuoteShape",
    "Trigger",
    "asset_rates",
    "crossed",
    "is_beyond",
    "level_at",
    "met_at",
    "nearest_first",
    "off_peg",
    "prices_from",
    "quote_from_price",
    "quote_shape",
    "reached_in_bar",
    "rises",
    "shows",
    "ticks_from",
    "validated",
]
