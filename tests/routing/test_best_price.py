"""The cheapest venue after depth and fee."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import Quote
from quarterdeck.routing import Candidate, Route, best_price, exit_price

levels = st.lists(st.tuples(st.floats(50.0, 200.0), st.floats(0.001, 5.0)), min_size=1, max_size=5)
venues = st.lists(st.tuples(levels, st.floats(0.0, 0.02), st.floats(0.0, 10_000.0)), min_size=1, max_size=4)


def quote(asks: list[tuple[float, float]], venue: str = "a", bids: tuple[tuple[float, float], ...] = ()) -> Quote:
    return Quote(venue, "BTC-USD", 0, 100.0, bids, tuple(sorted(asks)))


def candidate(asks: list[tuple[float, float]], fee: float = 0.0, spendable: float = 1e9, venue: str = "a") -> Candidate:
    return Candidate(quote=quote(asks, venue), fee_taker=fee, spendable=spendable)


def chosen(route: Route | None) -> str:
    assert route is not None
    return route.venue


def test_the_fee_is_part_of_the_price() -> None:
    cheap_but_dear = candidate([(100.0, 10.0)], fee=0.01)
    dear_but_cheap = candidate([(100.5, 10.0)], fee=0.001, venue="b")
    assert chosen(best_price([cheap_but_dear, dear_but_cheap], 100.0, notional_min=1.0)) == "b"


def test_the_depth_is_part_of_the_price() -> None:
    thin = candidate([(100.0, 0.1), (110.0, 10.0)])
    deep = candidate([(101.0, 10.0)], venue="b")
    assert chosen(best_price([thin, deep], 5.0, notional_min=1.0)) == "a"
    assert chosen(best_price([thin, deep], 500.0, notional_min=1.0)) == "b"


def test_a_book_that_holds_too_little_is_passed_over_while_another_holds_enough() -> None:
    empty = candidate([(90.0, 0.1)])
    full = candidate([(120.0, 10.0)], venue="b")
    assert chosen(best_price([empty, full], 500.0, notional_min=1.0)) == "b"


def test_a_venue_without_money_is_no_offer_while_another_has_some() -> None:
    broke = candidate([(90.0, 10.0)], spendable=0.5)
    rich = candidate([(120.0, 10.0)], venue="b")
    assert chosen(best_price([broke, rich], 50.0, notional_min=1.0)) == "b"
    assert chosen(best_price([broke], 50.0, notional_min=1.0)) == "a"


def test_a_tie_goes_to_the_venue_named_first() -> None:
    same = [candidate([(100.0, 1.0)], venue=name) for name in "ab"]
    assert chosen(best_price(same, 50.0, notional_min=1.0)) == "a"
    assert chosen(best_price(same[::-1], 50.0, notional_min=1.0)) == "b"


@pytest.mark.parametrize("price", [math.nan, 0.0, -1.0, -math.inf])
def test_a_price_that_is_none_is_never_chosen(price: float) -> None:
    spoilt = Candidate(Quote("a", "BTC-USD", 0, 1.0, (), ((price, 1.0),)), 0.0, 1e9)
    assert best_price([spoilt], 50.0, notional_min=1.0) is None
    assert chosen(best_price([spoilt, candidate([(100.0, 1.0)], venue="b")], 50.0, notional_min=1.0)) == "b"


@pytest.mark.parametrize("notional", [0.0, -5.0, math.nan])
def test_no_amount_finds_no_route(notional: float) -> None:
    assert best_price([candidate([(100.0, 1.0)])], notional, notional_min=1.0) is None


def test_without_candidates_there_is_no_route() -> None:
    assert best_price([], 50.0, notional_min=1.0) is None


@given(venues, st.floats(1.0, 1_000.0))
def test_no_other_venue_that_can_take_it_all_is_cheaper(
    drawn: list[tuple[list[tuple[float, float]], float, float]], notional: float
) -> None:
    candidates = [candidate(asks, fee, money, str(index)) for index, (asks, fee, money) in enumerate(drawn)]
    route = best_price(candidates, notional, notional_min=1.0)
    assert route is not None
    assert len(route.quotes) == len(candidates)
    mine = next(one for one in route.quotes if one.venue == route.venue)
    whole = [
        quoted
        for quoted, offered in zip(route.quotes, candidates, strict=True)
        if quoted.has_liquidity
        and offered.spendable >= max(quoted.effective_price * (notional / offered.quote.asks[0][0]), 1.0)
    ]
    if whole:
        assert mine.effective_price == min(quoted.effective_price for quoted in whole)
    fee = candidates[int(route.venue)].fee_taker
    assert route.price * (1 + fee) == pytest.approx(mine.effective_price, rel=1e-12)


def test_an_exit_walks_the_bids() -> None:
    book = quote([(101.0, 1.0)], bids=((100.0, 1.0), (90.0, 1.0)))
    assert exit_price(book, 1.0) == 100.0
    assert exit_price(book, 2.0) == 95.0


@pytest.mark.parametrize("bids", [(), ((math.nan, 1.0),), ((0.0, 1.0),), ((100.0, 0.0),), ((100.0, math.nan),)])
def test_an_exit_into_no_bids_has_no_price(bids: tuple[tuple[float, float], ...]) -> None:
    assert exit_price(quote([(101.0, 1.0)], bids=bids), 1.0) == 0.0
