"""Exact amounts, and the one way onto a grid."""

import decimal
import math
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from quarterdeck.domain import (
    ZERO,
    InputError,
    add,
    decimal_from,
    lots_down,
    multiply,
    share_of,
    subtract,
    ticks_toward,
)

STEPS = st.sampled_from([1e-8, 1e-6, 0.0001, 0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 100.0])
NO_NUMBERS = [math.nan, math.inf, -math.inf, 0.0, -1.0, -1e-12]
amounts = st.decimals(min_value=0, max_value=10**12, places=12, allow_nan=False, allow_infinity=False)


def slack_of(steps: float) -> float:
    """What the grid forgives: a billionth of a step, or what floats of that size cannot tell apart, up to a quarter."""
    return min(max(1e-9, steps * 1e-15), 0.25)


@given(st.integers(min_value=0, max_value=10**12), STEPS)
@example(230_039_040_387, 0.0001)
def test_a_quantity_on_the_grid_keeps_all_its_lots(lots: int, lot: float) -> None:
    assert lots_down(lots * lot, lot) == lots


@given(st.floats(min_value=1e-12, max_value=1e9), STEPS)
def test_lots_never_exceed_the_quantity_by_more_than_float_noise(qty: float, lot: float) -> None:
    lots = lots_down(qty, lot)
    assert lots <= qty / lot + slack_of(qty / lot)
    assert lots + 1 > qty / lot


@given(st.floats(min_value=1e-6, max_value=1e7), STEPS)
def test_a_price_on_the_grid_is_never_worse_for_us(price: float, tick: float) -> None:
    buy, sell = ticks_toward(price, tick, 1), ticks_toward(price, tick, -1)
    assert buy <= price / tick + slack_of(price / tick)
    assert sell >= price / tick - slack_of(price / tick)
    assert sell - buy in (0, 1)


@given(st.integers(min_value=1, max_value=10**10), STEPS, st.sampled_from([1, -1]))
@example(1_667_613_109, 1e-8, -1)
def test_a_price_of_whole_ticks_stays_where_it_is(ticks: int, tick: float, side: int) -> None:
    assert ticks_toward(ticks * tick, tick, side) == ticks


@pytest.mark.parametrize("number", NO_NUMBERS)
def test_what_is_no_amount_gives_no_lots_and_no_ticks(number: float) -> None:
    assert lots_down(number, 0.1) == 0
    assert ticks_toward(number, 0.01, 1) == 0
    assert ticks_toward(number, 0.01, -1) == 0


@pytest.mark.parametrize("step", [0.0, -0.1, math.nan])
def test_a_step_that_is_no_step_gives_nothing(step: float) -> None:
    assert lots_down(1.0, step) == 0
    assert ticks_toward(1.0, step, 1) == 0


@given(amounts, st.lists(st.integers(min_value=1, max_value=10**6), min_size=1, max_size=6))
def test_shares_of_a_total_and_the_remainder_are_the_total(total: Decimal, parts: list[int]) -> None:
    whole = Decimal(sum(parts))
    split = [share_of(total, Decimal(part), whole) for part in parts[:-1]]
    rest = total
    for share in split:
        rest = subtract(rest, share)
    again = rest
    for share in split:
        again = add(again, share)
    assert again == total
    assert abs(rest - total * parts[-1] / whole) < Decimal("1e-11") * len(parts)


@given(amounts, st.integers(min_value=1, max_value=10**9))
def test_the_whole_share_is_the_whole_and_none_is_none(total: Decimal, whole: int) -> None:
    assert share_of(total, Decimal(whole), Decimal(whole)) == total
    assert share_of(total, ZERO, Decimal(whole)) == 0


def test_arithmetic_refuses_to_round() -> None:
    long = Decimal("1." + "1" * 40)
    with pytest.raises(decimal.Inexact):
        multiply(long, long)


@given(amounts, amounts)
def test_the_context_of_the_caller_changes_nothing(left: Decimal, right: Decimal) -> None:
    outside = (add(left, right), subtract(left, right), multiply(left, right))
    with decimal.localcontext() as context:
        context.prec = 3
        assert (add(left, right), subtract(left, right), multiply(left, right)) == outside


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "-Infinity", "", "12,5", "0x10", "1e", None])
def test_what_is_no_finite_number_is_refused_with_advice(text: str) -> None:
    with pytest.raises(InputError, match=r"write it like 12\.50"):
        decimal_from(text, "price")


@pytest.mark.parametrize("text", ["12.50", 7, Decimal("0.00000001"), "-3"])
def test_a_number_is_taken_exactly(text: str) -> None:
    assert decimal_from(text) == Decimal(text)
