"""Money in floats is exact as long as it is whole."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.fills import (
    covers,
    fee_of,
    fee_within,
    larger,
    lesser,
    money_plus,
    nearest_step,
    nearest_ticks,
    product,
    reaches_least,
    whole_parts,
)

WHOLE = st.integers(-(2**53), 2**53).map(float)
COUNT = st.integers(0, 2**50).map(float)


@given(WHOLE, WHOLE)
def test_a_product_of_whole_numbers_loses_nothing(one: float, other: float) -> None:
    high, low = product(one, other)
    assert Fraction(high) + Fraction(low) == Fraction(one) * Fraction(other)


@given(st.lists(WHOLE, max_size=40))
def test_a_sum_of_whole_numbers_loses_nothing(amounts: list[float]) -> None:
    high, low = 0.0, 0.0
    for amount in amounts:
        high, low = money_plus(high, low, amount)
    assert Fraction(high) + Fraction(low) == sum(map(Fraction, amounts))


@given(COUNT, st.integers(1, 2**45).map(float), st.integers(-2, 2))
def test_whole_parts_are_counted_exactly_even_beside_a_boundary(count: float, part: float, beside: int) -> None:
    high, low = product(count, part)
    high, low = money_plus(high, low, float(beside))
    expected = math.floor((Fraction(count) * Fraction(part) + beside) / Fraction(part))
    assert whole_parts(high, low, part) == max(expected, 0)


def test_nothing_is_counted_in_nothing_and_the_endless_has_a_bound() -> None:
    assert whole_parts(0.0, 0.0, 1.0) == whole_parts(-5.0, 0.0, 1.0) == whole_parts(math.nan, 0.0, 1.0) == 0
    assert whole_parts(1e300, 0.0, 1.0) == 2**62


@given(WHOLE, WHOLE, st.integers(-3, 3).map(float))
def test_what_covers_a_need_is_told_to_the_last_step(one: float, other: float, beside: float) -> None:
    high, low = product(one, other)
    more, least = money_plus(high, low, beside)
    assert covers(more, least, high, low) is (beside >= 0.0)


@given(
    st.decimals("0", "1000000", places=10, allow_nan=False),
    st.sampled_from([Decimal("0.001"), Decimal("0.0004"), Decimal("0.006"), Decimal("-0.0001"), Decimal(0)]),
)
def test_a_fee_is_that_of_exact_money_to_a_step(amount: Decimal, rate: Decimal) -> None:
    atoms = float(amount * 10**10)
    fee = fee_within(atoms, float(rate), 100.0)
    assert abs(Fraction(fee) - Fraction(fee_of(amount, rate)) * 10**10) <= 100


@given(st.integers(0, 10**9), st.sampled_from([Decimal("0.001"), Decimal("0.0004"), Decimal("-0.00025")]))
def test_a_fee_of_whole_steps_is_exact(steps: int, rate: Decimal) -> None:
    amount = Decimal(steps) * Decimal("1e-4")  # such times such a rate is whole in steps of 1e-8 or half a step
    if (amount * rate * 10**8) % 1 == 0:
        assert fee_within(float(amount * 10**10), float(rate), 100.0) == float(fee_of(amount, rate) * 10**10)


def test_halves_go_to_the_even_step_though_float_noise_moves_them() -> None:
    assert [nearest_step(one, 1.0) for one in (0.5, 1.5, 2.5, -0.5, 2.4, 2.6)] == [0.0, 2.0, 2.0, 0.0, 2.0, 3.0]
    assert nearest_step(0.1 + 0.2 - 0.3 + 2.5, 1.0) == 2.0
    assert [nearest_ticks(one, 0.01) for one in (0.0, 0.004, 0.026, 1.0)] == [1, 1, 3, 100]


def test_amounts_are_compared_as_they_are() -> None:
    assert (lesser(1.0, 2.0), larger(1.0, 2.0)) == (1.0, 2.0)
    assert reaches_least(5.0, 5.0)
    assert not reaches_least(4.0, 5.0)
