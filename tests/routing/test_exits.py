"""Where to sell what is held."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import Quote
from quarterdeck.routing import Candidate, exit_order, exit_price, exit_quotes

Levels = tuple[tuple[float, float], ...]

bids = st.lists(st.tuples(st.floats(50.0, 200.0), st.floats(0.001, 5.0)), max_size=4).map(
    lambda found: tuple(sorted(found, reverse=True))
)
held = st.lists(
    st.tuples(bids, st.floats(0.0, 0.02, allow_subnormal=False), st.floats(0.001, 10.0), st.floats(0.5, 1.5)),
    max_size=5,
)


def quote(bids: Levels, venue: str = "a") -> Quote:
    return Quote(venue, "BTC-USD", 0, 100.0, bids, ((101.0, 1.0),))


def holding(bids: Levels, qty: float = 1.0, fee: float = 0.0, rate: float = 1.0) -> Candidate:
    return Candidate(quote(bids), fee, qty, rate)


def test_an_exit_walks_the_bids() -> None:
    book = quote(((100.0, 1.0), (90.0, 1.0)))
    assert exit_price(book, 1.0) == 100.0
    assert exit_price(book, 2.0) == 95.0


@pytest.mark.parametrize("bids", [(), ((math.nan, 1.0),), ((0.0, 1.0),), ((100.0, 0.0),), ((100.0, math.nan),)])
def test_an_exit_into_no_bids_has_no_price(bids: Levels) -> None:
    assert exit_price(quote(bids), 1.0) == 0.0
    assert exit_quotes([holding(bids)])[0].effective_price == 0.0


def test_the_venue_that_brings_most_after_depth_fee_and_rate_comes_first() -> None:
    """A-31: a sale goes where the effective price is highest."""
    thin = holding(((105.0, 0.1), (90.0, 9.0)))
    dear = holding(((101.0, 9.0),), fee=0.02)
    fair = holding(((100.0, 9.0),))
    coins = holding(((102.0, 9.0),), rate=0.97)
    assert exit_order([thin, dear, fair, coins]) == [2, 1, 3, 0]


def test_a_book_that_takes_all_comes_before_one_that_takes_a_part_and_no_price_comes_last() -> None:
    none, part, full = holding(()), holding(((110.0, 0.5),)), holding(((90.0, 5.0),))
    assert exit_order([none, part, full]) == [2, 1, 0]
    assert [one.has_liquidity for one in exit_quotes([none, part, full])] == [False, False, True]


def test_without_a_quantity_the_best_bid_decides() -> None:
    assert exit_order([holding(((99.0, 0.1),), qty=0.0), holding(((100.0, 0.1), (1.0, 5.0)), qty=0.0)]) == [1, 0]


def test_what_a_sale_brings_is_told_in_base_currency() -> None:
    (told,) = exit_quotes([holding(((100.0, 2.0),), qty=2.0, fee=0.01, rate=0.5)])
    assert told.effective_price == pytest.approx(49.5)
    assert told.fee == pytest.approx(1.0)


@given(held)
def test_every_holding_is_named_once_and_none_is_better_than_one_before_it(
    drawn: list[tuple[Levels, float, float, float]],
) -> None:
    candidates = [holding(bids, qty, fee, rate) for bids, fee, qty, rate in drawn]
    order, quotes = exit_order(candidates), exit_quotes(candidates)
    assert sorted(order) == list(range(len(candidates)))
    for first, second in pairwise(order):
        one, other = quotes[first], quotes[second]
        if one.has_liquidity == other.has_liquidity:
            assert one.effective_price >= other.effective_price
            assert one.effective_price != other.effective_price or first < second
        else:
            assert one.has_liquidity
