import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import InputError
from quarterdeck.indicators import channel_breaks, highest_before, lowest_before

prices = st.lists(st.integers(1, 9).map(float), max_size=60)


@given(prices, st.integers(1, 12))
def test_the_highest_and_lowest_are_those_of_the_bars_before(values: list[float], window: int) -> None:
    high, low = highest_before(np.array(values), window), lowest_before(np.array(values), window)

    for bar in range(len(values)):
        before = values[bar - window : bar] if bar >= window else []
        assert (math.isnan(high[bar]) and math.isnan(low[bar])) if not before else high[bar] == max(before)
        assert not before or low[bar] == min(before)


def test_too_few_bars_have_no_highest() -> None:
    assert np.isnan(highest_before(np.array([1.0, 2.0, 3.0]), 3)).all()
    assert highest_before(np.zeros(0), 3).tolist() == []


def test_a_close_on_an_edge_is_inside() -> None:
    top, bottom = np.full(4, 0.5), np.full(4, 0.3)

    assert channel_breaks(np.array([5, 6, 3, 2]), top, bottom, 0.1).tolist() == [0, 1, 0, -1]


def test_an_edge_that_is_off_its_tick_by_the_noise_of_floats_is_on_it() -> None:
    """0.1 + 0.2 is more than 0.3, and 43389 · 0.1 more than 4338.9."""
    edges = np.array([0.1 + 0.2, 43389 * 0.1])

    assert channel_breaks(np.array([3, 43389]), edges, edges, 0.1).tolist() == [0, 0]


def test_an_edge_that_is_not_there_is_never_passed() -> None:
    nowhere = np.full(2, np.nan)

    assert channel_breaks(np.array([1, 10**13]), nowhere, nowhere, 0.01).tolist() == [0, 0]


def test_a_window_without_bars_or_edges_of_another_length_are_refused() -> None:
    with pytest.raises(InputError, match="at least 1"):
        highest_before(np.ones(3), 0)
    with pytest.raises(InputError, match="at least 1"):
        lowest_before(np.ones(3), 0)
    with pytest.raises(InputError, match="give one per bar"):
        channel_breaks(np.array([1, 2]), np.ones(2), np.ones(3), 0.1)
    with pytest.raises(InputError, match="price step"):
        channel_breaks(np.array([1]), np.ones(1), np.ones(1), 0.0)
