"""G5 and G6 alone: refused at the limit itself, and where a loss is not known."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.guardrails import PASSED, REFUSED, UNKNOWN, daily_loss, drawdown

fractions = st.floats(min_value=-1.0, max_value=1.0)
limits = st.floats(min_value=0.001, max_value=1.0)


@given(limits)
def test_a_loss_limit_refuses_at_the_limit_itself(limit: float) -> None:
    for check in (daily_loss, lambda loss, most: drawdown(loss, most, 0.0, math.inf)):
        assert check(limit, limit) == REFUSED
        assert check(limit - 5e-10, limit) == REFUSED
        assert check(limit - 2e-9, limit) == PASSED
        assert check(-0.5, limit) == PASSED


@given(fractions, limits, fractions, limits)
def test_the_fall_from_the_highest_ever_has_a_limit_of_its_own(
    fall: float, fall_max: float, ever: float, ever_max: float
) -> None:
    own = drawdown(-1.0, fall_max, ever, ever_max)
    assert own == daily_loss(ever, ever_max)
    assert drawdown(fall, fall_max, ever, math.inf) == daily_loss(fall, fall_max)
    assert drawdown(fall, fall_max, ever, ever_max) == max(own, daily_loss(fall, fall_max))
    assert drawdown(-1.0, fall_max, ever_max, ever_max) == drawdown(fall_max, fall_max, -1.0, ever_max) == REFUSED


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_known_cannot_be_judged(number: float) -> None:
    assert daily_loss(number, 0.05) == UNKNOWN
    assert daily_loss(0.01, number) == UNKNOWN
    assert drawdown(number, 0.1, 0.0, 0.15) == UNKNOWN
    assert drawdown(0.0, number, 0.0, 0.15) == UNKNOWN
    assert drawdown(0.0, 0.1, number, 0.15) == UNKNOWN
    assert drawdown(0.0, 0.1, number, math.inf) == PASSED
    assert drawdown(0.0, 0.1, 0.0, -math.inf) == UNKNOWN
    assert drawdown(0.0, 0.1, 0.0, math.nan) == UNKNOWN
