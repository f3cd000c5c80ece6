"""E11, E12 and E13 alone: leverage, the distance to liquidation, and the fleet's grant."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.guardrails import PASSED, REFUSED, UNKNOWN, grant, leverage, liquidation

factors = st.floats(min_value=0.01, max_value=100.0)


@given(factors, factors)
def test_leverage_is_refused_above_its_limit_and_in_another_margin_mode(factor: float, most: float) -> None:
    assert leverage(most, most, 1) == PASSED
    assert leverage(most + 2e-9, most, 1) == REFUSED
    assert leverage(factor, most, 0) == REFUSED
    assert (leverage(factor, most, 1) == PASSED) == (factor <= most + 1e-9)


@given(factors, factors)
def test_liquidation_is_far_enough_at_the_limit_itself(multiple: float, least: float) -> None:
    """R57."""
    assert liquidation(least, least) == PASSED
    assert liquidation(least - 2e-9, least) == REFUSED
    assert liquidation(math.inf, least) == PASSED
    assert (liquidation(multiple, least) == PASSED) == (multiple >= least - 1e-9)


@given(st.floats(0.0, 1e9), st.floats(0.0, 1e9), st.floats(-100.0, 100.0))
def test_a_grant_bounds_exposure_and_ages(exposure: float, granted: float, age_s: float) -> None:
    fresh = abs(age_s) <= 60.0 + 1e-9
    allowed = exposure <= granted * (1 + 1e-9) and fresh
    assert grant(exposure, granted, age_s, 60.0) == (PASSED if allowed else REFUSED)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_was_not_read_back_or_granted_cannot_be_judged(number: float) -> None:
    assert leverage(number, 3.0, 1) == UNKNOWN
    assert leverage(1.0, number, 1) == UNKNOWN
    assert liquidation(3.0, number) == UNKNOWN
    assert liquidation(math.nan, 2.0) == UNKNOWN
    for place in range(4):
        numbers = [100.0, 200.0, 5.0, 60.0]
        numbers[place] = number
        assert grant(*numbers) == UNKNOWN


@pytest.mark.parametrize("factor", [0.0, -1.0])
def test_no_leverage_is_none_that_was_read_back(factor: float) -> None:
    assert leverage(factor, 3.0, 1) == UNKNOWN
