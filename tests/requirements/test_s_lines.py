"""S2…S7: preflight, one owner, no real money by accident, crashes, profit and loss, rounding."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from quarterdeck.config import FileError, Workspace, create_workspace, load_bot
from quarterdeck.domain import (
    DAY_NS,
    DayClosed,
    Evidence,
    FillBooked,
    FundingReported,
    OrderKind,
    OrderState,
    RiskSettings,
    Side,
    Started,
)
from quarterdeck.engine import SendOrder, acts_of, decode_state, encode_state, recovery_acts
from tests.config.small_bot import SMALL
from tests.config.small_bot import load as loaded
from tests.engine.driving import BTC, ETH, START_NS, Bot, listing_of, planned_in, settings_with
from tests.engine.scenes import (
    begun,
    failed_in,
    fund,
    opens,
    reason_in,
    refusals,
    small_settings,
    venue_with,
    wide,
)

Told = Callable[..., Any]
PROGRAM = [sys.executable, "-c", "from quarterdeck.cli import main; main()"]
MIDNIGHT_NS = START_NS - START_NS % DAY_NS + DAY_NS


# --- S2, S3, S4 -----------------------------------------------------------------------------------------------------


def test_s2_doctor_finds_every_fault_at_once_each_with_its_file_and_line(tmp_path: Path, told: Told) -> None:
    workspace = create_workspace(tmp_path / "w")
    bot = workspace.bot_file("demo")
    text = bot.read_text(encoding="utf-8")
    planted = {
        "cooldown_s: 60 ": "colldown_s: 60 ",
        "stop_loss: 0.05": "stop_loss: five",
        "{name: sma_crossover": "{name: my_sauce",
        "daily_loss_max: 0.05": "daily_loss_max: 0.3",
        "pairs: [BTC-USD, ETH-USD]": "pairs: [BTC-USD, ETH-EUR]",
    }
    for good, bad in planted.items():
        assert good in text
        text = text.replace(good, bad)
    bot.write_text(text, encoding="utf-8")
    archive = workspace.root / "archive"
    archive.rmdir()
    archive.write_text("a file in the place of a folder", encoding="utf-8")
    found = told("doctor", code=2, root=workspace.root)
    places = {(one["file"], one["line"]) for one in found["problems"]}
    for bad in planted.values():
        line = 1 + text[: text.index(bad)].count("\n")
        assert ("bots/demo.yaml", line) in places, bad
    assert any("archive" in one["file"] for one in found["problems"])
    assert found["ok"] is False
    assert all(one["problem"] and one["advice"] for one in found["problems"])


def test_s3_a_second_process_of_a_bot_is_refused_and_told_who_owns_it(tmp_path: Path, told: Told) -> None:
    root = create_workspace(tmp_path / "w").root
    words = ["--workspace", str(root), "run", "demo", "--speed", "60"]
    with subprocess.Popen([*PROGRAM, *words], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "owns the bot" in process.stdout.readline()
        error = told("run", "demo", "--cycles", "1", code=4, root=root)["error"]
        assert f"process {process.pid}" in error["message"]
        assert told("status", "demo", root=root)["owner"]["pid"] == process.pid
        process.kill()


@pytest.mark.parametrize("written", ["mode: live\n", "mode: LIVE\n", "dry_run: false\n"])
def test_s4_a_word_in_a_file_never_reaches_real_money(tmp_path: Path, written: str) -> None:
    text = SMALL + written
    with pytest.raises(FileError, match=r"mode: paper|mode: .*not allowed"):
        loaded(tmp_path, text)
    with pytest.raises(FileError, match="set at run time: mode"):
        loaded(tmp_path, SMALL, {"mode": "live"})


def test_s4_what_ran_on_paper_says_so_and_holds_no_credential(shop: Workspace, tmp_path: Path, told: Told) -> None:
    assert told("status", "demo")["mode"] == "paper"
    config = load_bot(shop.bot_file("demo"), shop)
    assert {exchange.key for exchange in config.exchanges} == {""}
    text = shop.bot_file("demo").read_text(encoding="utf-8").replace("kind: paper", "kind: ccxt", 1)
    other = tmp_path / "real.yaml"
    other.write_text(text, encoding="utf-8")
    with pytest.raises(FileError, match="kind"):
        load_bot(other, shop)


# --- S5 -------------------------------------------------------------------------------------------------------------

LIFE: tuple[tuple[str, str], ...] = (
    ("ask", ""),
    ("report", "ambiguous"),
    ("report", "acknowledged"),
    ("fill", "half"),
    ("cancel", ""),
    ("report", "cancel_ambiguous"),
    ("fill", "rest"),
)


@pytest.mark.parametrize("crash_after", range(len(LIFE) + 1))
def test_s5_a_crash_at_any_point_loses_and_doubles_no_order(crash_after: int) -> None:
    """The state is what was durable; whatever follows goes to the next session."""
    bot = Bot(settings_with(guardrails=wide()))
    sends: list[str] = []
    for number, (what, how) in enumerate(LIFE):
        if number == crash_after:
            bot.state = decode_state(encode_state(bot.state))
            crashed(bot, sends)
        facts = lived(bot, what, how)
        sends += [act.client_id for act in acts_of(facts, bot.state) if isinstance(act, SendOrder)]
    if crash_after == len(LIFE):
        crashed(bot, sends)
    order = bot.only_order()
    assert sends == [order.client_id]
    assert (order.state, order.booked_lots) == (OrderState.FILLED, order.qty_lots)
    assert bot.state.position("a", BTC).qty == order.qty_lots * order.lot
    assert bot.state.reserved.get("a", {}).get("USD", 0) == 0


def crashed(bot: Bot, sends: list[str]) -> None:
    """Start the next session; until the order is settled nothing else is opened in its pair there."""
    facts = bot.take(Started(bot.at_ns, "next", bot.state.epoch + 1, "test", bot.settings, 0))
    acts = [*acts_of(facts, bot.state), *recovery_acts(bot.state)]
    assert not any(isinstance(act, SendOrder) for act in acts)
    for venue in bot.state.venues:
        bot.account(venue, **bot.explained(venue))
    assert all(order.state is not OrderState.PLANNED for order in bot.state.orders.values()), "it may have been sent"
    if sends and bot.only_order().state is OrderState.UNKNOWN:
        assert "E7" in refusals(bot.later(6), BTC, venue="a")
    bot.later(6).wake()  # what the session before may have signed has lost its validity


def lived(bot: Bot, what: str, how: str) -> list[Any]:
    if what == "ask":
        limit = Decimal(29_500)
        return bot.ask("the one", notional=Decimal(100), venue="a", order_kind=OrderKind.LIMIT, limit=limit)
    order = bot.only_order()
    if what == "report":
        return bot.report(order, Evidence(how), venue_order_id="v1" if how == "acknowledged" else "")
    if what == "cancel":
        return bot.control("halt") if not bot.state.control_reason else []
    lots = order.qty_lots // 2 if how == "half" else order.unbooked_lots
    return bot.fill(order, lots, price=Decimal(29_500))


def test_s5_an_unknown_order_is_settled_by_its_client_id_before_its_pair_is_traded_again() -> None:
    bot = Bot(settings_with(guardrails=wide()))
    order = bot.unknown()
    assert refusals(bot.later(61), BTC, venue="a") == ("E7",)
    assert opens(bot, BTC, venue="b"), "another account has nothing to do with it"
    bot.beyond_bound(order)
    for _ in range(3):
        bot.absent(order)
        bot.later(2)
    assert order.state is OrderState.NOT_PLACED
    assert opens(bot.later(61), BTC, venue="a")


# --- S6 -------------------------------------------------------------------------------------------------------------


def traded(bot: Bot, side: Side, qty: str, price: int, **more: object) -> FillBooked:
    bot.prices[BTC] = float(price)
    key = f"t-{len(bot.taken)}"
    asked = {"qty": Decimal(qty), "venue": "a"}
    (planned,) = planned_in(bot.later(61).ask(key, side, **asked))
    order = bot.state.orders[planned.client_id]
    facts = bot.fill(order, order.qty_lots, price=Decimal(price), **{"fee": Decimal(0), **more})
    (booked,) = [fact for fact in facts if isinstance(fact, FillBooked)]
    return booked


def rich() -> Bot:
    """A bot of 10 000 dollars without limits of size; each account holds as much that is not its own."""
    settings = settings_with(
        capital=Decimal(10_000),
        venues=(venue_with("a", USD=10_000), venue_with("b", USD=0)),
        guardrails=wide(loss_rate_max=1.0, daily_loss_max=1.0, drawdown_max=1.0),
        risk=RiskSettings(),
    )
    return begun(settings, spare=10_000)


def test_s6_realised_profit_is_against_the_average_cost_and_the_rest_is_open() -> None:
    """0.01 at 30 000 and 0.01 at 40 000 cost 35 000 on average; FIFO would have said 60."""
    bot = rich()
    traded(bot, Side.BUY, "0.01", 30_000)
    traded(bot, Side.BUY, "0.01", 40_000)
    booked = traded(bot, Side.SELL, "0.01", 36_000)
    assert booked.realised == Decimal(10)
    assert bot.state.position("a", BTC).cost == Decimal(350)
    bot.prices[BTC] = 38_000.0
    bot.later(60).wake()
    assert bot.state.equity == pytest.approx(10_000 + 10 + 30)


def test_s6_fees_in_quote_in_the_coin_and_in_a_third_asset_are_all_profit_or_loss() -> None:
    bot = rich()
    traded(bot, Side.BUY, "0.01", 30_000, fee=Decimal(3))
    assert bot.state.cash["a"]["USD"] == Decimal(10_000 - 300 - 3)
    traded(bot, Side.BUY, "0.01", 30_000, fee=Decimal("0.0001"), fee_asset="BTC")
    position = bot.state.position("a", BTC)
    assert (position.qty, position.cost) == (Decimal("0.0199"), Decimal(600))
    traded(bot, Side.SELL, "0.005", 30_000, fee=Decimal("0.01"), fee_asset="USDT")
    assert bot.state.cash["a"]["USDT"] == Decimal("-0.01")
    bot.later(60).wake()
    assert bot.state.equity == pytest.approx(10_000 - 3 - 3 - 0.01)
    (planned,) = planned_in(bot.later(61).sell())
    assert planned.qty_lots * planned.lot == Decimal("0.0149"), "what was paid as a fee is not there to be sold"


def test_s6_funding_is_profit_or_loss_and_a_deposit_is_neither() -> None:
    bot = rich()
    traded(bot, Side.BUY, "0.01", 30_000)
    paid = FundingReported(bot.at_ns, "a", BTC, "f1", "USD", Decimal(-25), bot.at_ns)
    assert len(bot.take(paid)) == 1
    assert bot.take(paid) == [], "once by its id"
    bot.later(60).wake()
    assert bot.state.index == pytest.approx(0.9975)
    fund(bot, "5000")
    bot.later(60).wake()
    assert bot.state.equity == pytest.approx(14_975)
    assert bot.state.index == pytest.approx(0.9975)
    fund(bot, "-9975")
    bot.later(60).wake()
    assert bot.state.equity == pytest.approx(5_000)
    assert bot.state.index == pytest.approx(0.9975)
    assert bot.state.holds == {}


def test_s6_the_day_adds_up_to_the_last_digit_with_fees_funding_and_flows() -> None:
    bot = rich()
    traded(bot, Side.BUY, "0.01", 30_000, fee=Decimal("1.23456789"))
    traded(bot, Side.SELL, "0.003", 31_111, fee=Decimal("0.00000001"))
    bot.take(FundingReported(bot.at_ns, "a", BTC, "f1", "USD", Decimal("-0.333333"), bot.at_ns))
    fund(bot, "77.7")
    bot.prices[BTC] = 29_876.54
    bot.at_ns = MIDNIGHT_NS
    (day,) = [fact for fact in bot.wake() if isinstance(fact, DayClosed)]
    assert day.realised == Decimal("3.333")
    assert day.fees == Decimal("1.23456790")
    assert day.funding == Decimal("-0.333333")
    assert day.flows == Decimal("77.7")
    assert day.unrealised == Decimal("0.007") * Decimal("29876.54") - Decimal(210)
    parts = day.realised + day.unrealised - day.fees + day.funding + day.flows + day.revaluation
    assert day.equity - day.equity_open == parts


# --- S7 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lot", "tick", "limit", "lots", "ticks"),
    [
        ("0.001", "0.01", "29999.999", 16, 2_999_999),
        ("0.0005", "0.5", "29999.999", 33, 59_999),
        ("0.00000001", "1", "29999.999", 1_666_722, 29_999),
    ],
)
def test_s7_quantities_and_bids_are_rounded_down_to_the_grid_of_the_venue(
    lot: str, tick: str, limit: str, lots: int, ticks: int
) -> None:
    listings = tuple(
        listing_of(v, p, lot=Decimal(lot), tick=Decimal(tick), lots_min=1) for v in "ab" for p in (BTC, ETH)
    )
    bot = Bot(settings_with(listings=listings))
    facts = bot.ask("k", notional=Decimal(500), order_kind=OrderKind.LIMIT, limit=Decimal(limit))
    (planned,) = planned_in(facts)
    assert (planned.qty_lots, planned.limit_ticks) == (lots, ticks)
    assert planned.qty_lots * planned.lot * ticks * planned.tick <= 500


def test_s7_what_lies_below_the_minimum_is_refused_with_a_reason_and_never_rounded_up() -> None:
    bot = Bot(settings_with(listings=tuple(listing_of(v, BTC, notional_min=Decimal(10)) for v in "ab"), pairs=(BTC,)))
    facts = bot.ask("k", notional=Decimal("9.99"))
    assert failed_in(facts) == ("G10",)
    assert "the order is smaller or larger than the venue takes" in reason_in(facts)
    assert planned_in(bot.ask("l", notional=Decimal("10.01")))
    below = bot.later(61).ask("m", qty=Decimal("0.000000004"))
    assert "less than one lot" in reason_in(below)


def test_s7_a_hundred_odd_trades_leave_no_digit_behind() -> None:
    """Money is Decimal: a float would have lost the last digits long before."""
    bot = begun(small_settings(loss_rate_max=1.0, daily_loss_max=1.0, drawdown_max=1.0), spare=1_000_000)
    cash = Decimal(1_000)
    for number in range(100):
        side = Side.SELL if number % 2 else Side.BUY
        price, fee = Decimal("25000.07") + number, Decimal("0.00000001") * (number + 1)
        (planned,) = planned_in(bot.later(61).ask(f"n{number}", side, qty=Decimal("0.00012345"), venue="a"))
        order = bot.state.orders[planned.client_id]
        bot.fill(order, order.qty_lots, price=price, fee=fee)
        cash += -side.sign * Decimal("0.00012345") * price - fee
    assert bot.state.cash["a"]["USD"] == cash
    assert bot.state.position("a", BTC).qty == 0
