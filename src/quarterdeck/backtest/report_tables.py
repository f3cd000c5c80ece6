"""The tables of a report."""

from __future__ import annotations

from html import escape
from typing import Final

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from quarterdeck.backtest.findings import UNSIZED, Findings
from quarterdeck.backtest.records import worded
from quarterdeck.backtest.times import short_time
from quarterdeck.backtest.trades import CAUSES, STILL_OPEN
from quarterdeck.guardrails import RULES

TRADES_MAX: Final = 500
"""A report lists so many trades: the first half and the last half of them."""
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_STRONG: Final = 0.15  # a month that moved so much has the strongest colour


def month_returns(findings: Findings) -> dict[int, dict[int, float]]:
    """
    Give the return of each month, by year and month (1 to 12); a bar counts for the month in which it closes.

    The first and the last month may be parts of one.
    """
    closed = findings.closed_at_ns
    # A bar that closes exactly at midnight belongs to the day that ends.
    months = (closed - 1).astype("M8[ns]").astype("M8[M]")
    last = np.append(np.flatnonzero(months[1:] != months[:-1]), len(months) - 1)
    worth = np.concatenate(([findings.scene.settings.cash], findings.equity[last]))
    found: dict[int, dict[int, float]] = {}
    for number, before, after in zip(months[last].astype(int).tolist(), worth[:-1], worth[1:], strict=True):
        year, month = 1970 + number // 12, number % 12 + 1
        found.setdefault(year, {})[month] = after / before - 1.0 if before > 0.0 else np.nan
    return found


def months(findings: Findings) -> str:
    """Show the returns of months, years below each other."""
    heads = "".join(f"<th>{name}" for name in _MONTHS)
    rows = []
    for year, returns in month_returns(findings).items():
        cells = "".join(_month_cell(returns.get(month)) for month in range(1, 13))
        total = float(np.prod([1.0 + one for one in returns.values()])) - 1.0
        rows.append(f"<tr><th>{year}{cells}{_month_cell(total, ' class=sum')}")
    return f"<div class=picture><table class=months><tr><th>{heads}<th>Year{''.join(rows)}</table></div>"


def refused(findings: Findings) -> str:
    """Show what was refused, by rule."""
    names = {rule.id: rule.name for rule in RULES} | {UNSIZED: "nothing left to buy with, or too small an order"}
    counts = findings.refusals
    if not counts:
        return "<p class=note>No order was refused.</p>"
    most = max(counts.values())
    rows = "".join(
        f"<tr><td>{name}<td>{escape(names[name])}<td class=n>{count:,}<td style='width:30%'>{_bar(count / most)}"
        for name, count in counts.items()
    )
    total = len(findings.scene.outcome.refusals)
    note = f"<p class=note>{total:,} orders in all; one that several rules refused counts for each.</p>"
    return f"<table>{rows}</table>{note}"


def by_cause(findings: Findings) -> str:
    """Show how trades ended, and what that brought."""
    trips = findings.trips
    ends = np.where(trips.is_open, STILL_OPEN, worded(CAUSES, trips.cause))
    return _grouped(findings, ends, {name: name.replace("_", " ") for name in (*CAUSES, STILL_OPEN)})


def by_instrument(findings: Findings) -> str:
    """Show what each instrument brought."""
    board = findings.scene.board
    names = worded(board.instruments, findings.trips.instrument)
    return _grouped(findings, names, {name: name for name in board.instruments})


def trade_list(findings: Findings) -> str:
    """List the trades, from both ends where there are many."""
    trades = findings.trades
    if not len(trades):
        return "<p class=note>There was no trade.</p>"
    when = ("", "side", "entry (UTC)", "price", "exit (UTC)", "price")
    heads = (*when, "quantity", "profit", "", "fees", "bars", "ended by")
    right = {"price", "quantity", "profit", "", "fees", "bars"}
    head = "".join(f"<th{' class=n' if name in right and place else ''}>{name}" for place, name in enumerate(heads))
    half = TRADES_MAX // 2
    if len(trades) <= TRADES_MAX:
        rows = "".join(_trade_row(row) for row in trades)
    else:
        between = f"<tr><td colspan={len(heads)} class=note>… {len(trades) - 2 * half:,} trades between …"
        rows = "".join([*map(_trade_row, trades[:half]), between, *map(_trade_row, trades[-half:])])
    note = f"<p class=note>{len(trades):,} trades; all of them: <code>result.trades.to_pandas().to_csv(…)</code></p>"
    return f"<div class=scroll><table><thead><tr>{head}</thead>{rows}</table></div>{note}"


def settings_of(findings: Findings) -> str:
    """List what the backtest was told."""
    settings = findings.scene.settings
    plain = {
        name: value
        for name, value in structs.asdict(settings).items()
        if name not in {"funding", "sizing", "guardrails", "risk", "orders"}
    }
    for section in ("sizing", "risk", "orders", "guardrails"):
        part = getattr(settings, section)
        plain |= (
            {"guardrails": "off"} if part is None else {f"{section}.{k}": v for k, v in structs.asdict(part).items()}
        )
    rows = "".join(f"<tr><td>{escape(name)}<td>{escape(str(value))}" for name, value in plain.items())
    return f"<details><summary class=note>everything it was told</summary><table class=list>{rows}</table></details>"


def _grouped(findings: Findings, groups: NDArray[np.str_], labels: dict[str, str]) -> str:
    profit = findings.trips.profit
    rows = []
    for name, label in labels.items():
        own = profit[groups == name]
        if len(own):
            won = np.count_nonzero(own > 0.0) / len(own)
            rows.append(
                f"<tr><td>{escape(label)}<td class=n>{len(own):,}<td class=n>{won:.1%}<td class=n>{_money(own.sum())}"
            )
    return f"<table><tr><th><th class=n>trades<th class=n>won<th class=n>profit{''.join(rows)}</table>"


def _month_cell(value: float | None, kind: str = "") -> str:
    if value is None or not np.isfinite(value):
        return f"<td{kind}>"
    share = round(min(1.0, abs(value) / _STRONG) * 38)
    colour = "--gain" if value > 0.0 else "--loss"
    tint = f" style='background:color-mix(in srgb,var({colour}) {share}%,transparent)'" if share else ""
    return f"<td{kind}{tint}>{value * 100:.1f}"


def _trade_row(row: np.void) -> str:
    return (
        f"<tr><td>{escape(str(row['instrument']))}<td>{row['side']}<td>{short_time(int(row['entry_at_ns']))}"
        f"<td class=n>{row['entry_price']:,.8g}<td>{short_time(int(row['exit_at_ns']))}"
        f"<td class=n>{row['exit_price']:,.8g}"
        f"<td class=n>{row['qty']:,.6g}<td class=n>{_money(float(row['profit']))}"
        f"<td class=n>{row['profit_share'] * 100:,.2f} %<td class=n>{row['fees']:,.2f}<td class=n>{row['bars']:,}"
        f"<td>{str(row['cause']).replace('_', ' ')}"
    )


def _money(amount: float) -> str:
    tone = "up" if amount > 0.0 else "down" if amount < 0.0 else "plain"
    return f"<span class={tone}>{amount:,.2f}</span>"


def _bar(share: float) -> str:
    return f"<div style='height:8px;border-radius:4px;background:var(--bench);width:{max(share, 0.01):.1%}'></div>"
