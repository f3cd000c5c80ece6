"""X11…X20: losses, models, reconciling, ports, keys, retries, layers of configuration, routing, lists, stages."""

from __future__ import annotations

import socket
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from quarterdeck.cli.main import run_command
from quarterdeck.config import Workspace, create_workspace, load_bot, load_strategy
from quarterdeck.domain import (
    SECOND_NS,
    AccountReported,
    ConfigError,
    Control,
    Evidence,
    Fact,
    Listing,
    ListingsReported,
    OrderState,
    RiskSettings,
    RoutingSettings,
    Side,
)
from quarterdeck.engine import PullFills, QueryOrder, ReadAccount, SendOrder, acts_of, recovery_acts
from quarterdeck.journal import Holder, SqliteJournal, boot_id
from quarterdeck.journal.auditing import event_of
from quarterdeck.market import MarketView
from tests.config.small_bot import SMALL, load
from tests.config.small_bot import told as problems_in
from tests.engine.driving import BTC, ETH, Bot, listing_of, planned_in, quote_at, settings_with
from tests.engine.scenes import change, half_in_btc, mark, opens, refusals, resume, wide
from tests.requirements.market_time import Heard
from tests.system.desk import OUTAGE, Desk

Told = Callable[..., Any]


# --- X11, X12 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "index", "cause"),
    [(0.15, 0.93, "G5"), (0.04, 0.955, "drawdown_max"), (0.15, 0.85, "drawdown_max"), (None, 0.89, "G6")],
)
def test_x11_every_loss_limit_is_a_rule_of_one_engine_and_the_strictest_wins(
    own: float | None, index: float, cause: str
) -> None:
    bot = half_in_btc(RiskSettings(drawdown_max=own), loss_rate_max=1.0)
    mark(bot, 1.0)
    mark(bot, index)
    assert cause in bot.state.holds
    assert bot.level() is Control.REDUCING
    assert "G2" in refusals(bot)
    assert not opens(bot)


def test_x11_the_ten_are_always_on_whatever_else_is_set() -> None:
    bot = half_in_btc(RiskSettings(drawdown_max=0.99))
    mark(bot, 1.0)
    mark(bot, 0.98)
    assert set(bot.state.holds) == {"G2"}


def test_x12_what_decides_live_changes_by_promotion_only_and_is_pinned_by_its_content(tmp_path: Path) -> None:
    """There is no training in a bot: a file that changed after it was checked is not run."""
    workspace = create_workspace(tmp_path / "w")
    source = 'from quarterdeck.strategies import SmaCrossover\n\n\nclass Mine(SmaCrossover):\n    """Mine."""\n'
    file = workspace.production / "mine.py"
    file.write_text(source, encoding="utf-8")
    bot = workspace.bot_file("demo")
    lines = bot.read_text(encoding="utf-8").splitlines()
    lines = ["strategy: {name: mine, timeframe: 1m}" if one.startswith("strategy:") else one for one in lines]
    bot.write_text("\n".join(lines), encoding="utf-8")
    config = load_bot(bot, workspace)
    assert load_strategy(config).window_bars > 0
    file.write_text(source + "    retrained = True\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="changed while the bot was starting"):
        load_strategy(config)
    assert load_bot(bot, workspace).strategy.hash != config.strategy.hash
    assert "mode" in problems_in(tmp_path, f"{SMALL}mode: train\n")[0]


# --- X13 ------------------------------------------------------------------------------------------------------------


def test_x13_accounts_are_read_at_the_start_before_anything_is_opened() -> None:
    bot = Bot(started=False)
    bot.start(reconciled=False)
    bot.wake()
    assert "E7" in refusals(bot)
    for venue in "ab":
        bot.account(venue, **bot.explained(venue))
    assert opens(bot)


def test_x13_an_ambiguous_order_is_asked_for_its_absence_is_weighed_and_the_venue_is_right() -> None:
    bot = Bot(settings_with(guardrails=wide()))
    (planned,) = planned_in(bot.buy())
    order = bot.state.orders[planned.client_id]
    facts = bot.report(order, Evidence.AMBIGUOUS, venue_order_id="")
    assert QueryOrder(order.client_id) in list(acts_of(facts, bot.state))
    assert "E7" in refusals(bot.later(61), BTC, venue="a")
    bot.at_ns = bot.beyond_bound(order, weighed=False)
    facts = bot.absent(order)
    assert ReadAccount("a") in list(acts_of(facts, bot.state))
    assert {PullFills("a"), QueryOrder(order.client_id)} <= set(recovery_acts(bot.state))
    bot.fill(order, order.qty_lots)
    assert (order.state, bot.state.position("a", BTC).qty) == (OrderState.FILLED, order.qty_lots * order.lot)


def test_x13_reconciling_sends_nothing_and_twice_is_once() -> None:
    bot = Bot()
    held = bot.explained("a")
    moved = {**held, "USD": held["USD"] + 5}
    facts = bot.account("a", **moved)
    assert not any(isinstance(act, SendOrder) for act in acts_of(facts, bot.state))
    assert bot.account("a", **moved) == []


# --- X14, X15, X16 --------------------------------------------------------------------------------------------------


def test_x14_a_bot_opens_no_port_that_others_could_reach(tmp_path: Path) -> None:
    workspace = create_workspace(tmp_path / "w")
    bound: list[int] = []

    class Watched(socket.socket):
        def bind(self, address: Any) -> None:  # noqa: ANN401 - as wide as the original
            bound.append(self.family)
            super().bind(address)

    words = ["--workspace", str(workspace.root), "run", "demo", "--speed", "600000", "--cycles", "3", "--json"]
    with mock.patch("socket.socket", Watched):
        assert run_command(words) == 0
        opened = set(bound)
        with socket.socket() as ours:
            ours.bind(("127.0.0.1", 0))
    assert opened <= {socket.AF_UNIX}, "sockets of this machine and this user at most"
    assert bound[-1] == socket.AF_INET, "and the watch would have seen a port"


def test_x15_a_key_is_taken_for_ever_and_a_likeness_for_five_seconds() -> None:
    bot = Bot(settings_with(guardrails=wide()))
    assert planned_in(bot.ask("key", instrument=ETH, notional=Decimal(20)))
    bot.report(bot.only_order(), Evidence.ACKNOWLEDGED)
    assert refusals(bot.later(4.999), ETH, 20) == ("E6",)
    assert opens(bot.later(0.001), ETH, 20)
    for days in (1, 30, 400):
        bot.later(days * 86_400).wake()
        assert bot.ask("key", instrument=BTC, notional=Decimal(500)) == []
    bot.start()
    assert bot.ask("key", instrument=BTC, notional=Decimal(500)) == []


async def test_x16_a_send_without_an_answer_is_never_repeated_and_questions_are() -> None:
    desk = await Desk().start()
    desk.venue.evidence["submit"] = Evidence.AMBIGUOUS
    desk.venue.raises = OUTAGE
    desk.offer(desk.wish("w"))
    await desk.settle()
    waits = []
    for _ in range(10):
        timer_ns = desk.hands.next_timer_ns()
        assert timer_ns is not None
        waits.append((timer_ns - desk.clock.now_ns()) / SECOND_NS)
        desk.clock.wall_ns = timer_ns
        await desk.turn()
    assert desk.venue.count("submit") == 1
    assert desk.venue.count("query") >= 10
    assert waits == sorted(waits)
    assert max(waits) == 10.0, "they back off, and never further than that"


# --- X17, X18 -------------------------------------------------------------------------------------------------------


def test_x17_defaults_lie_under_the_file_and_the_file_under_what_was_set(tmp_path: Path, told: Told) -> None:
    root = create_workspace(tmp_path / "w").root
    run = ("run", "demo", "--speed", "max", "--from", "2026-01-05", "--cycles", "2")
    told(*run, root=root)

    def origins() -> dict[str, tuple[str, str]]:
        paths = ("risk.stop_loss", "guardrails.collar_max", "guardrails.cooldown_s")
        items = told("settings", "get", "demo", *paths, root=root)["items"]
        return {item["path"]: (item["value"], item["origin"]) for item in items}

    assert origins()["guardrails.collar_max"] == ("0.03", "default")
    assert origins()["guardrails.cooldown_s"][1] == "file"
    told("settings", "set", "demo", "risk.stop_loss=0.04", "--reason", "calmer", root=root)
    told(*run, root=root)
    assert origins()["risk.stop_loss"] == ("0.04", "run time")
    (_, entry) = told("settings", "history", "demo", root=root)["items"]
    assert (entry["reason"], entry["changes"][0]["path"]) == ("calmer", "risk.stop_loss")
    assert entry["who"]
    told("settings", "unset", "demo", "risk.stop_loss", "--yes", root=root)
    told(*run, root=root)
    assert origins()["risk.stop_loss"] == ("0.05", "file")


@pytest.mark.parametrize(
    ("routing", "btc", "eth"),
    [
        (RoutingSettings("best_price"), "b", "a"),
        (RoutingSettings("symbol_map", venue="a", symbols={ETH: "b"}), "a", "b"),
        (RoutingSettings("fixed", venue="a"), "a", "a"),
    ],
)
def test_x18_three_policies_choose_the_venue(routing: RoutingSettings, btc: str, eth: str) -> None:
    """BTC is cheaper on b, ETH on a."""
    bot = Bot(settings_with(routing=routing, guardrails=wide()))
    prices = {("a", BTC): 30_050.0, ("b", BTC): 30_000.0, ("a", ETH): 2_000.0, ("b", ETH): 2_005.0}
    quotes = tuple(quote_at(bot.at_ns, venue, pair, price) for (venue, pair), price in prices.items())
    market = bot.market()
    market = type(market)(quotes, (), market.skews)
    chosen = [
        planned_in(bot.ask(f"k{pair}", instrument=pair, notional=Decimal(50), surroundings=market))[0].venue
        for pair in (BTC, ETH)
    ]
    assert chosen == [btc, eth]


def test_x18_a_pair_gets_another_venue_while_the_bot_runs(tmp_path: Path) -> None:
    text = SMALL + "routing: {policy: symbol_map, default: coinbase}\n"
    assert load(tmp_path, text, {"routing.symbols.BTC-USD": "kraken"}).routing.symbols == {"BTC-USD": "kraken"}


# --- X19, X20 -------------------------------------------------------------------------------------------------------


def test_x19_of_two_lists_the_longer_one_holds_both_rhythms_books_and_all_event_types(evening: Heard) -> None:
    hours = {at_ns // (3_600 * SECOND_NS) for at_ns in evening.instants(ListingsReported)}
    assert len(hours) == 4
    assert len(evening.instants(AccountReported)) >= 4
    view = MarketView("a")
    view.observe(quote_at(1, "a", BTC, 30_000.0))
    kept = view.quote("a", BTC)
    assert kept is not None
    assert (len(kept.bids), len(kept.asks)) == (5, 5)


def test_x19_every_one_of_the_eight_event_types_is_told() -> None:
    bot = Bot(settings_with(guardrails=wide(cooldown_s=60.0)))
    bot.bought(BTC)
    bot.ask("a", notional=Decimal(50))  # a guardrail
    bot.ask("b", Side.SELL, instrument=ETH)  # nothing to sell
    change(bot, cooldown_s=30.0)
    bot.take(ListingsReported(bot.at_ns, "a", _without_eth()))
    bot.account("b", USD=Decimal(5))
    bot.control("pause")
    bot.control("kill")
    resume(bot)
    facts = [fact for _, made in bot.taken for fact in made]
    assert _types(facts) >= {
        "trade_executed",
        "trade_rejected",
        "guardrail_triggered",
        "kill_switch",
        "config_changed",
        "pair_changed",
        "balance_sync",
        "agent_status_change",
    }


def _without_eth() -> tuple[Listing, ...]:
    return (listing_of("a", BTC),)


def _types(facts: list[Fact]) -> set[str]:
    return {event.type for fact in facts if (event := event_of(1, 0, fact)) is not None}


def test_x20_there_are_never_two_of_one_bot_and_strategies_have_one_enum_of_stages(shop: Workspace, told: Told) -> None:
    """The prose forbids scaling a live service; a second process of a bot is turned away."""
    folder = shop.bot_folder("demo")
    owner = SqliteJournal(folder.journal, "demo", Holder(pid=77, host="elsewhere", boot_id=boot_id()))
    try:
        message = told("run", "demo", "--speed", "max", "--cycles", "1", code=4)["error"]["message"]
        assert "process 77 on elsewhere" in message
    finally:
        owner.release()
        owner.close()
    stages = sorted(one.name for one in (shop.root / "strategies").iterdir())
    assert stages == ["development", "production"]


@pytest.mark.parametrize("key", ["stage: Staging", "status: testing", "replicas: 2"])
def test_x20_no_other_word_for_a_stage_is_taken(tmp_path: Path, key: str) -> None:
    text = SMALL.replace("{name: sma_crossover}", f"{{name: sma_crossover, {key}}}")
    (problem,) = problems_in(tmp_path, text)
    assert "unknown key" in problem
