"""Whole runs under tight limits, thin books and outages, and over the days on which a stablecoin left its peg."""

from __future__ import annotations

from pathlib import Path

from tests.audit.runs import audited, made, replayed, some

CRASH = ("2017-12-20T00:00:00Z", "2017-12-25T00:00:00Z")
DE_PEG = ("2023-03-10T12:00:00Z", "2023-03-12T12:00:00Z")

HOSTILE = """\
name: hostile
mode: paper
base_currency: USD
capital: "6000"
exchanges:
  - name: bitfinex
    fees: {maker: 0.001, taker: 0.002, asset: received}
    balances: {USD: "4000"}
    spread_bps: 4
    depth_quote: 4000
    outage_share: 0.05
    seed: 3
    grid: {BTC-USD: {lot: "0.002"}, LTC-USD: {lot: "5"}, ETH-USD: {lot: "0.001", notional_max: "200"}}
  - name: kraken
    fees: {maker: 0.001, taker: 0.002}
    balances: {USD: "2000"}
    spread_bps: 6
    depth_quote: 1500
    basis_bps: 150
    lag_bars: 1
    outage_share: 0.2
    outage_bars_mean: 15
    seed: 5
    grid: {BTC-USD: {lot: "0.002"}, LTC-USD: {lot: "5"}}
strategy: {name: moody, timeframe: 1m}
pairs: [BTC-USD, ETH-USD, LTC-USD, XRP-USD]
sizing: {kind: quote, value: "900", entries_max: 8}
risk: {stop_loss: 0.02, take_profit: 0.03, trailing_stop: 0.015, drawdown_max: 0.5, position_max: 0.2}
guardrails: {order_value_max_quote: 260, order_value_max_share: 0.05, daily_loss_max: 0.04, drawdown_max: 0.08,
  drawdown_window_days: 2, loss_rate_max: 0.008, concentration_max: 0.12, cooldown_s: 120, trades_max: 3,
  trades_window_min: 4, collar_max: 0.006, book_walk_max: 0.0008, qty_max: {XRP-USD: 120}, open_orders_max: 2,
  unexecuted_max: 0.06, executions_max: 900}
shutdown: {orders: cancel}
"""

TWO_MONIES = """\
name: hostile
mode: paper
base_currency: USD
capital: "10000"
exchanges:
  - {name: binanceus, pairs: [BTC-USD], fees: {maker: 0.001, taker: 0.001}, balances: {USD: "5000"}, spread_bps: 2}
  - {name: kraken, pairs: [BTC-USDC], fees: {maker: 0.001, taker: 0.001}, balances: {USDC: "5000"}, spread_bps: 3}
equivalent_quotes: [[USD, USDC]]
strategy: {name: moody, timeframe: 1m}
pairs: [BTC-USD]
sizing: {kind: quote, value: "100", entries_max: 5}
"""


def test_a_run_under_tight_limits_in_a_crash_holds_no_breach(
    tmp_path: Path, shared_dir: Path, repository: Path
) -> None:
    workspace = made(tmp_path / "ws", HOSTILE, repository)
    folder = shared_dir / "data" / "ohlcv" / "bitfinex"
    pairs = ("BTC-USD", "ETH-USD", "LTC-USD", "XRP-USD")
    replayed(workspace, "hostile", {f"bitfinex:{pair}": folder / f"{pair}-1m.parquet" for pair in pairs}, CRASH)
    report = audited(workspace, "hostile", repository)
    assert not report.problems, some(report.problems)
    assert sum(report.planned.values()) > 100
    assert {"G2", "G4", "G5", "G6", "G7", "G8", "G9", "G10", "E1", "E3", "E4", "E5"} <= set(report.refused)


def test_nothing_is_opened_in_a_stablecoin_that_left_its_peg(
    tmp_path: Path, shared_dir: Path, repository: Path
) -> None:
    workspace = made(tmp_path / "ws", TWO_MONIES, repository)
    folder = shared_dir / "data" / "ohlcv"
    recordings = {
        "binanceus:BTC-USD": folder / "binanceus" / "BTC-USD-1m.parquet",
        "kraken:BTC-USDC": folder / "kraken" / "BTC-USDC-1m.parquet",
    }
    replayed(workspace, "hostile", recordings, DE_PEG)
    report = audited(workspace, "hostile", repository)
    assert not report.problems, some(report.problems)
    assert report.refused["G7"] > 10
    assert set(report.planned) == {"binanceus", "kraken"}
