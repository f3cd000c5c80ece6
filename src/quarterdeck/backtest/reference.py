"""The reference page of backtests, written from the code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
import numpy as np

from quarterdeck.backtest.assumptions import Scene, StrategyFacts
from quarterdeck.backtest.board import Board
from quarterdeck.backtest.findings import UNSIZED, Findings
from quarterdeck.backtest.outcome import FILL, ORDER, PAYMENT, REFUSAL, Outcome
from quarterdeck.backtest.records import Records
from quarterdeck.backtest.settings import BacktestSettings
from quarterdeck.backtest.stats import FORMULAS

_HEAD: Final = """# Backtests

Generated from `quarterdeck.backtest` by `python tools/render_docs.py`; a test fails when the two differ.
[How to](../guide/backtest-a-strategy.md) run one, and [what it means](../explanation/backtests.md), stand elsewhere.

`qd.backtest(strategy, candles, *, settings=BacktestSettings()) -> BacktestResult`. The strategy is a strategy, its
class, the name of one of the house, or the path of a file. Candles are `Candles`, a DataFrame, or the path of a Parquet
or CSV file; or these by instrument; or a folder of files called like `BTC-USD-1h.parquet`.
"""

SETTINGS: Final[dict[str, str]] = {
    "cash": "money to begin with, in the quote asset of the candles",
    "fee_taker": "fee of market orders, a fraction of notional",
    "fee_maker": "fee of limit orders; below zero it is a rebate",
    "slippage_bps": "how much worse than the price of the bar a market order fills, in basis points",
    "sizing": "how large an entry is: `SizingSettings(kind, value, entries_max, confidence_min)`, as in a bot's file",
    "guardrails": "the thresholds of [the guardrails](guardrails.md); `None` leaves all out, and the result says so",
    "risk": "stops, targets, shorts and leverage: `RiskSettings`, as in a bot's file",
    "orders": "how entries are sent: `OrderSettings(entry, entry_offset)`, at the market or as limit orders",
    "lot": "the smallest step of a quantity, in base units",
    "notional_min": "the least worth of an order, in quote",
    "funding": "what perpetuals paid, `FundingRates(at_ns, rate)` by instrument",
    "maintenance": "the share of a perpetual position's worth at which it is liquidated",
    "order_timeout_min": "minutes after which what has not filled is cancelled, at least two bars; 0 for never",
    "approved": "the instruments that may be opened; `None` for all",
    "price_steps": "the grid of prices by instrument, where data do not tell it; else the finest decimal in them",
    "bot": "the bot of which these would be the orders; order ids follow from it",
    "engine": "`kernel`, compiled, or `event`, the very engine that trades live; the same orders",
}
MEMBERS: Final[dict[str, str]] = {
    "trades": "round trips, one row each",
    "orders": "every order, in the order of decision",
    "fills": "every fill, in order of time",
    "equity": "what everything was worth at the close of each bar, in quote; shape (bars,)",
    "drawdown": "how far below its highest so far equity was, as a fraction of that; shape (bars,)",
    "benchmark": "what buying and holding all instruments in equal parts was worth, in quote; shape (bars,)",
    "closed_at_ns": "when each bar of the timeline closed, nanoseconds UTC; shape (bars,)",
    "refusals": f"refused orders by rule; one that several rules refused counts for each, `{UNSIZED}` had no size left",
    "stats": "the figures below; `stats.sharpe`, `stats['sharpe']` and `dict(stats)` all work",
    "assumptions": "what the figures stand on: fills, costs, limits, marks, and what was wrong with the data",
    "data_hash": "a hash of every bar that went in",
    "order_list_hash": "a hash of the planned orders; a paper run that planned the same ones has the same",
    "plot()": "the picture; a notebook shows it, `plot('x.svg')` and `plot('x.html')` write it",
    "report()": "`report('x.html')` writes everything into one page that needs nothing else",
    "to_json()": "everything for programs; `to_json(trades=True)` with the trades",
}
COLUMNS: Final[dict[str, str]] = {
    "instrument": "of which instrument",
    "side": "`long` or `short` for trades, `buy` or `sell` for orders and fills",
    "qty": "base units; of a trade what was entered",
    "entry_at_ns": "nanoseconds UTC of its first fill",
    "entry_price": "average, quote per base",
    "exit_at_ns": "nanoseconds UTC of its last fill; the last close where it is still open",
    "exit_price": "average, quote per base; with the last close for what is still held",
    "profit": "quote, after fees and funding",
    "profit_share": "profit over what was entered",
    "fees": "quote",
    "funding": "quote, above zero to us",
    "bars": "bars of the timeline for which it was held",
    "cause": "`signal`, `stop_loss`, `take_profit`, `trailing_stop`, `flip`, `liquidation`; `open` has not ended",
    "is_open": "whether the data ended before it did",
    "planned_at_ns": "nanoseconds UTC of the decision",
    "bar": "the place of the timeline: of an order where it was decided, of a fill where it filled",
    "effect": "`opening` or `reducing`",
    "kind": "`market` or `limit`",
    "state": "`working`, `filled`, `cancelled`, `rejected` or `expired`",
    "limit": "quote per base; NaN for a market order",
    "filled": "base units",
    "at_ns": "nanoseconds UTC",
    "order": "the row of its order; −1 where the venue closed a position",
    "liquidity": "`taker` or `maker`",
    "price": "quote per base",
    "notional": "quote",
    "fee": "quote, below zero for a rebate",
    "realised": "quote, before fees",
}


def render_backtests() -> str:
    """Write the page: settings, result, tables, figures."""
    parts = [_HEAD, "\n## Settings\n\n| `BacktestSettings(…)` | default | meaning |\n|---|---|---|\n"]
    parts.extend(
        f"| `{field.name}` | {_default(field)} | {SETTINGS[field.name]} |\n"
        for field in msgspec.structs.fields(BacktestSettings)
    )
    parts.append("\n## Result\n\n| `BacktestResult` | holds |\n|---|---|\n")
    parts.extend(f"| `.{name}` | {says} |\n" for name, says in MEMBERS.items())
    parts.append(
        "\nNothing is worked out before it is asked for. `trades`, `orders` and `fills` are structured arrays:"
        ' `result.trades["profit"]` is a column, and `.to_pandas()` makes a DataFrame, where pandas is installed.\n'
    )
    for title, table in _tables():
        parts.append(f"\n### {title}\n\n| column | holds |\n|---|---|\n")
        parts.extend(f"| `{column}` | {COLUMNS[column]} |\n" for column in table.columns)
    parts.append("\n## Figures\n\nShares are fractions; NaN, in JSON null, stands for what has no answer.\n")
    parts.append("\n| `stats.…` | formula |\n|---|---|\n")
    parts.extend(f"| `{name}` | {says} |\n" for name, says in FORMULAS.items())
    return "".join(parts)


def _tables() -> Iterator[tuple[str, Records]]:
    empty = np.zeros((1, 1))
    board = Board(
        ("BTC-USD",),
        1,
        np.zeros(1, np.int64),
        empty,
        empty,
        empty,
        empty,
        np.zeros((1, 1), np.int8),
        None,
        (1.0,),
        (1.0,),
    )
    orders, fills, refusals, funding = (np.zeros(0, kind) for kind in (ORDER, FILL, REFUSAL, PAYMENT))
    outcome = Outcome(orders, fills, refusals, funding, np.zeros(1), 0.0)
    findings = Findings(Scene(board, outcome, BacktestSettings(), StrategyFacts("", {}, 1)), {})
    yield "trades", findings.trades
    yield "orders", findings.orders
    yield "fills", findings.fills


def _default(field: msgspec.structs.FieldInfo) -> str:
    value = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    return f"`{type(value).__name__}()`" if isinstance(value, msgspec.Struct) else f"`{value!r}`"
