"""Protective orders that rest at the exchange."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from quarterdeck.domain import OrderKind, OrderState, Side
from quarterdeck.exchange import Exchange, NewOrder, Personality, Refusal
from tests.exchange.trading_floor import (
    ACCOUNT,
    PAIR,
    free,
    limit,
    locked,
    market,
    opened,
    place,
    quote_at,
    refusal,
    state_of,
    statuses_in,
    trades_in,
)

BUY, SELL = Side.BUY, Side.SELL
STOPS = Personality(stops=True)


def stop(client_id: str, side: Side, qty: str, trigger: str) -> NewOrder:
    return NewOrder(client_id, PAIR, side, OrderKind.STOP, Decimal(qty), trigger=Decimal(trigger))


def protected(personality: Personality = STOPS) -> Exchange:
    """An exchange at 100, with a stop for all of its bitcoin at 90."""
    exchange = opened(personality)
    exchange.quote(quote_at(1, qty=20.0), tradable=True)
    place(exchange, stop("s", SELL, "10", "90.0"))
    return exchange


def test_a_stop_is_refused_where_none_may_rest() -> None:
    exchange = opened()
    exchange.quote(quote_at(1), tradable=True)
    assert refusal(exchange, stop("s", SELL, "1", "90.0")) is Refusal.NOT_SUPPORTED


def test_a_sell_stop_locks_its_base_and_trades_nothing_above_its_trigger() -> None:
    exchange = protected()
    assert exchange.balances(ACCOUNT)["BTC"] == (Decimal(0), Decimal(10))
    assert exchange.quote(quote_at(2, 90.0, 92.0), tradable=True) == []
    assert refusal(exchange, market("m", SELL, "1")) is Refusal.INSUFFICIENT_BALANCE
    (status,) = exchange.open_orders(ACCOUNT, 2)
    assert (status.trigger, status.limit) == (Decimal("90.0"), None)


@pytest.mark.parametrize("bid", [89.0, 50.0])
def test_a_tradable_quote_at_the_trigger_or_beyond_wakes_a_stop_and_fills_it(bid: float) -> None:
    exchange = protected()
    events = exchange.quote(quote_at(2, bid, bid + 2, qty=20.0), tradable=True)
    exchange.check()
    assert [(status.state, status.reason) for status in statuses_in(events)] == [
        (OrderState.OPEN, "triggered"),
        (OrderState.FILLED, ""),
    ]
    assert [(trade.price, trade.liquidity) for trade in trades_in(events)] == [(Decimal(str(bid)), "taker")]
    assert locked(exchange, "BTC") == 0


def test_a_quote_that_is_not_tradable_wakes_nobody() -> None:
    exchange = protected()
    assert exchange.quote(quote_at(2, 80.0, 82.0), tradable=False) == []


def test_no_price_is_not_a_low_price() -> None:
    """R47, R58: zero and NaN are no prices."""
    exchange = protected()
    for at_ns, nothing in enumerate((0.0, float("nan"), -1.0), start=2):
        assert exchange.quote(replace(quote_at(at_ns), last=nothing), tradable=True) == []


def test_a_bar_that_traded_at_the_trigger_wakes_a_stop_and_the_next_tradable_quote_fills_it() -> None:
    exchange = protected()
    exchange.quote(quote_at(2), tradable=False)
    assert exchange.trade_range(PAIR, 90.1, 120.0, 60) == []
    events = exchange.trade_range(PAIR, 90.0, 120.0, 60)
    assert [status.reason for status in statuses_in(events)] == ["triggered"]
    events = exchange.quote(quote_at(61, 94.0, 96.0, qty=20.0), tradable=True)
    assert [trade.price for trade in trades_in(events)] == [Decimal(94)]
    assert state_of(exchange, "s") is OrderState.FILLED


def test_a_bar_says_nothing_about_a_stop_placed_at_its_end() -> None:
    exchange = protected()
    assert exchange.trade_range(PAIR, 50.0, 60.0, 1) == []


def test_a_buy_stop_holds_its_cost_at_the_trigger_and_wakes_from_below() -> None:
    exchange = opened(STOPS)
    exchange.quote(quote_at(1), tradable=True)
    place(exchange, stop("s", BUY, "1", "110.0"))
    assert locked(exchange, "USD") == 110 * Decimal("1.002")
    assert exchange.quote(quote_at(2, 108.0, 110.0), tradable=True) == []
    events = exchange.quote(quote_at(3, 109.0, 111.0), tradable=True)
    assert [trade.price for trade in trades_in(events)] == [Decimal(111)]
    assert locked(exchange, "USD") == 0


def test_a_buy_stop_that_cannot_be_paid_when_it_wakes_is_rejected() -> None:
    exchange = opened(STOPS, usd="111")
    exchange.quote(quote_at(1), tradable=True)
    place(exchange, stop("s", BUY, "1", "110.0"))
    events = exchange.quote(quote_at(2, 129.0, 131.0), tradable=True)
    assert [status.reason for status in statuses_in(events)] == ["triggered", Refusal.INSUFFICIENT_BALANCE]
    assert exchange.balances(ACCOUNT)["USD"] == (Decimal(111), Decimal(0))


def test_a_stop_beyond_the_market_is_refused_where_that_is_the_habit() -> None:
    exchange = opened(Personality(stops=True, stops_refuse_crossed=True))
    exchange.quote(quote_at(1), tradable=True)
    assert refusal(exchange, stop("s", SELL, "1", "100.0")) is Refusal.WOULD_TRIGGER
    assert refusal(exchange, stop("b", BUY, "1", "100.0")) is Refusal.WOULD_TRIGGER
    place(exchange, stop("s", SELL, "1", "99.9"))


def test_elsewhere_a_stop_beyond_the_market_triggers_at_once() -> None:
    exchange = opened(STOPS)
    exchange.quote(quote_at(1), tradable=True)
    status, events = place(exchange, stop("s", SELL, "1", "105.0"))
    assert status.state is OrderState.FILLED
    assert [trade.price for trade in trades_in(events)] == [Decimal(99)]


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (NewOrder("s", PAIR, SELL, OrderKind.STOP, Decimal(1)), Refusal.BAD_PRICE),
        (NewOrder("s", PAIR, SELL, OrderKind.MARKET, Decimal(1), trigger=Decimal(90)), Refusal.BAD_PRICE),
        (NewOrder("s", PAIR, SELL, OrderKind.STOP, Decimal(1), Decimal(90), Decimal(90)), Refusal.BAD_PRICE),
        (stop("s", SELL, "1", "90.05"), Refusal.OFF_GRID),
        (stop("s", SELL, "1", "-90"), Refusal.BAD_PRICE),
        (stop("s", SELL, "0.05", "90.0"), Refusal.BELOW_MINIMUM_NOTIONAL),
        (stop("s", SELL, "11", "90.0"), Refusal.INSUFFICIENT_BALANCE),
        (stop("s", BUY, "200", "110.0"), Refusal.INSUFFICIENT_BALANCE),
    ],
)
def test_a_bad_stop_is_refused_without_a_trace(order: NewOrder, reason: Refusal) -> None:
    exchange = opened(STOPS)
    exchange.quote(quote_at(1), tradable=True)
    assert refusal(exchange, order) is reason


def test_a_stop_can_be_cancelled_before_and_after_it_woke() -> None:
    exchange = protected()
    exchange.quote(quote_at(2), tradable=False)
    place(exchange, limit("x", BUY, "1", "90.0"), at_ns=2)
    exchange.trade_range(PAIR, 80.0, 100.0, 60)
    exchange.cancel(ACCOUNT, "s", 61)
    assert exchange.quote(quote_at(62), tradable=True) == []
    assert free(exchange, "BTC") == 11


def test_a_woken_stop_is_still_awake_after_a_restart() -> None:
    exchange = protected()
    exchange.quote(quote_at(2), tradable=False)
    exchange.trade_range(PAIR, 80.0, 100.0, 60)
    again = Exchange.from_bytes(exchange.to_bytes())
    again.quote(quote_at(61, qty=20.0), tradable=True)
    assert state_of(again, "s") is OrderState.FILLED


def test_a_halted_market_wakes_nobody() -> None:
    exchange = protected()
    exchange.relist(replace(exchange.setup.listings[PAIR], tradable=False))
    assert exchange.quote(quote_at(2, 50.0, 52.0), tradable=True) == []
    assert exchange.trade_range(PAIR, 50.0, 60.0, 3) == []
