"""Exchanges that first say that they heard an order, and decide on it later."""

from decimal import Decimal

import pytest

from quarterdeck.domain import InputError, OrderState, Side
from quarterdeck.exchange import Exchange, NewOrder, Personality, Received, Refusal, Refused, Reply
from tests.exchange.trading_floor import (
    ACCOUNT,
    free,
    limit,
    locked,
    market,
    opened,
    quote_at,
    state_of,
    statuses_in,
    trades_in,
)

BUY, SELL = Side.BUY, Side.SELL
LATE = Personality(acks="async", ack_lag_ns=50)


def floor(personality: Personality = LATE) -> Exchange:
    exchange = opened(personality)
    exchange.quote(quote_at(1), tradable=True)
    return exchange


def send(exchange: Exchange, order: NewOrder, at_ns: int = 10) -> Reply:
    reply, events = exchange.place(ACCOUNT, order, signed_at_ns=at_ns, at_ns=at_ns)
    assert events == []
    return reply


def test_the_reply_says_only_that_the_order_was_received() -> None:
    exchange = floor()
    assert send(exchange, market("a", BUY, "1")) == Received(1, "a", pending=True)
    assert locked(exchange, "USD") == 0
    assert exchange.query(ACCOUNT, "a", 59) is None
    assert exchange.open_orders(ACCOUNT, 59) == []


def test_acceptance_is_told_when_time_reaches_the_decision_with_all_that_came_of_it() -> None:
    exchange = floor()
    send(exchange, market("a", BUY, "1"))
    assert exchange.next_ns == 60
    assert exchange.advance(59) == []
    events = exchange.advance(60)
    assert [status.state for status in statuses_in(events)] == [OrderState.OPEN, OrderState.FILLED]
    assert [trade.at_ns for trade in trades_in(events)] == [60]
    assert exchange.next_ns is None


@pytest.mark.parametrize(
    ("order", "reason", "lots"),
    [
        (market("a", SELL, "10.01"), Refusal.INSUFFICIENT_BALANCE, 1001),
        (limit("a", BUY, "1", "95.05"), Refusal.OFF_GRID, 100),
        (market("a", BUY, "0.015"), Refusal.OFF_GRID, 0),
        (market("a", BUY, "-1"), Refusal.BELOW_MINIMUM, 0),
    ],
)
def test_refusal_is_told_as_an_event_and_found_by_queries(order: NewOrder, reason: Refusal, lots: int) -> None:
    exchange = floor()
    assert isinstance(send(exchange, order), Received)
    (event,) = statuses_in(exchange.advance(60))
    assert (event.state, event.qty_lots, event.number) == (OrderState.REJECTED, lots, 1)
    assert event.reason.startswith(reason)
    assert exchange.query(ACCOUNT, "a", 60) == event
    exchange.check()


def test_what_concerns_the_request_itself_is_refused_in_the_reply() -> None:
    exchange = floor()
    replies = [
        exchange.place("nobody", market("a", BUY, "1"), signed_at_ns=10, at_ns=10)[0],
        send(exchange, market("a", BUY, "1", "DOGE-USD")),
        exchange.place(ACCOUNT, market("a", BUY, "1"), signed_at_ns=0, at_ns=6_000_000_000)[0],
    ]
    assert [reply.reason for reply in replies if isinstance(reply, Refused)] == [
        Refusal.UNKNOWN_ACCOUNT,
        Refusal.UNKNOWN_INSTRUMENT,
        Refusal.EXPIRED_REQUEST,
    ]


def test_a_decision_is_made_on_the_market_and_the_money_of_its_own_instant() -> None:
    exchange = floor()
    send(exchange, market("a", BUY, "1"))
    assert exchange.quote(quote_at(59, 149.0, 151.0), tradable=True) == []
    events = exchange.quote(quote_at(61, 199.0, 201.0), tradable=True)
    assert [trade.price for trade in trades_in(events)] == [Decimal(151)]


def test_the_next_request_tells_what_fell_due_before_its_own_events() -> None:
    exchange = floor()
    send(exchange, limit("a", BUY, "1", "90.0"))
    reply, events = exchange.cancel(ACCOUNT, "a", 60)
    assert not isinstance(reply, Refused)
    assert [status.state for status in statuses_in(events)] == [OrderState.OPEN, OrderState.CANCELLED]


def test_a_cancel_that_overtakes_the_decision_finds_no_order() -> None:
    exchange = floor()
    send(exchange, limit("a", BUY, "1", "90.0"))
    reply, _ = exchange.cancel(ACCOUNT, "a", 20)
    assert isinstance(reply, Refused)
    assert reply.reason is Refusal.UNKNOWN_ORDER
    exchange.advance(60)
    assert state_of(exchange, "a") is OrderState.OPEN


def test_what_falls_due_during_a_read_is_told_by_the_next_request() -> None:
    exchange = floor()
    send(exchange, limit("a", BUY, "1", "90.0"))
    status = exchange.query(ACCOUNT, "a", 60)
    assert status is not None
    assert exchange.to_bytes() == Exchange.from_bytes(exchange.to_bytes()).to_bytes()
    assert exchange.advance(61) == [status]
    assert exchange.advance(62) == []


def test_a_pending_order_is_shown_where_that_is_the_habit() -> None:
    exchange = floor(Personality(acks="async", ack_lag_ns=50, pending_visible=True))
    send(exchange, limit("a", BUY, "1", "90.0"))
    status = exchange.query(ACCOUNT, "a", 20)
    assert status is not None
    assert (status.state, status.qty_lots, status.limit) == (OrderState.PLANNED, 100, Decimal("90.0"))


def test_one_large_step_of_time_and_many_small_ones_give_the_same_history() -> None:
    exchanges = floor(), floor()
    for exchange in exchanges:
        for number in range(5):
            send(exchange, limit(f"c{number}", BUY, "1", "90.0"), at_ns=10 + number)
    small = [event for at_ns in range(15, 80) for event in exchanges[0].advance(at_ns)]
    assert exchanges[1].advance(79) == small
    assert exchanges[0].to_bytes() == exchanges[1].to_bytes()


def test_orders_under_way_outlive_a_restart() -> None:
    exchange = floor()
    send(exchange, market("a", BUY, "1"))
    again = Exchange.from_bytes(exchange.to_bytes())
    assert again.advance(60) == exchange.advance(60)
    assert free(again, "BTC") == 11


def test_orders_are_kept_in_the_order_of_their_numbers_though_decided_late() -> None:
    exchange = floor()
    for number in range(3):
        send(exchange, limit(f"c{number}", BUY, "1", "90.0"))
    exchange.advance(60)
    assert list(exchange.state.orders) == [1, 2, 3]


def test_visibility_is_delayed_on_top_of_the_decision() -> None:
    personality = Personality(acks="async", ack_lag_ns=50, lag_ns=7)
    exchange = floor(personality)
    send(exchange, limit("a", BUY, "1", "90.0"))
    assert personality.shown_after_ns == 57
    assert exchange.query(ACCOUNT, "a", 66) is None
    assert exchange.query(ACCOUNT, "a", 67) is not None


def test_a_decision_without_delay_still_comes_after_the_reply() -> None:
    exchange = floor(Personality(acks="async"))
    assert isinstance(send(exchange, limit("a", BUY, "1", "90.0")), Received)
    assert exchange.next_ns == 10
    assert [status.state for status in statuses_in(exchange.advance(10))] == [OrderState.OPEN]


@pytest.mark.parametrize("habits", [{"ack_lag_ns": 1}, {"acks": "async", "ack_lag_ns": -1}])
def test_a_decision_lag_needs_asynchronous_decisions(habits: dict[str, object]) -> None:
    with pytest.raises(InputError, match="ack_lag_ns"):
        Personality(**habits)  # type: ignore[arg-type]
