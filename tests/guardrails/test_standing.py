"""G1, G2, G3 and E8 alone: only what is plainly allowed passes."""

import math

import pytest

from quarterdeck.guardrails import PASSED, REFUSED, UNKNOWN, clock, control_level, kill_switch, pair_allowed


@pytest.mark.parametrize(("level", "verdict"), [(0, PASSED), (1, REFUSED), (2, REFUSED), (3, REFUSED), (-1, REFUSED)])
def test_only_a_running_bot_opens(level: int, verdict: int) -> None:
    assert control_level(level) == verdict


@pytest.mark.parametrize(("raised", "verdict"), [(0, PASSED), (1, REFUSED), (2, REFUSED), (-1, REFUSED)])
def test_anything_but_a_switch_at_rest_refuses(raised: int, verdict: int) -> None:
    assert kill_switch(raised) == verdict


@pytest.mark.parametrize("approved", [0, 1, 2])
@pytest.mark.parametrize("tradable", [0, 1, 2])
def test_a_pair_is_both_approved_and_tradable(approved: int, tradable: int) -> None:
    assert (pair_allowed(approved, tradable) == PASSED) == (approved == tradable == 1)


@pytest.mark.parametrize(
    ("skew_ms", "steady", "verdict"),
    [
        (0.0, 1, PASSED),
        (500.0, 1, PASSED),
        (500.0 + 2e-9, 1, REFUSED),
        (500.0, 0, REFUSED),
        (math.nan, 1, UNKNOWN),
        (math.inf, 1, UNKNOWN),
        (-1.0, 1, UNKNOWN),
    ],
)
def test_a_clock_is_near_the_venues_and_steady(skew_ms: float, steady: int, verdict: int) -> None:
    assert clock(skew_ms, 500.0, steady) == verdict


@pytest.mark.parametrize("skew_max_ms", [math.nan, math.inf])
def test_a_clock_without_a_limit_cannot_be_judged(skew_max_ms: float) -> None:
    assert clock(0.0, skew_max_ms, 1) == UNKNOWN
