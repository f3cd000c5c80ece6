from quarterdeck.domain import OrderState, Side
from quarterdeck.exchange import Accepted, Personality, Refusal
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
