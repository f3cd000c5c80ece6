from decimal import Decimal

import pytest

from quarterdeck.domain import OrderState, Side
from quarterdeck.exchange import Exchange, Personality, Refusal
from tests.exchange.trading_floor import (
    ACCOUNT,
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
IN_BNB = Personality(fee_conversion={"USD": Decimal("0.0025")})


@pytest.mark.parametrize(
    ("fee_asset", "side", "asset", "amount"),
    [
        ("quote", BUY, "USD", "0.202"),
        ("quote", SELL, "USD", "0.198"),
        ("base", BUY, "BTC", "0.002"),
        ("base", SELL, "BTC", "0.002"),
        ("received", BUY, "BTC", "0.002"),
        ("received", SELL, "USD", "0.198"),
    ],
)
def test_a_fee_is_paid_in_the_asset_of_the_venue(fee_asset: str, side: Side, asset: str, amount: str) -> None:
    exchange = opened(fee_asset=fee_asset)
    exchange.quote(quote_at(1), tradable=True)
    _, events = place(exchange, market("a", side, "1"))
    (trade,) = trades_in(events)
    assert (trade.fee_asset, trade.fee) == (asset, Decimal(amount))
    assert exchange.state.head.fees == {asset: Decimal(amount)}


def test_a_third_asset_pays_by_its_conversion() -> None:
    exchange = opened(IN_BNB, fee_asset="BNB")
    exchange.deposit(ACCOUNT, "BNB", Decimal(1))
    exchange.quote(quote_at(1), tradable=True)
    _, events = place(exchange, market("a", BUY, "1"))
    assert [(trade.fee_asset, trade.fee) for trade in trades_in(events)] == [("BNB", Decimal("0.000505"))]
    assert free(exchange, "BNB") == Decimal("0.999495")
    assert free(exchange, "USD") == 10000 - 101


@pytest.mark.parametrize("side", [BUY, SELL])
def test_who_is_short_of_the_third_asset_pays_in_quote(side: Side) -> None:
    exchange = opened(IN_BNB, fee_asset="BNB")
    exchange.deposit(ACCOUNT, "BNB", Decimal("0.0001"))
    exchange.quote(quote_at(1), tradable=True)
    _, events = place(exchange, market("a", side, "1"))
    assert [trade.fee_asset for trade in trades_in(events)] == ["USD"]
    assert locked(exchange, "USD") == 0


def test_selling_everything_is_refused_where_the_fee_comes_in_base_on_top() -> None:
    exchange = opened(fee_asset="base")
    exchange.quote(quote_at(1, qty=20.0), tradable=True)
    assert refusal(exchange, market("a", SELL, "10")) is Refusal.INSUFFICIENT_BALANCE
    status, _ = place(exchange, market("b", SELL, "9.9"))
    assert status.state is OrderState.FILLED
    assert free(exchange, "BTC") == Decimal("0.0802")


def test_selling_all_of_the_fee_asset_itself_pays_in_quote() -> None:
    bnb = listing("BNB-USD", notional_min=Decimal(0), fee_taker=Decimal("0.01"), fee_asset="BNB")
    exchange = Exchange.opened("alpha", [bnb], IN_BNB)
    exchange.deposit(ACCOUNT, "BNB", Decimal(2))
    exchange.quote(quote_at(1, instrument="BNB-USD"), tradable=True)
    _, events = place(exchange, market("a", SELL, "1", "BNB-USD"))
    assert [trade.fee_asset for trade in trades_in(events)] == ["BNB"]
    exchange.deposit(ACCOUNT, "BNB", 1 - free(exchange, "BNB"))
    exchange.quote(quote_at(2, instrument="BNB-USD"), tradable=True)
    _, events = place(exchange, market("b", SELL, "1", "BNB-USD"))
    assert [trade.fee_asset for trade in trades_in(events)] == ["USD"]
    assert free(exchange, "BNB") == 0


def test_a_rebate_is_credited() -> None:
    exchange = opened(usd="1000", fee_maker=Decimal("-0.001"))
    place(exchange, limit("a", BUY, "1", "100.0"))
    exchange.trade_range("BTC-USD", 99.0, 101.0, 2)
    exchange.check()
    assert [trade.fee for trade in exchange.fills_after(ACCOUNT, 0)] == [Decimal("-0.1")]
    assert free(exchange, "USD") == Decimal("900.1")
    assert locked(exchange, "USD") == 0


def test_listings_of_one_exchange_may_differ_in_how_they_charge() -> None:
    exchange = opened()
    exchange.relist(listing("ETH-USD", fee_asset="received", fee_step=Decimal("0.01"), fee_rounding="up"))
    for instrument in ("BTC-USD", "ETH-USD"):
        exchange.quote(quote_at(1, instrument=instrument), tradable=True)
        place(exchange, market(instrument, BUY, "1", instrument))
    charged = [(trade.fee_asset, trade.fee) for trade in exchange.fills_after(ACCOUNT, 0)]
    assert charged == [("USD", Decimal("0.202")), ("ETH", Decimal("0.01"))]


@pytest.mark.parametrize(("rounding", "fee"), [("down", "0.2"), ("up", "0.21"), ("half_even", "0.2")])
def test_a_fee_is_rounded_as_the_listing_says(rounding: str, fee: str) -> None:
    exchange = opened(fee_step=Decimal("0.01"), fee_rounding=rounding)
    exchange.quote(quote_at(1), tradable=True)
    _, events = place(exchange, market("a", BUY, "1"))
    assert [trade.fee for trade in trades_in(events)] == [Decimal(fee)]


def with_cents_rounded_up(usd: str) -> Exchange:
    """Half a bitcoin is wanted at 100, for a fee of half a cent in all, and a cent for every part."""
    exchange = opened(
        usd=usd,
        fee_step=Decimal("0.01"),
        fee_rounding="up",
        fee_maker=Decimal("0.0001"),
        fee_taker=Decimal(0),
        notional_min=Decimal(0),
    )
    place(exchange, limit("a", BUY, "0.5", "100.0"))
    assert locked(exchange, "USD") == Decimal("50.01")
    for at_ns in range(1, 51):
        exchange.quote(quote_at(at_ns, 99.0, 100.0, qty=0.01, levels=1), tradable=True)
        exchange.check()
    return exchange


def test_cents_that_rounding_adds_to_the_parts_come_out_of_what_is_free() -> None:
    exchange = with_cents_rounded_up(usd="60")
    assert state_of(exchange, "a") is OrderState.FILLED
    assert exchange.state.head.fees == {"USD": Decimal("0.50")}
    assert free(exchange, "USD") == Decimal("9.50")


def test_cents_that_nobody_can_pay_are_forgiven_and_the_order_still_fills() -> None:
    exchange = with_cents_rounded_up(usd="50.03")
    assert state_of(exchange, "a") is OrderState.FILLED
    assert exchange.state.head.fees == {"USD": Decimal("0.03")}
    assert free(exchange, "USD") == 0
