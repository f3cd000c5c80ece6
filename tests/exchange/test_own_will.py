"""What an exchange does that its customer did not ask for, or asked for more narrowly."""

from decimal import Decimal

import pytest

from quarterdeck.domain import InputError, OrderKind, OrderState, Side
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
    state_of,
    statuses_in,
    trades_in,
)

BUY, SELL = Side.BUY, Side.SELL


def test_a_mass_cancel_may_take_the_orders_of_others_too() -> None:
    exchange = opened(Personality(cancel_all_scope="account"))
    for client_id in ("bot1", "other", ""):
        place(exchange, limit(client_id, BUY, "1", "90.0"))
    _, events = exchange.cancel_all(ACCOUNT, "bot", 2)
    assert [event.client_id for event in statuses_in(events)] == ["bot1", "other", ""]
    assert exchange.open_orders(ACCOUNT, 2) == []


def test_a_mass_cancel_stays_within_its_account() -> None:
    exchange = opened(Personality(cancel_all_scope="account"))
    exchange.deposit("second", "USD", Decimal(1000))
    place(exchange, limit("x", BUY, "1", "90.0"), account="second")
    assert exchange.cancel_all(ACCOUNT, "", 2) == (None, [])
    assert len(exchange.open_orders("second", 2)) == 1


def armed(timeout_ns: int = 100) -> Exchange:
    """An exchange with a limit order and a stop, and a dead man's switch set at 10."""
    exchange = opened(Personality(stops=True))
    exchange.quote(quote_at(1), tradable=True)
    place(exchange, limit("a", BUY, "1", "90.0"))
    place(exchange, NewOrder("s", PAIR, SELL, OrderKind.STOP, Decimal(1), trigger=Decimal(80)))
    assert exchange.cancel_all_after(ACCOUNT, timeout_ns, 10) == (None, [])
    return exchange


def test_a_dead_mans_switch_cancels_everything_protective_orders_too() -> None:
    exchange = armed()
    assert exchange.next_ns == 110
    assert exchange.advance(109) == []
    events = statuses_in(exchange.advance(500))
    assert [(event.client_id, event.state, event.reason, event.at_ns) for event in events] == [
        ("a", OrderState.CANCELLED, Refusal.DEAD_MAN, 110),
        ("s", OrderState.CANCELLED, Refusal.DEAD_MAN, 110),
    ]
    assert exchange.next_ns is None
    assert locked(exchange, "BTC") == locked(exchange, "USD") == 0


def test_a_dead_mans_switch_that_is_renewed_or_disarmed_cancels_nothing() -> None:
    exchange = armed()
    exchange.cancel_all_after(ACCOUNT, 100, 100)
    assert exchange.advance(199) == []
    exchange.cancel_all_after(ACCOUNT, 0, 199)
    assert exchange.advance(10_000) == []
    assert len(exchange.open_orders(ACCOUNT, 10_000)) == 2


def test_a_dead_mans_switch_outlives_a_restart() -> None:
    exchange = Exchange.from_bytes(armed().to_bytes())
    assert len(exchange.advance(110)) == 2


def test_the_exchange_may_end_an_order_by_itself() -> None:
    """F10: a cancel that nobody asked for."""
    exchange = opened()
    place(exchange, limit("a", BUY, "1", "90.0"))
    (event,) = statuses_in(exchange.expire(ACCOUNT, "a", 5, "system maintenance"))
    assert (event.state, event.reason) == (OrderState.EXPIRED, "system maintenance")
    assert locked(exchange, "USD") == 0
    assert exchange.expire(ACCOUNT, "a", 6) == exchange.expire(ACCOUNT, "b", 6) == []


@pytest.mark.parametrize("side", Side)
def test_an_overfill_goes_beyond_the_quantity_once_and_is_paid_for(side: Side) -> None:
    """F10, I7: the venue itself fills more than was ordered."""
    exchange = opened()
    exchange.quote(quote_at(1, qty=20.0), tradable=True)
    exchange.inject_overfill(ACCOUNT, 30)
    status, events = place(exchange, market("a", side, "1"))
    assert (status.state, status.qty_lots, status.filled_lots) == (OrderState.FILLED, 100, 130)
    assert sum(trade.lots for trade in trades_in(events)) == 130
    assert free(exchange, "BTC") == 10 + side.sign * Decimal("1.3")
    assert place(exchange, market("b", side, "1"))[0].filled_lots == 100


def test_a_resting_order_may_be_overfilled_too() -> None:
    exchange = opened()
    exchange.inject_overfill(ACCOUNT, 30)
    place(exchange, limit("a", BUY, "1", "90.0"))
    exchange.trade_range(PAIR, 80.0, 89.0, 2)
    exchange.check()
    status = exchange.query(ACCOUNT, "a", 2)
    assert status is not None
    assert (status.state, status.filled_lots) == (OrderState.FILLED, 130)


def test_an_overfill_that_cannot_be_paid_waits_for_an_order_that_can() -> None:
    exchange = opened(usd="150")
    exchange.quote(quote_at(1, qty=20.0), tradable=True)
    exchange.inject_overfill(ACCOUNT, 100)
    assert place(exchange, market("a", BUY, "1"))[0].filled_lots == 100
    assert place(exchange, market("b", SELL, "1"))[0].filled_lots == 200


def test_an_overfill_can_be_taken_back_and_is_never_negative() -> None:
    exchange = opened()
    exchange.quote(quote_at(1, qty=20.0), tradable=True)
    exchange.inject_overfill(ACCOUNT, 100)
    exchange.inject_overfill(ACCOUNT, 0)
    assert place(exchange, market("a", BUY, "1"))[0].filled_lots == 100
    with pytest.raises(InputError, match="write 0 or more"):
        exchange.inject_overfill(ACCOUNT, -1)


def crossing(self_trade: str) -> Exchange:
    exchange = opened(Personality(self_trade=self_trade))  # type: ignore[arg-type]
    exchange.quote(quote_at(1, 99.0, 110.0), tradable=True)
    place(exchange, limit("old", SELL, "1", "105.0"))
    place(exchange, limit("far", SELL, "1", "108.0"))
    return exchange


@pytest.mark.parametrize(
    ("self_trade", "states"),
    [
        ("allow", {"old": "open", "far": "open", "new": "open"}),
        ("cancel_newest", {"old": "open", "far": "open", "new": "cancelled"}),
        ("cancel_oldest", {"old": "cancelled", "far": "open", "new": "open"}),
    ],
)
def test_orders_of_one_account_that_would_meet_are_dealt_with_by_habit(self_trade: str, states: dict[str, str]) -> None:
    exchange = crossing(self_trade)
    place(exchange, limit("new", BUY, "1", "106.0"))
    assert {client_id: state_of(exchange, client_id) for client_id in states} == states


def test_a_market_order_meets_every_resting_order_of_its_account() -> None:
    exchange = crossing("cancel_oldest")
    status, events = place(exchange, market("new", BUY, "1"))
    assert status.state is OrderState.FILLED
    assert [(event.client_id, event.reason) for event in statuses_in(events)][:3] == [
        ("new", ""),
        ("old", Refusal.SELF_TRADE),
        ("far", Refusal.SELF_TRADE),
    ]


def test_a_cancelled_newest_order_trades_nothing() -> None:
    exchange = crossing("cancel_newest")
    status, events = place(exchange, market("new", BUY, "1"))
    assert (status.state, status.reason, trades_in(events)) == (OrderState.CANCELLED, Refusal.SELF_TRADE, [])
    assert locked(exchange, "USD") == 0
