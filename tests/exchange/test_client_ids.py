from quarterdeck.domain import OrderState, Side
from quarterdeck.exchange import Accepted, Personality, Received, Refusal, Refused
from tests.exchange.trading_floor import ACCOUNT, limit, opened, place, quote_at, refusal

BUY = Side.BUY
WORKING = limit("a", BUY, "1", "90.0")
FILLING = limit("a", BUY, "1", "101.0")


def test_a_client_id_that_is_unique_for_ever_stays_used_after_the_order_ended() -> None:
    exchange = opened(Personality(client_id_scope="ever"))
    exchange.quote(quote_at(1), tradable=True)
    place(exchange, FILLING)
    assert refusal(exchange, WORKING) is Refusal.DUPLICATE_CLIENT_ID


def test_a_client_id_among_open_orders_is_free_again_after_the_fill() -> None:
    exchange = opened(Personality(client_id_scope="open"))
    exchange.quote(quote_at(1), tradable=True)
    first, _ = place(exchange, FILLING)
    second, _ = place(exchange, WORKING)
    assert second.number > first.number
    assert refusal(exchange, WORKING) is Refusal.DUPLICATE_CLIENT_ID
    found = exchange.query(ACCOUNT, "a", 1)
    assert found is not None
    assert found.number == second.number


def test_a_venue_that_answers_with_the_old_order_places_nothing() -> None:
    exchange = opened(Personality(client_id_scope="answers_old"))
    exchange.quote(quote_at(1), tradable=True)
    first, _ = place(exchange, FILLING)
    reply, events = exchange.place(ACCOUNT, WORKING, signed_at_ns=2, at_ns=2)
    assert reply == Accepted(first)
    assert first.state is OrderState.FILLED
    assert events == []
    assert exchange.open_orders(ACCOUNT, 2) == []


def test_orders_without_a_client_id_never_collide() -> None:
    exchange = opened()
    place(exchange, limit("", BUY, "1", "90.0"))
    place(exchange, limit("", BUY, "1", "91.0"))
    assert len(exchange.open_orders(ACCOUNT, 1)) == 2


def test_ids_are_remembered_across_a_restart() -> None:
    exchange = opened()
    exchange.quote(quote_at(1), tradable=True)
    place(exchange, FILLING)
    assert refusal(type(exchange).from_bytes(exchange.to_bytes()), WORKING) is Refusal.DUPLICATE_CLIENT_ID


def test_a_venue_that_forgets_knows_an_ended_order_no_more_but_still_lists_its_trades() -> None:
    """F9, R4: asking by client id after the fill is no proof that nothing was placed."""
    exchange = opened(Personality(client_id_scope="forgets"))
    exchange.quote(quote_at(1), tradable=True)
    place(exchange, FILLING)
    assert exchange.query(ACCOUNT, "a", 1) is None
    assert exchange.cancel(ACCOUNT, "a", 1)[0] == Refused(Refusal.UNKNOWN_ORDER, "no order 'a'")
    assert [trade.client_id for trade in exchange.fills_after(ACCOUNT, 0)] == ["a"]


def test_a_venue_that_forgets_takes_a_second_order_under_the_id_of_an_ended_one() -> None:
    """I1: two orders of one id can only be prevented by never sending the second."""
    exchange = opened(Personality(client_id_scope="forgets"))
    exchange.quote(quote_at(1), tradable=True)
    first, _ = place(exchange, FILLING)
    second, _ = place(exchange, WORKING)
    found = exchange.query(ACCOUNT, "a", 1)
    assert found is not None
    assert first.number < found.number == second.number
    assert refusal(exchange, WORKING) is Refusal.DUPLICATE_CLIENT_ID


def test_an_order_that_was_received_holds_its_client_id_until_it_is_decided() -> None:
    exchange = opened(Personality(client_id_scope="open", acks="async", ack_lag_ns=5))
    assert exchange.place(ACCOUNT, WORKING, signed_at_ns=1, at_ns=1)[0] == Received(1, "a", pending=True)
    assert refusal(exchange, WORKING) is Refusal.DUPLICATE_CLIENT_ID
    exchange.advance(9)
    assert refusal(exchange, WORKING, signed_at_ns=9, at_ns=9) is Refusal.DUPLICATE_CLIENT_ID


def test_a_venue_that_answers_with_the_old_order_does_so_before_it_decided_on_it_too() -> None:
    exchange = opened(Personality(client_id_scope="answers_old", acks="async", ack_lag_ns=5))
    first, _ = exchange.place(ACCOUNT, WORKING, signed_at_ns=1, at_ns=1)
    assert exchange.place(ACCOUNT, FILLING, signed_at_ns=2, at_ns=2)[0] == first
    exchange.advance(6)
    assert len(exchange.open_orders(ACCOUNT, 6)) == 1
