"""The mark of a pure scalar function, which the kernel room may compile as it stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

PURE_FUNCTIONS: Final[dict[str, Callable[..., object]]] = {}


def pure(function: Callable[P, R]) -> Callable[P, R]:
    """
    Mark a function as pure and scalar: plain numbers in, plain numbers out, no state.

    The function itself comes back untouched. A live bot runs it interpreted; the backtest kernel compiles
    the very same function, so a rule is written once.
    """
    PURE_FUNCTIONS[f"{function.__module__}.{function.__qualname__}"] = function
    return function
