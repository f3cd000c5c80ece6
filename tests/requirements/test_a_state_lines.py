"""A-35…A-40: what is kept, where, for how long, and that nothing of it changes unseen."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from quarterdeck.cli.main import run_command
from quarterdeck.config import Workspace, create_workspace
from quarterdeck.domain import (
    DAY_NS,
    MINUTE_NS,
    CancelRequested,
    Control,
    ListingsReported,
    NotOwner,
    Woke,
)
from quarterdeck.engine import State, apply, encode_state
from quarterdeck.journal import (
    Holder,
    SqliteJournal,
    SqliteReader,
    archive_rows,
    boot_id,
    decode_facts,
    default_archive,
    events,
    orders,
    trades,
    verify,
)
from quarterdeck.market import Bar, BarWindow
from quarterdeck.system import recover, verify_journal
from tests.engine.driving import BTC, ETH, Bot, listing_of, planned_in, settings_with
from tests.engine.scenes import exits, opens, refusals, take_in, wide
from tests.journal.aging import aged, journal_path

Told = Callable[..., Any]
A12_TYPES = {
    "trade_executed",
    "trade_rejected",
    "guardrail_triggered",
    "kill_switch",
    "config_changed",
    "pair_changed",
    "balance_sync",
    "agent_status_change",
}


# --- A-35, A-36 -----------------------------------------------------------------------------------------------------


def test_a35_all_that_persists_is_the_fold_of_one_journal_with_one_writer(shop: Workspace) -> None:
    """Positions, orders, guardrails, pairs and audit: one file; the market is not among them."""
    path = shop.bot_folder("demo").journal
    folded = State()
    with SqliteReader(path) as reader:
        for row in reader.rows():
            for fact in decode_facts(row.body):
                apply(folded, fact)
    found = recover(path).state
    assert encode_state(folded) == encode_state(found)
    assert found.positions
    assert found.orders
    assert found.trades
    assert found.listed
    assert not {"quotes", "books", "tickers", "candles"} & set(State.__struct_fields__)
    journal = SqliteJournal(path, "demo", Holder(pid=1, host="here", boot_id=boot_id()))
    with pytest.raises(NotOwner, match="process 1 on here"):
        SqliteJournal(path, "demo", Holder(pid=2, host="there", boot_id=boot_id()))
    journal.release()
    journal.close()


def test_a36_the_state_tells_positions_with_their_cost_balances_profit_and_level(told: Told) -> None:
    status = told("status", "demo")
    (position,) = status["positions"]
    assert {"venue", "instrument", "qty", "cost"} <= set(position)
    assert Decimal(position["cost"]) / Decimal(position["qty"]) > 1_000, "the average entry in dollars for an ETH"
    assert set(status["cash"]) == {"coinbase", "kraken"}
    today = status["today"]
    assert Decimal(today["equity"]) - Decimal(today["equity_open"]) == (
        Decimal(today["realised"]) + Decimal(today["unrealised"]) - Decimal(today["fees"])
    )
    assert Decimal(status["equity"]) == pytest.approx(Decimal(10_000), abs=100)
    assert (status["control"], status["last_cycle_at"]) == ("running", "2026-01-06T00:59:00.000000Z")


def test_a36_halted_means_that_every_order_is_cancelled_and_positions_are_kept() -> None:
    bot = Bot(settings_with(guardrails=wide()))
    take_in(bot, "0.01")
    working = [bot.later(6).working().client_id]
    working += [one.client_id for one in planned_in(bot.later(6).ask("k", instrument=ETH, notional=Decimal(50)))]
    facts = bot.control("kill")
    assert [fact.client_id for fact in facts if isinstance(fact, CancelRequested)] == working
    assert bot.level() is Control.HALTED
    assert bot.state.position("a", BTC).qty == Decimal("0.01")
    assert not exits(bot.later(61))


# --- how long -------------------------------------------------------------------------------------------


def test_a37_fills_and_orders_stay_at_hand_for_30_days_and_older_ones_are_read_from_the_archive(
    tmp_path: Path,
) -> None:
    path = journal_path(tmp_path)
    journal = aged(path, 33)
    before = [view(path, limit=1000).items for view in (trades, orders)]
    for day in (3, 26):
        archive_rows(journal, day * DAY_NS)
    with sqlite3.connect(path) as raw:
        oldest_ns = raw.execute("SELECT min(booked_at_ns) FROM fills").fetchone()[0]
    assert oldest_ns // DAY_NS == 33 - 30
    assert [view(path, limit=1000).items for view in (trades, orders)] == before
    assert any(default_archive(path).iterdir())


def test_a40_events_stay_at_hand_for_7_days_and_older_ones_are_read_from_the_archive(tmp_path: Path) -> None:
    path = journal_path(tmp_path)
    journal = aged(path, 9)
    before = events(path, limit=1000).items
    archive_rows(journal, 2 * DAY_NS)
    with sqlite3.connect(path) as raw:
        oldest_ns = raw.execute("SELECT min(at_ns) FROM events").fetchone()[0]
    assert oldest_ns // DAY_NS == 9 - 7
    assert events(path, limit=1000).items == before
    assert verify(path).ok


def test_a40_the_audit_log_names_what_happened_who_did_it_and_why(tmp_path: Path, told: Told) -> None:
    """Trades, refusals with their guardrail, kill switch, settings, pairs, balances and status: A-12's types."""
    root = create_workspace(tmp_path / "w").root
    file = root / "bots" / "demo.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("cooldown_s: 60 ", "cooldown_s: 7200 "), encoding="utf-8")
    run = ("run", "demo", "--speed", "max", "--from", "2026-01-05")
    told(*run, "--cycles", "120", root=root)
    told("settings", "set", "demo", "risk.stop_loss=0.04", "--reason", "careful", root=root)
    told("pairs", "remove", "demo", "ETH-USD", root=root)
    told("kill", "--yes", root=root)
    told(*run, "--cycles", "5", root=root)
    items = told("events", "demo", "--limit", "1000", root=root)["items"]
    assert {item["type"] for item in items} >= A12_TYPES - {"trade_rejected"}
    assert all({"id", "type", "actor", "at", "details"} <= set(item) for item in items)
    refused = [item for item in items if item["type"] == "guardrail_triggered"]
    assert refused[0]["details"]["failed"] == ["G8"]
    assert "G8 cooldown" in refused[0]["details"]["reason"]
    changed = [item for item in items if item["type"] == "config_changed" and item["details"].get("changes")]
    assert [(item["actor"], item["details"]["reason"]) for item in changed] == [("user", "careful")]
    assert [item["actor"] for item in items if item["type"] == "pair_changed"] == ["user"]
    assert {item["type"] for item in items if item["details"].get("control") == "halted"} == {"kill_switch"}


def test_a40_no_row_of_the_log_can_be_changed_unseen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = create_workspace(tmp_path / "w")
    words = ["--workspace", str(workspace.root), "run", "demo", "--speed", "max", "--cycles", "5", "--json"]
    assert run_command(words) == 0
    path = workspace.bot_folder("demo").journal
    assert verify_journal(path).ok
    with sqlite3.connect(path) as raw:
        ((seq, body),) = raw.execute("SELECT seq, body FROM rows WHERE seq = 3").fetchall()
        raw.execute("UPDATE rows SET body = ? WHERE seq = ?", (bytes(body[:-1]) + bytes([body[-1] ^ 1]), seq))
    report = verify_journal(path)
    assert [problem.seq for problem in report.problems][:1] == [3]
    assert run_command(["--workspace", str(workspace.root), "journal", "verify", "demo"]) == 5
    assert "3" in capsys.readouterr().err


# --- market and pairs -----------------------------------------------------------------------------------


def test_a38_a_price_older_than_five_minutes_is_none() -> None:
    bot = Bot(settings_with(guardrails=wide()))
    take_in(bot, "0.01")
    old = bot.later(61).market()
    bot.at_ns += 5 * MINUTE_NS
    assert bot.state.settings is not None
    assert bot.state.settings.price_age_ns_max == bot.state.settings.mark_age_ns_max == 5 * MINUTE_NS
    assert exits(bot, qty=Decimal("0.001"), surroundings=old)
    bot.at_ns += 1
    assert not exits(bot.later(6), qty=Decimal("0.002"), surroundings=old)
    assert {"G4", "E2"} & set(refusals(bot, ETH, surroundings=old))
    bot.take(Woke(bot.later(60).at_ns, old))
    assert bot.state.equity is None, "what is held has no price, so nobody knows what the bot is worth"


def test_a38_candles_are_kept_as_far_back_as_the_strategy_looks_and_no_further() -> None:
    window = BarWindow(BTC, MINUTE_NS, 0.01, 200)
    for number in range(1_000):
        price = 100.0 + number
        window.append(number * MINUTE_NS, Bar("a", BTC, price, price, price, price, 1.0))
    candles = window.candles()
    assert len(candles) == 200
    assert (candles.close[0], candles.close[-1]) == (900.0, 1_099.0)


def test_a38_a_delisted_pair_is_out_at_the_next_discovery() -> None:
    bot = Bot(settings_with(guardrails=wide()))
    assert opens(bot, BTC, venue="a")
    bot.take(ListingsReported(bot.later(6).at_ns, "a", (listing_of("a", ETH),)))
    assert refusals(bot, BTC, 21, venue="a") == ("G3",)
    assert opens(bot, BTC, 21, venue="b")


@pytest.mark.parametrize(
    ("approved", "listed", "passes"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_a39_a_pair_is_active_when_it_is_on_the_list_and_traded_at_a_venue_of_the_bot(
    approved: bool, listed: bool, passes: bool
) -> None:
    bot = Bot(settings_with(approved=(BTC, ETH) if approved else (ETH,), guardrails=wide()))
    for venue in "ab":
        listings = (listing_of(venue, BTC), listing_of(venue, ETH)) if listed else (listing_of(venue, ETH),)
        bot.take(ListingsReported(bot.at_ns, venue, listings))
    if passes:
        assert opens(bot, BTC)
    else:
        assert "G3" in refusals(bot, BTC)
    assert opens(bot, ETH)


def test_a39_the_pairs_of_a_bot_are_told_with_every_venue_that_lists_them(told: Told) -> None:
    items = {item["pair"]: item for item in told("pairs", "demo")["items"]}
    assert set(items) == {"BTC-USD", "ETH-USD"}
    for item in items.values():
        assert item["approved"] is True
        assert {place["venue"] for place in item["listings"]} == {"coinbase", "kraken"}
