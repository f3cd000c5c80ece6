"""S8, S9, S15, S20, S24, S27: odd markets, stale prices, why, how it ends, what it never does, and calendars."""

from __future__ import annotations

import gzip
import signal
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest

from quarterdeck.config import Workspace, create_workspace, load_bot
from quarterdeck.domain import (
    DAY_NS,
    MINUTE_NS,
    SECOND_NS,
    AlertRaised,
    CancelRequested,
    Control,
    CycleRan,
    DayClosed,
    Evidence,
    IntentFormed,
    ListingsReported,
    MarksTaken,
    OrderPlanned,
    Quote,
    Side,
    Started,
    StateUpgraded,
    Surroundings,
)
from quarterdeck.engine import daily_loss, step
from quarterdeck.system import ReplaySource, RunOptions, explain_bar, recover, run_bot, verify_journal
from tests.engine.driving import BTC, ETH, Bot, listing_of, planned_in, settings_with
from tests.engine.scenes import (
    failed_in,
    half_in_btc,
    mark,
    mark_at,
    opens,
    refusals,
    take_in,
    told_in,
    wide,
)
from tests.requirements.market_time import Heard
from tests.system.replaying import facts_of, local, played

Told = Callable[..., Any]
PROGRAM = [sys.executable, "-c", "from quarterdeck.cli import main; main()"]
GOLDEN = Path(__file__).parents[1] / "golden" / "0.1.0-keel" / "journal.db.gz"

TWO_DOLLARS = """\
name: peg
capital: "20000"
exchanges:
  - {name: dollars, pairs: [BTC-USD], balances: {USD: "10000"}, fees: {maker: 0, taker: 0.001}}
  - {name: coins, pairs: [BTC-USDC], balances: {USDC: "10000"}, fees: {maker: 0, taker: 0.001}}
equivalent_quotes: [[USD, USDC]]
pairs: [BTC-USD]
strategy: {name: sma_crossover, timeframe: 1m, parameters: {fast_bars: 5, slow_bars: 20}}
guardrails: {loss_rate_max: 1.0, daily_loss_max: 1.0, drawdown_max: 1.0}
"""


# --- S8 -------------------------------------------------------------------------------------------------------------


def test_s8_what_is_too_small_to_be_sold_blocks_nothing() -> None:
    bot = Bot(settings_with(guardrails=wide()))
    take_in(bot, "0.01")
    (leaving,) = planned_in(bot.later(61).sell())
    order = bot.state.orders[leaving.client_id]
    bot.fill(order, order.qty_lots - 50)
    bot.report(order, Evidence.CANCELLED)
    (ran,) = [fact for fact in bot.later(61).buy() if isinstance(fact, CycleRan)]
    assert ran.skipped == {}


def test_s8_a_delisted_or_halted_market_is_frozen_neither_sold_at_zero_nor_counted_as_lost() -> None:
    bot = half_in_btc()
    facts = bot.take(ListingsReported(bot.at_ns, "a", (listing_of("a", ETH), listing_of("a", BTC, tradable=False))))
    assert [fact.code for fact in facts if isinstance(fact, AlertRaised)] == ["pair_changed"]
    assert refusals(bot.later(61), BTC, venue="a") == ("G3",)
    assert planned_in(bot.later(61).sell()) == []
    bot.prices[BTC] = 0.0
    bot.later(60).wake()
    assert (bot.state.holds, bot.state.position("a", BTC).qty) == ({}, Decimal("0.02"))


def test_s8_a_new_fee_is_reckoned_with_from_the_moment_it_is_known() -> None:
    bot = Bot(settings_with(guardrails=wide()))
    dear = tuple(listing_of("a", pair, fee_taker=Decimal("0.02")) for pair in (BTC, ETH))
    bot.take(ListingsReported(bot.at_ns, "a", dear))
    (planned,) = planned_in(bot.ask("k", notional=Decimal(50)))
    assert planned.venue == "b", "0.6 % there, 2 % here"
    assert planned.routes[0].effective_price == pytest.approx(30_001 * 1.02)


def test_s8_the_days_on_which_usdc_lost_its_peg(tmp_path: Path, shared_dir: Path) -> None:
    """Recorded in March 2023: it fell to 0.87. Off its band it counts at market, and nothing is opened in it."""
    folder = shared_dir / "data" / "ohlcv" / "binanceus"
    sources = [("dollars", "BTC-USD"), ("coins", "BTC-USDC")]
    replay = tuple(ReplaySource(venue, pair, folder / f"{pair}-1m.parquet") for venue, pair in sources)
    workspace = create_workspace(tmp_path / "w")
    file = workspace.bot_file("peg")
    file.write_text(TWO_DOLLARS, encoding="utf-8")
    begin_ns = 1_678_492_800 * SECOND_NS  # 2023-03-11, the day after the bank's end
    kept: list[Any] = []
    run_bot(
        workspace,
        load_bot(file, workspace),
        RunOptions(replay=replay, speed=None, from_ns=begin_ns, to_ns=begin_ns + 12 * 60 * MINUTE_NS),
        lambda told: kept.extend(told.facts),
    )
    rates = recorded_rates(folder)
    marks = [fact for fact in kept if isinstance(fact, MarksTaken) and fact.equity is not None]
    off = [fact for fact in marks if fact.rates]
    assert len(off) > 100
    for fact in off:
        assert fact.rates[0].rate == pytest.approx(rates[fact.minute_ns], rel=1e-9)
        assert abs(fact.rates[0].rate - 1.0) > 0.01
    assert min(fact.rates[0].rate for fact in off) < 0.93
    buys = [fact for fact in kept if isinstance(fact, OrderPlanned) and fact.side is Side.BUY]
    assert buys
    in_coins = [fact for fact in buys if fact.venue == "coins"]
    assert all(abs(rates[fact.at_ns - fact.at_ns % MINUTE_NS] - 1.0) <= 0.01 for fact in in_coins)
    assert {fact.code for fact in kept if isinstance(fact, AlertRaised)} >= {"peg"}


def recorded_rates(folder: Path) -> dict[int, float]:
    """What a USDC was worth in dollars at the end of each minute, by the price of a bitcoin in both."""
    closes = [
        dict(duckdb.read_parquet(str(folder / f"{pair}-1m.parquet")).project("timestamp, close").fetchall())
        for pair in ("BTC-USD", "BTC-USDC")
    ]
    return {at_ms * 1_000_000 + MINUTE_NS: close / closes[1][at_ms] for at_ms, close in closes[0].items()}


# --- S9 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age_s", "bids", "asks", "rule"),
    [
        (10.0, ((29_999.0, 1.0),), ((30_001.0, 1.0),), ""),
        (10.1, ((29_999.0, 1.0),), ((30_001.0, 1.0),), "E2"),
        (0.0, ((30_002.0, 1.0),), ((30_001.0, 1.0),), "E2"),
        (0.0, (), ((30_001.0, 1.0),), "E2"),
    ],
    ids=["ten seconds old", "older", "crossed", "one-sided"],
)
def test_s9_nothing_is_opened_on_an_old_a_crossed_or_a_one_sided_book(
    age_s: float, bids: tuple[tuple[float, float], ...], asks: tuple[tuple[float, float], ...], rule: str
) -> None:
    bot = Bot(settings_with(guardrails=wide(), price_age_ns_max=0))
    at_ns = bot.at_ns - round(age_s * SECOND_NS)
    books = tuple(Quote(venue, BTC, at_ns, 30_000.0, bids, asks) for venue in "ab")
    facts = bot.ask("k", notional=Decimal(50), surroundings=Surroundings(books, (), bot.market().skews))
    if rule:
        assert rule in failed_in(facts)
    else:
        assert planned_in(facts)


def test_s9_a_missing_bar_is_no_price_and_brings_no_cycle(tmp_path: Path) -> None:
    with local(tmp_path, bars=40) as stage:
        for source in stage.tapes:
            lines = source.path.read_text().splitlines()
            source.path.write_text("\n".join(line for number, line in enumerate(lines) if number not in range(20, 25)))
        summary = played(stage)
        bars = [fact.bar_ns for fact in facts_of(stage) if isinstance(fact, CycleRan)]
    assert summary.cycles == 35
    gaps = {(later - earlier) // MINUTE_NS for earlier, later in pairwise(bars)}
    assert gaps == {1, 6}


def test_s9_a_bar_that_has_not_closed_is_not_decided_on(tmp_path: Path) -> None:
    with local(tmp_path / "whole", bars=20) as whole, local(tmp_path / "open", bars=21) as still_open:
        closed = played(whole)
        to_ns = 1_600_000_020 * SECOND_NS + 20 * MINUTE_NS + 59 * SECOND_NS
        config = still_open.config
        half = run_bot(still_open.workspace, config, RunOptions(replay=still_open.tapes, speed=None, to_ns=to_ns))
    assert (half.cycles, half.order_list_hash) == (closed.cycles, closed.order_list_hash)


# --- S15 ------------------------------------------------------------------------------------------------------------


def test_s15_every_signal_refusal_and_skip_of_every_bar_is_explained(shop: Workspace, told: Told) -> None:
    orders = told("orders", "demo", "--all", "--limit", "500")["items"]
    assert orders
    for one in orders:
        found = told("explain", "demo", one["client_id"])
        assert found["decision"] == "ordered"
        assert found["order"]["state"] == "filled"
        assert found["fills"]
    state = recover(shop.bot_folder("demo").journal).state
    decisions: dict[str, int] = {}
    for minute in range(150):
        bar_ns = state.last_bar_ns - minute * MINUTE_NS
        for pair in explain_bar(shop, "demo", bar_ns, MINUTE_NS).pairs:
            if pair.action != "HOLD":
                why = pair.explanation.decision if pair.explanation else "skipped"
                assert pair.explanation is not None or pair.skipped
                decisions[why] = decisions.get(why, 0) + 1
    assert set(decisions) == {"ordered", "refused", "skipped"}


def test_s15_a_refusal_names_the_rule_its_value_and_its_limit(told: Told) -> None:
    refused = [
        item for item in told("events", "demo", "--limit", "500")["items"] if item["type"] == "guardrail_triggered"
    ]
    found = told("explain", "demo", refused[0]["details"]["intent_id"])
    (rule,) = [verdict for verdict in found["verdicts"] if not verdict["passed"]]
    assert (rule["id"], rule["limit"], rule["unit"]) == ("G8", 900.0, "s")
    assert 0 < rule["value"] < 900
    assert "cooldown" in rule["reason"] + rule["name"]


# --- S20 ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_s20_sigterm_and_ctrl_c_end_a_bot_in_good_order(tmp_path: Path, number: signal.Signals) -> None:
    workspace = create_workspace(tmp_path / "w")
    words = ["--workspace", str(workspace.root), "run", "demo", "--speed", "600"]
    with subprocess.Popen([*PROGRAM, *words], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "owns the bot" in process.stdout.readline()
        process.send_signal(number)
        assert process.wait(30) == 143
    journal = workspace.bot_folder("demo").journal
    assert recover(journal).state.released
    assert verify_journal(journal).ok


def test_s20_the_state_of_an_older_release_is_taken_over_with_a_fact_that_says_so(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(gzip.decompress(GOLDEN.read_bytes()))
    found = recover(path)
    state = found.state
    assert state.settings is not None
    started = Started(state.at_ns, "demo-9", state.epoch + 1, "quarterdeck 999", state.settings, state.kill_epoch)
    (upgraded, *_) = step(state, msgspec.structs.replace(started, recorded_hash=found.recorded_hash))
    assert isinstance(upgraded, StateUpgraded)
    assert (upgraded.software_before, upgraded.software) == ("quarterdeck 0.1.0", "quarterdeck 999")
    assert upgraded.before_hash == found.recorded_hash != ""
    assert state.fills > 0


# --- S24 ------------------------------------------------------------------------------------------------------------


def test_s24_the_rebalance_check_tells_and_never_trades() -> None:
    bot = Bot(settings_with(guardrails=wide(concentration_max=0.25)))
    take_in(bot, "2")
    bot.prices[BTC] = 600_000.0
    key = "check:concentration:BTC"
    facts = [fact for _ in range(10) for fact in bot.later(60).wake()]
    assert told_in(facts, key) == ["AlertRaised"], "once, however long it stands"
    assert "nothing is sold by itself" in bot.state.alerts[key]
    assert not any(isinstance(fact, IntentFormed | OrderPlanned | CancelRequested) for fact in facts)
    bot.prices[BTC] = 30_000.0
    facts = [fact for _ in range(5) for fact in bot.later(60).wake()]
    assert told_in(facts, key) == ["AlertCleared"]


# --- S27 ------------------------------------------------------------------------------------------------------------

MIDNIGHTS = {
    "month": 1_706_745_600,  # 1 February 2024
    "leap day": 1_709_164_800,  # 29 February 2024
    "Europe's summer time": 1_711_843_200,  # 31 March 2024
    "America's winter time": 1_699_142_400,  # 5 November 2023
    "leap second": 1_483_228_800,  # 1 January 2017, one second after 23:59:60
}


@pytest.mark.parametrize("midnight_s", MIDNIGHTS.values(), ids=MIDNIGHTS)
def test_s27_a_day_begins_at_midnight_utc_exactly_on_every_calendar(midnight_s: int) -> None:
    midnight_ns = midnight_s * SECOND_NS
    bot = half_in_btc(at_ns=midnight_ns - 20 * MINUTE_NS, loss_rate_max=1.0)
    mark_at(bot, 0.97, midnight_ns - 1)
    assert bot.state.day_ns == midnight_ns - DAY_NS
    assert daily_loss(bot.state) == pytest.approx(0.03)
    facts = mark_at(bot, 0.97, midnight_ns)
    assert (bot.state.day_ns, daily_loss(bot.state)) == (midnight_ns, 0.0)
    assert [fact.day_ns for fact in facts if isinstance(fact, DayClosed)] == [midnight_ns - DAY_NS]
    mark(bot, 0.94)
    assert bot.level() is Control.RUNNING, "3.1 % of the new day's open, 6 % since the start"
    mark(bot, 0.92)
    assert "G5" in bot.state.holds


def test_s27_a_restart_over_the_roll_neither_skips_nor_repeats_a_day(evening: Heard) -> None:
    assert len(evening.facts(DayClosed)) == 1
    bot = half_in_btc(loss_rate_max=1.0)
    midnight_ns = bot.at_ns - bot.at_ns % DAY_NS + DAY_NS
    mark_at(bot, 0.98, midnight_ns - MINUTE_NS)
    bot.at_ns = midnight_ns + 5 * MINUTE_NS
    bot.start()
    facts = mark_at(bot, 0.96, midnight_ns + 6 * MINUTE_NS)
    assert [fact.day_ns for fact in facts if isinstance(fact, DayClosed)] == [midnight_ns - DAY_NS]
    assert daily_loss(bot.state) == pytest.approx(1 - 0.96 / 0.98), "the last mark before midnight opened the day"
    bot.start()
    facts = mark_at(bot, 0.96, midnight_ns + 7 * MINUTE_NS)
    assert [fact for fact in facts if isinstance(fact, DayClosed)] == []


def test_s27_windows_of_pace_reach_over_midnight() -> None:
    bot = Bot(settings_with(guardrails=wide(cooldown_s=60.0, trades_max=2)))
    midnight_ns = bot.at_ns - bot.at_ns % DAY_NS + DAY_NS
    bot.at_ns = midnight_ns - 30 * SECOND_NS
    bot.wake()
    assert opens(bot, BTC)
    assert opens(bot, ETH)
    bot.at_ns = midnight_ns + 10 * SECOND_NS
    assert {"G8", "G9"} <= set(refusals(bot, BTC))
    bot.at_ns = midnight_ns + 30 * SECOND_NS
    assert refusals(bot, BTC) == ("G9",), "the cooldown of a minute is over, the window of five is not"
    bot.at_ns = midnight_ns + 270 * SECOND_NS
    assert opens(bot, BTC)
