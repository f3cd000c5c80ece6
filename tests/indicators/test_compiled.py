"""Array functions say the same as they are written and compiled, on random and on special arrays."""

from collections.abc import Callable
from typing import Final

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import ARRAY_FUNCTIONS, ArrayFunction

LARGEST: Final = 2**44

Arguments = tuple[object, ...]
Maker = Callable[[np.random.Generator, int], Arguments]


def walk(chance: np.random.Generator, bars: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Prices of few distinct values, so that ties abound; now and then very large ones."""
    start, step = ((50, 2), (6_000_000, 900), (10**13 - 10**6, 900))[int(chance.integers(3))]
    return np.maximum(start + np.cumsum(chance.integers(-step, step + 1, bars)), 1).astype(np.int64)


CASES: Final[dict[str, Maker]] = {
    "averages._crosses": lambda chance, bars: (walk(chance, bars), *_two_windows(chance)),
    "averages._trend_crosses": lambda chance, bars: (
        walk(chance, bars),
        *_two_windows(chance),
        int(chance.integers(2, 6)),
    ),
    "strength._strength_crosses": lambda chance, bars: (walk(chance, bars), int(chance.integers(1, 9)), 55, 45),
    "bands._band_crosses": lambda chance, bars: (walk(chance, bars), int(chance.integers(2, 9)), 1.5),
    "channels._highest_before": lambda chance, bars: (walk(chance, bars) * 0.01, int(chance.integers(1, 9))),
}


def _two_windows(chance: np.random.Generator) -> tuple[int, int]:
    fast = int(chance.integers(1, 6))
    return fast, fast + int(chance.integers(1, 9))


def short_name(function: ArrayFunction[..., object]) -> str:
    return ".".join(function.name.split(".")[-2:])


OURS: Final = {short_name(one): one for one in ARRAY_FUNCTIONS if one.name.startswith("quarterdeck.indicators.")}


@pytest.fixture(scope="module")
def compiled() -> dict[str, Callable[..., object]]:
    return {name: numba.njit(function.plain) for name, function in OURS.items()}


def test_every_array_function_of_the_room_is_compared_here() -> None:
    assert OURS.keys() == CASES.keys()


@pytest.mark.parametrize("name", sorted(CASES))
@given(seed=st.integers(0, 2**32), bars=st.integers(0, 60))
def test_compiled_and_as_written_agree_on_random_arrays(
    compiled: dict[str, Callable[..., object]], name: str, seed: int, bars: int
) -> None:
    arguments = CASES[name](np.random.default_rng(seed), bars)

    np.testing.assert_array_equal(compiled[name](*arguments), OURS[name].plain(*arguments))


@pytest.mark.parametrize("name", sorted(CASES))
@pytest.mark.parametrize(
    "ticks",
    [
        [7] * 40,
        [1] * 20 + [LARGEST // 4] * 20,
        [LARGEST // 4, 1] * 20,
        list(range(1, 41)),
        list(range(40, 0, -1)),
        [2**22 - 1, 2**22, 2**22 + 1] * 13,
    ],
    ids=["flat", "jump", "zigzag", "rising", "falling", "around 2^22"],
)
def test_compiled_and_as_written_agree_on_special_arrays(
    compiled: dict[str, Callable[..., object]], name: str, ticks: list[int]
) -> None:
    first, *rest = CASES[name](np.random.default_rng(1), 1)
    assert isinstance(first, np.ndarray)
    values = np.array(ticks).astype(first.dtype)

    np.testing.assert_array_equal(compiled[name](values, *rest), OURS[name].plain(values, *rest))


@pytest.mark.parametrize("name", sorted(CASES))
def test_an_array_function_leaves_its_arrays_alone(name: str) -> None:
    arguments = CASES[name](np.random.default_rng(2), 50)
    for argument in arguments:
        if isinstance(argument, np.ndarray):
            argument.flags.writeable = False

    np.testing.assert_array_equal(OURS[name].plain(*arguments), OURS[name].plain(*arguments))
