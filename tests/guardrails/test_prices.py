"""E1 and E2 alone: the collar, and the age and soundness of market data."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.guardrails import PASSED, REFUSED, UNKNOWN, market_data, price_collar

fractions = st.floats(min_value=0.0, max_value=1.0)


@given(fractions, fractions, fractions, fractions)
def test_a_price_stays_within_the_collar_and_its_order_near_the_best_level(
    deviation: float, deviation_max: float, walk: float, walk_max: float
) -> None:
    allowed = deviation <= deviation_max + 1e-9 and walk <= walk_max + 1e-9
    assert price_collar(deviation, deviation_max, walk, walk_max) == (PASSED if allowed else REFUSED)
    assert price_collar(deviation_max + 2e-9, deviation_max, 0.0, 0.0) == REFUSED
    assert price_collar(0.0, 0.0, walk_max + 2e-9, walk_max) == REFUSED


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, -0.5])
def test_a_distance_that_is_none_cannot_be_judged(place: int, number: float) -> None:
    numbers = [0.01, 0.03, 0.005, 0.01]
    numbers[place] = number
    negative_limit = number == -0.5 and place in (1, 3)
    assert price_collar(*numbers) == (REFUSED if negative_limit else UNKNOWN)


@given(st.floats(-1e6, 1e6), st.floats(0.0, 1e6))
def test_a_price_is_too_old_beyond_its_age_and_as_wrong_from_the_future(age_s: float, age_max_s: float) -> None:
    assert (market_data(age_s, age_max_s, 1) == PASSED) == (abs(age_s) <= age_max_s + 1e-9)
    assert market_data(age_s, age_max_s, 1) == market_data(-age_s, age_max_s, 1)
    assert market_data(age_s, age_max_s, 0) == REFUSED


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_without_a_price_there_is_no_age(number: float) -> None:
    assert market_data(number, 10.0, 1) == UNKNOWN
    assert market_data(1.0, number, 1) == UNKNOWN
