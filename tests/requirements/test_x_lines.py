"""X1…X10: one word for what several sources call differently, and one stance where they disagree."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.cli.main import run_command
from quarterdeck.config import FileError, Workspace, create_workspace, instrument_from_any
from quarterdeck.domain import (
    Action,
    Control,
    CycleRan,
    Effect,
    Evidence,
    InputError,
    IntegrityError,
    NotAllowed,
    NotOwner,
    RoutingSettings,
    Side,
    SizingSettings,
    TriggerFired,
    Woke,
)
from quarterdeck.guardrails import RULES, judge, refusing, unpack
from quarterdeck.journal import SqliteReader
from quarterdeck.market import Candles
from quarterdeck.strategies import Signals, Strategy
from quarterdeck.system import Opinions, raise_kill, read_status, recover
from quarterdeck.system.kill_file import read_epoch
from tests.config.small_bot import SMALL, load
from tests.config.small_bot import told as problems_in
from tests.engine.driving import BTC, ETH, Bot, listing_of, planned_in, quote_at, settings_with
from tests.engine.scenes import (
    TwoDollars,
    begun,
    exits,
    failed_in,
    half_in_btc,
    opens,
    reason_in,
    refusals,
    take_in,
    two_dollars,
    wide,
)
from tests.guardrails.subjects import FINE, LIMITS, RISK
from tests.system.test_opinions import bar, opened

Told = Callable[..., Any]
ALL_RULES = [rule.id for rule in RULES]


# --- X1: symbols ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("BTC-USDT", "BTC-USDT"),
        ("BTCUSDT", "BTC-USDT"),
        ("BTC_USDT", "BTC-USDT"),
        ("btc/usdt", "BTC-USDT"),
        ("BTC/USDT:USDT", "BTC-USDT:USDT"),
        ("BTC-USD", "BTC-USD"),
        ("XXBTZUSD", "BTC-USD"),
    ],
)
def test_x1_every_spelling_of_a_symbol_is_one_instrument(tmp_path: Path, text: str, canonical: str) -> None:
    assert instrument_from_any(text, ("USD", "USDT", "USDC")).id == canonical
    if ":" not in canonical:
        config = load(tmp_path, SMALL.replace("[BTC-USD]", f"[{text}]").replace("USD:", f"{canonical[4:]}:"))
        assert config.pairs == (canonical,)


def test_x1_a_symbol_that_could_be_two_is_refused() -> None:
    with pytest.raises(InputError, match="BTCB-USD or BTC-BUSD"):
        instrument_from_any("BTCBUSD", ("USD", "BUSD"))


# --- X2: actions ----------------------------------------------------------------------------------------------------


def test_x2_a_sell_on_spot_never_opens_a_short() -> None:
    bot = Bot()
    (ran,) = [fact for fact in bot.sell() if isinstance(fact, CycleRan)]
    assert ran.skipped == {BTC: "nothing is held that is not being sold already"}
    for effect in Effect:
        asked = {"qty": Decimal("0.1"), "effect": effect}
        assert planned_in(bot.later(6).ask(f"k-{effect}", Side.SELL, **asked)) == []
    assert "never short" in bot.state.answers["k-open"].outcome
    take_in(bot, "0.01")
    (planned,) = planned_in(bot.later(61).ask("all", Side.SELL, qty=Decimal("0.5")))
    assert planned.qty_lots * planned.lot == Decimal("0.01"), "no more than is held"
    facts = bot.later(6).ask("more", Side.SELL, qty=Decimal("0.01"))
    assert "no venue holds BTC-USD that is not being sold" in reason_in(facts)


@given(st.lists(st.tuples(st.sampled_from(["buy", "sell", "fill", "part", "cancel", "stop"]), st.integers(1, 80))))
def test_x2_no_sequence_of_opinions_fills_and_stops_ends_below_zero(steps: list[tuple[str, int]]) -> None:
    bot = Bot(settings_with(pairs=(BTC,), listings=(listing_of(), listing_of("b")), guardrails=wide()))
    for what, seconds in steps:
        bot.later(seconds)
        living = bot.state.live_orders()
        if what in ("buy", "sell"):
            bot.cycle({BTC: Action(what.upper())})
        elif what == "stop":
            bot.take(TriggerFired(bot.at_ns, "a", BTC, "stop_loss", 1.0, bot.market()))
        elif living:
            order = living[0]
            if what == "cancel":
                bot.report(order, Evidence.CANCELLED)
            elif order.unbooked_lots > 1:
                bot.fill(order, order.unbooked_lots // (2 if what == "part" else 1))
        sold = sum(one.unbooked_lots for one in bot.state.live_orders() if one.side is Side.SELL) * Decimal("1e-8")
        held = sum(position.qty for of in bot.state.positions.values() for position in of.values())
        assert held >= sold >= 0


def test_x2_a_flip_closes_waits_for_the_fill_and_opens_then() -> None:
    bot = Bot(settings_with(guardrails=wide()))
    take_in(bot, "0.01")
    (leaving,) = planned_in(bot.later(61).sell())
    (ran,) = [fact for fact in bot.later(61).buy() if isinstance(fact, CycleRan)]
    assert ran.skipped == {BTC: "an exit is under way"}
    bot.fill(bot.state.orders[leaving.client_id], leaving.qty_lots)
    assert [one.side for one in planned_in(bot.later(61).buy())] == [Side.BUY]


# --- X3: modes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", ["", "mode: paper\n", "mode: dry-run\n", "mode: dry_run\n", "dry_run: true\n"])
def test_x3_paper_is_the_default_and_dry_run_means_paper(tmp_path: Path, written: str) -> None:
    assert load(tmp_path, SMALL + written).mode == "paper"


@pytest.mark.parametrize("written", ["mode: live", "mode: testnet", "mode: backtest", "mode: train", "dry_run: false"])
def test_x3_no_other_mode_is_reached_by_a_word_in_a_file(tmp_path: Path, written: str) -> None:
    with pytest.raises(FileError, match="mode"):
        load(tmp_path, f"{SMALL}{written}\n")


# --- X4: sizes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizing", "worth"),
    [
        (SizingSettings("quote", Decimal("0.1") + 120), 120.1),
        (SizingSettings("equity_share", Decimal("0.0001")), 200.0),
        (SizingSettings("base", Decimal("0.003")), 90.003),
    ],
)
def test_x4_a_size_says_its_unit_and_is_exact(sizing: SizingSettings, worth: float) -> None:
    bot = Bot(settings_with(sizing=sizing))
    (planned,) = planned_in(bot.buy())
    assert float(planned.qty_lots * planned.lot) * planned.reference_price == pytest.approx(worth, rel=1e-5)
    assert isinstance(planned.lot, Decimal)
    assert isinstance(planned.qty_lots, int)


def test_x4_caps_compare_what_an_order_is_worth_in_base_currency() -> None:
    """A tenth of a bitcoin is no 0.1 of anything that a cap in dollars may be compared with."""
    bot = Bot(settings_with(guardrails=wide(order_value_max_quote=500.0)))
    (planned,) = planned_in(bot.ask("k", qty=Decimal("0.1")))
    assert planned.qty_lots * planned.lot < Decimal("0.0167")
    fallen = TwoDollars(two_dollars(order_value_max_quote=1e9, order_value_max_share=0.0001), started=False)
    fallen.peg = 0.9
    fallen.start()
    fallen.take(Woke(fallen.at_ns, fallen.market()))
    assert fallen.state.equity == pytest.approx(1_900_000), "a million dollars, and a million coins at 0.90"
    (planned,) = planned_in(fallen.ask("k", notional=Decimal(900), venue="a"))
    assert float(planned.qty_lots * planned.lot) * planned.reference_price == pytest.approx(190.0, rel=1e-3)


def test_x4_written_numbers_are_read_as_they_stand(tmp_path: Path) -> None:
    config = load(tmp_path, SMALL + "sizing: {value: 10.1}\n")
    assert config.sizing.value == Decimal("10.1")
    assert isinstance(config.capital, Decimal)


# --- X5: errors -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "exit_code", "code"),
    [
        (["status", "nobody"], 2, "config_error"),
        (["run", "demo", "--speed", "0"], 2, "config_error"),
        (["run", "demo", "--nonsense"], 2, "usage"),
        (["explain", "demo", "nope"], 2, "config_error"),
        (["kill"], 3, "not_allowed"),
    ],
)
def test_x5_every_error_has_one_envelope_with_a_stable_code(
    shop: Workspace,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    exit_code: int,
    code: str,
) -> None:
    with Path("/dev/null").open(encoding="utf-8") as nobody:
        monkeypatch.setattr("sys.stdin", nobody)
        assert run_command(["--workspace", str(shop.root), *words, "--json"]) == exit_code
    error = json.loads(capsys.readouterr().out)
    assert error.keys() == {"error"}
    assert error["error"].keys() == {"code", "message", "details"}
    assert error["error"]["code"] == code
    assert error["error"]["message"]


def test_x5_the_kinds_of_errors_have_their_own_exit_codes() -> None:
    kinds = (InputError, FileError, NotAllowed, NotOwner, IntegrityError)
    assert [kind.exit_code for kind in kinds] == [2, 2, 3, 4, 5]


# --- X6: what happens in doubt --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 24, b"QDKILL01", b"garbage" * 9], ids=["empty", "zeros", "cut", "garbage"]
)
def test_x6_a_kill_file_that_cannot_be_read_counts_as_raised(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "kill"
    raise_kill(path)
    good = read_epoch(path)
    path.write_bytes(content)
    assert read_epoch(path) > good
    sealed = raise_kill(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:8] + bytes(8) + whole[16:])
    assert read_epoch(path) > sealed, "an epoch that its seal does not fit"
    again = raise_kill(path)
    assert good < again == read_epoch(path), "raising it anew mends the file"


@pytest.mark.parametrize("rule", ALL_RULES)
def test_x6_a_guardrail_without_its_numbers_refuses_to_open(rule: str) -> None:
    blind = {name: math.nan for name in FINE.__struct_fields__ if isinstance(getattr(FINE, name), float)}
    limits = msgspec.structs.replace(LIMITS, fleet_grant=True)
    verdicts = judge(msgspec.structs.replace(FINE, **blind), limits, RISK)
    numeric = {"G4", "G5", "G6", "G7", "G8", "G10", "E1", "E2", "E3", "E5", "E8", "E11", "E12", "E13"}
    assert (rule in {one.id for one in refusing(verdicts)}) == (rule in numeric)


def test_x6_nothing_is_routed_by_a_policy_that_names_no_venue() -> None:
    bot = Bot(settings_with(routing=RoutingSettings("fixed", venue="nowhere")))
    assert "no exchange is available" in reason_in(bot.ask("k", notional=Decimal(50)))


def test_x6_without_a_mark_nothing_is_opened_and_exits_pass() -> None:
    bot = half_in_btc()
    good, bot.prices[BTC] = bot.prices[BTC], math.nan
    bot.later(60).wake()
    assert not opens(bot, ETH)
    bot.prices[BTC] = good
    assert exits(bot)


class Failing(Strategy):
    """A model that fails."""

    window_bars = 2

    def signals(self, candles: Candles) -> Signals:
        raise RuntimeError("the service does not answer")


class Doubtful(Strategy):
    """A model whose confidence is not a number."""

    window_bars = 2

    def signals(self, candles: Candles) -> Signals:
        return Signals(np.ones(len(candles), dtype=np.int8), np.full(len(candles), np.nan))


@pytest.mark.parametrize("strategy", [Failing(), Doubtful()])
async def test_x6_an_opinion_that_fails_is_hold(strategy: Strategy) -> None:
    complaints: list[str] = []
    opinions: Opinions = opened(strategy, complaints)
    opinions.take(2 * 60_000_000_000, BTC, bar())
    (signal,) = await opinions.ask([BTC])
    assert signal.action is Action.HOLD
    assert len(complaints) == 1


# --- X7, X8: order of checks, levels of control ---------------------------------------------------------------------


def test_x7_what_the_checks_saw_is_what_is_sent() -> None:
    """Route first, then the guardrails, on the routed price and the routed size."""
    bot = Bot(settings_with(guardrails=wide(order_value_max_quote=500.0)))
    books = (quote_at(bot.at_ns, "a", BTC, 30_500.0), quote_at(bot.at_ns, "b", BTC, 30_000.0))
    market = msgspec.structs.replace(bot.market(), quotes=books)
    (planned,) = planned_in(bot.ask("k", notional=Decimal(9_000), surroundings=market))
    value = {one.id: one.value for one in unpack(planned.verdicts)}
    sent = float(planned.qty_lots * planned.lot)
    assert (planned.venue, planned.reference_price) == ("b", 30_001.0)
    assert value["G4"] == pytest.approx(sent * 30_001.0, rel=1e-12)
    assert value["E3"] == pytest.approx(sent, rel=1e-12)


@pytest.mark.parametrize(
    ("command", "level", "cancels", "sells"),
    [
        ("pause", Control.PAUSED, False, True),
        ("reduce", Control.REDUCING, False, True),
        ("halt", Control.HALTED, True, False),
        ("kill", Control.HALTED, True, False),
    ],
)
def test_x8_pause_stops_entries_reduce_too_halt_and_kill_cancel_all_and_none_flattens(
    command: str, level: Control, cancels: bool, sells: bool
) -> None:
    bot = Bot(settings_with(guardrails=wide()))
    take_in(bot, "0.01")
    order = bot.later(6).working()
    facts = bot.control(command)
    assert bot.level() is level
    assert (order.cancel.value == "requested") is cancels
    assert planned_in(facts) == [], "flattening is a command of its own"
    assert "G2" in failed_in(bot.later(6).ask("k", instrument=ETH, notional=Decimal(50)))
    assert exits(bot.later(61)) is sells


def test_x8_flatten_is_explicit_and_sells_everything() -> None:
    bot = Bot(settings_with(guardrails=wide()))
    take_in(bot, "0.01")
    take_in(bot, "0.1", instrument=ETH)
    assert {one.instrument for one in planned_in(bot.later(61).control("flatten"))} == {BTC, ETH}


def test_x8_an_exit_is_not_trapped_by_size_cooldown_or_rate() -> None:
    bot = begun(settings_with(guardrails=wide(order_value_max_quote=50.0, cooldown_s=3_600.0, trades_max=1)))
    take_in(bot, "0.002")
    bot.prices[BTC] *= 2
    assert {"G8", "G9"} <= set(refusals(bot.later(60), BTC))
    (planned,) = planned_in(bot.sell())
    verdicts = {one.id: one for one in unpack(planned.verdicts)}
    assert [verdicts[rule].exempt for rule in ("G4", "G8", "G9")] == [True, True, True]


# --- X9, X10: state and liveness ------------------------------------------------------------------------------------


def test_x9_the_json_state_is_an_export_and_never_read_back(tmp_path: Path) -> None:
    workspace = create_workspace(tmp_path / "w")
    run = ["--workspace", str(workspace.root), "run", "demo", "--speed", "max", "--cycles", "30", "--json"]
    assert run_command(run) == 0
    folder = workspace.bot_folder("demo")
    before = recover(folder.journal).state
    exported = json.loads(folder.state.read_text(encoding="utf-8"))
    exported["cash"] = {"coinbase": {"USD": "1000000"}}
    folder.state.write_text(json.dumps(exported), encoding="utf-8")
    assert recover(folder.journal).state == before
    assert read_status(workspace, "demo").cash == before.cash
    folder.state.unlink()
    assert run_command(run) == 0
    assert json.loads(folder.state.read_text(encoding="utf-8"))["cash"] != exported["cash"]


def test_x9_one_schema_holds_orders_fills_and_events_of_a_bot(shop: Workspace) -> None:
    path = shop.bot_folder("demo").journal
    with SqliteReader(path) as reader:
        head = reader.head()[0]
    assert head > 100
    assert sorted(one.name for one in path.parent.glob("*.db")) == [
        "inbox.db",
        "journal.db",
        "paper-coinbase.db",
        "paper-kraken.db",
    ]


def test_x10_whether_a_bot_lives_is_told_by_its_lease_alone(shop: Workspace, told: Told) -> None:
    """There is no second heartbeat that could contradict it: neither an old pid file nor a fresh export counts."""
    folder = shop.bot_folder("demo")
    folder.pid.write_text("1\n", encoding="utf-8")
    folder.state.touch()
    try:
        assert told("status", "demo")["owner"] is None
    finally:
        folder.pid.unlink()


@pytest.mark.parametrize("key", ["heartbeat_s: 30", "stale_after_s: 180", "heartbeat: {interval: 30}"])
def test_x10_no_key_of_a_bot_sets_a_heartbeat_of_its_own(tmp_path: Path, key: str) -> None:
    (problem,) = problems_in(tmp_path, f"{SMALL}{key}\n")
    assert "unknown key" in problem
