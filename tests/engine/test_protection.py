"""Stop orders at the venue: placed at once, one for each position, replaced as it changes, sold where none can be."""

from decimal import Decimal

import msgspec
import pytest

from quarterdeck.domain import (
    BotSettings,
    CancelRequested,
    CancelState,
    Control,
    Evidence,
    GuardrailSettings,
    IntentFormed,
    IntentRefused,
    OrderKind,
    OrderState,
    ProtectionSettled,
    ProtectionTried,
    RiskSettings,
    SettingsAsked,
    Side,
    Source,
    Started,
)
from quarterdeck.engine import NEVER_NS, due, protected_by, protection_due, watch
from quarterdeck.guardrails import unpack
from tests.engine.covered import (
    NAKED_S,
    STOP,
    TRIGGER,
    covered,
    holding,
    qty_of,
    resting,
    stop_in,
    stops_in,
    stops_settings,
    trigger_of,
)
from tests.engine.driving import BTC, Bot, alerts_in, kinds_in, planned_in
from tests.engine.scenes import begun, change, reason_in, resume, take_in


def reject(bot: Bot, reason: str = "no") -> None:
    (stop,) = resting(bot)
    bot.report(stop, Evidence.REJECTED, reason=reason, venue_order_id="")


def test_an_entry_and_its_stop_order_are_one_plan() -> None:
    bot = begun(stops_settings(), spare=1_000_000)
    (entry,) = planned_in(bot.ask("in", qty=Decimal("0.02"), venue="a"))
    assert entry.protection == "venue"
    filled = bot.fill(bot.state.orders[entry.client_id], entry.qty_lots, price=Decimal(25_000), fee=Decimal(0))
    assert "ProtectionTried" in kinds_in(filled), "the fill says that the position is naked"
    assert protection_due(bot.state) <= bot.at_ns, "and something is due about it at once"
    assert due(bot.state) <= bot.at_ns


def test_the_stop_order_covers_all_that_is_held_on_the_exact_grid() -> None:
    bot = holding()
    stop = stop_in(bot, bot.wake())
    assert (stop.order_kind, stop.side, stop.source) == (OrderKind.STOP, Side.SELL, Source.PROTECTION)
    assert (qty_of(stop), trigger_of(stop)) == (Decimal("0.02000000"), TRIGGER)
    assert stop.reserve == Decimal("0.02000000")
    assert stop.limit_ticks is None


def test_the_trigger_is_rounded_towards_the_market_so_that_no_more_is_lost_than_was_said() -> None:
    bot = begun(stops_settings(RiskSettings(stop_loss=0.0333333)), spare=1_000_000)
    take_in(bot, "0.02")
    stop = stop_in(bot, bot.wake())
    assert trigger_of(stop) == Decimal("24166.67") > Decimal(25000) * (1 - Decimal("0.0333333"))


def test_every_guardrail_judges_the_stop_order_and_the_journal_says_so() -> None:
    bot = holding()
    (planned,) = stops_in(bot.wake())
    verdicts = {one.id: one for one in unpack(planned.verdicts)}
    assert planned.verdicts.failed == 0
    assert len(verdicts) == 22
    assert verdicts["E1"].value == 0.0, "a stop is judged at its trigger, which is held against itself"
    assert verdicts["E3"].limit == pytest.approx(0.02), "and it may cover whatever is held"


def test_e3_lets_a_stop_order_cover_a_position_larger_than_one_order_may_be() -> None:
    bot = holding("0.02")
    change(bot, qty_max={BTC: 0.01})
    assert qty_of(stop_in(bot, bot.wake())) == Decimal("0.02000000")


def test_a_taken_stop_order_settles_the_matter_and_the_bot_watches_no_more() -> None:
    bot = holding()
    stop = stop_in(bot, bot.wake())
    assert [one.cause for one in watch(bot.state)] == ["stop_loss"], "the bot watches until the venue has taken it"
    assert protected_by(bot.state, "a", BTC) == "bot"
    facts = bot.report(stop, Evidence.ACKNOWLEDGED)
    assert "ProtectionSettled" in kinds_in(facts)
    assert bot.state.naked == {}
    assert watch(bot.state) == ()
    assert protected_by(bot.state, "a", BTC) == "venue"


def test_trailing_stop_and_target_stay_with_the_bot() -> None:
    bot, _ = covered(risk=RiskSettings(stop_loss=0.05, take_profit=0.1, trailing_stop=0.04))
    assert [one.cause for one in watch(bot.state)] == ["trailing_stop", "ratchet", "take_profit"]


def test_a_partly_filled_entry_is_covered_for_what_filled() -> None:
    bot = begun(stops_settings(), spare=1_000_000)
    (planned,) = planned_in(bot.ask("in", qty=Decimal("0.02"), venue="a"))
    entry = bot.state.orders[planned.client_id]
    bot.fill(entry, entry.qty_lots // 2, price=Decimal(25_000), fee=Decimal(0))
    facts = bot.wake()
    assert qty_of(stop_in(bot, facts)) == Decimal("0.01000000")
    assert entry.state is OrderState.PARTIALLY_FILLED
    assert entry.cancel is CancelState.NONE, "the entry goes on"


def test_a_grown_position_has_its_stop_order_cancelled_then_replaced_never_two_at_a_time() -> None:
    bot, first = covered("0.01")
    take_in(bot.later(6), "0.01")
    assert planned_in(bot.wake()) == [], "fills in quick succession are gathered"
    facts = bot.later(1.1).wake()
    assert first.cancel is CancelState.REQUESTED
    assert planned_in(facts) == [], "nothing is placed before the old one has ended"
    assert planned_in(bot.later(3).wake()) == []
    bot.report(first, Evidence.CANCELLED)
    assert protection_due(bot.state) <= bot.at_ns
    second = stop_in(bot, bot.wake())
    assert qty_of(second) == Decimal("0.02000000")
    assert resting(bot) == [second]


def test_a_stop_order_that_the_venue_took_meanwhile_starts_the_time_without_cover_anew() -> None:
    """An entry that fills drop by drop is not sold for it."""
    bot = begun(stops_settings(), spare=1_000_000)
    (planned,) = planned_in(bot.ask("in", qty=Decimal("0.02"), venue="a"))
    entry = bot.state.orders[planned.client_id]
    for _ in range(20):
        bot.fill(entry, 50_000, price=Decimal(25_000), fee=Decimal(0))
        stop = stop_in(bot, bot.wake())
        bot.later(2).fill(entry, 50_000, price=Decimal(25_000), fee=Decimal(0))
        bot.report(stop, Evidence.ACKNOWLEDGED)
        assert planned_in(bot.later(1.1).wake()) == []
        bot.report(stop, Evidence.CANCELLED)
    assert all(order.is_protective for order in bot.state.orders.values() if order.side is Side.SELL)
    assert bot.state.alerts == {}


def test_an_average_cost_that_moved_less_than_a_tenth_of_a_percent_leaves_the_stop_order_alone() -> None:
    bot, stop = covered()
    _adopt(bot, msgspec.structs.replace(bot.settings, risk=RiskSettings(stop_loss=0.0509)))
    assert bot.state.naked == {}
    _adopt(bot, msgspec.structs.replace(bot.settings, risk=RiskSettings(stop_loss=0.0511)))
    assert list(bot.state.naked) == ["a BTC-USD"]
    assert stop.cancel is CancelState.NONE


def test_a_rejected_stop_order_is_tried_again_one_two_four_seconds_later() -> None:
    bot = holding()
    tried, start_ns = [], bot.at_ns
    for _ in range(4):
        tried.append((bot.at_ns - start_ns) / 1e9)
        stop_in(bot, bot.wake())
        reject(bot)
        assert planned_in(bot.wake()) == []
        bot.at_ns = protection_due(bot.state)
    assert tried == [0.0, 1.0, 3.0, 7.0]


def test_what_cannot_be_covered_in_time_is_sold_at_the_market_with_an_alert() -> None:
    bot = holding()
    start_ns = bot.at_ns
    facts = bot.wake()
    for _ in range(20):
        if stops_in(facts):
            reject(bot)
            bot.at_ns = protection_due(bot.state)
            facts = bot.wake()
    sold = [one for one in planned_in(facts) if one.trigger_ticks is None]
    assert bot.at_ns - start_ns == NAKED_S * 10**9
    assert alerts_in(facts) == ["naked"]
    (intent,) = [one.intent for one in facts if isinstance(one, IntentFormed)]
    assert intent.cause == "no stop order could be placed"
    assert (sold[0].order_kind, sold[0].source) == (OrderKind.MARKET, Source.PROTECTION)
    assert "a BTC-USD" in bot.state.naked, "the exit may yet be rejected"
    assert protection_due(bot.state) == NEVER_NS
    exit_order = bot.state.orders[sold[0].client_id]
    facts = bot.fill(exit_order, exit_order.qty_lots, price=Decimal(25_000), fee=Decimal(0))
    assert (bot.state.naked, bot.state.alerts) == ({}, {})


def test_what_a_thin_book_left_of_a_late_sale_is_offered_a_stop_order_before_more_is_sold() -> None:
    bot = holding()
    facts = bot.wake()
    while stops_in(facts):
        reject(bot)
        bot.at_ns = protection_due(bot.state)
        facts = bot.wake()
    (sold,) = planned_in(facts)
    exit_order = bot.state.orders[sold.client_id]
    bot.fill(exit_order, 100, price=Decimal(25_000), fee=Decimal(0))
    bot.report(exit_order, Evidence.EXPIRED, reported_lots=100)
    bot.at_ns = protection_due(bot.state)
    stop = stop_in(bot, bot.wake())
    assert stop.qty_lots == sold.qty_lots - 100
    reject(bot)
    bot.at_ns = protection_due(bot.state)
    (sold,) = planned_in(bot.wake())
    assert (sold.order_kind, sold.qty_lots) == (OrderKind.MARKET, stop.qty_lots)


def test_a_venue_that_refuses_every_sale_is_tried_at_the_longest_step_and_the_alert_stands() -> None:
    """R53: no storm of orders, and the time without cover does not begin anew with every exit."""
    bot = holding()
    planned, told = 0, 0
    for _ in range(200):
        facts = bot.wake()
        told += alerts_in(facts).count("naked")
        for one in planned_in(facts):
            planned += 1
            bot.report(bot.state.orders[one.client_id], Evidence.REJECTED, reason="no", venue_order_id="")
        bot.later(5)
    assert told == 1
    assert planned < 1_000 / 16 + 10
    assert "naked:a BTC-USD" in bot.state.alerts
    assert watch(bot.state) == (), "the clock alone tries again"
    resume(bot)
    assert [one.cause for one in watch(bot.state)] == ["stop_loss"]


def test_an_alert_of_missing_cover_is_over_once_there_is_cover() -> None:
    bot = holding(collar_exit_max=0.0)
    for _ in range(20):
        bot.wake()
        if resting(bot):
            reject(bot)
        bot.at_ns = protection_due(bot.state)
        if bot.state.alerts:
            break
    facts = bot.wake()
    assert [one.intent_id.rpartition(":")[2] for one in facts if isinstance(one, IntentRefused)] in (["uncovered"], [])
    (stop,) = resting(bot) or (stop_in(bot, facts),)
    told = bot.report(stop, Evidence.ACKNOWLEDGED)
    assert "AlertCleared" in kinds_in(told)
    assert bot.state.alerts == {}


def test_a_price_beyond_the_stop_already_is_sold_into_at_once() -> None:
    bot = holding()
    bot.prices[BTC] = 23_700.0
    (sold,) = planned_in(bot.wake())
    assert (sold.order_kind, sold.trigger_ticks) == (OrderKind.MARKET, None)
    assert protection_due(bot.state) == NEVER_NS


def test_a_rejection_because_the_stop_would_awake_at_once_ends_in_an_exit() -> None:
    bot = holding()
    stop_in(bot, bot.wake())
    bot.prices[BTC] = 23_700.0
    reject(bot, "would trigger immediately")
    level = watch(bot.state)[0]
    assert level.cause == "stop_loss", "the bot watches the level while nobody else does"
    bot.at_ns = protection_due(bot.state)
    (sold,) = planned_in(bot.wake())
    assert sold.order_kind is OrderKind.MARKET


def test_a_stop_order_that_filled_settles_the_position() -> None:
    bot, stop = covered()
    facts = bot.fill(stop, stop.qty_lots, price=TRIGGER, fee=Decimal(0))
    assert stop.state is OrderState.FILLED
    assert bot.state.naked == {}
    assert "ProtectionTried" not in kinds_in(facts)
    assert bot.state.position("a", BTC).qty == 0


def test_a_stop_order_that_awoke_and_filled_in_part_is_let_go_on() -> None:
    bot, stop = covered()
    bot.fill(stop, stop.qty_lots // 2, price=TRIGGER, fee=Decimal(0))
    assert bot.state.naked == {}
    assert planned_in(bot.later(5).wake()) == []
    assert stop.cancel is CancelState.NONE


def test_what_a_stop_order_left_unsold_is_covered_or_sold() -> None:
    bot, stop = covered()
    bot.fill(stop, stop.qty_lots // 2, price=TRIGGER, fee=Decimal(0))
    bot.report(stop, Evidence.EXPIRED)
    assert list(bot.state.naked) == ["a BTC-USD"]
    second = stop_in(bot, bot.wake())
    assert qty_of(second) == Decimal("0.01000000"), "the price is above the stop again"


@pytest.mark.parametrize("evidence", [Evidence.EXPIRED, Evidence.CANCELLED])
def test_a_stop_order_that_its_venue_ended_is_placed_again(evidence: Evidence) -> None:
    bot, stop = covered()
    facts = bot.later(1).report(stop, evidence)
    assert "ProtectionTried" in kinds_in(facts)
    second = stop_in(bot, bot.wake())
    assert second.client_id != stop.client_id
    assert qty_of(second) == qty_of(stop), "and it is no duplicate of the first"


def test_an_unknown_stop_order_covers_nothing_surely_but_no_second_one_is_placed() -> None:
    bot = holding()
    stop = stop_in(bot, bot.wake())
    bot.report(stop, Evidence.AMBIGUOUS, venue_order_id="")
    assert planned_in(bot.later(20).wake()) == []
    facts = bot.later(NAKED_S).wake()
    assert alerts_in(facts) == ["naked"]
    assert planned_in(facts) == [], "an exit waits for the evidence, too"
    assert stop.cancel is CancelState.NONE, "what fits is not cancelled: it may live and cover"
    assert planned_in(bot.later(60).wake()) == []
    facts = bot.report(stop, Evidence.ACKNOWLEDGED)
    assert "ProtectionSettled" in kinds_in(facts)
    assert bot.state.alerts == {}


def test_what_an_unknown_stop_order_left_naked_too_long_is_sold_once_it_is_proven_gone() -> None:
    bot = holding()
    stop = stop_in(bot, bot.wake())
    bot.report(stop, Evidence.AMBIGUOUS, venue_order_id="")
    bot.later(NAKED_S + 1).wake()
    bot.report(stop, Evidence.REJECTED, venue_order_id="")
    (sold,) = planned_in(bot.wake())
    assert sold.order_kind is OrderKind.MARKET


def test_nothing_is_placed_before_the_account_is_compared() -> None:
    bot, stop = covered()
    started = bot.taken[0][0]
    assert isinstance(started, Started)
    bot.take(msgspec.structs.replace(started, epoch=2))
    bot.report(stop, Evidence.EXPIRED)
    assert protection_due(bot.state) == NEVER_NS
    assert planned_in(bot.later(120).wake()) == []
    for venue in "ab":
        bot.account(venue, **bot.explained(venue))
    assert protection_due(bot.state) <= bot.at_ns
    stop_in(bot, bot.wake())


@pytest.mark.parametrize("lets_protect", [False, True])
def test_a_halted_bot_places_none_unless_it_is_let(lets_protect: bool) -> None:
    bot = holding(protect_when_halted=lets_protect)
    bot.state.naked["a BTC-USD"].next_ns = bot.at_ns + 10**9
    bot.control("halt")
    assert bool(stops_in(bot.later(1).wake())) is lets_protect
    assert bot.level() is Control.HALTED


def test_a_halt_does_not_use_up_the_time_without_cover() -> None:
    bot = holding()
    stop_in(bot, bot.wake())
    bot.control("halt")
    reject(bot)
    bot.later(3_600).wake()
    resume(bot)
    (again,) = planned_in(bot.wake())
    assert again.trigger_ticks is not None, "the first try after the halt is a stop order, not a sale"


def test_a_silent_venue_does_not_use_up_the_time_without_cover() -> None:
    bot = holding()
    bot.quoted = "b"
    for _ in range(10):
        assert planned_in(bot.wake()) == []
        bot.at_ns = protection_due(bot.state)
    assert len(bot.taken) < 40
    bot.later(40).wake()
    assert "naked:a BTC-USD" in bot.state.alerts, "but a person hears of it"
    bot.quoted = "ab"
    bot.at_ns = max(bot.at_ns, protection_due(bot.state))
    stop_in(bot, bot.wake())


def test_a_venue_that_takes_no_stop_orders_leaves_all_to_the_bot() -> None:
    settings = stops_settings()
    venues = tuple(msgspec.structs.replace(venue, stops=False) for venue in settings.venues)
    bot = begun(msgspec.structs.replace(settings, venues=venues), spare=1_000_000)
    entry = take_in(bot, "0.02")
    assert entry.protection == "bot"
    assert bot.state.naked == {}
    assert planned_in(bot.wake()) == []
    assert [one.cause for one in watch(bot.state)] == ["stop_loss"]


@pytest.mark.parametrize(
    ("risk", "word"), [(RiskSettings(), ""), (RiskSettings(trailing_stop=0.05), "bot"), (STOP, "venue")]
)
def test_an_entry_says_who_will_protect_it(risk: RiskSettings, word: str) -> None:
    bot = begun(stops_settings(risk), spare=1_000_000)
    (entry,) = planned_in(bot.ask("in", qty=Decimal("0.02"), venue="a"))
    assert entry.protection == word


def test_what_is_too_small_for_a_stop_order_at_its_trigger_the_bot_watches() -> None:
    bot = begun(stops_settings(), spare=1_000_000)
    entry = take_in(bot, "0.0000401")
    assert entry.protection == "bot", "1.0025 now, 0.95 at the trigger; the venue takes a dollar at least"
    assert bot.state.naked == {}
    assert planned_in(bot.wake()) == []
    assert [one.cause for one in watch(bot.state)] == ["stop_loss"]


def test_a_stop_order_is_no_trade_no_open_order_and_no_exit_until_it_awakes() -> None:
    bot = holding(open_orders_max=1, open_orders_pair_max=1, unexecuted_max=0.3)
    change(bot, unexecuted_max=0.2)
    trades, executions = len(bot.state.trades), bot.state.executions
    stop = stop_in(bot, bot.wake())
    bot.report(stop, Evidence.ACKNOWLEDGED)
    assert (len(bot.state.trades), bot.state.executions) == (trades, executions)
    assert planned_in(bot.later(6).ask("more", qty=Decimal("0.001"), venue="a"))
    bot.fill(stop, 1_000, price=TRIGGER, fee=Decimal(0))
    assert (len(bot.state.trades), bot.state.executions) == (trades + 2, executions + 1), "its first fill is a trade"


def test_an_entry_signal_does_not_take_a_resting_stop_order_for_an_exit() -> None:
    bot = Bot(
        msgspec.structs.replace(
            stops_settings(), sizing=msgspec.structs.replace(stops_settings().sizing, entries_max=2)
        )
    )
    bot.prices[BTC] = 25_000.0
    bot.bought()
    stop = stop_in(bot, bot.later(61).wake())
    bot.report(stop, Evidence.ACKNOWLEDGED)
    assert planned_in(bot.later(61).buy())
    bot.fill(stop, 10, price=TRIGGER, fee=Decimal(0))
    assert planned_in(bot.later(61).buy()) == [], "but one that awoke is an exit under way"


def test_nobody_else_may_ask_for_a_stop_order() -> None:
    bot = holding()
    assert "risk.stop_loss" in reason_in(bot.ask("s", Side.SELL, order_kind=OrderKind.STOP))


def test_a_stop_order_that_is_not_needed_any_more_is_cancelled() -> None:
    bot, stop = covered()
    wanted = msgspec.structs.replace(bot.settings, risk=RiskSettings())
    _adopt(bot, wanted)
    assert list(bot.state.naked) == ["a BTC-USD"]
    bot.later(1.1).wake()
    assert stop.cancel is CancelState.REQUESTED
    bot.report(stop, Evidence.CANCELLED)
    bot.wake()
    assert bot.state.naked == {}
    assert planned_in(bot.later(60).wake()) == []


def test_a_changed_stop_loss_moves_the_stop_orders() -> None:
    bot, stop = covered()
    _adopt(bot, msgspec.structs.replace(bot.settings, risk=RiskSettings(stop_loss=0.1)))
    facts = bot.later(1.1).wake()
    assert [one.client_id for one in facts if isinstance(one, CancelRequested)] == [stop.client_id]
    bot.report(stop, Evidence.CANCELLED)
    assert trigger_of(stop_in(bot, bot.wake())) == Decimal(22_500)


def test_positions_are_looked_at_anew_when_a_session_begins() -> None:
    bot, stop = covered()
    venues = tuple(msgspec.structs.replace(venue, stops=False) for venue in bot.settings.venues)
    bot.settings = msgspec.structs.replace(bot.settings, venues=venues)
    facts = bot.later(5).start()
    assert any(isinstance(one, ProtectionTried) for one in facts)
    bot.later(2).wake()
    assert stop.cancel is CancelState.REQUESTED
    facts = bot.report(stop, Evidence.CANCELLED)
    assert any(isinstance(one, ProtectionSettled) for one in [*facts, *bot.wake()])
    assert [one.cause for one in watch(bot.state)] == ["stop_loss"], "the bot watches again"


def test_a_cover_that_waits_survives_a_restart() -> None:
    bot = holding()
    stop = stop_in(bot, bot.wake())
    bot.later(5).start()
    assert stop.state is OrderState.UNKNOWN
    assert planned_in(bot.later(5).wake()) == []
    bot.report(stop, Evidence.ACKNOWLEDGED)
    assert bot.state.naked == {}


def test_the_literal_reading_of_exits_binds_stop_orders_as_well() -> None:
    bot = holding(strict_exits=True, order_value_max_quote=600.0)
    stop_in(bot, bot.wake())
    reject(bot)
    change(bot, order_value_max_quote=100.0)
    facts = bot.later(2).wake()
    assert [one.failed for one in facts if isinstance(one, IntentRefused)] == [("G4",)]


def _adopt(bot: Bot, settings: BotSettings) -> None:
    bot.take(SettingsAsked(bot.at_ns, f"risk-{len(bot.taken)}", "tester", settings, ()))


def test_limits_as_shipped_let_a_stop_order_pass() -> None:
    bot = begun(msgspec.structs.replace(stops_settings(), guardrails=GuardrailSettings()), spare=1_000_000)
    take_in(bot, "0.001")
    stop_in(bot, bot.wake())
