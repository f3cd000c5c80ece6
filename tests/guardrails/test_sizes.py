"""The rules of size alone: their boundaries, their limits, and that what is no number never passes."""

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.guardrails import (
    PASSED,
    REFUSED,
    UNKNOWN,
    asset_share_max,
    balance,
    concentration,
    order_value,
    order_value_max,
    quantity,
    quantity_max,
    share_of,
    unexecuted,
    venue_notional,
    venue_quantity,
)

positive = st.floats(min_value=1e-9, max_value=1e12)
shares = st.floats(min_value=1e-6, max_value=1.0)

AMOUNTS: list[Callable[[float, float], int]] = [order_value, balance, quantity]


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("check", AMOUNTS)
def test_an_amount_that_is_not_finite_cannot_be_judged(check: Callable[[float, float], int], number: float) -> None:
    assert check(100.0, 500.0) == PASSED
    assert check(number, 500.0) == UNKNOWN
    assert check(100.0, number) == UNKNOWN


@pytest.mark.parametrize("number", [0.0, -0.0, -1.0, -1e-12])
@pytest.mark.parametrize("check", AMOUNTS)
def test_an_order_of_nothing_never_passes(check: Callable[[float, float], int], number: float) -> None:
    assert check(number, 500.0) == REFUSED
    assert check(number, 0.0) == REFUSED


@given(positive, positive)
@pytest.mark.parametrize("check", AMOUNTS)
def test_an_amount_is_bounded_with_slack_and_no_more(
    check: Callable[[float, float], int], amount: float, most: float
) -> None:
    assert check(most, most) == PASSED
    assert check(most * (1 + 2e-9), most) == REFUSED
    assert (check(amount, most) == PASSED) == (amount <= most * (1 + 1e-9))
    assert check(amount, -most) == REFUSED


@given(positive, shares, st.floats(min_value=0.0, max_value=1e12))
def test_the_limit_of_value_is_the_smaller_of_amount_and_share(amount: float, share: float, equity: float) -> None:
    assert order_value_max(amount, share, equity) == min(amount, share * equity)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_limit_that_is_no_number_is_no_limit_but_a_refusal(place: int) -> None:
    numbers = [500.0, 0.02, 10_000.0]
    numbers[place] = math.nan
    assert order_value(1.0, order_value_max(*numbers)) == UNKNOWN


@pytest.mark.parametrize("equity", [0.0, -5.0, math.inf, -math.inf, math.nan])
def test_without_equity_nothing_may_be_opened(equity: float) -> None:
    assert order_value(0.01, order_value_max(500.0, 0.02, equity)) != PASSED
    assert concentration(share_of(0.01, equity), 0.25, 0) == UNKNOWN
    assert unexecuted(share_of(0.01, equity), 0.10) == UNKNOWN


@given(positive, positive)
def test_a_share_has_no_sign(worth: float, equity: float) -> None:
    assert share_of(-worth, equity) == share_of(worth, equity) == worth / equity


@given(shares, shares)
def test_concentration_is_refused_above_its_limit(share: float, most: float) -> None:
    assert concentration(most, most, 0) == PASSED
    assert concentration(most + 2e-9, most, 0) == REFUSED
    assert concentration(0.0, most, 1) == REFUSED
    assert (concentration(share, most, 0) == PASSED) == (share <= most + 1e-9)
    assert unexecuted(share, most) == concentration(share, most, 0)


@pytest.mark.parametrize(("guardrail", "own", "limit"), [(0.25, math.inf, 0.25), (0.25, 0.1, 0.1), (0.25, 0.5, 0.25)])
def test_the_stricter_share_of_an_asset_binds(guardrail: float, own: float, limit: float) -> None:
    assert asset_share_max(guardrail, own) == limit
    assert math.isnan(asset_share_max(guardrail, math.nan))
    assert math.isnan(asset_share_max(math.nan, own))


@given(st.integers(-5, 30), st.integers(1, 10), st.integers(10, 20))
def test_lots_stay_within_the_venues_bounds(lots: int, lots_min: int, lots_max: int) -> None:
    """I9, quantities."""
    assert (venue_quantity(lots, lots_min, lots_max) == PASSED) == (lots_min <= lots <= lots_max)
    assert venue_quantity(0, 0, lots_max) == REFUSED


def test_the_venues_bounds_of_worth_are_allowed_with_slack() -> None:
    """I9, notionals."""
    assert venue_notional(10.0, 10.0, 10.0) == PASSED
    assert venue_notional(10.0 * (1 - 2e-9), 10.0, math.inf) == REFUSED
    assert venue_notional(10.0 * (1 + 2e-9), 1.0, 10.0) == REFUSED
    assert venue_notional(0.0, 0.0, math.inf) == REFUSED


@pytest.mark.parametrize(
    "numbers",
    [(math.nan, 1.0, 9.0), (math.inf, 1.0, math.inf), (5.0, math.nan, 9.0), (5.0, math.inf, 9.0), (5.0, 1.0, math.nan)],
)
def test_a_worth_that_is_no_number_cannot_be_judged(numbers: tuple[float, float, float]) -> None:
    assert venue_notional(*numbers) == UNKNOWN


@given(positive, st.floats(min_value=1.0, max_value=100.0), positive, positive)
def test_a_quantity_follows_from_the_value_where_none_is_set(
    qty_max: float, multiple: float, value_max: float, price: float
) -> None:
    assert quantity_max(qty_max, multiple, value_max, price) == qty_max
    assert quantity_max(math.nan, multiple, value_max, price) == multiple * value_max / price
    for hole in ((math.nan, value_max, price), (multiple, math.nan, price), (multiple, value_max, math.nan)):
        assert quantity(qty_max, quantity_max(math.nan, *hole)) == UNKNOWN
    assert math.isnan(quantity_max(math.nan, multiple, value_max, 0.0))


@given(shares, st.one_of(st.sampled_from([math.nan, math.inf, -math.inf])))
def test_a_share_that_is_no_number_cannot_be_judged(share: float, number: float) -> None:
    for check in (unexecuted, lambda one, most: concentration(one, most, 0)):
        assert check(number, share) == UNKNOWN
        assert check(share, number) == UNKNOWN
