"""What a trader reads of a backtest in the terminal."""

from __future__ import annotations

import datetime as dt
import math
from typing import Final

import numpy as np
from rich.columns import Columns
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from quarterdeck.backtest import BacktestResult, figure_text, label_of, length
from quarterdeck.cli.curves import curve, sparkline
from quarterdeck.cli.output import money, price, quantity
from quarterdeck.cli.tables import new_table
from quarterdeck.cli.times import clock_time
from quarterdeck.guardrails import RULES

_BLOCKS: Final = (
    ("total_return", "benchmark_return", "cagr", "volatility", "exposure"),
    ("drawdown_max", "sharpe", "sortino", "calmar", "fees"),
    ("trades", "win_rate", "profit_factor", "profit_mean", "bars_mean"),
)
_PLOT_ROWS: Final = 10
_WIDTH_MAX: Final = 100
_LABEL: Final = 12
_TRADES_MAX: Final = 40
_MINUTES: Final = 16  # of a time, without its seconds


def print_backtest(console: Console, result: BacktestResult, *, has_plot: bool, has_trades: bool) -> None:
    """Print what came out, what was refused, and what it stands on."""
    _print_headline(console, result)
    _print_curves(console, result, has_plot=has_plot)
    console.print(Columns([_block(result, names) for names in _BLOCKS], padding=(0, 4)))
    console.print()
    _print_refusals(console, result)
    if has_trades:
        _print_trades(console, result)
    _print_assumptions(console, result)


def _print_headline(console: Console, result: BacktestResult) -> None:
    scene = result.scene
    begin, end = int(scene.board.opened_at_ns[0]), int(result.closed_at_ns[-1])
    console.print(Text(str(scene.strategy), "bold"))
    console.print(
        f"{', '.join(scene.board.instruments)} · {len(result.equity):,} bars of {length(scene.board.timeframe_ns)} ·"
        f" {_day(begin)} to {_day(end)}",
        style="dim",
    )
    if scene.settings.guardrails is None:
        console.print("guardrails are OFF: a live bot would have traded otherwise", style="bold yellow")
    if any("SAMPLE DATA" in note for note in scene.notes):
        console.print("made-up sample prices; --data FILE takes real ones", style="bold yellow")
    console.print()


def _print_curves(console: Console, result: BacktestResult, *, has_plot: bool) -> None:
    wide = min(console.width, _WIDTH_MAX) - _LABEL
    change = result.stats.total_return
    ends = f"{money(result.scene.settings.cash)} → {money(result.stats.final_equity)}"
    style = "green" if change > 0 else "red" if change < 0 else ""
    if has_plot:
        high, low = float(result.equity.max()), float(result.equity.min())
        lines = curve(result.equity, wide, _PLOT_ROWS)
        for row, line in enumerate(lines):
            label = money(high) if row == 0 else money(low) if row == _PLOT_ROWS - 1 else ""
            console.print(Text.assemble((f"{label:>{_LABEL - 1}} ", "dim"), (line, style)), soft_wrap=True)
    else:
        console.print(Text.assemble((f"{'equity':<{_LABEL}}", "dim"), (sparkline(result.equity, wide), style)))
    fallen = -result.drawdown
    console.print(Text.assemble((f"{'drawdown':<{_LABEL}}", "dim"), (_depths(fallen, wide), "red")))
    hold = sparkline(result.benchmark, wide)
    console.print(Text.assemble((f"{'buy, hold':<{_LABEL}}", "dim"), (hold, "dim")))
    console.print()
    console.print(Text.assemble((ends, "bold"), (f"  {_signed(change)}", f"bold {style}".strip())))
    console.print()


def _depths(fallen: np.ndarray[tuple[int, ...], np.dtype[np.float64]], wide: int) -> str:
    """Draw drawdowns so that the deepest of each stretch shows; a full block is no drawdown."""
    starts = np.unique(np.arange(wide) * len(fallen) // wide)
    return sparkline(np.append(np.minimum.reduceat(fallen, starts), 0.0), wide + 1)[: len(starts)]


def _block(result: BacktestResult, names: tuple[str, ...]) -> Table:
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column("name", style="dim", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    for name in names:
        table.add_row(label_of(name).lower().replace("cagr", "CAGR"), _figure(result, name))
    return table


def _figure(result: BacktestResult, name: str) -> Text:
    value = result.stats[name]
    text = figure_text(name, value)
    if name == "trades" and result.stats.trades_open:
        text += f" + {result.stats.trades_open} open"
    toned = name in {"total_return", "cagr", "sharpe", "profit_mean"} and math.isfinite(value) and value != 0.0
    return Text(text, ("green" if value > 0.0 else "red") if toned else "")


def _print_refusals(console: Console, result: BacktestResult) -> None:
    counts = result.refusals
    if not counts:
        console.print("refused      nothing", style="dim")
        console.print()
        return
    names = {rule.id: rule.name for rule in RULES} | {"size": "no size left"}
    total = len(result.scene.outcome.refusals)
    listed = ", ".join(f"{name} {names[name]} {count:,}" for name, count in counts.items())
    console.print(Text.assemble((f"refused {total:,} orders", "yellow"), f": {listed}"))
    console.print()


def _print_trades(console: Console, result: BacktestResult) -> None:
    right = ("qty", "entry", "exit", "profit", "share", "bars")
    table = new_table("trades", "pair", "side", "from (UTC)", *right, "ended by", right=right)
    for row in result.trades[-_TRADES_MAX:]:
        profit = float(row["profit"])
        table.add_row(
            str(row["instrument"]),
            str(row["side"]),
            clock_time(int(row["entry_at_ns"]))[:_MINUTES],
            quantity(float(row["qty"])),
            price(float(row["entry_price"])),
            price(float(row["exit_price"])),
            Text(money(profit), "green" if profit > 0 else "red"),
            _signed(float(row["profit_share"])),
            f"{row['bars']:,}",
            str(row["cause"]).replace("_", " "),
        )
    console.print(table)
    if len(result.trades) > _TRADES_MAX:
        console.print(f"the last {_TRADES_MAX} of {len(result.trades):,}; --json --trades gives all", style="dim")
    console.print()


def _print_assumptions(console: Console, result: BacktestResult) -> None:
    console.print("what this stands on", style="bold")
    for sentence in result.assumptions:
        console.print(Padding(Text(f"· {sentence}"), (0, 0, 0, 1)), style="dim")
    console.print()


def _signed(value: float) -> str:
    return f"{value * 100:+,.2f} %" if math.isfinite(value) else "–"


def _day(at_ns: int) -> str:
    return dt.datetime.fromtimestamp(at_ns // 1_000_000_000, dt.UTC).strftime("%d %b %Y")
