"""Trades are booked once, inferred ones only until the real ones come."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import Evidence, FillBooked, FillReported, OrderState, StrayFound
from quarterdeck.engine import encode_state
from tests.engine.driving import BTC, Bot, alerts_in, kinds_in


def test_a_duplicate_fill_is_booked_once() -> None:
    bot = Bot()
    bot.buy()
    order = bot.only_order()
    assert kinds_in(bot.fill(order, 40, trade_id="t")) == ["FillBooked"]
    body = encode_state(bot.state)
    assert bot.fill(order, 40, trade_id="t") == []
    assert encode_state(bot.state) == body


def test_a_fill_before_the_acknowledgement_is_booked() -> None:
    bot = Bot()
    bot.buy()
    order = bot.only_order()
    bot.fill(order, order.qty_lots)
    assert order.state is OrderState.FILLED
    bot.report(order, Evidence.ACKNOWLEDGED)
    assert order.state is OrderState.FILLED


def test_a_trade_of_an_order_that_we_do_not_know_is_set_aside_once_and_moves_nothing() -> None:
    bot = Bot()
    report = FillReported(bot.at_ns, "a", "nobody", "t1", 5, Decimal(1), Decimal(0), "USD", "taker", 0, cursor=9)
    facts = bot.take(report)
    assert isinstance(facts[0], StrayFound)
    assert alerts_in(facts) == ["stray_trade"]
    assert bot.take(report) == []
    assert bot.state.positions == {}
    assert bot.state.cursors == {"a": 9}


def test_a_trade_of_the_right_order_from_the_wrong_venue_moves_nothing() -> None:
    bot = Bot()
    bot.buy()
    order = bot.only_order()
    facts = bot.fill(order, 5, venue="b")
    assert isinstance(facts[0], StrayFound)
    assert order.booked_lots == 0


@given(st.lists(st.integers(1, 60_000), min_size=1, max_size=6), st.integers(0, 5), st.booleans())
def test_any_split_of_real_trades_after_an_inference_gives_the_books_of_the_real_ones(
    parts: list[int], told_after: int, in_base: bool
) -> None:
    doubtful, certain = Bot(), Bot()
    for bot in (doubtful, certain):
        bot.buy()
    total = min(sum(parts), 166_661)
    fee = (Decimal("0.000000003"), "BTC") if in_base else (Decimal("0.0123456789"), "USD")
    left = total
    for number, part in enumerate(parts):
        if number == told_after:
            doubtful.report(
                doubtful.only_order(), Evidence.ACKNOWLEDGED, reported_lots=total, price=Decimal("29990.77")
            )
            doubtful.later(3).wake()
        lots = min(part, left)
        left -= lots
        if lots:
            for bot in (doubtful, certain):
                bot.fill(bot.only_order(), lots, price=Decimal(30_000 + number), fee=fee[0], fee_asset=fee[1])
    assert doubtful.only_order().inferred == ()
    assert doubtful.only_order().booked_lots == certain.only_order().booked_lots == total
    assert doubtful.state.cash["a"] == certain.state.cash["a"]
    assert {a: f for a, f in doubtful.state.fees.items() if f} == {a: f for a, f in certain.state.fees.items() if f}
    assert doubtful.state.position("a", BTC).qty == certain.state.position("a", BTC).qty
    assert doubtful.state.position("a", BTC).cost == certain.state.position("a", BTC).cost
    assert doubtful.only_order().reserve == certain.only_order().reserve


def test_an_inference_is_made_again_for_what_comes_on_top_and_never_twice() -> None:
    bot = Bot()
    bot.buy()
    order = bot.only_order()
    names: list[str] = []
    for reported in (40, 40, 100):
        bot.report(order, Evidence.ACKNOWLEDGED, reported_lots=reported)
        names += [fact.trade_id for fact in bot.later(3).wake() if isinstance(fact, FillBooked)]
    assert len(set(names)) == len(names) == 2
    assert order.booked_lots == 100
    (fill,) = [fact for fact in bot.fill(order, 70) if isinstance(fact, FillBooked)]
    assert (fill.retired_lots, [item.lots for item in fill.inferred_after]) == (70, [30])
    assert order.booked_lots == 100


def test_an_inference_waits_for_trades_that_come_in_time() -> None:
    bot = Bot()
    bot.buy()
    order = bot.only_order()
    bot.report(order, Evidence.FILLED)
    bot.later(1).fill(order, order.qty_lots)
    assert bot.later(5).wake() == []


@pytest.mark.parametrize(("lots", "alerts"), [(0, []), (1, ["order"])])
def test_more_than_was_ordered_is_booked_and_told(lots: int, alerts: list[str]) -> None:
    bot = Bot()
    bot.buy()
    order = bot.only_order()
    assert alerts_in(bot.fill(order, order.qty_lots + lots)) == alerts
    assert order.state is OrderState.FILLED
    assert order.reserve == 0


def test_the_cursor_of_a_venue_never_goes_back() -> None:
    bot = Bot()
    bot.buy()
    order = bot.only_order()
    bot.fill(order, 5, cursor=9)
    bot.fill(order, 5, cursor=4)
    assert bot.state.cursors == {"a": 9}
