"""R22…R59: what went wrong for others, and cannot here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import (
    DAY_NS,
    MINUTE_NS,
    SECOND_NS,
    Action,
    AlertRaised,
    Control,
    CycleRan,
    Evidence,
    IntentRefused,
    Listing,
    ListingsReported,
    MarksTaken,
    OrderReported,
    Quote,
    RiskSettings,
    Side,
    TriggerFired,
)
from quarterdeck.engine import ReadAccount, acts_of, drawdown, watch
from quarterdeck.feeds import load_tape
from quarterdeck.guardrails import unpack
from quarterdeck.market import Bar, BarAnswer, BarWindow, Candles, MarketView
from quarterdeck.ports import OrderRequest
from quarterdeck.strategies import Signals, Strategy
from quarterdeck.system import raise_kill
from tests.engine.driving import BTC, ETH, START_NS, Bot, alerts_in, listing_of, planned_in, quote_at, settings_with
from tests.engine.scenes import (
    begun,
    exits,
    failed_in,
    half_in_btc,
    mark,
    mark_at,
    opens,
    reason_in,
    refusals,
    resume,
    small_settings,
    take_in,
    wide,
)
from tests.feeds.recordings import minutes, request, row, write_csv
from tests.system.desk import Desk, HandClock, ScriptedVenue
from tests.system.test_errands import Office
from tests.system.test_opinions import bar, opened
from tests.system.test_rounds import Beat

MIDNIGHT_NS = START_NS - START_NS % DAY_NS + DAY_NS


def bot_with(risk: RiskSettings | None = None, **listing: object) -> Bot:
    listings = tuple(listing_of(venue, pair, **listing) for venue in "ab" for pair in (BTC, ETH))
    return Bot(settings_with(listings=listings, guardrails=wide(), risk=risk or RiskSettings()))


# --- R22, R23: fees in the coin, dust -------------------------------------------------------------------------------


@given(
    qty=st.decimals(min_value="0.0001", max_value="0.02", places=8),
    share=st.sampled_from(["0", "0.001", "0.02"]),
    lot=st.sampled_from(["0.00000001", "0.00001", "0.001"]),
)
def test_r22_no_more_is_sold_than_the_fills_left_after_fees_floored_to_the_lot(
    qty: Decimal, share: str, lot: str
) -> None:
    bot = bot_with(fee_asset="received", lot=Decimal(lot), lots_min=1, notional_min=Decimal(0))
    planned = planned_in(bot.ask("in", qty=qty, venue="a"))
    if not planned:
        return
    order = bot.state.orders[planned[0].client_id]
    bought = order.qty_lots * order.lot
    fee = bought * Decimal(share)
    bot.fill(order, order.qty_lots, price=Decimal(30_000), fee=fee, fee_asset="BTC")
    assert bot.state.position("a", BTC).qty == bought - fee
    sold = sum((one.qty_lots * one.lot for one in planned_in(bot.later(61).sell())), Decimal(0))
    assert bought - fee - Decimal(lot) < sold <= bought - fee


@pytest.mark.parametrize(("lots_min", "left"), [(1_000, 999), (100, 3_000)], ids=["by quantity", "by worth"])
def test_r23_an_exit_that_would_leave_dust_is_refused_and_dust_holds_no_slot(lots_min: int, left: int) -> None:
    """3 000 lots are 90 cents, and the venue takes a dollar at least."""
    bot = bot_with(RiskSettings(stop_loss=0.05), lots_min=lots_min)
    take_in(bot, "0.01")
    refused = bot.later(61).ask("x", Side.SELL, qty=Decimal("0.01") - left * Decimal("1e-8"))
    assert planned_in(refused) == []
    assert "sell the whole position" in reason_in(refused)
    (leaving,) = planned_in(bot.later(6).sell())
    order = bot.state.orders[leaving.client_id]
    bot.fill(order, order.qty_lots - left)
    bot.report(order, Evidence.CANCELLED)
    assert bot.state.position("a", BTC).qty == left * Decimal("1e-8")
    assert watch(bot.state) == ()
    assert [fact.skipped for fact in bot.later(61).buy() if isinstance(fact, CycleRan)] == [{}]


# --- R38, R39: kill on missing data, simultaneous signals -----------------------------------------------------------


@pytest.mark.parametrize("how", ["raised", "garbage", "empty", "deleted"])
async def test_r38_a_kill_file_that_is_broken_stops_trading_as_one_that_is_raised_does(
    tmp_path: Path, how: str
) -> None:
    office = await Office(tmp_path).opened()
    if how == "raised":
        raise_kill(office.kill_path)
    elif how == "deleted":
        office.kill_path.unlink()
    else:
        office.kill_path.write_bytes(b"?" if how == "garbage" else b"")
    office.pass_s(1)
    await office.look()
    office.desk.offer(office.desk.wish("w"))
    await office.desk.settle()
    office.close()
    assert office.desk.state.control is Control.HALTED
    assert office.desk.venue.count("submit") == 0


@pytest.mark.parametrize("price", [math.nan, 0.0, math.inf, -5.0])
def test_r38_a_loss_limit_without_data_neither_trips_nor_lets_anything_be_opened(price: float) -> None:
    """It fired without a trade elsewhere; and elsewhere it swallowed the exception and traded on."""
    bot = half_in_btc()
    mark(bot, 1.0)
    good, bot.prices[BTC] = bot.prices[BTC], price
    bot.later(60).wake()
    assert bot.state.holds == {}
    assert {"G4", "G7"} <= set(refusals(bot, ETH))
    bot.prices[BTC] = good
    bot.later(60).wake()
    assert opens(bot, ETH)


def test_r38_a_bot_that_never_traded_has_nothing_to_trip_on() -> None:
    bot = begun(small_settings())
    for _ in range(40):
        bot.later(60).wake()
    assert (bot.level(), bot.state.holds, drawdown(bot.state)) == (Control.RUNNING, {}, 0.0)


def test_r39_signals_of_one_instant_see_what_the_one_before_took() -> None:
    bot = Bot(settings_with(guardrails=wide(concentration_max=0.25, trades_max=1)))
    facts = bot.cycle({BTC: Action.BUY, ETH: Action.BUY})
    assert [one.instrument for one in planned_in(facts)] == [BTC]
    assert [fact.failed for fact in facts if isinstance(fact, IntentRefused)] == [("G9",)]
    poor = begun(small_settings(unexecuted_max=0.1))
    both = [
        planned_in(poor.ask(f"k{number}", notional=Decimal(60), instrument=pair))
        for number, pair in enumerate((BTC, ETH))
    ]
    assert [len(planned) for planned in both] == [1, 0]


# --- R43, R44, R45: candles -----------------------------------------------------------------------------------------


def test_r43_a_bar_counts_once_it_has_closed_and_a_later_version_of_it_changes_nothing_that_was_decided() -> None:
    window = BarWindow(BTC, MINUTE_NS, 0.01, 3)
    assert window.append(0, Bar("a", BTC, 100.0, 101.0, 99.0, 100.0, 1.0)) is BarAnswer.TAKEN
    assert window.append(MINUTE_NS, Bar("a", BTC, 100.0, 101.0, 99.0, 100.5, 1.0)) is BarAnswer.TAKEN
    seen = window.candles()
    assert window.append(MINUTE_NS, Bar("a", BTC, 100.0, 105.0, 99.0, 105.0, 1.0)) is BarAnswer.DUPLICATE
    assert window.append(0, Bar("a", BTC, 100.0, 105.0, 99.0, 105.0, 1.0)) is BarAnswer.LATE
    assert list(seen.close) == list(window.candles().close) == [100.0, 100.5]


def test_r43_a_bar_that_closed_this_instant_is_not_stale_and_one_that_is_open_is_not_read(tmp_path: Path) -> None:
    bot = Bot(settings_with(guardrails=wide(), price_age_ns_max=0))
    assert planned_in(bot.buy())
    path = write_csv(tmp_path / "bars.csv", [row(minute) for minute in range(4)])
    asked = msgspec.structs.replace(request(path), to_ns=request(path, to_minute=3).to_ns + 59 * SECOND_NS)  # type: ignore[operator]  # it is set
    tape = load_tape(asked)
    assert minutes(tape) == [0, 1, 2]
    assert tape.report is not None
    assert tape.report.unclosed == 1


async def test_r44_a_series_that_stays_away_is_told_and_nothing_is_opened_on_its_last_price() -> None:
    beat = Beat(paced=True)
    begin_ns = beat.clock.wall_ns
    beat.view.observe(Quote("a", BTC, begin_ns, 100.0, ((99.0, 1.0),), ((101.0, 1.0),)))
    for minute in range(8):
        await beat.look(begin_ns + minute * MINUTE_NS)
    assert [text for text in beat.notes.complaints if text.startswith("data:")] == [
        "data: BTC-USD: no bar of a for 360 s; no signals"
    ]
    bot = Bot(settings_with(guardrails=wide(), price_age_ns_max=2 * MINUTE_NS))
    days_old = msgspec.structs.replace(bot.market())
    bot.later(3 * 86_400)
    assert "E2" in failed_in(bot.ask("k", notional=Decimal(50), surroundings=days_old))


def test_r45_rows_are_sorted_repeated_ones_dropped_gaps_counted_and_zero_is_no_price(tmp_path: Path) -> None:
    rows = [row(4), row(0), row(1), row(1), row(2, 0.5), row(7)]
    rows[4] = (rows[4][0], 0.0, 1.0, 0.0, 0.5, 1.0)
    tape = load_tape(request(write_csv(tmp_path / "bars.csv", rows)))
    assert minutes(tape) == [0, 1, 4, 7]
    report = tape.report
    assert report is not None
    assert (report.duplicates, report.unpriced, report.missing, report.gaps) == (1, 1, 4, 2)
    assert report.unsorted >= 1
    assert all(price > 0 for price in tape.low)


# --- R46, R47, R48: what is no number, no price, no market ----------------------------------------------------------


class Sick(Strategy):
    """Says BUY with a confidence that is not finite."""

    window_bars = 2
    confidence = math.nan

    def signals(self, candles: Candles) -> Signals:
        return Signals(np.ones(len(candles), dtype=np.int8), np.full(len(candles), self.confidence))


@pytest.mark.parametrize("confidence", [math.nan, math.inf, -0.1, 1.1])
async def test_r46_nothing_that_is_not_finite_leaves_a_strategy(confidence: float) -> None:
    strategy, complaints = Sick(), list[str]()
    strategy.confidence = confidence
    opinions = opened(strategy, complaints)
    opinions.take(2 * MINUTE_NS, BTC, bar())
    (signal,) = await opinions.ask([BTC])
    assert (signal.action, signal.confidence) == (Action.HOLD, 0.0)
    assert complaints


@pytest.mark.parametrize("price", [math.nan, math.inf, -math.inf, 0.0])
def test_r46_a_position_keeps_its_stop_whatever_a_price_says(price: float) -> None:
    bot = begun(small_settings(RiskSettings(stop_loss=0.05, trailing_stop=0.1)))
    take_in(bot, "0.01")
    before = watch(bot.state)
    bot.take(TriggerFired(bot.at_ns, "a", BTC, "ratchet", price, bot.market()))
    bot.prices[BTC] = price
    bot.later(60).wake()
    assert watch(bot.state) == before
    assert all(math.isfinite(level.price) for level in before)


def test_r47_a_market_priced_at_zero_is_no_price_and_stops_no_other_pair() -> None:
    bot = bot_with(RiskSettings(stop_loss=0.05))
    take_in(bot, "0.01")
    take_in(bot, "0.1", instrument=ETH)
    books = [quote_at(bot.later(61).at_ns, venue, ETH, 2_000.0) for venue in "ab"]
    books += [Quote(venue, BTC, bot.at_ns, 0.0, (), ()) for venue in "ab"]
    market = msgspec.structs.replace(bot.market(), quotes=tuple(books))
    facts = bot.cycle({BTC: Action.SELL, ETH: Action.SELL}, market=market)
    assert [one.instrument for one in planned_in(facts)] == [ETH]
    assert [fact.equity for fact in facts if isinstance(fact, MarksTaken)] == [None]
    fired = bot.take(TriggerFired(bot.at_ns, "a", BTC, "stop_loss", 0.0, market))
    assert planned_in(fired) == [], "sold at minus 100 % elsewhere"
    view = MarketView("a")
    assert view.observe(quote_at(1, "a", BTC, 30_000.0))
    assert not view.observe(Quote("a", BTC, 2, 0.0, (), ()))


def test_r48_a_token_that_is_renamed_is_frozen_and_a_person_is_asked_once() -> None:
    bot = bot_with()
    take_in(bot, "0.01")
    renamed = (listing_of("a", ETH), msgspec.structs.replace(listing_of("a", "XBT-USD"), base="XBT"))
    facts = bot.take(ListingsReported(bot.later(61).at_ns, "a", renamed))
    (alert,) = [fact for fact in facts if isinstance(fact, AlertRaised)]
    assert (alert.code, alert.severity) == ("pair_changed", "critical")
    assert "BTC-USD" in alert.text
    assert refusals(bot, BTC, venue="a") == ("G3",)
    assert planned_in(bot.ask("x", Side.SELL, venue="a")) == []
    assert bot.state.position("a", BTC).qty == Decimal("0.01")
    assert alerts_in(bot.take(ListingsReported(bot.later(60).at_ns, "a", renamed))) == []
    assert "XBT-USD" not in bot.state.grids["a"], "what a name means is the operator's word"


# --- R49, R59: days and losses --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "local_midnight_s", [1_711_839_600, 1_699_160_400, 1_700_060_400], ids=["Berlin", "New York", "Tokyo"]
)
def test_r49_no_local_midnight_and_no_change_of_clocks_moves_the_day(local_midnight_s: int) -> None:
    """31 March 00:00 in Berlin, 5 November 01:00 in New York, any midnight in Tokyo: the daily figure stays."""
    at_ns = local_midnight_s * SECOND_NS
    assert at_ns % DAY_NS != 0
    bot = half_in_btc(at_ns=at_ns - 10 * MINUTE_NS, loss_rate_max=1.0)
    mark_at(bot, 0.97, at_ns - MINUTE_NS)
    day_ns, day_open = bot.state.day_ns, bot.state.day_open
    for hour in range(4):
        mark_at(bot, 0.96, at_ns + hour * 30 * MINUTE_NS)
        if bot.at_ns // DAY_NS == (at_ns - MINUTE_NS) // DAY_NS:
            assert (bot.state.day_ns, bot.state.day_open) == (day_ns, day_open)
    assert bot.state.day_ns == bot.at_ns - bot.at_ns % DAY_NS


def test_r49_the_seven_days_roll_minute_by_minute() -> None:
    bot = half_in_btc(loss_rate_max=1.0, daily_loss_max=1.0)
    mark(bot, 1.05)
    peak_ns = bot.state.minute_ns
    mark(bot, 1.0)
    mark_at(bot, 1.0, peak_ns + 7 * DAY_NS - MINUTE_NS)
    assert drawdown(bot.state) == pytest.approx(1 - 1 / 1.05)
    mark_at(bot, 1.0, peak_ns + 7 * DAY_NS)
    assert drawdown(bot.state) == 0.0


def test_r59_open_losses_fees_and_funding_count_and_the_figures_are_told() -> None:
    bot = half_in_btc(loss_rate_max=1.0)
    mark(bot, 0.949)
    assert len(bot.state.orders) == 1, "nothing was closed"
    assert bot.state.holds["G5"].reason == "lost 5.10% since the open of the UTC day; 5.00% is the limit"
    facts = bot.ask("k", notional=Decimal(20), instrument=ETH)
    refused = [fact for fact in facts if isinstance(fact, IntentRefused)]
    assert refused[0].verdicts is not None
    verdict = {one.id: one for one in unpack(refused[0].verdicts)}["G5"]
    assert verdict.value == pytest.approx(0.051)
    assert verdict.limit == 0.05


# --- R53, R54: the same rejection for ever, what is validated -------------------------------------------------------


def test_r53_three_identical_rejections_open_the_breaker_and_each_asks_for_the_balance() -> None:
    bot = bot_with()
    for number in range(3):
        (planned,) = planned_in(bot.later(61).ask(f"r{number}", notional=Decimal(50), venue="a"))
        facts = bot.report(bot.state.orders[planned.client_id], Evidence.REJECTED, reason="insufficient funds")
        assert ReadAccount("a") in list(acts_of(facts, bot.state))
        assert alerts_in(facts) == (["breaker"] if number == 2 else [])
    assert refusals(bot.later(61), BTC, venue="a") == ("E9",)
    assert refusals(bot.later(90_000), BTC, venue="a") == ("E9",), "time alone lifts it never"
    assert exits_of_the_other_venue(bot)
    resume(bot)
    assert opens(bot.later(61), BTC, venue="a")


def exits_of_the_other_venue(bot: Bot) -> bool:
    take_in(bot, "0.01", venue="b")
    return exits(bot.later(61))


class Clerk(ScriptedVenue):
    """Keeps every request as it would go over the wire."""

    def __init__(self, name: str, clock: HandClock) -> None:
        super().__init__(name, clock)
        self.sent: list[OrderRequest] = []

    async def submit(self, request: OrderRequest) -> OrderReported:
        self.sent.append(request)
        return await super().submit(request)


async def test_r54_what_was_judged_is_what_is_sent() -> None:
    desk = await Desk().start()
    clerk = Clerk("a", desk.clock)
    desk.venues["a"] = clerk
    desk.offer(desk.wish("w"))
    await desk.settle()
    order = desk.state.orders[desk.order]
    (sent,) = clerk.sent
    assert (sent.client_id, sent.instrument, sent.side) == (order.client_id, order.instrument, order.side)
    assert sent.qty == order.qty_lots * order.lot
    assert order.limit_ticks is not None
    assert sent.limit == order.limit_ticks * order.tick
    fills: Sequence[Listing] = await clerk.listings()
    assert sent.qty * sent.limit >= fills[0].notional_min


@pytest.mark.parametrize(("least", "passes"), [("9", True), ("9.5", False)])
def test_r54_the_minimum_is_held_against_the_order_after_rounding_not_against_the_wish(
    least: str, passes: bool
) -> None:
    """A lot is 0.0003 BTC, nine dollars: of ten that were wished for, nine are sent."""
    bot = bot_with(lot=Decimal("0.0003"), lots_min=1, notional_min=Decimal(least))
    facts = bot.ask("k", notional=Decimal(10), venue="a")
    worth = [float(one.qty_lots * one.lot) * one.reference_price for one in planned_in(facts)]
    assert worth == ([pytest.approx(9.0003)] if passes else [])
    if not passes:
        assert failed_in(facts) == ("G10",)
