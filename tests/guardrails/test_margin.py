"""E11, E12 and E13 alone: leverage, the distance to liquidation, and the fleet's grant."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.guardrails import (
    PASSED,
    REFUSED,
    UNKNOWN,
    grant,
    leverage,
    liquidation,
    liquidation_price,
    stop_distances,
)

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


shares = st.floats(0.001, 0.3)


@given(factors, factors, st.integers(1, 50), shares, st.sampled_from([1, -1]))
def test_at_the_liquidation_price_margin_and_profit_are_just_the_maintenance(
    price: float, qty: float, times: int, maintenance: float, sign: int
) -> None:
    cost = price * qty
    margin = cost / times
    at = liquidation_price(cost, margin, qty, maintenance, sign)
    assert at >= 0.0
    if at > 0.0:
        left = margin + sign * (qty * at - cost)
        assert math.isclose(left, maintenance * qty * at, rel_tol=1e-6, abs_tol=1e-9 * cost)
    else:
        assert sign > 0
        assert margin >= cost


@given(factors, factors, st.integers(2, 50), st.sampled_from([1, -1]))
def test_more_margin_puts_liquidation_further_away(price: float, qty: float, times: int, sign: int) -> None:
    cost = price * qty
    near = liquidation_price(cost, cost / (times + 1), qty, 0.005, sign)
    far = liquidation_price(cost, cost / times, qty, 0.005, sign)
    assert sign * near >= sign * far


def test_a_long_position_that_was_paid_for_whole_is_never_liquidated() -> None:
    assert liquidation_price(100.0, 100.0, 1.0, 0.005, 1) == 0.0
    assert liquidation_price(0.0, 0.0, 0.0, 0.005, 1) == 0.0
    assert stop_distances(100.0, 0.0, math.nan, 1) == math.inf


@pytest.mark.parametrize(
    ("liquidated_at", "sign", "multiple"),
    [(90.0, 1, 2.0), (110.0, -1, 2.0), (100.0, 1, 0.0), (101.0, 1, 0.0), (99.0, -1, 0.0)],
)
def test_the_distance_to_liquidation_is_counted_in_stops(liquidated_at: float, sign: int, multiple: float) -> None:
    assert stop_distances(100.0, liquidated_at, 0.05, sign) == pytest.approx(multiple)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_liquidation_that_nobody_can_work_out_is_not_a_number(number: float) -> None:
    for place in range(3):
        numbers = [100.0, 50.0, 1.0]
        numbers[place] = number
        cost, margin, qty = numbers
        assert math.isnan(liquidation_price(cost, margin, qty, 0.005, 1))
    assert math.isnan(liquidation_price(100.0, 50.0, 1.0, number, 1))
    assert math.isnan(stop_distances(number, 50.0, 0.05, 1))
    assert math.isnan(stop_distances(100.0, number, 0.05, 1))
    assert math.isnan(stop_distances(100.0, 50.0, number, 1))


@pytest.mark.parametrize("maintenance", [0.0, -0.1, 1.0])
def test_a_maintenance_that_the_venue_does_not_say_tells_nothing(maintenance: float) -> None:
    assert math.isnan(liquidation_price(100.0, 50.0, 1.0, maintenance, 1))
