import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import InputError
from quarterdeck.market import quote_from_price, quote_shape


@given(st.floats(1e-6, 1e7), st.floats(0.0, 200.0), st.floats(1.0, 1e7), st.integers(1, 10))
def test_a_made_book_is_sorted_uncrossed_and_as_deep_as_asked(
    price: float, spread_bps: float, depth: float, levels: int
) -> None:
    quote = quote_from_price("paper", "BTC-USD", price, 7, quote_shape(spread_bps, depth, levels))
    bids, asks = [level[0] for level in quote.bids], [level[0] for level in quote.asks]

    assert len(bids) == len(asks) == levels
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert len(set(bids)) == levels
    assert 0.0 < bids[0] <= price <= asks[0]
    for side in (quote.bids, quote.asks):
        assert sum(level * qty for level, qty in side) == pytest.approx(depth)


def test_the_spread_lies_between_best_bid_and_best_ask() -> None:
    quote = quote_from_price("paper", "BTC-USD", 10_000.0, 7, quote_shape(2.0, 250_000.0, 5))

    assert quote.asks[0][0] - quote.bids[0][0] == pytest.approx(2.0)
    assert (quote.venue, quote.instrument, quote.at_ns, quote.last) == ("paper", "BTC-USD", 7, 10_000.0)


@pytest.mark.parametrize("price", [0.0, -1.0, math.nan, math.inf])
def test_no_price_makes_no_quote(price: float) -> None:
    with pytest.raises(InputError, match="no price"):
        quote_from_price("paper", "BTC-USD", price, 7, quote_shape(2.0, 1000.0))


@pytest.mark.parametrize(
    ("spread_bps", "depth", "levels"),
    [(-1.0, 1000.0, 5), (math.nan, 1000.0, 5), (9_000.0, 1000.0, 5), (2.0, 0.0, 5), (2.0, math.inf, 5), (2.0, 1.0, 0)],
)
def test_an_impossible_book_is_refused(spread_bps: float, depth: float, levels: int) -> None:
    with pytest.raises(InputError, match=r"a book of|a spread of"):
        quote_shape(spread_bps, depth, levels)
