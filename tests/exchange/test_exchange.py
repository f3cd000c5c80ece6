from decimal import Decimal

import pytest

from quarterdeck.domain import InputError, IntegrityError, OrderKind, OrderState, Quote, Side
from quarterdeck.exchange import Exchange, NewOrder, OrderStatus, Personality, Refusal, Refused, Trade
from tests.exchange.trading_floor import (
    ACCOUNT,
    PAIR,
    SECOND,
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


def test_a_market_order_walks_a_tradable_book_and_pays_taker_fees() -> None:
    exchange = opened()
    exchange.quote(quote_at(1), tradable=True)
    status, events = place(exchange, market("a", BUY, "1.5"))
    assert status.state is OrderState.FILLED
    assert status.price == Decimal("101.333333333333")
    assert [(trade.price, trade.lots, trade.liquidity) for trade in trades_in(events)] == [
        (Decimal("101.0"), 100, "taker"),
        (Decimal("102.0"), 50, "taker"),
    ]
    assert free(exchange, "BTC") == Decimal("11.5")
    assert free(exchange, "USD") == 10000 - Decimal(152) * Decimal("1.002")
    assert locked(exchange, "USD") == 0


def test_events_tell_the_acceptance_then_trades_then_the_end() -> None:
    exchange = opened()
    exchange.quote(quote_at(1), tradable=True)
    _, events = place(exchange, market("a", SELL, "1"))
    kinds = [event.state if isinstance(event, OrderStatus) else "trade" for event in events]
    assert kinds == [OrderState.OPEN, "trade", OrderState.FILLED]


def test_the_depth_of_a_quote_is_given_only_once() -> None:
    exchange = opened()
    quote = quote_at(1)
    exchange.quote(quote, tradable=True)
    place(exchange, market("a", BUY, "1"))
    exchange.quote(quote, tradable=True)
    _, events = place(exchange, market("b", BUY, "1"))
    assert [trade.price for trade in trades_in(events)] == [Decimal("102.0")]
    exchange.quote(quote_at(2), tradable=True)
    _, events = place(exchange, market("c", BUY, "1"), at_ns=2)
    assert [trade.price for trade in trades_in(events)] == [Decimal("101.0")]


def test_what_the_book_does_not_offer_expires() -> None:
    exchange = opened()
    exchange.quote(quote_at(1), tradable=True)
    status, _ = place(exchange, market("a", SELL, "5"))
    assert (status.state, status.filled_lots, status.reason) == (OrderState.EXPIRED, 300, Refusal.NO_LIQUIDITY)
    assert locked(exchange, "BTC") == 0


def test_what_the_book_does_not_offer_rests_where_that_is_the_habit() -> None:
    exchange = opened(Personality(market_remainder="rests"))
    exchange.quote(quote_at(1), tradable=True)
    status, _ = place(exchange, market("a", BUY, "5"))
    assert (status.state, status.filled_lots) == (OrderState.PARTIALLY_FILLED, 300)
    assert locked(exchange, "USD") > 0
    exchange.quote(quote_at(2), tradable=True)
    exchange.check()
    assert state_of(exchange, "a") is OrderState.FILLED
    assert locked(exchange, "USD") == 0


def test_a_share_of_the_depth_fills_orders_in_parts() -> None:
    exchange = opened(Personality(depth_share=0.1, market_remainder="rests"))
    exchange.quote(quote_at(1, levels=1), tradable=True)
    status, _ = place(exchange, market("a", BUY, "0.25"))
    assert status.filled_lots == 10
    exchange.quote(quote_at(2, levels=1), tradable=True)
    exchange.quote(quote_at(3, levels=1), tradable=True)
    assert state_of(exchange, "a") is OrderState.FILLED
    assert [trade.lots for trade in exchange.fills_after(ACCOUNT, 0)] == [10, 10, 5]


def test_a_market_order_between_two_bars_fills_at_the_next_tradable_quote() -> None:
    exchange = opened()
    exchange.quote(quote_at(1), tradable=False)
    status, events = place(exchange, market("a", BUY, "1"))
    assert (status.state, trades_in(events)) == (OrderState.OPEN, [])
    assert exchange.quote(quote_at(2, 199.0, 201.0), tradable=False) == []
    events = exchange.quote(quote_at(2, 109.0, 111.0), tradable=True)
    assert [trade.price for trade in trades_in(events)] == [Decimal("111.0")]
    assert state_of(exchange, "a") is OrderState.FILLED
    exchange.check()


def test_a_waiting_market_order_whose_cash_is_short_at_the_open_is_rejected() -> None:
    exchange = opened(usd="110")
    exchange.quote(quote_at(1), tradable=False)
    place(exchange, market("a", BUY, "1"))
    assert locked(exchange, "USD") == Decimal("101.0") * Decimal("1.002")
    events = exchange.quote(quote_at(2, 119.0, 121.0), tradable=True)
    assert [(e.state, e.reason) for e in events if isinstance(e, OrderStatus)] == [
        (OrderState.REJECTED, Refusal.INSUFFICIENT_BALANCE)
    ]
    assert free(exchange, "USD") == 110
    exchange.check()


def test_a_waiting_market_order_may_use_what_became_affordable() -> None:
    exchange = opened(usd="100")
    exchange.quote(quote_at(1), tradable=False)
    place(exchange, market("a", BUY, "1"))
    exchange.quote(quote_at(2, 89.0, 91.0), tradable=True)
    assert state_of(exchange, "a") is OrderState.FILLED


def test_a_limit_order_locks_its_limit_and_the_dearer_fee() -> None:
    exchange = opened()
    exchange.quote(quote_at(1), tradable=True)
    status, _ = place(exchange, limit("a", BUY, "2", "95.0"))
    assert status.state is OrderState.OPEN
    assert locked(exchange, "USD") == Decimal(190) * Decimal("1.002")
    exchange.cancel(ACCOUNT, "a", 2)
    assert free(exchange, "USD") == 10000
    assert locked(exchange, "USD") == 0


def test_a_marketable_limit_order_takes_at_the_prices_of_the_book_and_rests_with_the_remainder() -> None:
    exchange = opened()
    exchange.quote(quote_at(1), tradable=True)
    status, events = place(exchange, limit("a", BUY, "3", "102.0"))
    assert [(trade.price, trade.liquidity) for trade in trades_in(events)] == [
        (Decimal("101.0"), "taker"),
        (Decimal("102.0"), "taker"),
    ]
    assert (status.state, status.filled_lots) == (OrderState.PARTIALLY_FILLED, 200)
    assert locked(exchange, "USD") == Decimal(102) * Decimal("1.002")


def test_a_resting_limit_order_fills_at_its_limit_as_maker_when_the_other_side_reaches_it() -> None:
    exchange = opened()
    exchange.quote(quote_at(1), tradable=True)
    place(exchange, limit("a", BUY, "0.5", "95.0"))
    assert exchange.quote(quote_at(2, 93.1, 95.1), tradable=True) == []
    assert exchange.quote(quote_at(3, 90.0, 92.0), tradable=False) == []
    events = exchange.quote(quote_at(4, 90.0, 92.0), tradable=True)
    (trade,) = trades_in(events)
    assert (trade.price, trade.liquidity, trade.fee) == (Decimal("95.0"), "maker", Decimal("0.0475"))
    assert locked(exchange, "USD") == 0
    exchange.check()


@pytest.mark.parametrize(("side", "price"), [(BUY, "101"), (SELL, "99")])
def test_a_price_of_a_bar_fills_a_resting_limit_only_where_it_lies_beyond(side: Side, price: str) -> None:
    exchange = opened()
    exchange.quote(quote_at(1, 90.0, 110.0), tradable=True)
    place(exchange, limit("a", side, "1", price))
    assert exchange.quote(quote_at(2), tradable=True, through=True) == []  # 99 and 101: it touches
    beyond = quote_at(3, 98.8, 100.9) if side is BUY else quote_at(3, 99.1, 101.2)
    trades = trades_in(exchange.quote(beyond, tradable=True, through=True))
    assert [(trade.price, trade.liquidity) for trade in trades] == [(Decimal(price), "maker")]


def test_a_price_of_a_bar_fills_waiting_market_orders_like_any_other() -> None:
    exchange = opened()
    exchange.quote(quote_at(1), tradable=False)
    place(exchange, market("a", BUY, "1"))
    assert [trade.price for trade in trades_in(exchange.quote(quote_at(2), tradable=True, through=True))] == [101]


def test_resting_orders_share_the_depth_by_price_then_by_time() -> None:
    exchange = opened()
    exchange.quote(quote_at(1), tradable=True)
    for client_id, price in (("late-worse", "94.0"), ("first", "95.0"), ("second", "95.0")):
        place(exchange, limit(client_id, BUY, "1", price))
    exchange.quote(quote_at(2, 92.0, 94.0, qty=1.5, levels=1), tradable=True)
    assert [(trade.client_id, trade.lots) for trade in exchange.fills_after(ACCOUNT, 0)] == [
        ("first", 100),
        ("second", 50),
    ]


def test_a_bar_fills_only_limits_that_it_traded_through() -> None:
    exchange = opened()
    exchange.quote(quote_at(1), tradable=False)
    place(exchange, limit("buy", BUY, "1", "95.0"), at_ns=1)
    place(exchange, limit("sell", SELL, "1", "105.0"), at_ns=1)
    place(exchange, market("waiting", BUY, "1"), at_ns=1)
    assert exchange.trade_range(PAIR, 95.0, 105.0, 60) == []
    events = exchange.trade_range(PAIR, 94.9, 105.0, 120)
    assert [(t.client_id, t.price, t.liquidity) for t in trades_in(events)] == [("buy", Decimal("95.0"), "maker")]
    assert state_of(exchange, "sell") is OrderState.OPEN
    assert state_of(exchange, "waiting") is OrderState.OPEN
    exchange.check()


def test_a_bar_says_nothing_about_orders_placed_at_its_end() -> None:
    exchange = opened()
    exchange.quote(quote_at(60), tradable=False)
    place(exchange, limit("a", BUY, "1", "95.0"), at_ns=60)
    assert exchange.trade_range(PAIR, 90.0, 100.0, 60) == []


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (2.0, 1.0), (float("nan"), 1.0), (1.0, float("inf"))])
def test_an_impossible_bar_is_an_error(low: float, high: float) -> None:
    with pytest.raises(InputError, match="must be finite"):
        opened().trade_range(PAIR, low, high, 60)


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (market("a", BUY, "1", "DOGE-USD"), Refusal.UNKNOWN_INSTRUMENT),
        (market("a", BUY, "0.015"), Refusal.OFF_GRID),
        (market("a", BUY, "NaN"), Refusal.OFF_GRID),
        (limit("a", BUY, "1", "95.05"), Refusal.OFF_GRID),
        (limit("a", BUY, "1", "1e999999"), Refusal.OFF_GRID),
        (limit("a", BUY, "1", "-95"), Refusal.BAD_PRICE),
        (limit("a", BUY, "1", "0"), Refusal.BAD_PRICE),
        (NewOrder("a", PAIR, BUY, OrderKind.LIMIT, Decimal(1)), Refusal.BAD_PRICE),
        (NewOrder("a", PAIR, BUY, OrderKind.MARKET, Decimal(1), Decimal(95)), Refusal.BAD_PRICE),
        (market("a", BUY, "0"), Refusal.BELOW_MINIMUM),
        (market("a", SELL, "-1"), Refusal.BELOW_MINIMUM),
        (market("a", BUY, "1000.01"), Refusal.ABOVE_MAXIMUM),
        (market("a", BUY, "0.04"), Refusal.BELOW_MINIMUM_NOTIONAL),
        (limit("a", BUY, "0.05", "99.9"), Refusal.BELOW_MINIMUM_NOTIONAL),
        (market("a", SELL, "10.01"), Refusal.INSUFFICIENT_BALANCE),
        (limit("a", BUY, "100", "99.9"), Refusal.INSUFFICIENT_BALANCE),
    ],
)
def test_a_bad_order_is_refused_without_a_trace(order: NewOrder, reason: Refusal) -> None:
    exchange = opened()
    exchange.quote(quote_at(1), tradable=True)
    assert refusal(exchange, order) is reason
    assert state_of(exchange, "a") is None


def test_a_market_buy_beyond_the_cash_is_refused() -> None:
    exchange = opened(usd="101")
    exchange.quote(quote_at(1), tradable=True)
    assert refusal(exchange, market("a", BUY, "1")) is Refusal.INSUFFICIENT_BALANCE


def test_money_that_another_order_holds_cannot_be_used() -> None:
    exchange = opened()
    exchange.quote(quote_at(1), tradable=True)
    place(exchange, limit("a", SELL, "9.5", "150.0"))
    assert refusal(exchange, market("b", SELL, "1")) is Refusal.INSUFFICIENT_BALANCE


def test_an_unknown_account_is_refused() -> None:
    assert refusal(opened(), market("a", BUY, "1"), account="nobody") is Refusal.UNKNOWN_ACCOUNT


def test_a_request_is_honoured_up_to_its_validity_and_not_beyond() -> None:
    exchange = opened(Personality(validity_ns=5 * SECOND))
    exchange.quote(quote_at(1), tradable=True)
    place(exchange, market("a", BUY, "1"), at_ns=1)
    late = 1 + 5 * SECOND
    assert refusal(exchange, market("b", BUY, "1"), signed_at_ns=1, at_ns=late + 1) is Refusal.EXPIRED_REQUEST
    exchange = opened(Personality(validity_ns=5 * SECOND))
    exchange.quote(quote_at(1), tradable=True)
    reply, _ = exchange.place(ACCOUNT, market("b", BUY, "1"), signed_at_ns=1, at_ns=late)
    assert not isinstance(reply, Refused)


def test_time_never_goes_back() -> None:
    exchange = opened(Personality(validity_ns=SECOND))
    exchange.advance(10 * SECOND)
    assert refusal(exchange, market("a", BUY, "1"), signed_at_ns=1, at_ns=1) is Refusal.EXPIRED_REQUEST
    assert exchange.now_ns == 10 * SECOND


def test_an_accepted_order_becomes_visible_after_the_lag() -> None:
    exchange = opened(Personality(lag_ns=SECOND))
    exchange.quote(quote_at(1), tradable=True)
    place(exchange, limit("a", BUY, "1", "90.0"), at_ns=1)
    assert exchange.query(ACCOUNT, "a", SECOND) is None
    assert exchange.open_orders(ACCOUNT, SECOND) == []
    status = exchange.query(ACCOUNT, "a", SECOND + 1)
    assert status is not None
    assert status.state is OrderState.OPEN
    assert exchange.open_orders(ACCOUNT, 0) == [status]


def test_a_cancel_keeps_what_filled() -> None:
    exchange = opened()
    exchange.quote(quote_at(1), tradable=True)
    place(exchange, limit("a", BUY, "3", "101.0"))
    reply, events = exchange.cancel(ACCOUNT, "a", 2)
    assert not isinstance(reply, Refused)
    assert (reply.status.state, reply.status.filled_lots) == (OrderState.CANCELLED, 100)
    assert events == [reply.status]
    assert exchange.cancel(ACCOUNT, "a", 3)[0] == Refused(Refusal.ORDER_ENDED, "order 'a' is cancelled")
    assert exchange.cancel(ACCOUNT, "b", 3)[0] == Refused(Refusal.UNKNOWN_ORDER, "no order 'b'")


def test_cancel_all_takes_only_what_carries_the_prefix() -> None:
    exchange = opened()
    for client_id in ("bot1", "other", "bot2"):
        place(exchange, limit(client_id, BUY, "1", "90.0"))
    refused, events = exchange.cancel_all(ACCOUNT, "bot", 2)
    assert refused is None
    assert [event.client_id for event in statuses_in(events)] == ["bot1", "bot2"]
    assert [order.client_id for order in exchange.open_orders(ACCOUNT, 3)] == ["other"]


def test_fills_are_numbered_without_gaps_and_pulled_by_cursor() -> None:
    exchange = opened()
    exchange.deposit("other", "USD", Decimal(1000))
    exchange.quote(quote_at(1, qty=10.0), tradable=True)
    place(exchange, market("a", BUY, "1"))
    place(exchange, market("x", BUY, "1"), account="other")
    place(exchange, market("b", SELL, "1"))
    assert [(trade.cursor, trade.client_id) for trade in exchange.fills_after(ACCOUNT, 0)] == [(1, "a"), (3, "b")]
    assert [trade.cursor for trade in exchange.fills_after(ACCOUNT, 1)] == [3]
    assert exchange.fills_after(ACCOUNT, 3) == exchange.fills_after(ACCOUNT, 99) == []


def test_old_history_is_forgotten_and_asking_for_it_is_an_error() -> None:
    exchange = opened(Personality(history_max=3), usd="100000")
    place(exchange, limit("resting", BUY, "1", "50.0"))
    for number in range(12):
        exchange.quote(quote_at(number + 1), tradable=True)
        place(exchange, market(f"c{number}", BUY if number % 2 else SELL, "1"), at_ns=number + 1)
    assert len(exchange.state.trades) <= 6
    assert len(exchange.state.orders) <= 6
    assert state_of(exchange, "c0") is None
    assert state_of(exchange, "resting") is OrderState.OPEN
    assert exchange.fills_after(ACCOUNT, 11)[-1].cursor == 12
    with pytest.raises(InputError, match="forgotten"):
        exchange.fills_after(ACCOUNT, 0)


def test_an_older_quote_is_ignored_and_a_newer_statement_of_the_same_instant_counts() -> None:
    exchange = opened()
    exchange.quote(quote_at(10), tradable=True)
    exchange.quote(quote_at(9, 1.0, 2.0), tradable=True)
    _, events = place(exchange, market("a", BUY, "0.5"), at_ns=10)
    exchange.quote(quote_at(10, 104.0, 106.0), tradable=True)
    _, more = place(exchange, market("b", BUY, "0.5"), at_ns=10)
    assert [trade.price for trade in trades_in(events + more)] == [Decimal("101.0"), Decimal("106.0")]


def test_a_quote_without_usable_levels_offers_nothing() -> None:
    exchange = opened()
    nonsense = ((float("nan"), 1.0), (0.0, 1.0), (-5.0, 1.0), (float("inf"), 1.0), (100.0, float("nan")), (1e300, 1.0))
    exchange.quote(Quote("alpha", PAIR, 1, 0.0, nonsense, nonsense), tradable=True)
    status, _ = place(exchange, market("a", BUY, "1"))
    assert (status.state, status.filled_lots) == (OrderState.EXPIRED, 0)


def test_prices_off_the_grid_are_rounded_against_the_customer() -> None:
    exchange = opened()
    exchange.quote(Quote("alpha", PAIR, 1, 100.0, ((99.97, 1.0),), ((100.03, 1.0),)), tradable=True)
    _, bought = place(exchange, market("a", BUY, "0.5"))
    _, sold = place(exchange, market("b", SELL, "0.5"))
    assert [trade.price for trade in trades_in(bought + sold)] == [Decimal("100.1"), Decimal("99.9")]


def test_a_quote_for_an_unlisted_instrument_is_an_error() -> None:
    with pytest.raises(InputError, match="does not list ETH-USD"):
        opened().quote(quote_at(1, instrument="ETH-USD"), tradable=True)


def test_no_more_can_be_withdrawn_than_is_free() -> None:
    exchange = opened()
    place(exchange, limit("a", SELL, "6", "150.0"))
    with pytest.raises(InputError, match=r"only 4.* are free"):
        exchange.deposit(ACCOUNT, "BTC", Decimal(-5))
    exchange.deposit(ACCOUNT, "BTC", Decimal(-4))
    assert free(exchange, "BTC") == 0


def test_bytes_that_are_no_exchange_are_an_integrity_error() -> None:
    with pytest.raises(IntegrityError, match="cannot be read"):
        Exchange.from_bytes(b"\x80")


def test_trades_and_orders_carry_the_venues_ids() -> None:
    exchange = opened()
    exchange.quote(quote_at(1), tradable=True)
    status, events = place(exchange, market("a", BUY, "1"))
    (trade,) = trades_in(events)
    assert (status.venue_order_id, trade.trade_id, trade.order_number) == ("o1", "t1", status.number)
    assert isinstance(trade, Trade)


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity", "-1"])
def test_a_deposit_that_is_refused_leaves_no_trace(amount: str) -> None:
    exchange = opened()
    before = exchange.to_bytes()
    with pytest.raises(InputError, match="account nobody"):
        exchange.deposit("nobody", "USD", Decimal(amount))
    assert exchange.to_bytes() == before
    exchange.check()
