"""The words of records, as numbers; most are those of an `Outcome`."""

from __future__ import annotations

from typing import Final

from quarterdeck.backtest.kernel.compile import inlined
from quarterdeck.backtest.outcome import (
    CANCELLED,
    EXPIRED,
    FILLED,
    FLIP,
    LIMIT,
    LIQUIDATION,
    MAKER,
    MARKET,
    OPENING,
    REDUCING,
    REJECTED,
    SIGNAL,
    STOP_LOSS,
    TAKE_PROFIT,
    TAKER,
    TRAILING_STOP,
    WORKING,
)

__all__ = [
    "BASE",
    "BUY",
    "CANCELLED",
    "EQUITY_SHARE",
    "EXPIRED",
    "FILLED",
    "FLIP",
    "LIMIT",
    "LIQUIDATION",
    "MAKER",
    "MARKET",
    "OPENING",
    "QUOTE",
    "REDUCING",
    "REJECTED",
    "SELL",
    "SIGNAL",
    "STOP_LOSS",
    "TAKER",
    "TAKE_PROFIT",
    "TRAILING_STOP",
    "WORKING",
    "is_protective",
]

BUY: Final = 1
SELL: Final = -1
QUOTE: Final = 0
EQUITY_SHARE: Final = 1
BASE: Final = 2


@inlined
def is_protective(cause: int) -> bool:
    """Tell whether an order protects a position, be it by the bot or by the exchange."""
    return cause not in (SIGNAL, FLIP)
