"""The rules of pace and of orders beside each other: seconds at their limit, counts beyond it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.guardrails import (
    PASSED,
    REFUSED,
    UNKNOWN,
    breaker,
    cooldown,
    duplicate,
    open_orders,
    self_cross,
    trade_rate,
    unresolved,
)

counts = st.integers(0, 50)


def test_exactly_the_cooldown_is_allowed() -> None:
    assert cooldown(60.0, 60.0) == PASSED
    assert cooldown(59.999, 60.0) == REFUSED
    assert cooldown(60.0 - 2e-9, 60.0) == REFUSED
    assert cooldown(0.0, 60.0) == REFUSED
    assert cooldown(math.inf, 60.0) == PASSED
    assert cooldown(0.0, 0.0) == PASSED
    assert cooldown(-math.inf, 60.0) == REFUSED


@pytest.mark.parametrize(
    ("since_s", "cooldown_s"), [(math.nan, 60.0), (60.0, math.nan), (60.0, math.inf), (1.0, -math.inf)]
)
def test_a_cooldown_that_cannot_be_told_refuses(since_s: float, cooldown_s: float) -> None:
    assert cooldown(since_s, cooldown_s) == UNKNOWN


@given(counts, counts)
def test_one_more_than_the_limit_is_too_many(count: int, most: int) -> None:
    allowed = count <= most
    assert (trade_rate(count, most) == PASSED) == allowed
    assert (open_orders(count, most, 0, 0) == PASSED) == allowed
    assert (open_orders(0, 0, count, most) == PASSED) == allowed


@given(counts, counts)
def test_a_breaker_opens_at_its_limit(count: int, most: int) -> None:
    assert (breaker(count, most, 0, -1) == PASSED) == (count < most)
    assert (breaker(0, 1, count, most) == PASSED) == (count < most)
    assert breaker(0, 1, count, -1) == PASSED


@given(st.integers(-5, 5))
def test_anything_but_none_refuses(count: int) -> None:
    for check in (duplicate, unresolved, self_cross):
        assert (check(count) == PASSED) == (count == 0)
