"""Short positions and perpetuals at large: levels, marks, liquidation, funding, accounts, and what ends doubts."""

from decimal import Decimal

import msgspec
import pytest

from quarterdeck.domain import (
    SECOND_NS,
    AccountReported,
    AlertRaised,
    BalanceDiffered,
    Control,
    Effect,
    Evidence,
    Fact,
    FundingBooked,
    FundingReported,
    IntentRefused,
    LiquidationBooked,
    OrderState,
    PositionLiquidated,
    RiskSettings,
    Side,
    SizingSettings,
    TriggerFired,
    WatermarkRaised,
    Woke,
)
from quarterdeck.engine import (
    RATCHET,
    due,
    earned_in_a_day,
    liquidation_level,
    protected_by,
    sellable_lots,
    watch,
)
from tests.engine.driving import alerts_in, kinds_in, planned_in
from tests.engine.margin_floor import ACCOUNT, OTHER, PERP, Floor, on_margin

RISK = RiskSettings(stop_loss=0.05, take_profit=0.1, trailing_stop=0.02, short=True, leverage_max=3.0)


def short(risk: RiskSettings = RISK, **changes: object) -> Floor:
    """A bot that is short of 0.033 BTC at 29 999."""
    sizing = SizingSettings("base", Decimal("0.033"))
    floor = Floor(msgspec.structs.replace(on_margin(), risk=risk, sizing=sizing, **changes))
    floor.signal("SELL")
    assert floor.state.position("a", PERP).qty == Decimal("-0.033")
    return floor


def levels(floor: Floor) -> dict[str, tuple[float, bool]]:
    return {trigger.cause: (trigger.price, trigger.falling) for trigger in watch(floor.state)}


def fire(floor: Floor, cause: str, price: float) -> list[Fact]:
    return floor.take(TriggerFired(floor.at_ns, "a", PERP, cause, price, floor.market()))


# --- levels -----------------------------------------------------------------------------------------------------------


def test_the_levels_of_a_short_position_lie_mirrored() -> None:
    cost = 29_999.0
    found = levels(short())
    assert {cause: falling for cause, (_, falling) in found.items()} == {
        "stop_loss": False,
        "trailing_stop": False,
        RATCHET: True,
        "take_profit": True,
    }
    for cause, share in (("stop_loss", 1.05), ("trailing_stop", 1.02), (RATCHET, 0.999), ("take_profit", 0.9)):
        assert found[cause][0] == pytest.approx(cost * share, rel=1e-12)


def test_a_trailing_stop_of_a_short_position_follows_its_lowest_mark_down_and_never_up() -> None:
    floor = short()
    floor.pass_to(60, btc=29_000.0)
    assert levels(floor)["trailing_stop"] == (29_000.0 * 1.02, False)
    floor.pass_to(60, btc=29_500.0)
    assert levels(floor)["trailing_stop"] == (29_000.0 * 1.02, False)
    (raised,) = fire(floor, RATCHET, 28_900.0)
    assert isinstance(raised, WatermarkRaised)
    assert levels(floor)["trailing_stop"] == (28_900.0 * 1.02, False)
    assert fire(floor, RATCHET, 28_950.0) == []


def test_what_follows_a_price_dies_with_the_position() -> None:
    floor = short()
    floor.pass_to(60, btc=29_000.0)
    floor.pass_to(61, btc=29_500.0)
    floor.signal("BUY")
    assert floor.state.position("a", PERP).qty > 0
    assert levels(floor)["trailing_stop"] == (29_501.0 * 0.98, True)


@pytest.mark.parametrize(
    ("cause", "near", "reached"), [("stop_loss", 31_498.0, 31_499.0), ("take_profit", 27_000.0, 26_999.0)]
)
def test_a_level_buys_a_short_position_back(cause: str, near: float, reached: float) -> None:
    floor = short()
    assert not planned_in(fire(floor, cause, near))
    (planned,) = planned_in(fire(floor, cause, reached))
    assert (planned.side, planned.effect) == (Side.BUY, Effect.REDUCE)
    assert planned.qty_lots == 330
    floor.take_and_act([planned])
    assert floor.state.position("a", PERP).qty == 0
    floor.pass_to(60)
    floor.check()


def test_a_short_position_is_protected_by_the_bot_alone() -> None:
    assert protected_by(short().state, "a", PERP) == "bot"
    assert protected_by(short(RiskSettings(short=True, leverage_max=3.0)).state, "a", PERP) == ""


def test_a_position_is_no_dust_however_little_it_is_worth_as_long_as_its_venue_takes_the_lots() -> None:
    floor = short()
    floor.prices[PERP] = 20.0
    floor.later(60).wake()
    grid = floor.state.grids["a"][PERP]
    assert sellable_lots(floor.state, grid, side=Side.BUY) == 330
    assert sellable_lots(floor.state, grid) == 0
    assert planned_in(floor.ask("out", Side.BUY, instrument=PERP, effect=Effect.REDUCE))


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_a_flatten_buys_back_what_is_short_and_sells_what_is_long() -> None:
    floor = short()
    floor.later(61)
    floor.signal("BUY", OTHER)
    facts = floor.control("flatten")
    assert [(one.instrument, one.side) for one in planned_in(facts)] == [(PERP, Side.BUY), (OTHER, Side.SELL)]
    floor.take_and_act(facts)
    assert all(not position.qty for position in floor.state.positions["a"].values())
    floor.check()


def test_a_kill_names_a_short_position_that_nothing_protects() -> None:
    facts = short().control("kill", kill_epoch=1)
    (alert,) = [fact for fact in facts if isinstance(fact, AlertRaised)]
    assert "-0.033" in alert.text


def test_a_part_of_a_short_position_is_bought_back() -> None:
    floor = short()
    (planned,) = planned_in(floor.ask("k", Side.BUY, instrument=PERP, effect=Effect.REDUCE, qty=Decimal("0.0100")))
    assert planned.qty_lots == 100
    floor.take_and_act([planned])
    assert floor.state.position("a", PERP).qty == Decimal("-0.023")
    floor.pass_to(60)
    floor.check()


def test_nothing_short_is_nothing_to_buy_back() -> None:
    (refused,) = [
        fact
        for fact in Floor().ask("k", Side.BUY, instrument=PERP, effect=Effect.REDUCE)
        if isinstance(fact, IntentRefused)
    ]
    assert refused.reason == f"no venue is short of {PERP} that is not being bought back"


# --- by force ---------------------------------------------------------------------------------------------------------


def test_a_position_is_liquidated_where_the_engine_says_that_it_would_be() -> None:
    floor = short()
    level = liquidation_level(floor.state, "a", PERP, 0.005)
    assert level == pytest.approx(29_999.0 * (1 + 1 / 3) / 1.005)
    floor.pass_to(60, btc=round(level - 1.0, 2))
    assert floor.state.position("a", PERP).qty < 0
    floor.pass_to(60, btc=round(level + 1.0, 2))
    assert floor.state.position("a", PERP).qty == 0
    assert liquidation_level(floor.state, "a", PERP, 0.005) == 0.0
    floor.check()


def forced(floor: Floor, **changes: object) -> list[Fact]:
    report = PositionLiquidated(
        at_ns=floor.at_ns,
        venue="a",
        instrument=PERP,
        trade_id="forced",
        side=Side.BUY,
        lots=330,
        price=Decimal(45_000),
        fee=Decimal("0.5"),
        fee_asset="USD",
        venue_at_ns=floor.at_ns,
        cursor=7,
    )
    return floor.take(msgspec.structs.replace(report, **changes))


def test_a_liquidation_is_booked_once_costs_no_more_than_the_margin_and_is_told() -> None:
    floor = short()
    cash, margin = floor.state.cash["a"]["USD"], floor.state.position("a", PERP).margin
    facts = forced(floor)
    assert kinds_in(facts) == ["LiquidationBooked", "AlertRaised"]
    assert alerts_in(facts) == ["liquidation"]
    assert floor.state.cash["a"]["USD"] == cash - margin - Decimal("0.5")
    assert floor.state.position("a", PERP).qty == 0
    assert floor.state.margins["a"]["USD"] == 0
    assert floor.state.cursors["a"] == 7
    assert forced(floor) == []


def test_a_part_is_liquidated_by_what_the_venue_says_that_it_brought() -> None:
    floor = short()
    (booked, _) = forced(floor, lots=110, realised=Decimal("-12.5"))
    assert isinstance(booked, LiquidationBooked)
    assert booked.realised == Decimal("-12.5")
    assert (booked.qty_after, booked.entries_after) == (Decimal("-0.022"), 1)


@pytest.mark.parametrize(
    "changes", [{"side": Side.SELL}, {"instrument": OTHER}, {"price": Decimal("NaN")}, {"lots": 0}], ids=str
)
def test_a_liquidation_that_fits_nothing_of_ours_is_set_aside_once(changes: dict[str, object]) -> None:
    floor = short()
    facts = forced(floor, **changes)
    assert kinds_in(facts) == ["StrayFound", "AlertRaised"]
    assert forced(floor, **changes) == []
    assert floor.state.position("a", PERP).qty == Decimal("-0.033")


def test_of_a_liquidation_beyond_our_position_only_our_part_is_booked() -> None:
    (booked, _) = forced(short(), lots=900)
    assert isinstance(booked, LiquidationBooked)
    assert booked.qty == Decimal("0.033")


# --- funding ----------------------------------------------------------------------------------------------------------


def test_funding_that_came_out_of_a_margin_leaves_less_of_it_locked() -> None:
    floor = short()
    before = floor.state.position("a", PERP).margin
    report = FundingReported(floor.at_ns, "a", PERP, "f1", "USD", Decimal(-5), floor.at_ns, Decimal(2))
    (booked,) = floor.take(report)
    assert isinstance(booked, FundingBooked)
    assert floor.state.position("a", PERP).margin == before - 2 == floor.state.margins["a"]["USD"]
    assert floor.take(report) == []


def test_a_short_position_earns_when_prices_fall_and_the_day_adds_up() -> None:
    floor = short()
    floor.tell(floor.exchange.fund(PERP, Decimal("0.0001"), floor.at_ns))
    floor.pass_to(60, btc=29_000.0)
    floor.later(86_400)
    floor.show()
    facts = floor.take(Woke(floor.at_ns, floor.market()))
    assert "DayClosed" in kinds_in(facts)
    assert (earned_in_a_day(floor.state) or -1.0) > 0
    floor.check()


# --- accounts ---------------------------------------------------------------------------------------------------------


def account(floor: Floor, positions: dict[str, Decimal] | None, seconds: float = 1.0) -> list[Fact]:
    floor.later(seconds)
    totals = floor.exchange.totals(ACCOUNT)
    return floor.take(AccountReported(floor.at_ns, "a", totals, (), floor.at_ns, positions))


def test_a_position_is_no_balance_and_what_it_locks_is_still_there() -> None:
    floor = short()
    floor.later(1)
    assert floor.read_account() == []
    assert not floor.state.unexplained


def test_a_position_that_somebody_else_changed_stops_opening_once_it_stays() -> None:
    floor = short()
    assert kinds_in(account(floor, {PERP: Decimal("-0.02")})) == ["AccountWeighed"]
    facts = account(floor, {PERP: Decimal("-0.02")}, 61)
    (differed,) = [fact for fact in facts if isinstance(fact, BalanceDiffered)]
    assert (differed.asset, differed.baseline, differed.explained) == (PERP, Decimal("0.013"), False)
    assert floor.level() is Control.REDUCING
    assert sellable_lots(floor.state, floor.state.grids["a"][PERP], side=Side.BUY) == 200


def test_positions_that_were_not_read_differ_from_nothing() -> None:
    floor = short()
    assert account(floor, None) == []


def lost(floor: Floor) -> str:
    """An order whose send was never answered; the venue denies it until nothing but its account can speak."""
    (planned,) = planned_in(floor.sell(PERP))
    floor.report(floor.state.orders[planned.client_id], Evidence.AMBIGUOUS, venue_order_id="")
    floor.later(30)
    return planned.client_id


def deny(floor: Floor, client_id: str) -> OrderState:
    for _ in range(5):
        floor.later(2).absent(floor.state.orders[client_id])
    return floor.state.orders[client_id].state


def test_an_unknown_order_on_a_perpetual_is_proven_absent_by_positions_that_were_read() -> None:
    floor = Floor()
    order = lost(floor)
    account(floor, {})
    assert deny(floor, order) is OrderState.NOT_PLACED


def test_money_alone_never_proves_that_an_order_on_a_perpetual_is_absent() -> None:
    floor = Floor()
    order = lost(floor)
    account(floor, None)
    assert deny(floor, order) is OrderState.UNKNOWN


def test_a_position_that_nobody_explains_may_be_the_unknown_order_itself() -> None:
    floor = Floor()
    order = lost(floor)
    account(floor, {PERP: Decimal("-0.0333")})
    assert deny(floor, order) is OrderState.UNKNOWN


def test_due_names_the_next_mark_of_the_grid_that_the_settings_want() -> None:
    floor = Floor(on_margin(mark_every_ns=300 * SECOND_NS))
    marked_ns = floor.state.minute_ns
    assert due(floor.state) == marked_ns + 300 * SECOND_NS
    floor.later(299)
    assert floor.wake() == []
    floor.later(1)
    assert kinds_in(floor.wake()) == ["MarksTaken"]


def test_equity_is_not_known_once_two_marks_are_missing() -> None:
    floor = Floor(on_margin(mark_every_ns=300 * SECOND_NS))
    floor.at_ns = floor.state.minute_ns + 601 * SECOND_NS
    quotes = floor.market()
    facts = floor.take(Woke(floor.at_ns, quotes, within_bar=True))
    assert facts == []
