"""The cheapest venue after depth, fee and rate."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from quarterdeck.domain import Quote
from quarterdeck.routing import Candidate, Route, best_price, offered

Levels = list[tuple[float, float]]

levels = st.lists(st.tuples(st.floats(50.0, 200.0), st.floats(0.001, 5.0)), min_size=1, max_size=5)
rates = st.one_of(st.just(1.0), st.floats(0.5, 1.5))
venues = st.lists(
    st.tuples(levels, st.floats(0.0, 0.02, allow_subnormal=False), st.floats(0.0, 10_000.0), rates),
    min_size=1,
    max_size=4,
)


def candidate(asks: Levels, fee: float = 0.0, spendable: float = 1e9, venue: str = "a", rate: float = 1.0) -> Candidate:
    quote = Quote(venue, "BTC-USD", 0, 100.0, (), tuple(sorted(asks)))
    return Candidate(quote=quote, fee_taker=fee, spendable=spendable, rate=rate)


def limited(asks: Levels, limit: float, fee: float, fee_maker: float = 0.0, venue: str = "a") -> Candidate:
    return replace(candidate(asks, fee, venue=venue), limit=limit, fee_maker=fee_maker)


def chosen(route: Route | None) -> str:
    assert route is not None
    return route.venue


def test_the_fee_is_part_of_the_price() -> None:
    cheap_but_dear = candidate([(100.0, 10.0)], fee=0.01)
    dear_but_cheap = candidate([(100.5, 10.0)], fee=0.001, venue="b")
    assert chosen(best_price([cheap_but_dear, dear_but_cheap], 100.0)) == "b"


def test_the_depth_is_part_of_the_price() -> None:
    thin = candidate([(100.0, 0.1), (110.0, 10.0)])
    deep = candidate([(101.0, 10.0)], venue="b")
    assert chosen(best_price([thin, deep], 5.0)) == "a"
    assert chosen(best_price([thin, deep], 500.0)) == "b"


def test_a_book_that_holds_too_little_is_passed_over_while_another_holds_enough() -> None:
    empty = candidate([(90.0, 0.1)])
    full = candidate([(120.0, 10.0)], venue="b")
    assert chosen(best_price([empty, full], 500.0)) == "b"


def test_a_venue_without_money_is_no_offer_while_another_has_some() -> None:
    broke, poor, rich = (
        replace(candidate([(price, 10.0)], spendable=money, venue=venue), notional_min=1.0)
        for venue, price, money in [("a", 90.0, 0.5), ("c", 130.0, 5.0), ("b", 120.0, 1e9)]
    )
    assert chosen(best_price([broke, rich], 50.0)) == "b"
    assert chosen(best_price([broke, poor], 50.0)) == "c"
    assert chosen(best_price([broke], 50.0)) == "a"


def test_a_tie_goes_to_the_venue_named_first() -> None:
    same = [candidate([(100.0, 1.0)], venue=name) for name in "ab"]
    assert chosen(best_price(same, 50.0)) == "a"
    assert chosen(best_price(same[::-1], 50.0)) == "b"


@pytest.mark.parametrize("price", [math.nan, 0.0, -1.0, -math.inf])
def test_a_price_that_is_none_is_never_chosen(price: float) -> None:
    spoilt = Candidate(Quote("a", "BTC-USD", 0, 1.0, (), ((price, 1.0),)), 0.0, 1e9)
    assert best_price([spoilt], 50.0) is None
    assert chosen(best_price([spoilt, candidate([(100.0, 1.0)], venue="b")], 50.0)) == "b"


@pytest.mark.parametrize("rate", [math.nan, 0.0, -1.0])
def test_a_quote_without_a_rate_is_never_chosen(rate: float) -> None:
    spoilt = candidate([(1.0, 100.0)], rate=rate)
    assert best_price([spoilt], 50.0) is None
    assert chosen(best_price([spoilt, candidate([(100.0, 1.0)], venue="b")], 50.0)) == "b"


@pytest.mark.parametrize("notional", [0.0, -5.0, math.nan])
def test_no_amount_finds_no_route(notional: float) -> None:
    assert best_price([candidate([(100.0, 1.0)])], notional) is None


def test_without_candidates_there_is_no_route() -> None:
    assert best_price([], 50.0) is None


def test_prices_in_other_money_are_compared_after_conversion() -> None:
    """A-30: of two quotes that count as one pair the cheaper one in base currency wins, whatever its number says."""
    dollars = candidate([(100.0, 10.0)])
    coins = Candidate(Quote("b", "BTC-USDC", 0, 1.0, (), ((101.0, 10.0),)), 0.0, 1e9, rate=0.98, pair="BTC-USD")
    route = best_price([dollars, coins], 50.0)
    assert route is not None
    assert (route.index, route.venue, route.instrument) == (1, "b", "BTC-USDC")
    assert (route.price, route.best) == (101.0, 101.0)
    assert [(quote.instrument, quote.effective_price) for quote in route.quotes] == [
        ("", 100.0),
        ("BTC-USDC", pytest.approx(98.98)),
    ]
    assert chosen(best_price([dollars, candidate([(101.0, 10.0)], venue="b", rate=1.0)], 50.0)) == "a"


def test_an_amount_in_base_currency_buys_the_same_worth_of_every_quote() -> None:
    """A quote at half the rate needs twice the money, and the book that holds enough for one may not for the other."""
    cheap_money = candidate([(200.0, 1.0)], rate=0.5)
    assert chosen(best_price([cheap_money, candidate([(101.0, 1.0)], venue="b")], 100.0)) == "a"
    assert chosen(best_price([cheap_money, candidate([(101.0, 2.0)], venue="b")], 150.0)) == "b"
    short = candidate([(200.0, 1.0)], rate=0.5, spendable=150.0)
    assert chosen(best_price([short, candidate([(101.0, 1.0)], venue="b")], 100.0)) == "b"


def test_the_best_level_is_told_beside_the_average() -> None:
    route = best_price([candidate([(100.0, 1.0), (110.0, 9.0)], fee=0.01)], 200.0)
    assert route is not None
    assert route.best == 100.0
    assert route.price == pytest.approx(105.0)
    assert route.quotes[0].effective_price == pytest.approx(105.0 * 1.01)
    assert route.quotes[0].fee == pytest.approx(210.0 * 0.01)


def test_a_limit_order_that_rests_pays_the_maker_fee_and_needs_no_depth() -> None:
    """A-32: the fee is maker for a limit order, taker for a market order."""
    resting = limited([(101.0, 0.001)], 100.0, fee=0.01, fee_maker=0.001)
    route = best_price([resting], 500.0)
    assert route is not None
    assert (route.price, route.best) == (100.0, 100.0)
    assert route.quotes[0].effective_price == pytest.approx(100.1)
    assert route.quotes[0].has_liquidity


def test_a_limit_order_that_crosses_takes_only_what_lies_within_its_limit() -> None:
    crossing = limited([(99.0, 1.0), (105.0, 9.0)], 100.0, fee=0.01)
    route = best_price([crossing, limited([(99.5, 9.0)], 100.0, fee=0.02, venue="b")], 500.0)
    assert route is not None
    assert route.venue == "a"
    assert route.price == 100.0
    assert route.quotes[0].effective_price == pytest.approx(99.0 * 1.01)


@given(venues, st.floats(1.0, 1_000.0))
def test_no_other_venue_that_can_take_it_all_is_cheaper(
    drawn: list[tuple[Levels, float, float, float]], notional: float
) -> None:
    candidates = [
        candidate(asks, fee, money, str(index), rate=rate) for index, (asks, fee, money, rate) in enumerate(drawn)
    ]
    route = best_price(candidates, notional)
    told = offered(candidates, notional)
    assert len(told) == len(candidates)
    if route is None:
        assert not any(quoted.has_liquidity for quoted in told), "a book that offers it all was not taken"
        return
    assert route.quotes == told
    assert route.quotes[route.index].has_liquidity
    assert route.venue == str(route.index)
    mine = route.quotes[route.index]
    whole = [
        quoted
        for quoted, one in zip(route.quotes, candidates, strict=True)
        if quoted.has_liquidity
        and one.spendable * one.rate
        >= quoted.effective_price * (notional / (one.quote.asks[0][0] * one.rate)) * (1 + 1e-9)
    ]
    if whole:
        assert mine.effective_price <= min(quoted.effective_price for quoted in whole)
    one = candidates[route.index]
    assert route.price * (1 + one.fee_taker) * one.rate == pytest.approx(mine.effective_price, rel=1e-12)
    assert route.best == one.quote.asks[0][0]


@given(venues, st.floats(1.0, 1_000.0), st.sampled_from([0.25, 0.5, 2.0, 8.0]))
def test_the_choice_does_not_depend_on_the_unit_of_money(
    drawn: list[tuple[Levels, float, float, float]], notional: float, scale: float
) -> None:
    """Quoting every venue in coins worth `scale` of a dollar changes the numbers and nothing else; floats keep up."""
    plain = [candidate(asks, fee, money) for asks, fee, money, _ in drawn]
    scaled = [
        candidate([(price / scale, qty) for price, qty in asks], fee, money / scale, rate=scale)
        for asks, fee, money, _ in drawn
    ]
    before, after = best_price(plain, notional), best_price(scaled, notional)
    assert (before is None) is (after is None)
    if before is None or after is None:
        return
    assert (after.index, after.quotes) == (before.index, before.quotes)
    assert after.price * scale == before.price
