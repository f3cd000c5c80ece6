"""
Numbers from arrays, exact where they decide: sums of whole ticks, compared as integers under one tie rule.

Value i of a result never uses a bar after i. The loops are array functions: interpreted on the window of a live bot,
compiled on the series of a backtest, with the same answers.
"""

from quarterdeck.indicators.averages import crosses, rolling_sum_ticks, trend_crosses
from quarterdeck.indicators.bands import band_crosses
from quarterdeck.indicators.channels import channel_breaks, highest_before, lowest_before
from quarterdeck.indicators.strength import strength_crosses

__all__ = [
    "band_crosses",
    "channel_breaks",
    "crosses",
    "highest_before",
    "lowest_before",
    "rolling_sum_ticks",
    "strength_crosses",
    "trend_crosses",
]
