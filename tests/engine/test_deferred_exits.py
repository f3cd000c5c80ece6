"""Exits of what a stop order holds: the stop order is cancelled first, and nothing is sold twice."""

from collections.abc import Iterable
from decimal import Decimal

import pytest

from quarterdeck.domain import (
    CancelRequested,
    CancelState,
    CycleRan,
    Evidence,
    ExitDeferred,
    ExitResumed,
    Fact,
    IntentRefused,
    OrderKind,
    OrderState,
    RiskSettings,
    Side,
    TriggerFired,
    Woke,
)
from quarterdeck.engine import NEVER_NS, protection_due, watch
from quarterdeck.engine.state import decode_state, encode_state
from quarterdeck.orders import Order
from tests.engine.covered import TRIGGER, covered, qty_of, resting, stop_in, stops_in
from tests.engine.driving import BTC, Bot, kinds_in, planned_in
from tests.engine.scenes import half_in_btc, reason_in, take_in


def deferred_in(facts: Iterable[Fact]) -> list[ExitDeferred]:
    return [fact for fact in facts if isinstance(fact, ExitDeferred)]


def test_an_exit_waits_until_its_stop_order_is_cancelled() -> None:
    bot, stop = covered()
    facts = bot.later(61).sell()
    assert kinds_in(facts)[-2:] == ["ExitDeferred", "CancelRequested"]
    assert planned_in(facts) == []
    assert protection_due(bot.state) == NEVER_NS
    bot.later(2).report(stop, Evidence.CANCELLED)
    assert protection_due(bot.state) <= bot.at_ns
    facts = bot.wake()
    (sold,) = planned_in(facts)
    assert sold.qty_lots == stop.qty_lots
    assert sold.intent_id == f"b:{BTC}:{bot.state.last_bar_ns}:SELL"
    assert (bot.state.deferred, bot.state.naked) == ({}, {})
    assert stops_in(bot.later(5).wake()) == [], "what is being sold needs no stop order"


def test_a_part_is_sold_and_the_rest_is_covered_at_once() -> None:
    bot, stop = covered()
    bot.ask("part", Side.SELL, qty=Decimal("0.005"))
    bot.report(stop, Evidence.CANCELLED)
    sold, second = planned_in(bot.wake())
    assert (sold.trigger_ticks, sold.qty_lots * sold.lot) == (None, Decimal("0.00500000"))
    assert second.trigger_ticks is not None
    assert second.qty_lots * second.lot == Decimal("0.01500000")


def test_flatten_waits_likewise_and_is_answered_at_once() -> None:
    bot, stop = covered()
    facts = bot.control("flatten")
    assert deferred_in(facts)
    assert kinds_in(facts)[-1] == "CommandAnswered"
    bot.report(stop, Evidence.CANCELLED)
    assert planned_in(bot.wake())


@pytest.mark.parametrize("cause", ["take_profit", "trailing_stop"])
def test_target_and_trailing_stop_wait_likewise(cause: str) -> None:
    bot, stop = covered(risk=RiskSettings(stop_loss=0.05, take_profit=0.1, trailing_stop=0.04))
    level = next(one for one in watch(bot.state) if one.cause == cause)
    facts = bot.take(TriggerFired(bot.at_ns, "a", BTC, cause, level.price, bot.market()))
    assert deferred_in(facts)
    assert watch(bot.state) == (), "an exit is under way"
    bot.report(stop, Evidence.CANCELLED)
    assert planned_in(bot.wake())


def test_a_second_wish_while_one_waits_is_refused() -> None:
    bot, stop = covered()
    bot.ask("first", Side.SELL)
    assert "waits already" in reason_in(bot.ask("second", Side.SELL))
    facts = bot.later(61).sell()
    (ran,) = [one for one in facts if isinstance(one, CycleRan)]
    assert BTC in ran.skipped
    facts = bot.later(61).buy()
    (ran,) = [one for one in facts if isinstance(one, CycleRan)]
    assert ran.skipped == {BTC: "an exit is under way"}
    bot.report(stop, Evidence.CANCELLED)
    assert len(planned_in(bot.wake())) == 1


def test_an_exit_that_would_be_refused_costs_the_position_no_stop_order() -> None:
    bot, stop = covered(collar_exit_max=1e-9)
    facts = bot.ask("x", Side.SELL)
    assert reason_in(facts).startswith("E1")
    assert stop.cancel is CancelState.NONE
    assert resting(bot) == [stop]


def test_an_exit_whose_goods_the_stop_order_sold_first_ends_as_a_refusal_that_says_so() -> None:
    bot, stop = covered()
    bot.ask("x", Side.SELL)
    bot.fill(stop, stop.qty_lots, price=TRIGGER, fee=Decimal(0))
    facts = bot.wake()
    assert "may have sold first" in reason_in(facts)
    assert bot.state.deferred == {}
    assert bot.state.answers["x"].outcome.startswith("refused")


def test_an_exit_sells_only_what_an_awoken_stop_order_left() -> None:
    bot, stop = covered()
    bot.ask("x", Side.SELL)
    bot.fill(stop, stop.qty_lots // 4, price=TRIGGER, fee=Decimal(0))
    assert planned_in(bot.wake()) == []
    bot.report(stop, Evidence.CANCELLED)
    (sold,) = planned_in(bot.wake())
    assert sold.qty_lots * sold.lot == Decimal("0.01500000")


def test_a_cancel_that_is_refused_leaves_the_exit_waiting() -> None:
    bot, stop = covered()
    bot.ask("x", Side.SELL)
    bot.report(stop, Evidence.CANCEL_REFUSED)
    assert planned_in(bot.later(5).wake()) == []
    assert list(bot.state.deferred) == ["x"]
    bot.later(60).wake()
    assert stop.cancel is CancelState.REQUESTED, "what was once wanted stays wanted"


def test_a_halt_drops_what_waits() -> None:
    bot, stop = covered()
    bot.ask("x", Side.SELL)
    bot.control("halt")
    facts = bot.wake()
    (refused,) = [one for one in facts if isinstance(one, IntentRefused)]
    assert "halted" in refused.reason
    assert bot.state.deferred == {}
    bot.report(stop, Evidence.CANCELLED)
    assert planned_in(bot.later(61).wake()) == []


def test_what_waits_survives_a_restart_and_goes_on() -> None:
    bot, stop = covered()
    bot.ask("x", Side.SELL)
    bot.state = decode_state(encode_state(bot.state))
    stop = bot.state.orders[stop.client_id]
    bot.later(5).start(reconciled=False)
    bot.report(stop, Evidence.CANCELLED)
    assert planned_in(bot.wake()) == [], "not before the account is compared"
    bot.account("a", **bot.explained("a"))
    bot.account("b", **bot.explained("b"))
    facts = bot.wake()
    assert [one.intent_id for one in facts if isinstance(one, ExitResumed)] == ["x"]
    assert len(planned_in(facts)) == 1


def test_a_part_that_another_venue_can_sell_leaves_the_stop_order_alone() -> None:
    bot, stop = covered()
    bot.prices[BTC] = 25_000.0
    take_in(bot.later(6), "0.01", venue="b")
    (other,) = stops_in(bot.wake())
    second = bot.state.orders[other.client_id]
    bot.report(second, Evidence.ACKNOWLEDGED)
    facts = bot.ask("part", Side.SELL, qty=Decimal("0.005"))
    asked = [one.client_id for one in facts if isinstance(one, CancelRequested)]
    assert len(asked) == 1
    bot.report(bot.state.orders[asked[0]], Evidence.CANCELLED)
    facts = bot.wake()
    assert len([one for one in planned_in(facts) if one.trigger_ticks is None]) == 1
    assert sum(order.cancel is CancelState.NONE for order in (stop, second)) >= 1


def test_a_venue_that_does_not_answer_holds_up_the_others_only_for_a_while() -> None:
    bot, stop = covered()
    take_in(bot.later(6), "0.01", venue="b")
    second = bot.state.orders[stops_in(bot.wake())[0].client_id]
    bot.report(second, Evidence.ACKNOWLEDGED)
    bot.ask("all", Side.SELL)
    bot.report(second, Evidence.CANCELLED)
    assert planned_in(bot.later(5).wake()) == [], "the other stop order may go any moment"
    bot.later(26)
    assert protection_due(bot.state) <= bot.at_ns
    (sold,) = [one for one in planned_in(bot.wake()) if one.trigger_ticks is None]
    assert sold.venue == "b"
    assert stop.state is OrderState.OPEN
    bot.report(stop, Evidence.CANCELLED)
    again = stop_in(bot, bot.wake())
    assert (again.venue, qty_of(again)) == ("a", Decimal("0.02000000")), "what was not sold is covered again"


def test_an_exit_waits_on_while_the_others_that_could_sell_show_no_price() -> None:
    bot, stop = covered()
    take_in(bot.later(6), "0.01", venue="b")
    second = bot.state.orders[stops_in(bot.wake())[0].client_id]
    bot.report(second, Evidence.ACKNOWLEDGED)
    bot.ask("all", Side.SELL)
    bot.report(second, Evidence.CANCELLED)
    bot.later(31)
    facts = bot.take(Woke(bot.at_ns, bot.market(down=("a", "b"))))
    assert deferred_in(facts), "dropping it would leave both unsold"
    assert protection_due(bot.state) > bot.at_ns
    bot.report(stop, Evidence.CANCELLED)
    sold = [one for one in planned_in(bot.later(1).wake()) if one.trigger_ticks is None]
    assert {one.venue for one in sold} == {"a", "b"}


def test_an_exit_of_an_unknown_stop_order_waits_for_the_evidence() -> None:
    bot, stop = covered()
    bot.report(stop, Evidence.AMBIGUOUS)
    unknown = stop.state
    bot.ask("x", Side.SELL)
    assert stop.cancel is CancelState.REQUESTED
    assert planned_in(bot.later(300).wake()) == []
    assert unknown in (OrderState.OPEN, OrderState.UNKNOWN)


def limit_sell(bot: Bot) -> Order:
    """All that is held offered far above the market, and taken in by the venue."""
    facts = bot.ask("limit", Side.SELL, order_kind=OrderKind.LIMIT, limit=Decimal(26_000))
    if not planned_in(facts):
        for stop in resting(bot):
            bot.report(stop, Evidence.CANCELLED)
        facts = bot.wake()
    (planned,) = planned_in(facts)
    order = bot.state.orders[planned.client_id]
    bot.report(order, Evidence.ACKNOWLEDGED)
    return order


@pytest.mark.parametrize("takes_stops", [False, True])
def test_a_limit_order_that_rests_gives_way_to_protection(takes_stops: bool) -> None:
    """What somebody offers far above the market is watched all the same, and sold at the stop."""
    bot = covered()[0] if takes_stops else half_in_btc(RiskSettings(stop_loss=0.05))
    order = limit_sell(bot.later(6))
    (level,) = watch(bot.state)
    assert level.cause == "stop_loss"
    bot.prices[BTC] = level.price
    facts = bot.take(TriggerFired(bot.at_ns, "a", BTC, "stop_loss", level.price, bot.market()))
    assert deferred_in(facts)
    assert order.cancel is CancelState.REQUESTED
    bot.report(order, Evidence.CANCELLED)
    (sold,) = planned_in(bot.wake())
    assert (sold.order_kind, sold.qty_lots) == (OrderKind.MARKET, order.qty_lots)


def test_a_flatten_takes_limit_orders_out_of_its_way() -> None:
    bot, _ = covered()
    order = limit_sell(bot.later(6))
    assert deferred_in(bot.control("flatten"))
    bot.report(order, Evidence.CANCELLED)
    (sold,) = planned_in(bot.later(6).wake())
    assert sold.qty_lots == order.qty_lots


def test_a_signal_leaves_a_limit_order_of_a_person_alone() -> None:
    bot, _ = covered()
    order = limit_sell(bot.later(6))
    (ran,) = [one for one in bot.later(61).sell() if isinstance(one, CycleRan)]
    assert BTC in ran.skipped
    assert order.cancel is CancelState.NONE


def beside_a_resting_buy() -> tuple[Bot, Order]:
    """A bot that holds some, and whose second buy rests below the market."""
    bot = half_in_btc()
    asked = {"notional": Decimal(100), "order_kind": OrderKind.LIMIT, "limit": Decimal(24_900)}
    (planned,) = planned_in(bot.later(61).ask("more", Side.BUY, **asked))
    buy = bot.state.orders[planned.client_id]
    bot.report(buy, Evidence.ACKNOWLEDGED, venue_order_id="v9")
    return bot, buy


@pytest.mark.parametrize("how", ["signal", "flatten"])
def test_an_exit_that_would_trade_against_our_own_entry_waits_until_that_is_cancelled(how: str) -> None:
    bot, buy = beside_a_resting_buy()
    facts = bot.later(61).sell() if how == "signal" else bot.later(61).control("flatten")
    assert deferred_in(facts)
    assert buy.cancel is CancelState.REQUESTED
    assert protection_due(bot.state) > bot.at_ns
    bot.later(2).report(buy, Evidence.CANCELLED)
    assert protection_due(bot.state) <= bot.at_ns
    (sold,) = planned_in(bot.wake())
    assert sold.qty_lots * sold.lot == bot.state.position("a", BTC).qty


def test_an_entry_that_fills_before_its_cancel_is_sold_with_the_rest() -> None:
    bot, buy = beside_a_resting_buy()
    bot.later(61).sell()
    bot.fill(buy, buy.qty_lots, price=Decimal(24_900))
    (sold,) = planned_in(bot.wake())
    assert sold.qty_lots * sold.lot == bot.state.position("a", BTC).qty


def test_an_entry_whose_cancel_is_never_answered_holds_an_exit_up_only_for_a_while() -> None:
    bot, _ = beside_a_resting_buy()
    deferred = bot.later(61).sell()
    assert deferred_in(deferred)
    due_ns = protection_due(bot.state)
    assert due_ns == bot.at_ns + bot.settings.naked_ns_max
    bot.at_ns = due_ns
    assert "E10" in reason_in(bot.wake())
