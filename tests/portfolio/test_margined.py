"""Positions in perpetuals: what opens locks a margin, what closes frees its share, and only profit moves cash."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import Bug, InferredFill, Listing, Side
from quarterdeck.portfolio import (
    FLAT,
    Books,
    FillToBook,
    MarginedTrade,
    Position,
    book_fill,
    book_on_margin,
    liquidated,
    margin_above,
    margin_for,
)

D = Decimal
PERP = Listing(
    "v", "BTC-USD:USD", "BTC", "USD", D("0.01"), D("0.001"), 1, 10**12, D(0), D("0.001"), D("0.001")
)  # fmt: skip
TINY = D("1e-11")

prices = st.integers(1, 10**7).map(lambda ticks: ticks * D("0.01"))
sizes = st.integers(1, 10**6).map(lambda lots: lots * D("0.001"))
trades = st.lists(st.tuples(st.sampled_from([-1, 1]), sizes, prices), min_size=1, max_size=30)


def booked(given_trades: list[tuple[int, Decimal, Decimal]], leverage: int) -> Position:
    position = FLAT
    for sign, qty, price in given_trades:
        position = book_on_margin(position, MarginedTrade(sign * qty, price, leverage), 1)
    return position


@given(trades, st.integers(1, 125))
def test_cost_less_realised_is_the_signed_worth_of_all_trades_to_the_last_digit(
    done: list[tuple[int, Decimal, Decimal]], leverage: int
) -> None:
    position = booked(done, leverage)
    assert position.qty == sum(sign * qty for sign, qty, _ in done)
    assert position.cost - position.realised == sum(sign * qty * price for sign, qty, price in done)


@given(trades, st.integers(1, 125))
def test_a_margin_is_the_cost_over_the_leverage_but_for_rounding(
    done: list[tuple[int, Decimal, Decimal]], leverage: int
) -> None:
    position = booked(done, leverage)
    assert position.margin >= 0
    assert (position.margin == 0) == (position.qty == 0)
    assert abs(position.margin * leverage - abs(position.cost)) <= TINY * 100 * leverage


@given(trades, sizes, prices)
def test_closing_everything_brings_the_whole_profit_and_frees_the_whole_margin(
    done: list[tuple[int, Decimal, Decimal]], qty: Decimal, price: Decimal
) -> None:
    position = booked([*done, (1, qty, price)], 3)
    if not position.qty:
        return
    after = book_on_margin(position, MarginedTrade(-position.qty, price, 3), 9)
    assert (after.qty, after.cost, after.margin) == (D(0), D(0), D(0))
    assert after.opened_at_ns == 0
    assert after.realised - position.realised == position.qty * price - position.cost


def test_what_goes_beyond_a_position_opens_the_other_way() -> None:
    held = booked([(1, D(2), D(100))], 4)
    after = book_on_margin(held, MarginedTrade(D(-5), D(110), 4), 7)
    assert (after.qty, after.cost, after.realised) == (D(-3), D(-330), D(20))
    assert (after.margin, after.opened_at_ns, after.entries) == (D("82.5"), 7, 1)


def test_what_the_venue_says_that_a_trade_brought_counts() -> None:
    held = booked([(1, D(2), D(100))], 4)
    after = book_on_margin(held, MarginedTrade(D(-2), D(10), 4, realised=D(-60)), 7)
    assert (after.realised, after.cost) == (D(-60), D(0))


@pytest.mark.parametrize(("price", "realised"), [("80", "-40"), ("75", "-50"), ("60", "-50")])
def test_a_liquidation_loses_no_more_than_the_margin(price: str, realised: str) -> None:
    held = booked([(1, D(2), D(100))], 4)
    after = liquidated(held, MarginedTrade(D(-2), D(price), 1), 7)
    assert (after.qty, after.margin, after.realised) == (D(0), D(0), D(realised))


def test_a_liquidation_never_opens() -> None:
    with pytest.raises(Bug, match="closes what is held"):
        liquidated(booked([(1, D(2), D(100))], 4), MarginedTrade(D(1), D(80), 1), 7)


def test_a_trade_without_a_leverage_is_none() -> None:
    with pytest.raises(Bug, match="needs a quantity and a leverage"):
        book_on_margin(FLAT, MarginedTrade(D(1), D(80), 0), 7)


@given(sizes, st.integers(1, 10**6), st.integers(1, 125))
def test_margins_of_lots_cover_the_margin_of_the_whole(per_lot: Decimal, lots: int, leverage: int) -> None:
    assert margin_above(per_lot, leverage) * lots >= per_lot * lots / leverage
    assert margin_above(per_lot, leverage) * lots >= margin_for(per_lot * lots, leverage) - D("1e-12")


def fill(side: Side, lots: int, price: str, fee: str = "0", fee_asset: str = "USD") -> FillToBook:
    return FillToBook(side, lots, D(price), D(fee), fee_asset, 1, new_entry=False, leverage=5)


def books(position: Position, inferred: tuple[InferredFill, ...] = ()) -> Books:
    return Books(PERP, position, {"USD": D(1_000)}, {}, inferred)


def test_opening_moves_no_cash_but_the_fee_which_never_comes_off_the_position() -> None:
    opened = book_fill(books(FLAT), fill(Side.BUY, 1_000, "100", "0.05"))
    assert {held.asset: held.amount for held in opened.cash_after} == {"USD": D("999.95")}
    in_coin = book_fill(books(FLAT), fill(Side.BUY, 1_000, "100", "0.0005", "BTC"))
    assert in_coin.position.qty == 1
    assert {held.asset: held.amount for held in in_coin.cash_after} == {"USD": D(1_000), "BTC": D("-0.0005")}


def test_what_was_inferred_of_an_entry_is_corrected_in_cost_and_margin_and_moves_no_cash() -> None:
    inferred = (InferredFill("i", 1_000, D(100), D("0.1"), "USD"),)
    held = booked([(1, D(1), D(100))], 5)
    after = book_fill(books(held, inferred), fill(Side.BUY, 1_000, "110", "0.1"))
    assert (after.position.qty, after.position.cost, after.position.margin) == (D(1), D(110), D(22))
    assert {held.asset: held.amount for held in after.cash_after} == {"USD": D(1_000)}
    assert after.retired_lots == 1_000


def test_what_was_inferred_of_an_exit_is_corrected_in_cash() -> None:
    inferred = (InferredFill("i", 1_000, D(100), D("0.1"), "USD"),)
    after = book_fill(books(Position(realised=D(7)), inferred), fill(Side.SELL, 1_000, "110", "0.1"))
    assert after.realised == 10
    assert {held.asset: held.amount for held in after.cash_after} == {"USD": D(1_010)}
