"""A pure function says the same compiled as it does interpreted, special numbers included."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from random import Random
from typing import Any, Final, get_type_hints

import pytest

from quarterdeck.backtest.kernel import run_kernel
from quarterdeck.backtest.kernel.compile import entry
from quarterdeck.domain import PURE_FUNCTIONS

SAMPLES: Final = 1_500
FLOATS: Final = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-9, 1.0 + 1e-9, 1e-300, 1e300, math.inf, -math.inf, math.nan)
WHOLES: Final = (0, 1, -1, 2, 3, 7, 1_000_000, 2**53, -(2**31))
OF_TUPLES: Final = frozenset({"quarterdeck.fills.book.walk", "quarterdeck.fills.book.effective_price"})
"""They walk the levels of a book, which a backtest does not have."""
assert run_kernel is not None  # what the kernel imports is what it compiles
SCALAR: Final = sorted(set(PURE_FUNCTIONS) - OF_TUPLES)


def drawn(chance: Random, kind: object) -> object:
    """Draw an argument, special values as often as ordinary ones."""
    if kind is float:
        ordinary = chance.choice([chance.random(), chance.uniform(-5.0, 5.0), chance.lognormvariate(0.0, 8.0)])
        return chance.choice(FLOATS) if chance.random() < 0.4 else ordinary
    if kind is bool:
        return chance.random() < 0.5
    assert kind is int, f"a pure function takes {kind}"
    return chance.choice(WHOLES) if chance.random() < 0.6 else chance.randrange(-50, 5_000)


def same(one: object, other: object) -> bool:
    """Tell whether two answers are one, NaN being like NaN."""
    if isinstance(one, tuple):
        return isinstance(other, tuple) and all(map(same, one, other))
    if isinstance(one, float) and math.isnan(one):
        return isinstance(other, float) and math.isnan(other)
    return bool(one == other)


def interpreted(function: Callable[..., Any], arguments: list[Any]) -> list[Any]:
    """Answer as the function does in Python; nothing where it is not made for such numbers, or they leave 64 bits."""
    try:
        answer = function(*arguments)
    except (ArithmeticError, ValueError):
        return []
    parts = answer if isinstance(answer, tuple) else (answer,)
    return [] if any(isinstance(part, int) and abs(part) >= 2**63 for part in parts) else [answer]


@pytest.mark.parametrize("name", SCALAR)
def test_compiled_it_says_the_same(name: str) -> None:
    function = PURE_FUNCTIONS[name]
    hints = get_type_hints(function)
    kinds = [hints[parameter] for parameter in inspect.signature(function).parameters]
    compiled, chance = entry(function), Random(name)
    compared = 0
    for _ in range(SAMPLES):
        arguments = [drawn(chance, kind) for kind in kinds]
        expected = interpreted(function, arguments)
        if expected:
            compared += 1
            answer = compiled(*arguments)
            assert same(expected[0], answer), f"{arguments}: {expected[0]} and, compiled, {answer}"
    assert compared > SAMPLES // 10
