"""Limits of a listing, halts, and listings that change while the exchange runs."""

from decimal import Decimal

import pytest

from quarterdeck.domain import InputError, OrderState, Side
from quarterdeck.exchange import Exchange, Refusal
from tests.exchange.trading_floor import (
    ACCOUNT,
    PAIR,
    free,
    limit,
    listing,
    locked,
    market,
    opened,
    place,
    quote_at,
    refusal,
    state_of,
    trades_in,
)

BUY, SELL = Side.BUY, Side.SELL


def test_more_than_the_largest_notional_is_refused_and_exactly_that_much_is_not() -> None:
    exchange = opened(notional_max=Decimal(200))
    exchange.quote(quote_at(1, 99.0, 100.0, qty=5.0), tradable=True)
    assert refusal(exchange, market("a", BUY, "2.01")) is Refusal.ABOVE_MAXIMUM_NOTIONAL
    assert refusal(exchange, limit("b", SELL, "2", "100.1")) is Refusal.ABOVE_MAXIMUM_NOTIONAL
    assert place(exchange, market("c", BUY, "2"))[0].state is OrderState.FILLED


def test_what_is_not_tradable_is_refused_and_takes_no_money() -> None:
    """S8: a halted or delisted market."""
    exchange = opened(tradable=False)
    exchange.quote(quote_at(1), tradable=True)
    assert refusal(exchange, market("a", BUY, "1")) is Refusal.NOT_TRADABLE
    assert refusal(exchange, limit("b", SELL, "1", "100.0")) is Refusal.NOT_TRADABLE


def test_a_halt_leaves_orders_standing_lets_them_be_cancelled_and_executes_nothing() -> None:
    exchange = opened()
    place(exchange, limit("a", BUY, "1", "100.0"))
    place(exchange, limit("b", BUY, "1", "100.0"))
    exchange.relist(listing(tradable=False))
    assert exchange.quote(quote_at(2, 97.0, 98.0), tradable=True) == []
    assert exchange.trade_range(PAIR, 90.0, 110.0, 3) == []
    exchange.cancel(ACCOUNT, "b", 4)
    exchange.relist(listing())
    events = exchange.quote(quote_at(5, 97.0, 98.0), tradable=True)
    assert [trade.client_id for trade in trades_in(events)] == ["a"]
    exchange.check()


def test_another_fee_tier_applies_from_the_next_trade_on() -> None:
    exchange = opened()
    exchange.quote(quote_at(1), tradable=True)
    place(exchange, market("a", BUY, "0.5"))
    exchange.relist(listing(fee_taker=Decimal("0.01")))
    place(exchange, market("b", BUY, "0.5"))
    assert [trade.fee for trade in exchange.fills_after(ACCOUNT, 0)] == [Decimal("0.101"), Decimal("0.505")]


def test_a_dearer_fee_tier_never_spends_what_an_order_that_works_did_not_hold() -> None:
    exchange = opened(usd="100.2", btc="0")
    place(exchange, limit("a", BUY, "1", "100.0"))
    exchange.relist(listing(fee_maker=Decimal("0.05"), fee_taker=Decimal("0.05")))
    for at_ns in (1, 2):
        exchange.quote(quote_at(at_ns, 98.0, 99.0, qty=0.5, levels=1), tradable=True)
        exchange.check()
    assert state_of(exchange, "a") is OrderState.FILLED
    assert free(exchange, "USD") == locked(exchange, "USD") == 0


def test_a_new_instrument_can_be_listed_while_the_exchange_runs() -> None:
    exchange = opened()
    exchange.relist(listing("ETH-USD"))
    exchange.quote(quote_at(1, instrument="ETH-USD"), tradable=True)
    assert place(exchange, market("a", BUY, "1", "ETH-USD"))[0].state is OrderState.FILLED
    again = Exchange.from_bytes(exchange.to_bytes())
    assert list(again.setup.listings) == [PAIR, "ETH-USD"]


def test_the_grid_may_change_only_before_anybody_ordered() -> None:
    exchange = opened()
    exchange.quote(quote_at(1, 99.04, 100.96), tradable=True)
    exchange.relist(listing(tick=Decimal("0.01")))
    assert place(exchange, market("a", BUY, "1"))[0].price == Decimal("100.96")
    with pytest.raises(InputError, match="tick, lot and assets must stay"):
        exchange.relist(listing(tick=Decimal("0.1")))


def test_the_listing_of_another_venue_is_refused() -> None:
    with pytest.raises(InputError, match="this is alpha"):
        opened().relist(listing(venue="beta"))
