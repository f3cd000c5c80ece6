"""
Opinions from candles: arrays in, arrays out, value i from bars up to i.

A strategy declares its parameters and how many bars it looks back; it knows nothing of orders, cash or limits.
"""

from quarterdeck.strategies.bollinger_reversion import BollingerReversion
from quarterdeck.strategies.builtin import BUILTIN
from quarterdeck.strategies.donchian_breakout import DonchianBreakout
from quarterdeck.strategies.macd_trend import MacdTrend
from quarterdeck.strategies.parameters import Parameter, choice, flag, integer, real
from quarterdeck.strategies.render import render_strategies
from quarterdeck.strategies.rsi_momentum import RsiMomentum
from quarterdeck.strategies.signals import BUY, HOLD, SELL, Signals, checked, last_signal
from quarterdeck.strategies.sma_crossover import SmaCrossover
from quarterdeck.strategies.strategy import Strategy

__all__ = [
    "BUILTIN",
    "BUY",
    "HOLD",
    "SELL",
    "BollingerReversion",
    "DonchianBreakout",
    "MacdTrend",
    "Parameter",
    "RsiMomentum",
    "Signals",
    "SmaCrossover",
    "Strategy",
    "checked",
    "choice",
    "flag",
    "integer",
    "last_signal",
    "real",
    "render_strategies",
]
