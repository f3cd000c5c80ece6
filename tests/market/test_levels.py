"""Levels inside a bar."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.market import met_at, reached_in_bar

PRICES = st.floats(0.01, 1e6)


@pytest.mark.parametrize("falling", [True, False])
@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 2.0), (-1.0, 2.0), (2.0, 1.0), (math.nan, 2.0), (1.0, math.nan), (math.inf, math.nan)]
)
def test_what_is_no_price_reaches_nothing(low: float, high: float, falling: bool) -> None:
    assert not reached_in_bar(1.5, low, high, falling)
    assert not reached_in_bar(math.nan, 1.0, 2.0, falling)


@given(PRICES, PRICES, PRICES, PRICES)
def test_a_level_is_met_where_it_lies_unless_the_bar_opened_beyond(
    level: float, open_: float, one: float, other: float
) -> None:
    low, high = min(open_, one, other), max(open_, one, other)
    for falling in (True, False):
        price = met_at(level, open_, falling)
        assert price in {level, open_}
        assert (price <= level) if falling else (price >= level)
        if reached_in_bar(level, low, high, falling):
            assert low <= price <= high


@given(PRICES, PRICES, PRICES)
def test_a_short_mirrors_a_long(level: float, low: float, high: float) -> None:
    low, high = min(low, high), max(low, high)
    assert reached_in_bar(level, low, high, falling=True) is (low <= level)
    assert reached_in_bar(level, low, high, falling=False) is (high >= level)
