"""D-10…D-13: a graceful restart, the first bots' configuration, what keeps bots safe, and what their state tells."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from quarterdeck.config import Workspace, create_workspace, load_strategy, problems_of
from quarterdeck.domain import MINUTE_NS, Action, RiskSettings
from quarterdeck.engine import earned_in_a_day, state_hash, watch
from quarterdeck.strategies import SmaCrossover
from quarterdeck.system import is_running, recover
from tests.config.small_bot import load
from tests.engine.driving import BTC, ETH, Bot, planned_in, settings_with
from tests.engine.scenes import begun, fund, half_in_btc, mark, small_settings

Told = Callable[..., Any]
PROGRAM = [sys.executable, "-c", "from quarterdeck.cli import main; main()"]

FIRST_BOTS = """\
exchange: coinbase
mode: long_only
strategy: sma_crossover
parameters: {fast_period: 20, slow_period: 50}
trading: {pairs: [BTC-USD, ETH-USD, LTC-USD], trade_amount_usd: 50, max_position_pct: 0.25}
risk: {stop_loss_pct: 0.05, take_profit_pct: 0.10, max_drawdown_pct: 0.15}
dry_run: true
"""


# --- D-10 -----------------------------------------------------------------------------------------------------------


def test_d10_sigterm_to_the_pid_in_the_file_ends_the_cycle_saves_the_state_and_the_next_start_goes_on(
    tmp_path: Path, told: Told
) -> None:
    workspace = create_workspace(tmp_path / "w")
    folder = workspace.bot_folder("demo")
    words = ["--workspace", str(workspace.root), "run", "demo", "--from", "2026-01-05", "--speed"]
    with subprocess.Popen([*PROGRAM, *words, "6000"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while "fill " not in process.stdout.readline():
            assert process.poll() is None
        pid = int(folder.pid.read_text(encoding="utf-8"))
        assert pid == process.pid
        os.kill(pid, signal.SIGTERM)
        assert process.wait(30) == 143
    assert not folder.pid.exists()
    assert not is_running(workspace, "demo")
    saved = recover(folder.journal).state
    assert saved.released
    assert saved.live == {}
    assert (
        json.loads(folder.state.read_text(encoding="utf-8"))["equity"]
        == told("status", "demo", root=workspace.root)["equity"]
    )
    summary = told(*words[2:], "max", "--cycles", "3", root=workspace.root)
    assert summary["session"] == "demo-2"
    after = recover(folder.journal).state
    assert state_hash(after) != state_hash(saved)
    assert after.last_bar_ns == saved.last_bar_ns + 3 * MINUTE_NS
    assert after.fills >= saved.fills


# --- D-11 -----------------------------------------------------------------------------------------------------------


def test_d11_the_configuration_of_the_first_bots_means_what_it_meant(tmp_path: Path) -> None:
    config = load(tmp_path, FIRST_BOTS)
    settings = config.engine_settings(MINUTE_NS)
    strategy = load_strategy(config)
    assert isinstance(strategy, SmaCrossover)
    assert (strategy.fast_bars, strategy.slow_bars) == (20, 50)
    assert config.mode == "paper"
    assert settings.pairs == ("BTC-USD", "ETH-USD", "LTC-USD")
    assert (settings.sizing.kind, settings.sizing.value) == ("quote", Decimal(50))
    assert settings.risk == RiskSettings(stop_loss=0.05, take_profit=0.10, drawdown_max=0.15, position_max=0.25)
    assert {listing.venue for listing in settings.listings} == {"coinbase"}


def test_d11_stop_and_target_stand_5_percent_below_and_10_percent_above_the_cost() -> None:
    bot = half_in_btc(RiskSettings(stop_loss=0.05, take_profit=0.10))
    assert {one.cause: one.price for one in watch(bot.state)} == {
        "stop_loss": pytest.approx(25_000 * 0.95),
        "take_profit": pytest.approx(25_000 * 1.10),
    }


def test_d11_a_fall_of_15_percent_from_the_highest_ever_ends_opening_until_a_person_looked() -> None:
    bot = half_in_btc(RiskSettings(drawdown_max=0.15), loss_rate_max=1.0, daily_loss_max=1.0, drawdown_max=1.0)
    mark(bot, 0.86)
    assert not bot.state.holds
    mark(bot, 0.85)
    assert set(bot.state.holds) == {"drawdown_max"}
    mark(bot, 0.85, 9 * 86_400)
    assert set(bot.state.holds) == {"drawdown_max"}


# --- D-12 -----------------------------------------------------------------------------------------------------------


def test_d12_a_bot_whose_files_are_broken_stops_no_other_one(tmp_path: Path, told: Told) -> None:
    root = create_workspace(tmp_path / "w").root
    text = (root / "bots" / "demo.yaml").read_text(encoding="utf-8")
    (root / "bots" / "other.yaml").write_text(text.replace("name: demo", "name: other"), encoding="utf-8")
    run = ("--speed", "max", "--from", "2026-01-05", "--cycles", "3")
    told("run", "demo", *run, root=root)
    (root / "run" / "demo" / "journal.db").write_bytes(b"garbage" * 1_000)
    assert told("run", "demo", *run, code=5, root=root)["error"]["code"] == "integrity_error"
    assert told("run", "other", *run, root=root)["cycles"] == 3
    assert Workspace(root).bot_folder("other").journal != Workspace(root).bot_folder("demo").journal


def test_d12_state_is_kept_and_the_next_session_resumes_it() -> None:
    bot = Bot(settings_with(risk=RiskSettings(stop_loss=0.05)))
    bot.bought(BTC)
    levels, held = watch(bot.state), bot.state.positions
    bot.later(3_600).start()
    assert (watch(bot.state), bot.state.positions) == (levels, held)
    assert planned_in(bot.later(61).sell(BTC))


def test_d12_bots_load_from_production_only(tmp_path: Path) -> None:
    workspace = create_workspace(tmp_path / "w")
    source = 'from quarterdeck.strategies import SmaCrossover\n\n\nclass Mine(SmaCrossover):\n    """Mine."""\n'
    (workspace.root / "strategies" / "development" / "mine.py").write_text(source, encoding="utf-8")
    bot = workspace.bot_file("demo")
    lines = bot.read_text(encoding="utf-8").splitlines()
    lines = ["strategy: {name: mine, timeframe: 1m}" if one.startswith("strategy:") else one for one in lines]
    bot.write_text("\n".join(lines), encoding="utf-8")
    (problem,) = problems_of(bot, workspace)
    assert "development only; bots load from production" in problem.text
    source_file = workspace.root / "strategies" / "development" / "mine.py"
    source_file.rename(workspace.production / "mine.py")
    assert problems_of(bot, workspace) == []


@pytest.mark.parametrize(("own", "guardrail", "most"), [(0.10, 0.25, 100.0), (0.5, 0.25, 250.0)])
def test_d12_the_position_in_one_asset_is_limited_by_the_stricter_of_two_limits(
    own: float, guardrail: float, most: float
) -> None:
    bot = begun(small_settings(RiskSettings(position_max=own), concentration_max=guardrail))
    (planned,) = planned_in(bot.ask("k", notional=Decimal(900)))
    worth = float(planned.qty_lots * planned.lot) * planned.reference_price
    assert most * 0.999 < worth <= most * (1 + 1e-9)
    assert planned_in(bot.ask("l", notional=Decimal(50), instrument=ETH))


# --- D-13 -----------------------------------------------------------------------------------------------------------


def test_d13_the_exported_state_tells_position_last_signal_and_profit(shop: Workspace) -> None:
    state = json.loads(shop.bot_folder("demo").state.read_text(encoding="utf-8"))
    (position,) = state["positions"]
    assert (position["instrument"], Decimal(position["qty"]) > 0) == ("ETH-USD", True)
    assert set(state["last_signal"]) == {"BTC-USD", "ETH-USD"}
    assert set(state["last_signal"].values()) <= {action.value for action in Action}
    assert abs(Decimal(str(state["pnl_24h"]))) < 100


def test_d13_the_profit_of_24_hours_is_what_they_brought_and_no_deposit() -> None:
    """A dollar an hour for thirty hours, and 500 that somebody paid in on the way."""
    bot = half_in_btc(loss_rate_max=1.0)
    mark(bot, 1.0)
    for hour in range(1, 31):
        mark(bot, 1.0 + hour / 1_000, 3_600)
        if hour == 20:
            fund(bot, "500")
    assert bot.state.equity == pytest.approx(1_530)
    assert earned_in_a_day(bot.state) == pytest.approx(24, abs=1.01)
