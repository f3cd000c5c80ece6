from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import InputError
from quarterdeck.indicators import crosses, rolling_sum_ticks, trend_crosses

# Few distinct prices, so that averages are often exactly equal.
closes = st.lists(st.integers(1, 6), max_size=40)
wide_closes = st.lists(st.integers(1, 10**13), max_size=30)


def ticks(values: list[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(values, dtype=np.int64)


def crosses_by_fractions(values: list[int], fast: int, slow: int) -> list[int]:
    marks = [0] * len(values)
    for now in range(slow, len(values)):
        sides = []
        for bar in (now - 1, now):
            average_fast = Fraction(sum(values[bar - fast + 1 : bar + 1]), fast)
            average_slow = Fraction(sum(values[bar - slow + 1 : bar + 1]), slow)
            sides.append((average_fast > average_slow) - (average_fast < average_slow))
        if sides[0] <= 0 < sides[1]:
            marks[now] = 1
        if sides[0] >= 0 > sides[1]:
            marks[now] = -1
    return marks


def trend_crosses_by_fractions(values: list[int], fast: int, slow: int, signal: int) -> list[int]:
    """From averages as textbooks write them; a lead is that of the fast average over the slow one."""
    leads = [
        Fraction(sum(values[end - fast : end]), fast) - Fraction(sum(values[end - slow : end]), slow)
        for end in range(slow, len(values) + 1)
    ]
    above = [
        leads[place] - sum(leads[place - signal + 1 : place + 1], Fraction(0)) / signal
        for place in range(signal - 1, len(leads))
    ]
    marks = [0] * len(values)
    for place in range(1, len(above)):
        if above[place - 1] <= 0 < above[place]:
            marks[place + slow + signal - 2] = 1
        if above[place - 1] >= 0 > above[place]:
            marks[place + slow + signal - 2] = -1
    return marks


@given(closes | wide_closes, st.integers(1, 12))
def test_a_rolling_sum_equals_the_sum_of_its_window(values: list[int], window: int) -> None:
    expected = [sum(values[start : start + window]) for start in range(len(values) - window + 1)]

    assert rolling_sum_ticks(ticks(values), window).tolist() == expected


def test_a_rolling_sum_stays_exact_where_the_running_total_leaves_64_bits() -> None:
    large = 2**60

    assert rolling_sum_ticks(ticks([large] * 20), 3).tolist() == [3 * large] * 18


@given(closes | wide_closes, st.integers(1, 5), st.integers(1, 7))
def test_crosses_agree_with_averages_in_fractions(values: list[int], fast: int, more: int) -> None:
    slow = fast + more

    assert crosses(ticks(values), fast, slow).tolist() == crosses_by_fractions(values, fast, slow)


@given(closes | wide_closes, st.integers(1, 5), st.integers(1, 7), st.integers(2, 6))
def test_crosses_of_the_trend_agree_with_averages_in_fractions(
    values: list[int], fast: int, more: int, signal: int
) -> None:
    slow = fast + more
    marks = trend_crosses(ticks(values), fast, slow, signal).tolist()

    assert marks == trend_crosses_by_fractions(values, fast, slow, signal)


def test_the_first_bar_that_can_cross_the_trend_has_one_average_of_leads_before_it() -> None:
    values = [10] * 34 + [11]

    assert np.flatnonzero(trend_crosses(ticks(values), 12, 26, 9)).tolist() == [34]
    assert not trend_crosses(ticks(values[1:]), 12, 26, 9).any()
    assert trend_crosses(ticks([]), 12, 26, 9).tolist() == []


@pytest.mark.parametrize(("fast", "slow", "signal"), [(0, 5, 3), (5, 5, 3), (3, 5, 1)])
def test_a_trend_of_windows_out_of_bounds_is_refused(fast: int, slow: int, signal: int) -> None:
    with pytest.raises(InputError):
        trend_crosses(ticks([1, 2, 3]), fast, slow, signal)


@pytest.mark.parametrize(
    ("values", "marks"),
    [
        ([5, 5, 5, 6], [0, 0, 0, 1]),  # out of a tie, upwards
        ([5, 5, 5, 4], [0, 0, 0, -1]),  # out of a tie, downwards
        ([5, 6, 6, 6], [0, 0, 0, 0]),  # reaching a tie is no cross
        ([6, 5, 5, 6], [0, 0, 0, 1]),  # below, tie, above: one cross, on leaving
        ([5, 6, 6, 7], [0, 0, 0, 1]),  # above, tie, above: it crossed again
    ],
)
def test_leaving_a_tie_is_a_cross_and_reaching_one_is_not(values: list[int], marks: list[int]) -> None:
    assert crosses(ticks(values), 1, 2).tolist() == marks


def test_the_first_bar_that_can_be_a_cross_has_the_index_of_the_slow_window() -> None:
    values = [10] * 50 + [11]

    assert np.flatnonzero(crosses(ticks(values), 20, 50)).tolist() == [50]
    assert not crosses(ticks(values[1:]), 20, 50).any()


def test_no_bars_give_no_marks() -> None:
    assert crosses(ticks([]), 5, 20).tolist() == []
    assert rolling_sum_ticks(ticks([]), 3).tolist() == []


def test_prices_too_large_to_be_summed_exactly_are_refused() -> None:
    with pytest.raises(InputError, match="too large to be summed exactly"):
        crosses(ticks([2**59] * 30), 5, 20)
    with pytest.raises(InputError, match="too large to be summed exactly"):
        rolling_sum_ticks(ticks([2**62] * 4), 2)
    with pytest.raises(InputError, match="too large to be summed exactly"):
        trend_crosses(ticks([2**55] * 30), 5, 20, 9)


@pytest.mark.parametrize(("fast", "slow"), [(0, 5), (5, 5), (6, 5)])
def test_a_fast_window_that_is_not_shorter_is_refused(fast: int, slow: int) -> None:
    with pytest.raises(InputError, match="the fast one must be shorter"):
        crosses(ticks([1, 2, 3]), fast, slow)


def test_a_window_without_bars_is_refused() -> None:
    with pytest.raises(InputError, match="at least 1"):
        rolling_sum_ticks(ticks([1]), 0)
