"""
Quarterdeck trades crypto on its own, on several exchanges at once; every order passes one door, the guardrails.

The names that a strategy file needs can be imported from here. They load when they are first used, so that
`import quarterdeck` costs nothing.
"""

import importlib as _importlib
import typing as _typing

if _typing.TYPE_CHECKING:
    from quarterdeck.market import Candles
    from quarterdeck.strategies import RsiMomentum, Signals, SmaCrossover, Strategy, choice, flag, integer, real

__all__ = [
    "Candles",
    "RsiMomentum",
    "Signals",
    "SmaCrossover",
    "Strategy",
    "__version__",
    "choice",
    "flag",
    "integer",
    "real",
]

__version__ = "0.3.0"

_ROOM_OF: _typing.Final = {
    "Candles": "quarterdeck.market",
    "RsiMomentum": "quarterdeck.strategies",
    "Signals": "quarterdeck.strategies",
    "SmaCrossover": "quarterdeck.strategies",
    "Strategy": "quarterdeck.strategies",
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
