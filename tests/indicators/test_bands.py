from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import InputError
from quarterdeck.indicators import band_crosses

closes = st.lists(st.integers(1, 6), max_size=40)
# Around multiples of 2^22, where the two halves of a price change places.
wide_closes = st.lists(
    st.integers(-3, 3).map(lambda less: 2**22 * 2_000_000 + less) | st.integers(1, 10**13), max_size=30
)
widths = st.sampled_from([0.5, 1.0, 1.5, 2.0, 2.75])


def ticks(values: list[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(values, dtype=np.int64)


def side_of(values: list[int], width: float) -> int:
    """Where the last price lies, from mean and variance in exact fractions, without any root."""
    mean = Fraction(sum(values), len(values))
    variance = sum(((value - mean) ** 2 for value in values), Fraction(0)) / len(values)
    away = values[-1] - mean
    if away * away <= Fraction(width) ** 2 * variance:
        return 0
    return 1 if away > 0 else -1


def crosses_by_fractions(values: list[int], period: int, width: float) -> list[int]:
    sides = [
        side_of(values[bar - period + 1 : bar + 1], width) if bar >= period - 1 else None for bar in range(len(values))
    ]
    marks = [0] * len(values)
    for bar in range(period, len(values)):
        if sides[bar] != sides[bar - 1]:
            marks[bar] = sides[bar] or 0
    return marks


@given(closes | wide_closes, st.integers(2, 9), widths)
def test_crosses_agree_with_mean_and_variance_in_fractions(values: list[int], period: int, width: float) -> None:
    assert band_crosses(ticks(values), period, width).tolist() == crosses_by_fractions(values, period, width)


def test_a_shift_of_all_prices_changes_nothing() -> None:
    values = [5, 6, 5, 7, 5, 6, 9, 5, 2, 6, 5, 1, 9]
    expected = band_crosses(ticks(values), 5, 1.5).tolist()

    assert any(expected)
    for shift in (2**22 - 5, 10**7, 10**13):
        assert band_crosses(ticks([value + shift for value in values]), 5, 1.5).tolist() == expected


@pytest.mark.parametrize(
    ("values", "marks"),
    [
        ([5, 5, 5, 5, 5], [0, 0, 0, 0, 0]),  # nothing moved: on both bands
        ([5, 5, 5, 5, 7], [0, 0, 0, 0, 1]),  # from the band to above it
        ([5, 5, 5, 5, 7, 9], [0, 0, 0, 0, 1, 0]),  # still above: said already
        ([5, 5, 5, 7, 3], [0, 0, 0, 0, -1]),  # from above to below in one bar
    ],
)
def test_leaving_the_bands_counts_and_staying_outside_does_not(values: list[int], marks: list[int]) -> None:
    assert band_crosses(ticks(values), 4, 1.0).tolist() == marks


def test_the_first_bar_that_can_be_marked_has_the_index_of_the_period() -> None:
    assert np.flatnonzero(band_crosses(ticks([10] * 20 + [11]), 20, 2.0)).tolist() == [20]
    assert not band_crosses(ticks([10] * 19 + [11]), 20, 2.0).any()
    assert band_crosses(ticks([]), 20, 2.0).tolist() == []


def test_the_largest_prices_over_the_longest_period_stay_exact() -> None:
    values = [10**13 if bar % 2 else 1 for bar in range(600)]

    assert band_crosses(ticks(values), 500, 0.5).tolist() == crosses_by_fractions(values, 500, 0.5)


def test_prices_too_large_to_be_summed_exactly_are_refused() -> None:
    with pytest.raises(InputError, match="too large to be summed exactly"):
        band_crosses(ticks([2**44 + 1] * 30), 20, 2.0)


@pytest.mark.parametrize(("period", "width"), [(1, 2.0), (501, 2.0), (20, 0.0), (20, float("nan")), (20, float("inf"))])
def test_a_period_or_width_out_of_bounds_is_refused(period: int, width: float) -> None:
    with pytest.raises(InputError, match="bands"):
        band_crosses(ticks([1, 2, 3]), period, width)
