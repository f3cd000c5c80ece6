"""Loss limits: the 30-minute window, the day, the trailing peak, and the highest ever. X11, S27, R59."""

import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import (
    DAY_NS,
    MINUTE_NS,
    SECOND_NS,
    Control,
    ControlChanged,
    Evidence,
    MarksTaken,
    RiskSettings,
    Woke,
)
from quarterdeck.engine import daily_loss, drawdown, drawdown_ever, due
from tests.engine.driving import BTC, ETH, START_NS, alerts_in, planned_in, settings_with
from tests.engine.scenes import (
    answer_in,
    begun,
    exits,
    half_in_btc,
    mark,
    mark_at,
    opens,
    refusals,
    resume,
    small_settings,
    venue_with,
)

MIDNIGHT_NS = START_NS - START_NS % DAY_NS + DAY_NS


# --- the 30-minute window ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("index", "trips"), [(0.98000001, False), (0.98, True), (0.97, True)])
def test_g2_trips_at_exactly_two_percent(index: float, trips: bool) -> None:
    bot = half_in_btc()
    mark(bot, 1.0)
    facts = mark(bot, index)
    assert (bot.level() is Control.PAUSED) == trips
    assert (alerts_in(facts) == ["loss_limit"]) == trips


def test_g2_the_window_counts_a_mark_of_exactly_thirty_minutes_ago_and_the_last_one_before_it() -> None:
    bot = half_in_btc()
    mark(bot, 1.0)
    for _ in range(29):
        mark(bot, 0.985)
    mark(bot, 0.979)
    assert "G2" in bot.state.holds, "the mark 30 minutes ago stood at 1"
    bot = half_in_btc()
    mark(bot, 1.0)
    for _ in range(30):
        mark(bot, 0.985)
    mark(bot, 0.979)
    assert bot.state.holds == {}, "the mark 31 minutes ago counts no more, there is a later one before the window"
    bot = half_in_btc()
    mark(bot, 1.0)
    mark(bot, 0.979, 60 * 60)
    assert "G2" in bot.state.holds, "the last mark before the window counts, however old"


def test_g2_pauses_for_fifteen_minutes_and_ends_by_itself() -> None:
    bot = half_in_btc()
    mark(bot, 1.0)
    mark(bot, 0.98)
    tripped_ns = bot.at_ns
    assert bot.state.paused_until_ns == tripped_ns + 15 * MINUTE_NS
    assert refusals(bot) == ("G2",)
    bot.at_ns = tripped_ns + 15 * MINUTE_NS - 1
    bot.wake()
    assert bot.level() is Control.PAUSED
    assert due(bot.state) <= bot.state.paused_until_ns
    bot.later(1e-9).wake()
    assert bot.level() is Control.RUNNING
    assert opens(bot)


def test_g2_a_trip_empties_the_window() -> None:
    """What was lost before the trip is not counted again after the pause; what is lost during it is."""
    bot = half_in_btc()
    mark(bot, 1.0)
    mark(bot, 0.98)
    assert bot.state.recent == []
    mark(bot, 0.979)
    for _ in range(16):
        mark(bot, 0.979)
    assert bot.level() is Control.RUNNING
    bot = half_in_btc()
    mark(bot, 1.0)
    mark(bot, 0.98)
    mark(bot, 0.98)
    for _ in range(13):
        mark(bot, 0.955)
        assert bot.level() is Control.PAUSED
    mark(bot, 0.955)
    assert "G2" in bot.state.holds, "2.5 % were lost while it was paused, so it pauses anew"


def test_g2_no_window_remembers_more_marks_than_it_needs() -> None:
    bot = half_in_btc()
    for minute in range(100):
        mark(bot, 1.0 - minute * 1e-4)
    assert len(bot.state.recent) <= 32


# --- the day ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("index", "trips"), [(0.95000001, False), (0.95, True), (0.91, True)])
def test_g5_trips_at_exactly_five_percent_of_the_days_open(index: float, trips: bool) -> None:
    bot = half_in_btc(loss_rate_max=1.0)
    mark(bot, 1.0)
    facts = mark(bot, index)
    assert (bot.level() is Control.REDUCING) == trips
    assert (alerts_in(facts) == ["loss_limit"]) == trips
    if trips:
        assert "5.00% is the limit" in bot.state.control_reason
        assert bot.state.holds["G5"].until_ns == MIDNIGHT_NS


def test_g5_leaves_exits_alone_and_lifts_at_midnight_utc_exactly() -> None:
    bot = half_in_btc(loss_rate_max=1.0)
    mark(bot, 1.0)
    mark(bot, 0.94)
    assert {"G2", "G5"} <= set(refusals(bot))
    assert exits(bot, qty=Decimal("0.0001"))
    mark_at(bot, 0.94, MIDNIGHT_NS - 1)
    assert bot.level() is Control.REDUCING
    mark_at(bot, 0.94, MIDNIGHT_NS)
    assert bot.level() is Control.RUNNING
    assert bot.state.day_open == bot.state.index == pytest.approx(0.94)
    assert daily_loss(bot.state) == 0.0


def test_g5_a_mark_at_midnight_opens_the_day_else_the_last_one_before() -> None:
    bot = half_in_btc(loss_rate_max=1.0)
    mark_at(bot, 0.99, MIDNIGHT_NS - MINUTE_NS)
    mark_at(bot, 0.98, MIDNIGHT_NS)
    mark(bot, 0.97)
    assert bot.state.day_ns == MIDNIGHT_NS
    assert bot.state.day_open == pytest.approx(0.98)
    bot = half_in_btc(loss_rate_max=1.0)
    mark_at(bot, 0.99, MIDNIGHT_NS - MINUTE_NS)
    bot.at_ns = MIDNIGHT_NS
    bot.quoted = ""
    bot.wake()
    bot.quoted = "ab"
    mark(bot, 0.97)
    assert bot.state.day_ns == MIDNIGHT_NS
    assert bot.state.day_open == pytest.approx(0.99)


def test_g5_the_first_mark_of_all_opens_its_day() -> None:
    """A bot that starts during the day has no mark before midnight: the first after it counts."""
    bot = begun(small_settings())
    assert (bot.state.day_ns, bot.state.day_open) == (MIDNIGHT_NS - DAY_NS, 1.0)


def test_g5_holds_through_a_restart_and_over_midnight_s27() -> None:
    bot = half_in_btc(loss_rate_max=1.0)
    mark(bot, 1.0)
    mark(bot, 0.94)
    bot.start()
    bot.later(60).wake()
    assert bot.level() is Control.REDUCING
    bot.at_ns = MIDNIGHT_NS + 10 * MINUTE_NS  # away over midnight
    bot.start()
    assert bot.level() is Control.REDUCING, "a start decides nothing"
    mark(bot, 0.93)
    assert bot.level() is Control.RUNNING
    assert bot.state.day_open == pytest.approx(0.94), "the last mark before midnight opened the day"


def test_g5_trips_again_on_the_new_day_after_a_loss_over_midnight() -> None:
    bot = half_in_btc(loss_rate_max=1.0)
    mark_at(bot, 1.0, MIDNIGHT_NS - MINUTE_NS)
    bot.at_ns = MIDNIGHT_NS + 60 * MINUTE_NS
    mark(bot, 0.94)
    assert "G5" in bot.state.holds
    assert bot.state.holds["G5"].until_ns == MIDNIGHT_NS + DAY_NS


@pytest.mark.parametrize(
    "last_second",
    [
        1_706_745_599,  # 31 January 2024
        1_709_251_199,  # 29 February 2024, a leap day
        1_711_929_599,  # 31 March 2024, the day on which Europe goes to summer time
        1_483_228_799,  # 31 December 2016, after which a leap second followed
        1_704_067_199,  # 31 December 2023
    ],
)
def test_a_day_ends_at_midnight_utc_on_every_calendar_s27_r49(last_second: int) -> None:
    midnight_ns = (last_second + 1) * SECOND_NS
    assert midnight_ns % DAY_NS == 0
    bot = half_in_btc(at_ns=midnight_ns - 10 * MINUTE_NS, loss_rate_max=1.0)
    mark_at(bot, 0.94, last_second * SECOND_NS)
    assert (bot.level(), bot.state.day_ns) == (Control.REDUCING, midnight_ns - DAY_NS)
    mark_at(bot, 0.94, midnight_ns)
    assert (bot.level(), bot.state.day_ns) == (Control.RUNNING, midnight_ns)


def test_a_day_on_which_no_mark_was_taken_passes_without_harm() -> None:
    bot = half_in_btc(loss_rate_max=1.0)
    mark(bot, 0.97)
    mark_at(bot, 0.96, MIDNIGHT_NS + 3 * DAY_NS + 5 * MINUTE_NS)
    assert bot.state.day_ns == MIDNIGHT_NS + 3 * DAY_NS
    assert bot.state.day_open == pytest.approx(0.97)


# --- the trailing peak ------------------------------------------------------------------------------------------------


def calm(**more: object) -> dict[str, Any]:
    """No other loss limit trips."""
    return {"loss_rate_max": 1.0, "daily_loss_max": 1.0, **more}


@pytest.mark.parametrize(("index", "trips"), [(0.90000001, False), (0.9, True)])
def test_g6_trips_at_exactly_ten_percent_below_the_peak(index: float, trips: bool) -> None:
    bot = half_in_btc(**calm())
    mark(bot, 1.0)
    mark(bot, index)
    assert (list(bot.state.holds) == ["G6"]) == trips
    assert drawdown(bot.state) == pytest.approx(1.0 - index)


def test_g6_counts_from_the_highest_mark_of_seven_days_not_from_the_start() -> None:
    bot = half_in_btc(**calm())
    mark(bot, 1.2)
    mark(bot, 1.09)
    assert bot.state.holds == {}
    mark(bot, 1.08)
    assert "G6" in bot.state.holds


def test_g6_lifts_when_the_peak_ages_out_and_trips_again_on_the_next_one() -> None:
    bot = half_in_btc(**calm())
    mark(bot, 1.2)
    peak_ns = bot.state.minute_ns
    mark(bot, 1.15, 3_600)
    mark(bot, 1.08, 3_600)
    assert bot.state.holds["G6"].until_ns == peak_ns + 7 * DAY_NS
    mark_at(bot, 1.08, peak_ns + 7 * DAY_NS - 1)
    assert bot.level() is Control.REDUCING
    mark_at(bot, 1.08, peak_ns + 7 * DAY_NS)
    assert bot.level() is Control.RUNNING
    assert drawdown(bot.state) == pytest.approx(1 - 1.08 / 1.15)
    mark(bot, 1.03)
    assert bot.state.holds["G6"].until_ns == peak_ns + 3_600 * SECOND_NS + 7 * DAY_NS
    assert bot.state.peaks[0].minute_ns == peak_ns + 3_600 * SECOND_NS


def test_g6_without_a_price_when_the_peak_ages_out_nothing_is_opened() -> None:
    bot = half_in_btc(**calm())
    mark(bot, 1.2)
    peak_ns = bot.state.minute_ns
    mark(bot, 1.08, 3_600)
    bot.at_ns = peak_ns + 7 * DAY_NS
    bot.quoted = "b"
    bot.wake()
    assert bot.state.holds == {}
    assert {"G4", "G6"} <= set(refusals(bot, venue="b"))


def test_g6_the_peaks_that_are_kept_fall_from_one_to_the_next() -> None:
    bot = half_in_btc(**calm())
    for index in (1.0, 1.05, 1.02, 1.04, 1.04, 0.99, 1.0):
        mark(bot, index)
    kept = [one.index for one in bot.state.peaks]
    assert kept == sorted(set(kept), reverse=True)
    assert kept == pytest.approx([1.05, 1.04, 1.0])


def test_drawdown_max_of_the_bot_counts_from_the_highest_ever_and_never_lifts_by_itself_x11() -> None:
    bot = half_in_btc(RiskSettings(drawdown_max=0.15), **calm(drawdown_max=1.0))
    mark(bot, 1.2)
    mark(bot, 1.1, 8 * 86_400)
    assert bot.state.holds == {}
    mark(bot, 1.02)
    assert list(bot.state.holds) == ["drawdown_max"]
    assert drawdown_ever(bot.state) == pytest.approx(0.15)
    mark(bot, 1.02, 30 * 86_400)
    assert bot.level() is Control.REDUCING
    resume(bot)
    assert bot.level() is Control.REDUCING
    resume(bot, rebase=True)
    assert bot.level() is Control.RUNNING


def test_of_two_drawdown_limits_the_stricter_wins_x11() -> None:
    bot = half_in_btc(RiskSettings(drawdown_max=0.05), **calm())
    mark(bot, 1.0)
    mark(bot, 0.95)
    assert list(bot.state.holds) == ["drawdown_max"]
    assert {"G2", "G6"} <= set(refusals(bot))


@given(
    st.lists(
        st.tuples(st.floats(min_value=0.97, max_value=1.02), st.sampled_from([1, 1, 1, 2, 4, 5, 6, 31, 700, 1500])),
        min_size=5,
        max_size=60,
    )
)
def test_every_trip_and_no_other_follows_from_the_marks_alone_i13(steps: list[tuple[float, int]]) -> None:
    """The auditor keeps every mark in a list and works each window out anew; both must trip at the same marks."""
    limits = {"loss_rate_window_min": 5, "loss_rate_max": 0.04, "daily_loss_max": 0.08, "drawdown_window_days": 1}
    bot = half_in_btc(RiskSettings(drawdown_max=0.2), **calm(**limits))
    index = 1.0
    for growth, minutes in steps:
        index = max(index * growth, 0.6)
        mark(bot, index, 60 * minutes)
        own = bot.auditor.losses
        assert daily_loss(bot.state) == pytest.approx(own.daily_loss(), abs=1e-12)
        assert drawdown(bot.state) == pytest.approx(own.fall(1)[0], abs=1e-12)
        assert drawdown_ever(bot.state) == pytest.approx(own.fall_ever(), abs=1e-12)
        if "drawdown_max" in bot.state.holds:
            resume(bot, rebase=True)


# --- resuming ---------------------------------------------------------------------------------------------------------


def test_a_plain_resume_lifts_no_loss_limit_of_a_day_or_a_peak_and_says_so() -> None:
    bot = half_in_btc()
    mark(bot, 1.0)
    mark(bot, 0.9)
    assert sorted(bot.state.holds) == ["G2", "G5", "G6"]
    answer = answer_in(resume(bot))
    assert answer.startswith("done: resume, but still reducing: G5: lost 10.00%")
    assert "resume --rebase lifts loss limits" in answer
    assert sorted(bot.state.holds) == ["G5", "G6"]


def test_a_resume_with_rebase_begins_day_and_peaks_at_the_present_index() -> None:
    bot = half_in_btc()
    mark(bot, 1.0)
    mark(bot, 0.9)
    assert answer_in(resume(bot, rebase=True)) == "done: resume"
    assert (bot.level(), bot.state.holds) == (Control.RUNNING, {})
    assert bot.state.day_open == bot.state.index_peak == bot.state.index == pytest.approx(0.9)
    (changed,) = [fact for _, facts in bot.taken for fact in facts if isinstance(fact, ControlChanged) and fact.rebased]
    assert changed.who == "tester"
    mark(bot, 0.86)
    assert bot.state.holds == {}, "4.4 % below the new open and peak, and the window began anew"
    mark(bot, 0.854)
    assert list(bot.state.holds) == ["G5"]


def test_the_deepest_fall_is_a_record_that_no_rebase_and_no_debt_takes_back() -> None:
    """It is what happened. A bot may owe money for a while, when a venue filled more than was ordered."""
    bot = half_in_btc()
    order = bot.only_order()
    bot.fill(order, 20_000_000, price=Decimal(25_000), fee=Decimal(0))
    mark(bot, 1.0)
    bot.prices[BTC] = 10_000.0
    bot.later(60).wake()
    deepest = bot.state.drawdown_max
    assert deepest > 1.0
    assert bot.state.index < 0.0
    resume(bot, rebase=True)
    bot.later(60).wake()
    assert bot.state.drawdown_max == deepest
    assert refusals(bot)[0] == "G2" or "G5" in refusals(bot), "a bot that owes money opens nothing"


def test_after_a_rebase_the_bot_may_open_at_once() -> None:
    bot = half_in_btc()
    mark(bot, 1.0)
    mark(bot, 0.9)
    resume(bot, rebase=True)
    assert opens(bot)


# --- open losses and missing marks ------------------------------------------------------------------------------------


def test_a_loss_counts_though_nothing_was_sold_r59() -> None:
    """Open losses, fees and funding count: not a single trade was closed here."""
    bot = half_in_btc(loss_rate_max=1.0)
    mark(bot, 0.94)
    assert "G5" in bot.state.holds
    assert len(bot.state.orders) == 1


def test_fees_are_losses_r59() -> None:
    bot = begun(small_settings(loss_rate_max=1.0))
    (planned,) = planned_in(bot.ask("k", notional=Decimal(400)))
    order = bot.state.orders[planned.client_id]
    bot.report(order, Evidence.ACKNOWLEDGED)
    bot.fill(order, order.qty_lots, price=Decimal(25_000), fee=Decimal(50))
    bot.later(60).wake()
    assert "G5" in bot.state.holds
    assert daily_loss(bot.state) == pytest.approx(0.05, abs=1e-6)


@pytest.mark.parametrize("last", [math.nan, 0.0, -1.0, math.inf])
def test_without_a_price_there_is_no_mark_no_trip_and_no_opening_and_exits_pass_r38_r47(last: float) -> None:
    """A price of zero is no price: what was delisted at zero is not a loss of everything."""
    bot = half_in_btc()
    mark(bot, 1.0)
    index = bot.state.index
    good, bot.prices[BTC] = bot.prices[BTC], last
    (taken,) = bot.later(60).wake()
    assert isinstance(taken, MarksTaken)
    assert (taken.equity, bot.state.index, bot.state.holds) == (None, index, {})
    assert "G4" in refusals(bot, ETH)
    bot.prices[BTC] = good
    assert exits(bot)


def test_a_venue_without_a_price_does_not_hold_up_the_mark_of_what_is_held_elsewhere_r47() -> None:
    bot = half_in_btc()
    bot.quoted = "a"
    (taken,) = bot.later(60).wake()
    assert isinstance(taken, MarksTaken)
    assert taken.equity == pytest.approx(1_000)


def test_a_venue_that_just_fell_silent_is_valued_for_five_minutes_at_what_it_said_last() -> None:
    bot = half_in_btc()
    shown = bot.market(down=("a",))
    for minute in range(1, 7):
        (taken, *_) = bot.later(60).take(Woke(bot.at_ns, shown))
        assert isinstance(taken, MarksTaken)
        assert (taken.equity is not None) == (minute <= 5)


def test_the_first_mark_after_a_gap_counts_the_loss_of_the_gap() -> None:
    bot = half_in_btc()
    mark(bot, 1.0)
    bot.quoted = ""
    for _ in range(5):
        bot.later(60).wake()
    bot.quoted = "ab"
    mark(bot, 0.979)
    assert "G2" in bot.state.holds


def test_a_bot_without_capital_has_no_mark_and_opens_nothing_r38() -> None:
    """There is nothing to take a share of, so no limit can be evaluated, and every one of them refuses."""
    bot = begun(settings_with(capital=Decimal(0), venues=(venue_with("a"), venue_with("b"))))
    (taken,) = [fact for fact in bot.later(60).wake() if isinstance(fact, MarksTaken)]
    assert taken.equity is None
    assert {"G4", "G5", "G6", "G7"} <= set(refusals(bot))
