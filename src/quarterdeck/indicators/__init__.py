"""
Numbers from arrays, exact where they decide: sums of whole ticks, compared as integers under one tie rule.

Value i of a result never uses a bar after i.
"""

from quarterdeck.indicators.averages import crosses, rolling_sum_ticks
from quarterdeck.indicators.strength import strength_crosses

__all__ = ["crosses", "rolling_sum_ticks", "strength_crosses"]
