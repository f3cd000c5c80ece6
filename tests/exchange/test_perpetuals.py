"""Perpetuals: positions, margin, funding and liquidation."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from quarterdeck.domain import InputError, Listing, OrderKind, OrderState, Side
from quarterdeck.exchange import (
    Event,
    Exchange,
    FundingPaid,
    Liquidated,
    NewOrder,
    PerpetualRules,
    Personality,
    PositionSide,
    Refusal,
    Refused,
)
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
PERP = "BTC-USD:USD"
RULES = PerpetualRules(leverage_default=5, maintenance=Decimal("0.01"))


def perpetual(**changes: object) -> Listing:
    return replace(listing(), instrument=PERP, **changes)


def opened(usd: str = "1000", **habits: object) -> Exchange:
    """An exchange with one perpetual at 100, five times leveraged, without fees unless the test adds them."""
    personality = Personality(perpetuals=RULES, **habits)  # type: ignore[arg-type]
    terms = perpetual(fee_taker=Decimal(0), fee_maker=Decimal(0))
    exchange = Exchange.opened("alpha", [terms], personality)
    exchange.deposit(ACCOUNT, "USD", Decimal(usd))
    at_price(exchange, 100.0, 1)
    return exchange


def at_price(exchange: Exchange, price: float, at_ns: int) -> list[Event]:
    """Quote a book without spread at a price."""
    events = exchange.quote(quote_at(at_ns, price, price, qty=50.0, instrument=PERP), tradable=True)
    exchange.check()
    return events


def buy(client_id: str, qty: str, **changes: object) -> NewOrder:
    return replace(market(client_id, BUY, qty, PERP), **changes)


def sell(client_id: str, qty: str, **changes: object) -> NewOrder:
    return replace(market(client_id, SELL, qty, PERP), **changes)


def test_a_position_locks_its_margin_and_exchanges_no_base() -> None:
    exchange = opened()
    status, events = place(exchange, buy("a", "10"))
    assert status.state is OrderState.FILLED
    assert set(exchange.balances(ACCOUNT)) == {"USD"}
    assert (free(exchange, "USD"), locked(exchange, "USD")) == (Decimal(800), Decimal(200))
    state = exchange.margin_of(ACCOUNT, PERP)
    assert (state.lots, state.entry_price, state.margin, state.leverage) == (1000, Decimal(100), Decimal(200), 5)
    assert trades_in(events)[0].realised == 0


@pytest.mark.parametrize(("price", "profit"), [(110.0, 100), (95.0, -50)])
@pytest.mark.parametrize("side", Side)
def test_profit_and_loss_go_to_cash_when_a_position_closes(side: Side, price: float, profit: int) -> None:
    exchange = opened()
    place(exchange, replace(buy("a", "10"), side=side))
    at_price(exchange, price, 2)
    _, events = place(exchange, replace(sell("b", "10"), side=Side.SELL if side is BUY else Side.BUY), at_ns=2)
    assert sum(trade.realised for trade in trades_in(events)) == side.sign * profit
    assert exchange.balances(ACCOUNT)["USD"] == (Decimal(1000 + side.sign * profit), Decimal(0))
    assert exchange.margin_of(ACCOUNT, PERP).lots == 0
    assert exchange.state.head.positions == {}


def test_a_part_that_is_closed_frees_its_part_of_the_margin() -> None:
    exchange = opened()
    place(exchange, buy("a", "9"))
    at_price(exchange, 103.0, 2)
    place(exchange, sell("b", "3"), at_ns=2)
    state = exchange.margin_of(ACCOUNT, PERP)
    assert (state.lots, state.entry_price, state.margin) == (600, Decimal(100), Decimal(120))
    assert free(exchange, "USD") == 1000 + 9 - 120


def test_an_order_beyond_the_position_turns_it_around() -> None:
    exchange = opened()
    place(exchange, buy("a", "5"))
    at_price(exchange, 110.0, 2)
    _, events = place(exchange, sell("b", "8"), at_ns=2)
    (trade,) = trades_in(events)
    assert (trade.lots, trade.realised) == (800, Decimal(50))
    state = exchange.margin_of(ACCOUNT, PERP)
    assert (state.lots, state.entry_price, state.margin) == (-300, Decimal(110), Decimal(66))


def test_fees_are_paid_in_the_settle_asset_on_the_notional() -> None:
    exchange = opened()
    exchange.relist(perpetual())
    _, events = place(exchange, buy("a", "10"))
    (trade,) = trades_in(events)
    assert (trade.fee, trade.fee_asset) == (Decimal(2), "USD")
    assert (free(exchange, "USD"), locked(exchange, "USD")) == (Decimal(798), Decimal(200))


def test_an_order_whose_margin_is_not_free_is_refused() -> None:
    exchange = opened(usd="100")
    assert refusal(exchange, buy("a", "5.01")) is Refusal.INSUFFICIENT_BALANCE
    place(exchange, buy("b", "5"))
    assert refusal(exchange, buy("c", "0.1")) is Refusal.INSUFFICIENT_BALANCE


def test_a_closing_order_needs_no_margin_of_its_own() -> None:
    exchange = opened(usd="100")
    place(exchange, buy("a", "5"))
    assert free(exchange, "USD") == 0
    resting, _ = place(exchange, limit("b", SELL, "5", "105.0", PERP))
    assert resting.state is OrderState.OPEN
    assert place(exchange, sell("c", "5"))[0].state is OrderState.FILLED


def test_a_resting_order_whose_margin_went_elsewhere_ends_when_its_turn_comes() -> None:
    exchange = opened(usd="100")
    place(exchange, buy("a", "5"))
    place(exchange, limit("b", SELL, "5", "105.0", PERP))
    place(exchange, sell("c", "5"))
    place(exchange, buy("d", "2.5", order_kind=OrderKind.LIMIT, limit=Decimal(90)))
    place(exchange, sell("e", "2.5"))
    events = at_price(exchange, 106.0, 2)
    assert [status.reason for status in statuses_in(events)] == [Refusal.INSUFFICIENT_BALANCE]
    assert state_of(exchange, "b") is OrderState.EXPIRED


def test_a_reduce_only_order_never_opens_anything() -> None:
    exchange = opened()
    assert refusal(exchange, sell("x", "1", reduce_only=True)) is Refusal.REDUCE_ONLY
    place(exchange, buy("a", "5"))
    assert refusal(exchange, buy("y", "1", reduce_only=True)) is Refusal.REDUCE_ONLY
    status, events = place(exchange, sell("b", "8", reduce_only=True))
    assert (status.state, status.filled_lots, status.reason) == (OrderState.EXPIRED, 500, Refusal.REDUCE_ONLY)
    assert sum(trade.lots for trade in trades_in(events)) == 500
    assert exchange.margin_of(ACCOUNT, PERP).lots == 0


def test_a_reduce_only_order_that_finds_its_position_gone_ends() -> None:
    exchange = opened()
    place(exchange, buy("a", "5"))
    place(exchange, replace(limit("b", SELL, "5", "105.0", PERP), reduce_only=True))
    place(exchange, sell("c", "5"))
    events = statuses_in(at_price(exchange, 106.0, 2))
    assert [(status.client_id, status.reason) for status in events] == [("b", Refusal.REDUCE_ONLY)]


def test_a_reduce_only_stop_protects_a_position_and_locks_nothing() -> None:
    exchange = opened(stops=True)
    place(exchange, buy("a", "10"))
    place(exchange, sell("s", "10", order_kind=OrderKind.STOP, trigger=Decimal(90), reduce_only=True))
    assert locked(exchange, "USD") == 200
    at_price(exchange, 89.0, 2)
    assert state_of(exchange, "s") is OrderState.FILLED
    assert exchange.balances(ACCOUNT)["USD"] == (Decimal(890), Decimal(0))


def test_leverage_is_chosen_per_instrument_and_not_under_orders_or_a_position() -> None:
    """R60: leverage cannot change with orders open."""
    exchange = opened()
    assert exchange.set_leverage(ACCOUNT, PERP, 2, 1) == (None, [])
    place(exchange, limit("a", BUY, "1", "50.0", PERP))
    assert locked(exchange, "USD") == 25
    for end, reason in ((None, Refusal.ORDERS_OPEN), ("a", Refusal.POSITION_OPEN)):
        if end is not None:
            exchange.cancel(ACCOUNT, end, 1)
            place(exchange, buy("b", "1"))
        refused, _ = exchange.set_leverage(ACCOUNT, PERP, 3, 1)
        assert refused is not None
        assert refused.reason is reason
    assert exchange.margin_of(ACCOUNT, PERP).leverage == 2


@pytest.mark.parametrize("leverage", [0, -1, 21])
def test_an_impossible_leverage_is_refused(leverage: int) -> None:
    refused, _ = opened().set_leverage(ACCOUNT, PERP, leverage, 1)
    assert isinstance(refused, Refused)
    assert refused.reason is Refusal.BAD_LEVERAGE


@pytest.mark.parametrize(
    ("side", "price"),
    [(BUY, Decimal("80.808080808081")), (SELL, Decimal("118.811881188119"))],
)
def test_the_liquidation_price_is_read_back_and_true(side: Side, price: Decimal) -> None:
    """R58."""
    exchange = opened()
    assert exchange.margin_of(ACCOUNT, PERP).liquidation_price == 0
    place(exchange, replace(buy("a", "10"), side=side))
    state = exchange.margin_of(ACCOUNT, PERP)
    assert (state.liquidation_price, state.margin_mode, state.position_mode) == (price, "isolated", "one_way")
    safe = float(price) + side.sign * 0.1
    assert trades_in(at_price(exchange, round(safe, 1), 2)) == []
    beyond = round(float(price) - side.sign * 0.1, 1)
    events = at_price(exchange, beyond, 3)
    assert [trade.liquidity for trade in trades_in(events)] == ["liquidation"]


def test_a_liquidation_ends_orders_closes_at_the_mark_and_is_told() -> None:
    """F21: liquidation is an event."""
    exchange = opened()
    place(exchange, buy("a", "10"))
    place(exchange, limit("working", BUY, "1", "50.0", PERP))
    events = at_price(exchange, 80.0, 2)
    assert [(status.client_id, status.state, status.reason) for status in statuses_in(events)] == [
        ("working", OrderState.EXPIRED, Refusal.LIQUIDATION),
        ("", OrderState.FILLED, Refusal.LIQUIDATION),
    ]
    (trade,) = trades_in(events)
    assert (trade.side, trade.lots, trade.price, trade.realised) == (SELL, 1000, Decimal(80), Decimal(-200))
    assert events[-1] == Liquidated(ACCOUNT, PERP, {}, 2)
    assert exchange.balances(ACCOUNT)["USD"] == (Decimal(800), Decimal(0))


def test_a_liquidation_takes_no_more_than_the_margin_of_its_position() -> None:
    exchange = opened()
    exchange.relist(perpetual())
    place(exchange, buy("a", "10"))
    events = at_price(exchange, 60.0, 2)
    (trade,) = trades_in(events)
    assert (trade.realised, trade.fee) == (Decimal(-200), Decimal(0))
    assert events[-1] == Liquidated(ACCOUNT, PERP, {"USD": Decimal(200)}, 2)
    assert free(exchange, "USD") == 798


def test_a_stop_that_the_same_price_reaches_goes_before_the_liquidation() -> None:
    exchange = opened(stops=True)
    place(exchange, buy("a", "10"))
    place(exchange, sell("s", "10", order_kind=OrderKind.STOP, trigger=Decimal(90), reduce_only=True))
    events = at_price(exchange, 80.0, 2)
    assert [trade.liquidity for trade in trades_in(events)] == ["taker"]


@pytest.mark.parametrize(("side", "paid"), [(BUY, "-1.1"), (SELL, "1.1")])
def test_funding_goes_from_longs_to_shorts_with_an_id_of_its_own(side: Side, paid: str) -> None:
    exchange = opened()
    place(exchange, replace(buy("a", "10"), side=side))
    before = free(exchange, "USD")
    events = exchange.fund(PERP, Decimal("0.001"), 5, Decimal(110))
    (payment,) = events
    assert isinstance(payment, FundingPaid)
    assert (payment.funding_id, payment.amount, payment.asset, payment.at_ns) == ("f1", Decimal(paid), "USD", 5)
    assert free(exchange, "USD") == before + Decimal(paid)
    (again,) = exchange.fund(PERP, Decimal("0.001"), 6)
    assert isinstance(again, FundingPaid)
    assert (again.funding_id, again.mark) == ("f2", Decimal(100))
    exchange.check()


def test_funding_that_cash_cannot_pay_comes_out_of_the_margin_and_may_liquidate() -> None:
    exchange = opened(usd="200")
    place(exchange, buy("a", "10"))
    (paid,) = exchange.fund(PERP, Decimal("0.1"), 5)
    assert isinstance(paid, FundingPaid)
    assert paid.amount == -100
    assert exchange.margin_of(ACCOUNT, PERP).margin == 100
    events = exchange.fund(PERP, Decimal("0.095"), 6)
    assert [trade.liquidity for trade in trades_in(events)] == ["liquidation"]
    exchange.check()


def test_nobody_pays_funding_without_a_position_or_a_price() -> None:
    exchange = Exchange.opened("alpha", [perpetual()])
    assert exchange.fund(PERP, Decimal("0.1"), 5) == []
    assert opened().fund(PERP, Decimal("0.1"), 5) == []


def hedged(client_id: str, side: Side, qty: str, position_side: PositionSide) -> NewOrder:
    return replace(market(client_id, side, qty, PERP), position_side=position_side)


def test_a_hedged_account_holds_a_long_and_a_short_position_at_once() -> None:
    exchange = opened(position_mode="hedge")
    place(exchange, hedged("a", BUY, "5", "long"))
    place(exchange, hedged("b", SELL, "3", "short"))
    assert exchange.margin_of(ACCOUNT, PERP, "long").lots == 500
    assert exchange.margin_of(ACCOUNT, PERP, "short").lots == -300
    at_price(exchange, 110.0, 2)
    place(exchange, hedged("c", SELL, "5", "long"), at_ns=2)
    place(exchange, hedged("d", BUY, "3", "short"), at_ns=2)
    assert exchange.balances(ACCOUNT)["USD"] == (Decimal(1020), Decimal(0))


def test_a_hedged_order_that_closes_never_turns_its_position_around() -> None:
    exchange = opened(position_mode="hedge")
    assert refusal(exchange, hedged("a", SELL, "5", "long")) is Refusal.REDUCE_ONLY
    place(exchange, hedged("b", BUY, "5", "long"))
    status, _ = place(exchange, hedged("c", SELL, "8", "long"))
    assert (status.filled_lots, status.reason) == (500, Refusal.REDUCE_ONLY)


@pytest.mark.parametrize(("mode", "side"), [("one_way", "long"), ("one_way", "short"), ("hedge", "both")])
def test_an_order_names_a_side_exactly_where_there_are_two_positions(mode: str, side: PositionSide) -> None:
    exchange = opened(position_mode=mode)
    assert refusal(exchange, hedged("a", BUY, "1", side)) is Refusal.BAD_POSITION_SIDE


def test_a_small_rest_may_always_be_closed_by_a_reduce_only_order() -> None:
    exchange = opened()
    place(exchange, buy("a", "0.5"))
    place(exchange, sell("b", "0.46"))
    assert refusal(exchange, sell("c", "0.04")) is Refusal.BELOW_MINIMUM_NOTIONAL
    assert place(exchange, sell("d", "0.04", reduce_only=True))[0].state is OrderState.FILLED


def test_only_perpetuals_that_settle_in_their_quote_are_modelled() -> None:
    with pytest.raises(InputError, match="settled in their quote"):
        Exchange.opened("alpha", [replace(listing(), instrument="BTC-USD:BTC")])
    with pytest.raises(InputError, match="settled in their quote"):
        opened().relist(perpetual(fee_asset="base"))


def test_spot_pairs_have_no_leverage_no_funding_and_no_position_sides() -> None:
    exchange = Exchange.opened("alpha", [listing()])
    exchange.deposit(ACCOUNT, "USD", Decimal(100))
    for ask in (
        lambda: exchange.set_leverage(ACCOUNT, "BTC-USD", 2, 1),
        lambda: exchange.margin_of(ACCOUNT, "BTC-USD"),
        lambda: exchange.fund("BTC-USD", Decimal(0), 1),
    ):
        with pytest.raises(InputError, match="no perpetual"):
            ask()
    order = replace(market("a", BUY, "1"), position_side="long")
    assert refusal(exchange, order) is Refusal.BAD_POSITION_SIDE


def test_the_grid_stays_while_a_position_is_open_though_its_orders_are_forgotten() -> None:
    exchange = opened(history_max=1)
    for number in range(8):
        place(exchange, buy(f"c{number}", "0.5") if number % 2 else sell(f"c{number}", "1"))
    assert exchange.margin_of(ACCOUNT, PERP).lots != 0
    exchange.state.orders.clear()
    with pytest.raises(InputError, match="must stay"):
        exchange.relist(perpetual(tick=Decimal("0.01")))


def test_positions_and_leverage_outlive_a_restart() -> None:
    exchange = opened()
    exchange.set_leverage(ACCOUNT, PERP, 3, 1)
    place(exchange, buy("a", "10"))
    again = Exchange.from_bytes(exchange.to_bytes())
    assert again.to_bytes() == exchange.to_bytes()
    assert again.margin_of(ACCOUNT, PERP) == exchange.margin_of(ACCOUNT, PERP)
    assert at_price(again, 66.0, 2) == at_price(exchange, 66.0, 2)


@pytest.mark.parametrize("rules", [{"leverage_default": 0}, {"leverage_default": 30}, {"maintenance": Decimal("0.05")}])
def test_impossible_rules_are_refused(rules: dict[str, object]) -> None:
    with pytest.raises(InputError, match="perpetuals"):
        PerpetualRules(**rules)  # type: ignore[arg-type]
