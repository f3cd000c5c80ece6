"""Margin: what spot accounts borrow, what it costs, and what happens when it is too much."""

from decimal import Decimal

import pytest

from quarterdeck.domain import InputError, OrderState, Side
from quarterdeck.exchange import Event, Exchange, InterestCharged, Liquidated, MarginRules, Personality, Refusal
from tests.exchange.trading_floor import (
    ACCOUNT,
    free,
    limit,
    listing,
    locked,
    market,
    place,
    quote_at,
    refusal,
    state_of,
    statuses_in,
    trades_in,
)

BUY, SELL = Side.BUY, Side.SELL
HOUR = 3_600_000_000_000
RULES = MarginRules("USD", leverage_max=3, interest_per_hour=Decimal("0.001"), maintenance=Decimal("0.1"))


def opened(usd: str = "1000", btc: str = "0") -> Exchange:
    """An exchange that lends up to three times the equity, at 100 for a bitcoin, without fees."""
    terms = listing(fee_taker=Decimal(0), fee_maker=Decimal(0))
    exchange = Exchange.opened("alpha", [terms], Personality(margin=RULES, stops=True))
    exchange.deposit(ACCOUNT, "USD", Decimal(usd))
    exchange.deposit(ACCOUNT, "BTC", Decimal(btc))
    at_price(exchange, 100.0, 1)
    return exchange


def at_price(exchange: Exchange, price: float, at_ns: int) -> list[Event]:
    """Quote a book without spread at a price."""
    events = exchange.quote(quote_at(at_ns, price, price, qty=100.0), tradable=True)
    exchange.check()
    return events


def owed(exchange: Exchange) -> dict[str, Decimal]:
    return exchange.state.head.loans.get(ACCOUNT, {})


def test_what_a_buy_is_short_of_is_borrowed_when_it_is_placed() -> None:
    exchange = opened()
    status, _ = place(exchange, market("a", BUY, "25"))
    assert status.state is OrderState.FILLED
    assert owed(exchange) == {"USD": Decimal(1500)}
    assert exchange.totals(ACCOUNT) == {"USD": Decimal(-1500), "BTC": Decimal(25)}


def test_what_is_there_is_used_before_anything_is_borrowed() -> None:
    exchange = opened()
    place(exchange, market("a", BUY, "10"))
    assert owed(exchange) == {}
    assert free(exchange, "USD") == 0


def test_no_more_is_lent_than_the_leverage_allows() -> None:
    exchange = opened()
    assert refusal(exchange, market("a", BUY, "30.01")) is Refusal.INSUFFICIENT_BALANCE
    place(exchange, market("b", BUY, "29.99"))
    assert refusal(exchange, market("c", BUY, "0.1")) is Refusal.INSUFFICIENT_BALANCE


def test_proceeds_pay_back_by_themselves() -> None:
    exchange = opened()
    place(exchange, market("a", BUY, "25"))
    place(exchange, market("b", SELL, "10"))
    assert owed(exchange) == {"USD": Decimal(500)}
    at_price(exchange, 110.0, 2)
    place(exchange, market("c", SELL, "15"), at_ns=2)
    assert owed(exchange) == {}
    assert exchange.totals(ACCOUNT) == {"USD": Decimal(1150), "BTC": Decimal(0)}


def test_base_is_borrowed_to_sell_short_and_paid_back_when_bought() -> None:
    exchange = opened()
    place(exchange, market("a", SELL, "15"))
    assert owed(exchange) == {"BTC": Decimal(15)}
    assert free(exchange, "USD") == 2500
    at_price(exchange, 90.0, 2)
    place(exchange, market("b", BUY, "15"), at_ns=2)
    assert owed(exchange) == {}
    assert exchange.totals(ACCOUNT) == {"USD": Decimal(1150), "BTC": Decimal(0)}


def test_what_a_resting_order_borrowed_is_paid_back_when_it_ends() -> None:
    exchange = opened()
    place(exchange, limit("a", BUY, "20", "90.0"))
    assert owed(exchange) == {"USD": Decimal(800)}
    assert locked(exchange, "USD") == 1800
    exchange.cancel(ACCOUNT, "a", 2)
    assert owed(exchange) == {}
    assert exchange.balances(ACCOUNT)["USD"] == (Decimal(1000), Decimal(0))


def test_interest_is_charged_at_whole_hours_on_what_is_owed_then() -> None:
    exchange = opened()
    assert exchange.next_ns is None
    place(exchange, market("a", BUY, "25"))
    assert exchange.next_ns == HOUR
    (charged,) = exchange.advance(HOUR)
    assert charged == InterestCharged("i1", ACCOUNT, "USD", Decimal("1.5"), Decimal("1501.5"), HOUR)
    assert exchange.advance(2 * HOUR - 1) == []
    two = exchange.advance(4 * HOUR)
    assert [event.at_ns for event in two if isinstance(event, InterestCharged)] == [2 * HOUR, 3 * HOUR, 4 * HOUR]
    assert exchange.totals(ACCOUNT)["USD"] == Decimal("-1506.009006")
    exchange.check()


def test_an_hour_is_charged_once_however_often_its_instant_is_told() -> None:
    exchange = opened()
    place(exchange, market("a", BUY, "25"))
    assert len(exchange.advance(HOUR)) == 1
    assert exchange.advance(HOUR) == []
    again = Exchange.from_bytes(exchange.to_bytes())
    assert again.advance(HOUR) == []


def test_who_borrows_nothing_pays_nothing() -> None:
    exchange = opened()
    place(exchange, market("a", BUY, "5"))
    assert exchange.advance(10 * HOUR) == []


def test_an_account_whose_equity_is_used_up_is_closed_and_told() -> None:
    exchange = opened()
    place(exchange, market("a", BUY, "25"))
    place(exchange, limit("working", SELL, "5", "200.0"))
    assert trades_in(at_price(exchange, 67.0, 2)) == []
    events = at_price(exchange, 65.0, 3)
    assert [(status.client_id, status.reason) for status in statuses_in(events)] == [
        ("working", Refusal.LIQUIDATION),
        ("", Refusal.LIQUIDATION),
    ]
    assert [(trade.liquidity, trade.lots) for trade in trades_in(events)] == [("liquidation", 2500)]
    assert events[-1] == Liquidated(ACCOUNT, "", {}, 3)
    assert exchange.totals(ACCOUNT) == {"USD": Decimal(125), "BTC": Decimal(0)}
    assert state_of(exchange, "working") is OrderState.EXPIRED


def test_a_short_seller_is_bought_in() -> None:
    exchange = opened()
    place(exchange, market("a", SELL, "15"))
    events = at_price(exchange, 155.0, 2)
    assert [(trade.side, trade.lots) for trade in trades_in(events)] == [(BUY, 1500)]
    assert exchange.totals(ACCOUNT) == {"USD": Decimal(175), "BTC": Decimal(0)}


def test_what_cannot_be_paid_back_is_forgiven_and_nobody_lies_below_zero() -> None:
    exchange = opened()
    place(exchange, market("a", BUY, "25"))
    events = at_price(exchange, 40.0, 2)
    assert events[-1] == Liquidated(ACCOUNT, "", {"USD": Decimal(500)}, 2)
    assert exchange.totals(ACCOUNT) == {"USD": Decimal(0), "BTC": Decimal(0)}
    assert owed(exchange) == {}


def test_a_part_of_a_lot_that_is_owed_is_bought_as_a_whole_one() -> None:
    exchange = opened()
    place(exchange, market("a", SELL, "15"))
    exchange.advance(HOUR)
    assert owed(exchange) == {"BTC": Decimal("15.015")}
    events = at_price(exchange, 155.0, HOUR + 1)
    assert [trade.lots for trade in trades_in(events)] == [1502]
    assert exchange.totals(ACCOUNT)["BTC"] == Decimal("0.005")


def test_an_asset_without_a_price_is_neither_lent_nor_collateral() -> None:
    exchange = Exchange.opened("alpha", [listing()], Personality(margin=RULES))
    exchange.deposit(ACCOUNT, "BTC", Decimal(10))
    assert refusal(exchange, limit("a", SELL, "11", "100.0")) is Refusal.INSUFFICIENT_BALANCE
    assert refusal(exchange, limit("b", BUY, "1", "100.0")) is Refusal.INSUFFICIENT_BALANCE


def test_pairs_of_another_quote_are_not_traded_on_margin() -> None:
    exchange = opened()
    exchange.relist(listing("BTC-EUR"))
    exchange.quote(quote_at(1, instrument="BTC-EUR"), tradable=True)
    assert refusal(exchange, market("a", BUY, "1", "BTC-EUR")) is Refusal.INSUFFICIENT_BALANCE


def test_nothing_can_be_withdrawn_by_who_owes() -> None:
    exchange = opened()
    place(exchange, market("a", BUY, "25"))
    exchange.deposit(ACCOUNT, "USD", Decimal(100))
    with pytest.raises(InputError, match="pay back"):
        exchange.deposit(ACCOUNT, "USD", Decimal(-1))


def test_loans_outlive_a_restart() -> None:
    exchange = opened()
    place(exchange, market("a", BUY, "25"))
    again = Exchange.from_bytes(exchange.to_bytes())
    assert again.to_bytes() == exchange.to_bytes()
    assert again.advance(HOUR) == exchange.advance(HOUR)


@pytest.mark.parametrize(
    "rules",
    [
        {"asset": ""},
        {"leverage_max": 0},
        {"interest_per_hour": Decimal(1)},
        {"maintenance": Decimal(0)},
        {"leverage_max": 11},
    ],
)
def test_impossible_rules_are_refused(rules: dict[str, object]) -> None:
    with pytest.raises(InputError, match="margin"):
        MarginRules(**{"asset": "USD", **rules})  # type: ignore[arg-type]
