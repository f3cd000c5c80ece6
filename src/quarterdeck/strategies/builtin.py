"""The strategies that come with the house, by the names used in configuration."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from quarterdeck.strategies.rsi_momentum import RsiMomentum
from quarterdeck.strategies.sma_crossover import SmaCrossover
from quarterdeck.strategies.strategy import Strategy

BUILTIN: Final[Mapping[str, type[Strategy]]] = MappingProxyType(
    {"rsi_momentum": RsiMomentum, "sma_crossover": SmaCrossover}
)
