"""The strategies that come with the house, by the names used in configuration."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from quarterdeck.strategies.bollinger_reversion import BollingerReversion
from quarterdeck.strategies.donchian_breakout import DonchianBreakout
from quarterdeck.strategies.macd_trend import MacdTrend
from quarterdeck.strategies.rsi_momentum import RsiMomentum
from quarterdeck.strategies.sma_crossover import SmaCrossover
from quarterdeck.strategies.strategy import Strategy

BUILTIN: Final[Mapping[str, type[Strategy]]] = MappingProxyType(
    {
        "bollinger_reversion": BollingerReversion,
        "donchian_breakout": DonchianBreakout,
        "macd_trend": MacdTrend,
        "rsi_momentum": RsiMomentum,
        "sma_crossover": SmaCrossover,
    }
)
