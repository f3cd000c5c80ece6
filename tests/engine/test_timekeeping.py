"""What time alone brings about."""

from decimal import Decimal

import pytest

from quarterdeck.domain import (
    MINUTE_NS,
    SECOND_NS,
    AnswersRetired,
    CancelAsked,
    CancelRequested,
    CancelState,
    Control,
    ControlChanged,
    Evidence,
    FillBooked,
    GuardrailSettings,
    IntentRefused,
    MarksTaken,
    OrderMoved,
    OrderPlanned,
    OrderState,
    Side,
    VenueSettings,
)
from quarterdeck.engine import NEVER_NS, State, due
from tests.engine.covered import covered
from tests.engine.driving import (
    BTC,
    ETH,
    LAG_NS,
    START_NS,
    VALIDITY_NS,
    Bot,
    alerts_in,
    kinds_in,
    planned_in,
    settings_with,
)
from tests.engine.scenes import wide

SMALL = settings_with(
    capital=Decimal(1_000),
    venues=tuple(VenueSettings(name, VALIDITY_NS, LAG_NS, {"USD": Decimal(500)}) for name in "ab"),
    guardrails=GuardrailSettings(order_value_max_share=1.0, concentration_max=1.0, unexecuted_max=1.0),
)


def invested(bot: Bot) -> Bot:
    """Put most of a small bot's money of one venue into BTC."""
    (planned,) = planned_in(bot.ask("all in", notional=Decimal(450)))
    order = bot.state.orders[planned.client_id]
    bot.fill(order, order.qty_lots, price=Decimal(30_000), fee=Decimal(0))
    bot.later(60).wake()
    return bot


def test_a_bot_that_has_not_started_is_never_due() -> None:
    assert due(State()) == NEVER_NS


def test_one_mark_is_taken_in_each_utc_minute() -> None:
    bot = Bot()
    assert bot.wake() == []
    (mark,) = bot.later(60).wake()
    assert isinstance(mark, MarksTaken)
    assert (mark.minute_ns, mark.equity) == (START_NS + MINUTE_NS, 2_000_000.0)
    assert bot.later(59).wake() == []
    (mark,) = bot.later(62).wake()
    assert mark.at_ns - mark.at_ns % MINUTE_NS == START_NS + 3 * MINUTE_NS
    assert due(bot.state) == START_NS + 4 * MINUTE_NS


def test_a_missing_price_gives_no_mark_and_the_next_one_ends_it() -> None:
    bot = invested(Bot(SMALL))
    index, peak = bot.state.index, bot.state.index_peak
    bot.quoted = "b"
    (mark,) = bot.later(60).wake()
    assert isinstance(mark, MarksTaken)
    assert (mark.equity, bot.state.equity, bot.state.index, bot.state.index_peak) == (None, None, index, peak)
    bot.quoted = "ab"
    bot.later(60).wake()
    assert bot.state.equity == pytest.approx(1_000, rel=1e-6)


def test_a_loss_within_the_window_pauses_empties_it_and_ends_by_itself() -> None:
    bot = invested(Bot(SMALL))
    bot.prices[BTC] = 28_500.0
    (changed,) = [fact for fact in bot.later(60).wake() if isinstance(fact, ControlChanged)]
    assert (bot.state.control, changed.who, bot.state.recent) == (Control.PAUSED, "G2", [])
    assert planned_in(bot.ask("k", instrument=ETH, notional=Decimal(20))) == []
    bot.later(15 * 60 - 1).wake()
    assert bot.level() is Control.PAUSED
    assert due(bot.state) <= bot.state.paused_until_ns
    bot.later(1).wake()
    assert bot.state.control is Control.RUNNING
    bot.later(60).wake()
    assert bot.state.control is Control.RUNNING
    assert planned_in(bot.ask("l", instrument=ETH, notional=Decimal(20)))


@pytest.mark.parametrize(("price", "tripped"), [(28_668.0, False), (28_665.0, True)])
def test_a_loss_just_under_the_limit_does_not_pause(price: float, tripped: bool) -> None:
    """450 of 1000 dollars in BTC: 2 % of all is 4.44 % of the price, at 28 666.67."""
    bot = invested(Bot(SMALL))
    bot.prices[BTC] = price
    bot.later(60).wake()
    assert (bot.state.control is Control.PAUSED) == tripped


def test_a_loss_that_took_longer_than_the_window_does_not_pause() -> None:
    bot = invested(Bot(SMALL))
    for minute in range(1, 100):
        bot.prices[BTC] = 30_000.0 - 20.0 * minute
        bot.later(60).wake()
        assert bot.state.control is Control.RUNNING
    assert len(bot.state.recent) <= 32


def test_a_loss_counts_from_the_last_mark_before_the_window() -> None:
    bot = invested(Bot(SMALL))
    bot.later(45 * 60)
    bot.prices[BTC] = 28_500.0
    bot.wake()
    assert bot.state.control is Control.PAUSED


def test_what_a_status_reported_is_inferred_after_two_seconds_and_not_before() -> None:
    bot = Bot()
    bot.buy()
    order = bot.only_order()
    bot.report(order, Evidence.ACKNOWLEDGED, reported_lots=40, price=Decimal("29999.5"))
    assert due(bot.state) == bot.at_ns + 2 * SECOND_NS
    assert bot.later(1.999).wake() == []
    (fill,) = bot.later(0.001).wake()
    assert isinstance(fill, FillBooked)
    assert (fill.lots, fill.price, fill.inferred, order.state) == (
        40,
        Decimal("29999.5"),
        True,
        OrderState.PARTIALLY_FILLED,
    )
    assert bot.wake() == []


def test_an_inference_without_a_price_takes_the_one_it_was_judged_at() -> None:
    bot = Bot()
    bot.buy()
    bot.report(bot.only_order(), Evidence.FILLED)
    (fill,) = [fact for fact in bot.later(2).wake() if isinstance(fact, FillBooked)]
    assert fill.price == Decimal("30001.00")
    assert 0 <= fill.qty * fill.price * Decimal("0.006") - fill.fee < Decimal("1e-8"), "as the venue rounds it: down"


def test_more_reported_than_ordered_is_booked_and_alerts() -> None:
    bot = Bot()
    bot.buy()
    order = bot.only_order()
    bot.report(order, Evidence.FILLED, reported_lots=order.qty_lots + 5)
    facts = bot.later(2).wake()
    assert order.booked_lots == order.qty_lots + 5
    assert alerts_in(facts) == ["order"]


def test_an_order_without_an_answer_becomes_unknown_in_time() -> None:
    bot = Bot()
    bot.buy()
    order = bot.only_order()
    bot.at_ns = order.send_by_ns + VALIDITY_NS + LAG_NS + 10 * SECOND_NS
    assert due(bot.state) == bot.at_ns
    bot.at_ns -= 1
    assert bot.wake() == []
    bot.at_ns += 1
    (moved,) = bot.wake()
    assert isinstance(moved, OrderMoved)
    assert order.state is OrderState.UNKNOWN


def test_orders_that_ended_a_day_ago_are_forgotten_and_living_ones_never() -> None:
    bot = Bot()
    old = bot.bought()
    working = bot.later(61).working()
    bot.later(23 * 3_600).wake()
    assert old.client_id in bot.state.orders
    bot.later(2 * 3_600).wake()
    assert set(bot.state.orders) == {working.client_id}
    bot.later(90_000).wake()
    assert set(bot.state.orders) == {working.client_id}
    late = bot.fill(old, 5)
    assert alerts_in(late) == ["stray_trade"]
    assert Side(old.side) is Side.BUY


def test_the_peak_and_the_deepest_fall_are_kept() -> None:
    bot = invested(Bot(SMALL))
    for price in (33_000.0, 29_000.0, 31_000.0):
        bot.prices[BTC] = price
        bot.later(60).wake()
    assert bot.state.index_peak == pytest.approx(1.045, rel=1e-3)
    assert bot.state.drawdown_max == pytest.approx(60 / 1_045, rel=1e-2)


def test_a_fee_in_an_asset_that_nobody_quotes_stops_opening_and_lets_exits_pass() -> None:
    """Equity that cannot be told is not guessed: the limits that need it cannot be evaluated, and say so by name."""
    bot = Bot()
    bot.buy()
    order = bot.only_order()
    bot.fill(order, order.qty_lots, fee=Decimal("0.0005"), fee_asset="BNB")
    bot.later(61).wake()
    assert bot.state.equity is None
    refused = [fact for fact in bot.buy(ETH) if isinstance(fact, IntentRefused)]
    assert [fact.failed for fact in refused] == [("G4", "G7", "E3", "E5")]
    assert [fact.side for fact in bot.sell() if isinstance(fact, OrderPlanned)] == [Side.SELL]


# --- orders that do not fill ------------------------------------------------------------------------------------------


def test_an_order_that_did_not_fill_in_time_is_cancelled_once_with_its_reason() -> None:
    bot = Bot(settings_with(order_timeout_ns=5 * MINUTE_NS))
    order = bot.working()
    bot.fill(order, 40)
    bot.at_ns = order.planned_at_ns + 5 * MINUTE_NS - 1
    bot.wake()
    assert order.cancel is CancelState.NONE
    assert due(bot.state) == bot.at_ns + 1
    bot.at_ns += 1
    (asked,) = [fact for fact in bot.wake() if isinstance(fact, CancelRequested)]
    assert (asked.client_id, asked.reason) == (order.client_id, "not filled within 5 minutes")
    assert not [fact for fact in bot.later(1).wake() if isinstance(fact, CancelRequested)]
    bot.report(order, Evidence.CANCELLED, reported_lots=60)
    bot.fill(order, 20)
    assert (order.state, order.booked_lots, order.reserve) == (OrderState.CANCELLED, 60, Decimal(0))


def test_an_order_that_is_unknown_for_too_long_is_cancelled_as_well() -> None:
    bot = Bot(settings_with(order_timeout_ns=2 * MINUTE_NS))
    order = bot.unknown()
    assert "CancelRequested" in kinds_in(bot.later(121).wake())
    assert order.state is OrderState.UNKNOWN


def test_an_order_of_a_bot_without_a_time_limit_works_for_ever() -> None:
    bot = Bot(settings_with(order_timeout_ns=0))
    order = bot.working()
    bot.later(7 * 86_400).wake()
    assert (order.state, order.cancel) == (OrderState.OPEN, CancelState.NONE)


def test_a_stop_order_has_no_time_limit() -> None:
    bot, stop = covered()
    bot.later(3_600).wake()
    assert (stop.state, stop.cancel) == (OrderState.OPEN, CancelState.NONE)


def test_a_cancel_for_age_that_was_refused_is_asked_for_again_each_minute_and_due_is_never_in_the_past() -> None:
    bot = Bot()
    order = bot.working()
    bot.later(601).wake()
    for _ in range(3):
        assert order.cancel is CancelState.REQUESTED
        bot.report(order, Evidence.CANCEL_REFUSED)
        assert due(bot.state) > bot.at_ns
        bot.later(61).wake()


# --- forgetting -------------------------------------------------------------------------------------------------------


def test_answers_of_more_than_a_day_ago_are_forgotten_but_for_the_newest_thousand() -> None:
    bot = Bot()
    for number in range(1_004):
        bot.take(CancelAsked(bot.at_ns, f"c{number}", "tester", "nothing"))
    bot.later(23 * 3_600).wake()
    assert len(bot.state.answers) == 1_004
    (retired,) = [fact for fact in bot.later(2 * 3_600).wake() if isinstance(fact, AnswersRetired)]
    assert retired.keys == ("c0", "c1", "c2", "c3")
    assert len(bot.state.answers) == 1_000
    assert not [fact for fact in bot.later(3_600).wake() if isinstance(fact, AnswersRetired)]


def test_a_wish_that_is_told_again_long_after_its_answer_was_put_aside_is_not_obeyed_again() -> None:
    """R65, I1: order and answer are forgotten, the key is not."""
    bot = Bot(settings_with(guardrails=wide()))
    (first,) = planned_in(bot.ask("alert 17", qty=Decimal("0.001")))
    order = bot.state.orders[first.client_id]
    bot.fill(order, order.qty_lots, price=Decimal(30_000), fee=Decimal(0))
    for number in range(1_100):
        bot.take(CancelAsked(bot.at_ns, f"c{number}", "tester", "nothing"))
    bot.later(2 * 86_400).wake()
    assert (bot.state.orders, "alert 17" in bot.state.answers) == ({}, False)
    assert planned_in(bot.ask("alert 17", qty=Decimal("0.001"))) == []
    assert planned_in(bot.ask("alert 18", qty=Decimal("0.001")))


def test_young_answers_are_kept_however_many_there_are() -> None:
    bot = Bot()
    for number in range(1_100):
        bot.take(CancelAsked(bot.at_ns, f"c{number}", "tester", "nothing"))
    bot.later(3 * 3_600).wake()
    assert len(bot.state.answers) == 1_100
