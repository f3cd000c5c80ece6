"""What sizing clips an order to, and what is too little to bother with."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.guardrails import (
    crosses_resting,
    exceeds,
    fall_from,
    is_at_par,
    is_clear,
    is_sure,
    is_too_small,
    lots_within_caps,
    may_be_deeper,
    needs_no_stop,
    trips,
    trips_loss_rate,
    within_caps,
    worst_ticks,
)

SHARE = st.floats(1e-6, 2.0)
INDEX = st.floats(1e-3, 1e3)


def test_the_stricter_of_value_and_share_clips() -> None:
    assert lots_within_caps(100.0, 0.1, 500.0, 300.0, 0.0) == (30, True)
    assert lots_within_caps(100.0, 0.1, 200.0, 300.0, 0.0) == (20, False)
    assert lots_within_caps(100.0, 0.1, 500.0, 300.0, 1.0) == (20, True)
    assert lots_within_caps(100.0, 0.1, 500.0, math.inf, 0.0) == (50, False)


def test_what_is_not_known_gives_no_lot() -> None:
    assert lots_within_caps(100.0, 0.1, math.nan, 300.0, 0.0)[0] == 0
    assert lots_within_caps(100.0, 0.1, 500.0, math.nan, 0.0)[0] == 0
    assert not within_caps(1.0, 100.0, math.nan, 300.0, 0.0)
    assert within_caps(3.0, 100.0, 500.0, 300.0, 0.0)


def test_a_worst_price_is_rounded_against_us_but_for_noise() -> None:
    assert worst_ticks(100.0, 0.01, 0.01) == 10_100
    assert worst_ticks(100.001, 0.0, 0.01) == 10_001
    assert worst_ticks(math.nan, 0.0, 0.01) == worst_ticks(-1.0, 0.0, 0.01) == 0


def test_an_order_meets_what_rests_within_its_reach() -> None:
    assert crosses_resting(100.0, 101.0, 0.01, 1)
    assert not crosses_resting(100.0, 101.1, 0.01, 1)
    assert crosses_resting(100.0, 99.0, 0.01, -1)
    assert not crosses_resting(100.0, 98.9, 0.01, -1)


def test_dust_pegs_opinions_and_exits_have_their_bounds() -> None:
    assert is_too_small(4.99, 5.0)
    assert not is_too_small(5.0, 5.0)
    assert is_at_par(1.01, 0.01)
    assert not is_at_par(0.9899, 0.01)
    assert is_sure(0.5, 0.5)
    assert not is_sure(math.nan, 0.0)
    assert exceeds(2.0, 1.0)
    assert not exceeds(2.0, math.nan)
    assert needs_no_stop(0.0)
    assert not needs_no_stop(0.5)


@given(INDEX, INDEX, SHARE)
def test_what_is_clear_by_a_product_trips_nothing_by_a_quotient(index: float, high: float, limit: float) -> None:
    lost = fall_from(index, high, math.nan)
    if is_clear(index, high, limit):
        assert not trips(lost, limit)
        assert not trips_loss_rate(lost, limit)


@given(INDEX, INDEX, st.floats(0.0, 0.99))
def test_no_deeper_fall_is_passed_over_by_more_than_noise(worth: float, peak: float, fall: float) -> None:
    if not may_be_deeper(worth, peak, fall):
        assert fall_from(worth, peak, 0.0) <= fall + 1e-12
