import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import InputError
from quarterdeck.market import TICKS_MAX, prices_from, ticks_from

STEPS = [0.1, 0.01, 0.001, 0.00000001, 0.5, 0.25, 0.05, 1.0, 5.0, 2.5]


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=20), st.sampled_from(STEPS))
def test_ticks_survive_the_way_to_prices_and_back(ticks: list[int], step: float) -> None:
    whole = np.array(ticks, dtype=np.int64)

    assert ticks_from(prices_from(whole, step), step).tolist() == ticks


@given(st.integers(1, 10**7), st.sampled_from([0.1, 0.01, 0.001, 0.00000001]))
def test_a_price_is_the_float_nearest_to_its_decimal(ticks: int, step: float) -> None:
    digits = round(-math.log10(step))
    text = f"{ticks:0{digits + 1}d}"

    assert prices_from(np.array([ticks]), step)[0] == float(f"{text[:-digits]}.{text[-digits:]}")


def test_halves_go_to_the_even_tick() -> None:
    assert ticks_from(np.array([0.5, 1.5, 2.5]), 1.0).tolist() == [0, 2, 2]


@pytest.mark.parametrize("price", [math.nan, math.inf, -math.inf, TICKS_MAX * 2.0])
def test_a_price_that_is_none_has_no_ticks(price: float) -> None:
    with pytest.raises(InputError, match="not finite, or is more than"):
        ticks_from(np.array([1.0, price]), 1.0)


@pytest.mark.parametrize("step", [0.0, -0.01, math.nan, math.inf])
def test_a_price_step_must_be_above_zero(step: float) -> None:
    with pytest.raises(InputError, match="above zero"):
        ticks_from(np.array([1.0]), step)
