from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import InputError
from quarterdeck.indicators import strength_crosses

# Few distinct prices, so that the index often lies exactly on a level.
closes = st.lists(st.integers(1, 6), max_size=40)
wide_closes = st.lists(st.integers(1, 10**13), max_size=30)
levels = st.tuples(st.integers(0, 100), st.integers(0, 100)).map(sorted)


def ticks(values: list[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(values, dtype=np.int64)


def index_of(values: list[int]) -> Fraction:
    """The index as textbooks write it, 100 - 100 / (1 + average rise / average fall), in exact fractions."""
    changes = [after - before for before, after in pairwise(values)]
    rise = Fraction(sum(change for change in changes if change > 0), len(changes))
    fall = Fraction(-sum(change for change in changes if change < 0), len(changes))
    if fall == 0:
        return Fraction(100 if rise else 50)
    return 100 - 100 / (1 + rise / fall)


def crosses_by_fractions(values: list[int], period: int, up: int, down: int) -> list[int]:
    marks = [0] * len(values)
    for now in range(period + 1, len(values)):
        before, after = (index_of(values[bar - period : bar + 1]) for bar in (now - 1, now))
        if before <= up < after:
            marks[now] = 1
        if before >= down > after:
            marks[now] = -1
    return marks


@given(closes | wide_closes, st.integers(1, 9), levels)
def test_crosses_agree_with_the_textbook_index_in_fractions(values: list[int], period: int, drawn: list[int]) -> None:
    down, up = drawn

    assert strength_crosses(ticks(values), period, up, down).tolist() == crosses_by_fractions(values, period, up, down)


@pytest.mark.parametrize(
    ("values", "marks"),
    [
        ([5, 4, 5, 6], [0, 0, 0, 1]),  # from the level of 50 to 100
        ([5, 6, 5, 4], [0, 0, 0, -1]),  # from the level of 50 to 0
        ([5, 6, 7, 6], [0, 0, 0, 0]),  # from 100 to 50: reaching the level is no cross
        ([5, 5, 5, 6], [0, 0, 0, 1]),  # nothing moved: 50
        ([6, 7, 8, 8, 8, 9], [0, 0, 0, 0, 0, 1]),  # above, then nothing moved, then above again
    ],
)
def test_leaving_a_level_is_a_cross_and_reaching_it_is_not(values: list[int], marks: list[int]) -> None:
    assert strength_crosses(ticks(values), 2, 50, 50).tolist() == marks


def test_the_first_bar_that_can_be_a_cross_comes_after_one_index_before_it() -> None:
    values = [10] * 15 + [11]

    assert np.flatnonzero(strength_crosses(ticks(values), 14, 55, 45)).tolist() == [15]
    assert not strength_crosses(ticks(values[1:]), 14, 55, 45).any()
    assert strength_crosses(ticks([]), 14, 55, 45).tolist() == []


def test_prices_too_large_to_be_summed_exactly_are_refused() -> None:
    with pytest.raises(InputError, match="too large to be summed exactly"):
        strength_crosses(ticks([2**55] * 30), 14, 55, 45)


@pytest.mark.parametrize(("period", "up", "down"), [(0, 55, 45), (14, 45, 55), (14, 101, 45), (14, 55, -1)])
def test_a_period_or_level_out_of_bounds_is_refused(period: int, up: int, down: int) -> None:
    with pytest.raises(InputError):
        strength_crosses(ticks([1, 2, 3]), period, up, down)
