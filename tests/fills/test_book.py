import math

from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.fills import effective_price, walk

ASKS = ((100.0, 1.0), (101.0, 2.0), (103.0, 1.0))
LEVELS = st.lists(st.tuples(st.floats(1.0, 1e6), st.floats(1e-6, 1e3)), max_size=8).map(tuple)


def test_a_walk_takes_the_best_levels_first() -> None:
    assert walk(ASKS, 2.0) == (2.0, 201.0)
    assert walk(ASKS, 0.5) == (0.5, 50.0)


def test_a_walk_ends_where_the_book_ends() -> None:
    assert walk(ASKS, 10.0) == (4.0, 405.0)
    assert walk((), 1.0) == (0.0, 0.0)


def test_levels_without_price_or_quantity_offer_nothing() -> None:
    broken = ((0.0, 5.0), (-1.0, 5.0), (math.nan, 5.0), (100.0, math.nan), (100.0, 0.0))
    assert walk(broken, 1.0) == (0.0, 0.0)
    assert walk((*broken, (100.0, 1.0)), 1.0) == (1.0, 100.0)


def test_the_effective_price_of_a_buy_includes_depth_and_fee() -> None:
    effective, fee, filled = effective_price(ASKS, 2.0, 0.01, +1)
    assert (effective, fee, filled) == (100.5 * 1.01, 100.5 * 2.0 * 0.01, 2.0)


def test_the_effective_price_of_a_sale_is_below_the_average() -> None:
    effective, _, filled = effective_price(((99.0, 1.0), (98.0, 1.0)), 2.0, 0.01, -1)
    assert (effective, filled) == (98.5 * 0.99, 2.0)


def test_an_empty_book_or_an_empty_order_has_no_effective_price() -> None:
    assert effective_price((), 1.0, 0.01, +1) == (0.0, 0.0, 0.0)
    assert effective_price(ASKS, 0.0, 0.01, +1) == (0.0, 0.0, 0.0)
    assert effective_price(ASKS, math.nan, 0.01, +1) == (0.0, 0.0, 0.0)


@given(levels=LEVELS, qty=st.floats(1e-6, 1e4))
def test_a_walk_never_fills_more_than_wanted_or_offered(levels: tuple[tuple[float, float], ...], qty: float) -> None:
    filled, notional = walk(levels, qty)
    assert filled <= qty * (1 + 1e-12)
    assert filled <= sum(offered for _, offered in levels) * (1 + 1e-12)
    prices = [price for price, _ in levels]
    if filled > 0.0:
        assert min(prices) * (1 - 1e-9) <= notional / filled <= max(prices) * (1 + 1e-9)
