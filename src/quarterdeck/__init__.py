"""
Quarterdeck trades crypto on its own, on several exchanges at once; every order passes one door, the guardrails.

The names that a strategy file needs can be imported from here. They load when they are first used, so that
`import quarterdeck` costs nothing.
"""

import importlib as _importlib
import sys as _sys
import types as _types
import typing as _typing

if _typing.TYPE_CHECKING:
    from quarterdeck.backtest import BacktestResult, BacktestSettings, FundingRates
    from quarterdeck.domain import (
        GuardrailSettings,
        OrderSettings,
        RiskSettings,
        SizingSettings,
        array_function,
    )
    from quarterdeck.market import Candles
    from quarterdeck.strategies import (
        BollingerReversion,
        DonchianBreakout,
        MacdTrend,
        RsiMomentum,
        Signals,
        SmaCrossover,
        Strategy,
        choice,
        flag,
        integer,
        real,
    )
    from quarterdeck.system import backtest

__all__ = [
    "BacktestResult",
    "BacktestSettings",
    "BollingerReversion",
    "Candles",
    "DonchianBreakout",
    "FundingRates",
    "GuardrailSettings",
    "MacdTrend",
    "OrderSettings",
    "RiskSettings",
    "RsiMomentum",
    "Signals",
    "SizingSettings",
    "SmaCrossover",
    "Strategy",
    "__version__",
    "array_function",
    "backtest",
    "choice",
    "flag",
    "integer",
    "real",
]

__version__ = "0.4.0"

_ROOM_OF: _typing.Final = {
    "BacktestResult": "quarterdeck.backtest",
    "BacktestSettings": "quarterdeck.backtest",
    "FundingRates": "quarterdeck.backtest",
    "GuardrailSettings": "quarterdeck.domain",
    "OrderSettings": "quarterdeck.domain",
    "RiskSettings": "quarterdeck.domain",
    "SizingSettings": "quarterdeck.domain",
    "BollingerReversion": "quarterdeck.strategies",
    "Candles": "quarterdeck.market",
    "DonchianBreakout": "quarterdeck.strategies",
    "MacdTrend": "quarterdeck.strategies",
    "RsiMomentum": "quarterdeck.strategies",
    "Signals": "quarterdeck.strategies",
    "SmaCrossover": "quarterdeck.strategies",
    "Strategy": "quarterdeck.strategies",
    "array_function": "quarterdeck.domain",
    "choice": "quarterdeck.strategies",
    "flag": "quarterdeck.strategies",
    "integer": "quarterdeck.strategies",
    "real": "quarterdeck.strategies",
}


def __getattr__(name: str) -> object:
    """Load a public name from its room when it is first asked for."""
    if name not in _ROOM_OF:
        raise AttributeError(f"quarterdeck has no '{name}'; it offers {', '.join(__all__)}")
    value: object = getattr(_importlib.import_module(_ROOM_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the names that are loaded lazily, too."""
    return sorted({*globals(), *__all__})


class _Package(_types.ModuleType):
    """
    The package, where `backtest` is a function although a room of that name lies in it.

    Importing the room binds its name here; that must not put a module in the place of the function.
    """

    @property
    def backtest(self) -> object:
        """The function `quarterdeck.system.backtest`."""
        return _importlib.import_module("quarterdeck.system").backtest

    @backtest.setter
    def backtest(self, room: object) -> None:
        """Leave the function where it is; the room is found by its full name."""


_sys.modules[__name__].__class__ = _Package
