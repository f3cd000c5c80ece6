"""Each guardrail alone: its boundary, and that what is no number never passes."""

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import PURE_FUNCTIONS
from quarterdeck.guardrails import (
    BITS,
    PASSED,
    REFUSED,
    RULES,
    Exits,
    balance,
    control_level,
    cooldown,
    kill_switch,
    order_value,
    order_value_max,
    venue_limits,
)

NO_NUMBERS = [math.nan, math.inf, -math.inf]
positive = st.floats(min_value=1e-9, max_value=1e12)

# Each check with a good value in every place; any place may be spoilt and then it must refuse.
CHECKS: list[tuple[Callable[..., int], tuple[float, ...]]] = [
    (order_value, (100.0, 500.0)),
    (balance, (100.0, 500.0)),
    (lambda notional, least: venue_limits(5, 1, 10, notional, least), (100.0, 1.0)),
]


@pytest.mark.parametrize("number", NO_NUMBERS)
@pytest.mark.parametrize(("check", "good"), CHECKS)
def test_what_is_not_finite_never_passes(check: Callable[..., int], good: tuple[float, ...], number: float) -> None:
    assert check(*good) == PASSED
    for place in range(len(good)):
        spoilt = [*good[:place], number, *good[place + 1 :]]
        assert check(*spoilt) == REFUSED


@pytest.mark.parametrize("number", [0.0, -0.0, -1.0, -1e-12])
@pytest.mark.parametrize(("check", "good"), CHECKS)
def test_an_order_worth_nothing_never_passes(check: Callable[..., int], good: tuple[float, ...], number: float) -> None:
    assert check(number, good[1]) == REFUSED
    assert check(number, 0.0) == REFUSED


@given(positive, positive)
def test_the_order_value_is_bounded_with_slack_and_no_more(notional: float, value_max: float) -> None:
    assert order_value(value_max, value_max) == PASSED
    assert order_value(value_max * (1 + 2e-9), value_max) == REFUSED
    assert (order_value(notional, value_max) == PASSED) == (notional <= value_max * (1 + 1e-9))


@given(positive, st.floats(min_value=1e-6, max_value=1.0), st.floats(min_value=0.0, max_value=1e12))
def test_the_limit_is_the_smaller_of_amount_and_share(amount: float, share: float, equity: float) -> None:
    assert order_value_max(amount, share, equity) == min(amount, share * equity)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_limit_that_is_no_number_is_no_limit_but_a_refusal(place: int) -> None:
    numbers = [500.0, 0.02, 10_000.0]
    numbers[place] = math.nan
    assert order_value(1.0, order_value_max(*numbers)) == REFUSED


@pytest.mark.parametrize("equity", [0.0, -5.0, math.inf, -math.inf])
def test_without_equity_nothing_may_be_opened(equity: float) -> None:
    assert order_value(0.01, order_value_max(500.0, 0.02, equity)) == REFUSED


def test_exactly_the_cooldown_is_allowed() -> None:
    assert cooldown(60.0, 60.0) == PASSED
    assert cooldown(59.999, 60.0) == REFUSED
    assert cooldown(60.0 - 2e-9, 60.0) == REFUSED
    assert cooldown(0.0, 60.0) == REFUSED
    assert cooldown(math.inf, 60.0) == PASSED
    assert cooldown(0.0, 0.0) == PASSED


@pytest.mark.parametrize(
    ("since_s", "cooldown_s"), [(math.nan, 60.0), (60.0, math.nan), (-math.inf, 60.0), (1.0, -math.inf)]
)
def test_a_cooldown_that_cannot_be_told_refuses(since_s: float, cooldown_s: float) -> None:
    assert cooldown(since_s, cooldown_s) == REFUSED


@given(positive, positive)
def test_the_balance_must_cover_the_need(need: float, free: float) -> None:
    assert (balance(need, free) == PASSED) == (need <= free * (1 + 1e-9))
    assert balance(need, -free) == REFUSED


@given(st.integers(-5, 30), st.integers(1, 10), st.integers(10, 20))
def test_lots_stay_within_the_venues_bounds(lots: int, lots_min: int, lots_max: int) -> None:
    assert (venue_limits(lots, lots_min, lots_max, 100.0, 1.0) == PASSED) == (lots_min <= lots <= lots_max)


def test_the_least_notional_is_allowed_with_slack() -> None:
    assert venue_limits(5, 1, 10, 10.0, 10.0) == PASSED
    assert venue_limits(5, 1, 10, 10.0 * (1 - 2e-9), 10.0) == REFUSED
    assert venue_limits(0, 0, 10, 10.0, 1.0) == REFUSED


@pytest.mark.parametrize(("level", "verdict"), [(0, PASSED), (1, REFUSED), (2, REFUSED), (3, REFUSED), (-1, REFUSED)])
def test_only_a_running_bot_opens(level: int, verdict: int) -> None:
    assert control_level(level) == verdict


@pytest.mark.parametrize(("raised", "verdict"), [(0, PASSED), (1, REFUSED), (2, REFUSED), (-1, REFUSED)])
def test_anything_but_a_switch_at_rest_refuses(raised: int, verdict: int) -> None:
    assert kill_switch(raised) == verdict


def test_bits_are_given_once_and_for_ever() -> None:
    assert {f"G{n}": n - 1 for n in range(1, 11)} | {f"E{n}": n + 9 for n in range(1, 14)} == BITS
    assert len(set(BITS.values())) == len(BITS)
    assert all(rule.bit == BITS[rule.id] for rule in RULES)
    assert [rule.id for rule in RULES] == ["G1", "G2", "G4", "G8", "G10"]


def test_what_a_rule_means_for_exits_is_what_the_design_says() -> None:
    assert {rule.id: rule.exits for rule in RULES} == {
        "G1": Exits.BOUND,
        "G2": Exits.PASS_UNLESS_HALTED,
        "G4": Exits.PASS,
        "G8": Exits.PASS,
        "G10": Exits.BOUND,
    }


def test_every_guardrail_is_marked_for_the_kernel() -> None:
    marked = {name.rsplit(".", 1)[1] for name in PURE_FUNCTIONS if ".guardrails." in name}
    assert marked == {
        "balance",
        "control_level",
        "cooldown",
        "kill_switch",
        "order_value",
        "order_value_max",
        "venue_limits",
    }
