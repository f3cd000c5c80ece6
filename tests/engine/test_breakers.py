"""Repeated rejections, too many executions, duplicates, our own orders, and too much that waits. R53, R39."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from quarterdeck.domain import (
    SECOND_NS,
    Action,
    Effect,
    Evidence,
    Fact,
    IntentRefused,
    OrderKind,
    OrderState,
    RiskSettings,
    Side,
    Source,
    TriggerFired,
)
from tests.engine.driving import BTC, ETH, Bot, alerts_in, listing_of, planned_in, settings_with
from tests.engine.scenes import begun, exits, failed_in, opens, refusals, resume, small_settings, take_in, wide


def bot_with(**limits: object) -> Bot:
    return Bot(settings_with(guardrails=wide(**limits)))


def rejected(bot: Bot, reason: str = "insufficient funds", venue: str = "a", instrument: str = BTC) -> list[Fact]:
    key = f"r-{len(bot.taken)}"
    (planned,) = planned_in(bot.later(6).ask(key, notional=Decimal(50), venue=venue, instrument=instrument))
    return bot.report(bot.state.orders[planned.client_id], Evidence.REJECTED, reason=reason)


# --- E9: rejections ---------------------------------------------------------------------------------------------------


def test_after_three_identical_rejections_nothing_more_is_opened_there_r53() -> None:
    bot = bot_with()
    assert alerts_in(rejected(bot)) == []
    assert alerts_in(rejected(bot)) == []
    assert alerts_in(rejected(bot)) == ["breaker"]
    assert refusals(bot.later(6), BTC, venue="a") == ("E9",)
    assert opens(bot, BTC, venue="b"), "another venue took nothing amiss"
    assert opens(bot, ETH, venue="a"), "nor did another pair"


def test_other_words_begin_the_count_anew() -> None:
    bot = bot_with()
    for reason in ("one", "one", "two", "one", "one"):
        rejected(bot, reason)
    assert opens(bot.later(6), BTC, venue="a")


def test_an_order_that_works_and_ends_well_in_between_ends_the_row() -> None:
    bot = bot_with()
    rejected(bot)
    rejected(bot)
    assert opens(bot.later(6), BTC, venue="a")
    (order,) = bot.state.live_orders()
    bot.report(order, Evidence.CANCELLED)
    rejected(bot)
    rejected(bot)
    assert opens(bot.later(6), BTC, venue="a")


def test_an_order_that_is_only_acknowledged_ends_no_row_for_it_may_be_rejected_yet() -> None:
    bot = bot_with()
    for _ in range(3):
        key = f"a-{len(bot.taken)}"
        (planned,) = planned_in(bot.later(6).ask(key, notional=Decimal(50), venue="a", instrument=BTC))
        order = bot.state.orders[planned.client_id]
        bot.report(order, Evidence.ACKNOWLEDGED)
        bot.report(order, Evidence.REJECTED, reason="insufficient funds")
    assert refusals(bot.later(6), BTC, venue="a") == ("E9",)


def test_an_order_that_filled_at_once_ends_the_row_as_well() -> None:
    """Some venues tell of the trade first and never of the order."""
    bot = bot_with()
    rejected(bot)
    rejected(bot)
    take_in(bot.later(6), "0.001")
    rejected(bot)
    assert opens(bot.later(6), BTC, venue="a")


def test_the_row_ends_only_with_a_person_and_not_with_a_restart_r53() -> None:
    bot = bot_with()
    for _ in range(3):
        rejected(bot)
    bot.start()
    bot.later(3_600).wake()
    assert refusals(bot, BTC, venue="a") == ("E9",)
    resume(bot)
    assert opens(bot, BTC, venue="a")


def test_exits_pass_the_breaker() -> None:
    bot = bot_with()
    take_in(bot, "0.01")
    for _ in range(3):
        rejected(bot)
    assert exits(bot.later(6))


def test_a_rejection_asks_for_the_account_and_the_next_order_goes_by_it_r53() -> None:
    """Three hundred thousand unfunded orders began with a balance that nobody read again."""
    bot = bot_with()
    before = bot.state.free("a", "USD")
    rejected(bot)
    assert bot.state.free("a", "USD") == before, "what a rejected order reserved is free again"


# --- E9: executions ---------------------------------------------------------------------------------------------------


def test_after_so_many_executions_a_person_is_wanted() -> None:
    bot = bot_with(executions_max=3)
    for side in (Action.BUY, Action.SELL, Action.BUY):
        (planned,) = planned_in(bot.later(61).cycle({ETH: side}))
        bot.fill(bot.state.orders[planned.client_id], planned.qty_lots, price=Decimal(2_000))
    assert failed_in(bot.later(61).buy(BTC)) == ("E9",)
    assert planned_in(bot.sell(ETH)), "exits pass, and count"
    resume(bot)
    assert bot.state.executions == 0
    assert planned_in(bot.later(61).buy(BTC))


def test_what_a_person_asks_for_is_no_execution_without_one() -> None:
    bot = bot_with(executions_max=1)
    assert opens(bot, ETH)
    assert opens(bot.later(6), ETH, 21)
    assert bot.state.executions == 0


def test_without_the_setting_no_number_is_too_many() -> None:
    bot = bot_with()
    bot.state.executions = 10**6
    assert opens(bot, ETH)


# --- E6: duplicates ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "passes"), [(0.0, False), (4.999, False), (5.0, True), (60.0, True)])
def test_the_same_order_within_five_seconds_is_refused_and_exactly_five_are_allowed(
    seconds: float, passes: bool
) -> None:
    bot = bot_with()
    assert opens(bot, ETH, 20)
    facts = bot.later(seconds).ask("again", instrument=ETH, notional=Decimal(20))
    assert bool(planned_in(facts)) == passes
    if not passes:
        assert failed_in(facts) == ("E6",)


@pytest.mark.parametrize(
    "other",
    [
        {"notional": Decimal(21)},
        {"instrument": BTC},
        {"source": Source.WEBHOOK},
        {"order_kind": OrderKind.LIMIT, "limit": Decimal(1990)},
    ],
    ids=["size", "pair", "source", "price"],
)
def test_an_order_that_differs_in_anything_is_none(other: dict[str, Any]) -> None:
    bot = bot_with()
    assert opens(bot, ETH, 20)
    plain: dict[str, Any] = {"instrument": ETH, "notional": Decimal(20)} | other
    assert planned_in(bot.later(1).ask("other", **plain))


def test_the_same_exit_twice_within_five_seconds_is_refused_as_well() -> None:
    bot = bot_with()
    take_in(bot, "0.01")
    assert exits(bot.later(61), qty=Decimal("0.001"))
    assert failed_in(bot.ask("again", Side.SELL, qty=Decimal("0.001"))) == ("E6",)
    assert exits(bot.later(5), qty=Decimal("0.001"))


def test_the_same_limit_on_two_venues_with_other_ticks_is_a_duplicate() -> None:
    listings = (listing_of("a", BTC), listing_of("b", BTC, tick=Decimal("0.1")))
    bot = Bot(settings_with(pairs=(BTC,), listings=listings, guardrails=wide()))
    limit: dict[str, Any] = {"qty": Decimal("0.001"), "order_kind": OrderKind.LIMIT, "limit": Decimal(29_500)}
    assert planned_in(bot.ask("one", venue="a", **limit))
    assert failed_in(bot.later(1).ask("two", venue="b", **limit)) == ("E6",)


# --- E10: our own orders ----------------------------------------------------------------------------------------------


def resting_sell(bot: Bot, limit: str) -> None:
    take_in(bot, "0.01")
    (planned,) = planned_in(
        bot.later(61).ask("rest", Side.SELL, qty=Decimal("0.005"), order_kind=OrderKind.LIMIT, limit=Decimal(limit))
    )
    bot.report(bot.state.orders[planned.client_id], Evidence.ACKNOWLEDGED)


@pytest.mark.parametrize(("limit", "crosses"), [("30100", True), ("30099.99", False)])
def test_a_limit_that_would_meet_our_own_order_is_refused(limit: str, crosses: bool) -> None:
    bot = bot_with()
    resting_sell(bot, "30100")
    facts = bot.ask("k", notional=Decimal(50), order_kind=OrderKind.LIMIT, limit=Decimal(limit), venue="a")
    assert bool(planned_in(facts)) != crosses
    if crosses:
        assert failed_in(facts) == ("E10",)


def test_a_market_order_that_may_reach_our_own_order_is_refused() -> None:
    """It averages 30 001.04, and eats the book up to 30 003: our own 30 002 lies between."""
    bot = bot_with()
    resting_sell(bot, "30002")
    shown = bot.market()
    asks = ((30_001.0, 0.0096), (30_002.0, 0.0009), (30_003.0, 5.0))
    quotes = tuple(msgspec.structs.replace(q, asks=asks) if q.instrument == BTC else q for q in shown.quotes)
    deep = msgspec.structs.replace(shown, quotes=quotes)
    assert failed_in(bot.ask("k", notional=Decimal(300), venue="a", surroundings=deep)) == ("E10",)


def test_our_order_on_another_account_is_in_nobodys_way() -> None:
    bot = bot_with()
    resting_sell(bot, "30001")
    assert planned_in(bot.ask("k", notional=Decimal(50), venue="b"))


def test_an_exit_waits_until_the_entry_that_it_would_meet_is_cancelled() -> None:
    bot = bot_with()
    take_in(bot, "0.01")
    (entry,) = planned_in(
        bot.later(61).ask("k", notional=Decimal(50), order_kind=OrderKind.LIMIT, limit=Decimal(30000), venue="a")
    )
    order = bot.state.orders[entry.client_id]
    bot.report(order, Evidence.ACKNOWLEDGED)
    assert planned_in(bot.ask("x", Side.SELL, order_kind=OrderKind.LIMIT, limit=Decimal(29_990))) == []
    assert order.cancel.value == "requested", "the exit had it cancelled"
    bot.report(order, Evidence.CANCELLED)
    (exit_,) = planned_in(bot.later(1).wake())
    assert exit_.intent_id == "x"


# --- E4, E5 and what is reserved --------------------------------------------------------------------------------------


def test_at_most_so_many_orders_work_at_once_in_all_and_of_a_pair() -> None:
    bot = bot_with(open_orders_max=3, open_orders_pair_max=2)
    assert [opens(bot.later(6), BTC) for _ in range(3)] == [True, True, False]
    assert refusals(bot, BTC) == ("E4",)
    assert [opens(bot.later(6), ETH) for _ in range(2)] == [True, False]
    assert exits_after_a_fill(bot)


def exits_after_a_fill(bot: Bot) -> bool:
    order = next(iter(bot.state.orders.values()))
    bot.fill(order, order.qty_lots // 2)
    return exits(bot.later(6), BTC)


def test_no_more_than_a_tenth_of_equity_waits_in_orders() -> None:
    bot = begun(small_settings(unexecuted_max=0.10))
    assert opens(bot, ETH, 60)
    assert refusals(bot.later(6), ETH, 41) == ("E5",)
    assert opens(bot.later(6), ETH, 39)


def test_simultaneous_signals_share_what_there_is_r39() -> None:
    """Check and reserve are one step: the second pair of a cycle sees what the first one took."""
    bot = Bot(settings_with(guardrails=wide(trades_max=1)))
    facts = bot.cycle({BTC: Action.BUY, ETH: Action.BUY})
    assert [one.instrument for one in planned_in(facts)] == [BTC]
    assert [fact.failed for fact in facts if isinstance(fact, IntentRefused)] == [("G9",)]
    bot = Bot(settings_with(guardrails=wide(open_orders_max=1)))
    facts = bot.cycle({BTC: Action.BUY, ETH: Action.BUY})
    assert [fact.failed for fact in facts if isinstance(fact, IntentRefused)] == [("E4",)]


# --- G8, G9: trades that are counted and given back -------------------------------------------------------------------


def test_five_trades_in_five_minutes_and_the_sixth_waits_until_one_is_exactly_five_minutes_old() -> None:
    bot = bot_with(trades_max=5, unexecuted_max=10.0)
    first_ns = bot.at_ns
    assert [opens(bot.later(6 * (number > 0)), ETH) for number in range(5)] == [True] * 5
    assert refusals(bot.later(6), BTC) == ("G9",)
    bot.at_ns = first_ns + 300 * SECOND_NS - 1
    assert refusals(bot, BTC) == ("G9",)
    bot.at_ns += 1
    assert opens(bot, BTC)


def test_exits_count_as_trades_and_pass() -> None:
    bot = bot_with(trades_max=2)
    take_in(bot, "0.01")
    assert exits(bot.later(6), qty=Decimal("0.001"))
    assert exits(bot.later(6), qty=Decimal("0.001"))
    assert refusals(bot, ETH) == ("G9",)


@pytest.mark.parametrize("end", [Evidence.REJECTED, Evidence.CANCELLED, Evidence.EXPIRED, Evidence.WITHDRAWN])
def test_an_order_that_never_traded_gives_its_place_back(end: Evidence) -> None:
    bot = bot_with(trades_max=1, cooldown_s=60.0)
    (planned,) = planned_in(bot.ask("k", instrument=ETH, notional=Decimal(20)))
    bot.report(bot.state.orders[planned.client_id], end)
    assert bot.state.trades == {}
    assert opens(bot.later(6), ETH)


def test_a_place_given_back_is_taken_again_when_the_order_turns_out_to_have_traded() -> None:
    bot = bot_with(trades_max=1)
    (planned,) = planned_in(bot.ask("k", instrument=ETH, notional=Decimal(20)))
    order = bot.state.orders[planned.client_id]
    bot.report(order, Evidence.REJECTED)
    bot.fill(order, order.qty_lots)
    assert order.state is OrderState.FILLED
    assert bot.state.trades["k"].at_ns == planned.at_ns
    assert refusals(bot.later(6), BTC) == ("G9",)


def test_an_exit_on_two_venues_is_one_trade_and_gives_its_place_back_once_both_ended() -> None:
    bot = bot_with()
    take_in(bot, "0.01", venue="a")
    take_in(bot.later(6), "0.01", venue="b")
    first, second = planned_in(bot.later(400).ask("x", Side.SELL))
    assert list(bot.state.trades)[-1:] == ["x"]
    assert (first.effect, second.effect) == (Effect.REDUCE, Effect.REDUCE)
    bot.report(bot.state.orders[first.client_id], Evidence.REJECTED)
    assert "x" in bot.state.trades
    bot.report(bot.state.orders[second.client_id], Evidence.REJECTED)
    assert "x" not in bot.state.trades


def test_a_protective_exit_passes_pace_and_breaker_together() -> None:
    bot = Bot(settings_with(risk=RiskSettings(stop_loss=0.05), guardrails=wide(trades_max=1, executions_max=1)))
    take_in(bot, "0.01")
    fired = TriggerFired(bot.later(6).at_ns, "a", BTC, "stop_loss", 28_000.0, bot.market())
    assert planned_in(bot.take(fired))
