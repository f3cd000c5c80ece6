"""One HTML file that tells everything about a backtest and needs nothing else."""

from __future__ import annotations

import json
import math
from html import escape
from pathlib import Path
from typing import Final

import numpy as np

from quarterdeck.backtest.assumptions import length
from quarterdeck.backtest.charts import LEFT, RIGHT, WIDTH, columns_of
from quarterdeck.backtest.findings import Findings
from quarterdeck.backtest.page import PAGE_STYLE, POINTER
from quarterdeck.backtest.plot import COLOURS, DARK, STYLE, draw, time_axis_of, write_text
from quarterdeck.backtest.report_tables import by_cause, by_instrument, months, refused, settings_of, trade_list
from quarterdeck.backtest.stats import FORMULAS
from quarterdeck.backtest.times import short_time

_SHARES: Final = frozenset(
    {
        *("total_return", "cagr", "volatility", "drawdown_max", "win_rate", "exposure"),
        *("benchmark_return", "benchmark_drawdown_max"),
    }
)
_RATIOS: Final = frozenset({"sharpe", "sortino", "calmar", "profit_factor"})
_LABELS: Final = {
    "cagr": "CAGR",
    "benchmark_return": "Buy and hold",
    "benchmark_drawdown_max": "Buy and hold, drawdown",
}


def write_report(findings: Findings, path: Path) -> Path:
    """
    Write the report.

    Raises:
        ConfigError: If the file cannot be written.
    """
    return write_text(path, render_report(findings))


def render_report(findings: Findings) -> str:
    """Compose the page."""
    scene = findings.scene
    title = f"{escape(str(scene.strategy))} on {escape(', '.join(scene.board.instruments))}"
    period = f"{short_time(int(scene.board.opened_at_ns[0]))} to {short_time(int(findings.closed_at_ns[-1]))} UTC"
    head = (
        f"<p class=sub>{len(findings.equity):,} bars of {length(scene.board.timeframe_ns)} · {period} ·"
        f" {'the compiled kernel' if scene.settings.engine == 'kernel' else 'the live engine, bar by bar'}</p>"
    )
    figure = draw(findings)
    picture = (
        f'<div class=picture><svg id=plot viewBox="0 0 {WIDTH} {figure.height}">{figure.body}'
        f"<line id=cursor y1=24 y2={figure.height - 30} /></svg><div id=tip></div></div>"
    )
    sections = (
        _banner(findings),
        f"<section class=cards>{_cards(findings)}</section>",
        f"<section>{picture}</section>",
        f"<section><h2>Months</h2>{months(findings)}</section>",
        f"<section class=pair><div><h2>Figures</h2>{_figures(findings)}</div>",
        f"<div>{_breakdown(findings)}</div></section>",
        f"<section><h2>What this stands on</h2><ul>{_sentences(findings)}</ul></section>",
        f"<section><h2>Trades</h2>{trade_list(findings)}</section>",
        f"<section><h2>Settings</h2>{settings_of(findings)}</section>",
        f"<footer>Data {findings.data_hash[:16]} · order list {findings.order_list_hash[:16]}</footer>",
    )
    return (
        f"<!doctype html><html lang=en><head><meta charset=utf-8><title>{title}</title>"
        '<meta name=viewport content="width=device-width,initial-scale=1">'
        f"<style>:root{{{COLOURS}}}@media(prefers-color-scheme:dark){{:root{{{DARK}}}}}{STYLE}{PAGE_STYLE}</style></head>"
        f"<body><main><h1>{title}</h1>{head}{''.join(sections)}</main>"
        f"<script>const D={_cursor_data(findings)};{POINTER}</script></body></html>"
    )


def figure_text(name: str, value: float) -> str:
    """
    Write a statistic for people.

    Example:
        >>> figure_text("total_return", 0.1234), figure_text("sharpe", 1.5), figure_text("calmar", float("nan"))
        ('12.34 %', '1.50', '–')
    """
    if not math.isfinite(value):
        return "–"
    if name in _SHARES:
        return f"{value * 100:,.2f} %".replace("-0.00 %", "0.00 %")
    if name in _RATIOS:
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}" if name == "bars_mean" else f"{value:,.2f}"


def label_of(name: str) -> str:
    """
    Name a statistic for people.

    Example:
        >>> label_of("drawdown_max"), label_of("cagr")
        ('Maximum drawdown', 'CAGR')
    """
    words = _LABELS.get(name)
    if words is None:
        stem, _, kind = name.rpartition("_")
        words = {"max": f"maximum {stem}", "mean": f"mean {stem}"}.get(kind, name.replace("_", " "))
        words = words[0].upper() + words[1:]
    return words


def _banner(findings: Findings) -> str:
    if findings.scene.settings.guardrails is not None:
        return ""
    return "<p class=warn>Guardrails were switched off: a live bot would have traded otherwise.</p>"


def _cards(findings: Findings) -> str:
    stats = findings.stats
    cards = (
        ("Total return", "total_return", f"buy and hold {figure_text('total_return', stats.benchmark_return)}"),
        ("Final equity", "final_equity", f"from {findings.scene.settings.cash:,.2f}"),
        (
            "Max drawdown",
            "drawdown_max",
            f"buy and hold {figure_text('drawdown_max', stats.benchmark_drawdown_max)}",
        ),
        ("Sharpe", "sharpe", f"Sortino {figure_text('sortino', stats.sortino)}"),
        ("Win rate", "win_rate", f"{stats.trades:,} trades closed"),
        ("Profit factor", "profit_factor", f"mean trade {figure_text('profit_mean', stats.profit_mean)}"),
        ("Fees", "fees", f"{len(findings.fills):,} fills"),
        ("Exposure", "exposure", f"{figure_text('bars_mean', stats.bars_mean)} bars held on average"),
    )
    return "".join(
        f"<div class=card><span>{name}</span><b class={_tone(key, stats[key])}>{figure_text(key, stats[key])}</b>"
        f"<small>{below}</small></div>"
        for name, key, below in cards
    )


def _tone(name: str, value: float) -> str:
    if name != "total_return" or not value:
        return "plain"
    return "up" if value > 0.0 else "down"


def _figures(findings: Findings) -> str:
    rows = (
        f'<tr title="{escape(FORMULAS[name])}"><td>{label_of(name)}<td class=n>{figure_text(name, value)}'
        for name, value in findings.stats.as_dict().items()
    )
    return f"<table class=list>{''.join(rows)}</table><p class=note>Point at a figure for its formula.</p>"


def _breakdown(findings: Findings) -> str:
    parts = [f"<h2>Refused orders</h2>{refused(findings)}"]
    if len(findings.trips):
        parts.append(f"<h2>How trades ended</h2>{by_cause(findings)}")
        if len(findings.scene.board.instruments) > 1:
            parts.append(f"<h2>By instrument</h2>{by_instrument(findings)}")
    return "".join(parts)


def _sentences(findings: Findings) -> str:
    return "".join(f"<li>{escape(sentence)}</li>" for sentence in findings.assumptions)


def _cursor_data(findings: Findings) -> str:
    """Give the pointer what it shows: for each column the time, equity, buy and hold, and drawdown."""
    columns, time = columns_of(findings.closed_at_ns), time_axis_of(findings)
    last = np.append(columns.first[1:], columns.bars) - 1
    return json.dumps(
        {
            "x": [round(x, 1) for x in time.x(columns.at_ns).tolist()],
            "t": [short_time(at_ns) for at_ns in columns.at_ns.tolist()],
            "e": [round(value, 2) for value in findings.equity[last].tolist()],
            "b": [round(value, 2) for value in findings.benchmark[last].tolist()],
            "d": [round(value * 100.0, 2) for value in findings.drawdown[last].tolist()],
            "left": LEFT,
            "right": WIDTH - RIGHT,
            "width": WIDTH,
        },
        separators=(",", ":"),
    )
