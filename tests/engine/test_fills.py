"""Trades are booked once, inferred ones only until the real ones come."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from quarterdeck.domain import (
    Evidence,
    FillBooked,
    FillReported,
    OrderReported,
    OrderState,
    StrayFound,
    TradesPulled,
)
from quarterdeck.engine import encode_state
from quarterdeck.orders import client_prefix
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
    report = FillReported(
        bot.at_ns, "a", client_prefix("b") + "0" * 13, "t1", 5, Decimal(1), Decimal(0), "USD", "taker", 0, cursor=9
    )
    facts = bot.take(report)
    assert isinstance(facts[0], StrayFound)
    assert alerts_in(facts) == ["stray_trade"]
    assert bot.take(report) == []
    assert bot.state.positions == {}
    assert bot.state.cursors == {"a": 9}


def test_trades_and_orders_of_others_that_a_stream_tells_of_are_none_of_our_business() -> None:
    """R34: whatever does not carry our mark is theirs; it moves nothing but the place of the next pull."""
    bot = Bot()
    report = FillReported(bot.at_ns, "a", "hand-1", "t1", 5, Decimal(1), Decimal(0), "USD", "taker", 0)
    assert bot.take(report) == []
    assert bot.take(replace(report, cursor=9)) == [TradesPulled(bot.at_ns, "a", 9)]
    assert bot.take(OrderReported(bot.at_ns, "a", "hand-1", Evidence.ACKNOWLEDGED)) == []
    assert bot.state.strays == {}


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


ODD = [
    {"lots": 0},
    {"lots": -5},
    {"price": Decimal(0)},
    {"price": Decimal(-1)},
    {"price": Decimal("NaN")},
    {"price": Decimal("sNaN")},
    {"price": Decimal("Infinity")},
    {"fee": Decimal("NaN")},
    {"fee": Decimal("-Infinity")},
    {"trade_id": ""},
]


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_a_trade_that_cannot_be_true_is_refused_once_with_an_alert_and_never_booked(odd: dict[str, Any]) -> None:
    """R45: nonsense from a venue neither crashes the bot nor reaches its books; the sound trade after it does."""
    bot = Bot()
    bot.buy()
    order = bot.only_order()
    plain: dict[str, Any] = {"lots": 40, "trade_id": "t", "cursor": 7}
    facts = bot.fill(order, **(plain | odd))
    assert kinds_in(facts) == ["StrayFound", "AlertRaised"]
    assert alerts_in(facts) == ["unsound_trade"]
    assert (bot.state.positions, order.booked_lots, bot.state.cursors) == ({}, 0, {"a": 7})
    assert bot.fill(order, **(plain | odd)) == []
    assert kinds_in(bot.fill(order, 40, trade_id="t")) == ["FillBooked"]


def test_trades_are_the_same_in_any_order_and_under_any_cursor() -> None:
    """R17: a stream that begins again at an older place tells everything a second time, in another order."""
    told, again = Bot(), Bot()
    for bot in (told, again):
        bot.buy()
    trades: list[dict[str, Any]] = [
        {"lots": 10 * number, "trade_id": f"x{number}", "price": Decimal(30_000 + number), "cursor": number}
        for number in range(1, 6)
    ]
    for trade in trades:
        told.fill(told.only_order(), **trade)
    for trade in [*reversed(trades), *trades, *({**trade, "cursor": trade["cursor"] + 90} for trade in trades)]:
        again.fill(again.only_order(), **trade)
    assert told.state.position("a", BTC) == again.state.position("a", BTC)
    assert told.state.cash == again.state.cash
    assert (told.only_order().booked_lots, again.only_order().booked_lots) == (150, 150)
    assert (told.state.cursors, again.state.cursors) == ({"a": 5}, {"a": 95})


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 60), st.booleans()), max_size=20))
def test_every_trade_is_booked_just_once_however_it_is_told(told: list[tuple[int, int, bool]]) -> None:
    """I17: what is booked is the sum over distinct trades; statuses and inferences between them change nothing."""
    bot = Bot()
    bot.buy()
    order = bot.only_order()
    known: dict[int, int] = {}
    for number, drawn, with_status in told:
        bot.fill(order, known.setdefault(number, drawn), trade_id=f"x{number}", cursor=number)
        if with_status:
            bot.report(order, Evidence.ACKNOWLEDGED, reported_lots=sum(known.values()))
            bot.later(3).wake()
    assert order.booked_lots == sum(known.values())
    assert order.inferred == ()


def test_a_status_that_goes_backwards_takes_nothing_back() -> None:
    bot = Bot()
    bot.buy()
    order = bot.only_order()
    bot.report(order, Evidence.ACKNOWLEDGED, reported_lots=60)
    for lots in (10, 0, -3, None):
        bot.report(order, Evidence.ACKNOWLEDGED, reported_lots=lots)
    assert order.reported_lots == 60
    bot.fill(order, order.qty_lots)
    bot.report(order, Evidence.ACKNOWLEDGED, reported_lots=1)
    assert (order.state, order.reported_lots) == (OrderState.FILLED, order.qty_lots)
