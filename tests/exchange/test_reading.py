"""What an exchange shows late, or not at all."""

from quarterdeck.domain import OrderState, Side
from quarterdeck.exchange import Exchange, Personality
from tests.exchange.trading_floor import ACCOUNT, limit, market, opened, place, quote_at, state_of, trades_in

BUY = Side.BUY


def test_a_trade_is_listed_only_after_its_lag_and_told_at_once() -> None:
    exchange = opened(Personality(fills_lag_ns=50))
    exchange.quote(quote_at(1), tradable=True)
    _, events = place(exchange, market("a", BUY, "1"), at_ns=10)
    assert len(trades_in(events)) == 1
    exchange.advance(59)
    assert exchange.fills_after(ACCOUNT, 0) == []
    exchange.advance(60)
    assert exchange.fills_after(ACCOUNT, 0) == trades_in(events)


def test_trades_that_lag_are_missing_from_the_end_never_from_the_middle() -> None:
    exchange = opened(Personality(fills_lag_ns=50))
    for at_ns in (10, 20, 30):
        exchange.quote(quote_at(at_ns), tradable=True)
        place(exchange, market(f"c{at_ns}", BUY, "0.5"), at_ns=at_ns)
    exchange.advance(75)
    assert [trade.cursor for trade in exchange.fills_after(ACCOUNT, 0)] == [1, 2]


def test_a_hidden_order_is_not_found_before_its_instant_and_trades_all_the_while() -> None:
    """F8: not found, though accepted."""
    exchange = opened()
    exchange.quote(quote_at(1), tradable=True)
    exchange.hide(ACCOUNT, "a", 100)
    place(exchange, limit("a", BUY, "1", "95.0"), at_ns=10)
    assert exchange.query(ACCOUNT, "a", 99) is None
    assert exchange.open_orders(ACCOUNT, 99) == []
    exchange.quote(quote_at(99, 90.0, 92.0), tradable=True)
    assert [trade.client_id for trade in exchange.fills_after(ACCOUNT, 0)] == ["a"]
    exchange.advance(100)
    assert state_of(exchange, "a") is OrderState.FILLED


def test_an_order_may_be_hidden_after_it_was_seen() -> None:
    exchange = opened()
    place(exchange, limit("a", BUY, "1", "95.0"))
    exchange.hide(ACCOUNT, "a", 100)
    assert state_of(exchange, "a") is None
    again = Exchange.from_bytes(exchange.to_bytes())
    assert state_of(again, "a") is None
    assert again.query(ACCOUNT, "a", 100) is not None


def test_what_was_hidden_until_now_is_forgotten_with_the_next() -> None:
    exchange = opened()
    exchange.hide(ACCOUNT, "a", 10)
    exchange.advance(10)
    exchange.hide(ACCOUNT, "b", 20)
    assert exchange.state.head.injected.hidden == {ACCOUNT: {"b": 20}}
