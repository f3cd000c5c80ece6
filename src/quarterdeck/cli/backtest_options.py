"""The options of `quarterdeck backtest` that say how it trades."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

StrategyArgument = Annotated[
    str | None, typer.Argument(metavar="STRATEGY", help="A strategy by name, or its file.", show_default=False)
]
BotOption = Annotated[
    str | None, typer.Option("--bot", metavar="NAME", help="Trade as this bot would: its strategy, money, limits.")
]
DataOption = Annotated[
    list[str] | None,
    typer.Option("--data", metavar="[VENUE:][PAIR=]PATH", help="Candles, Parquet or CSV, or a folder; repeat it."),
]
FromOption = Annotated[str | None, typer.Option("--from", metavar="T", help="Begin here: a date or time, UTC.")]
ToOption = Annotated[str | None, typer.Option("--to", metavar="T", help="End here.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the strategy; repeat it.")
]
CashOption = Annotated[str | None, typer.Option("--cash", metavar="N", help="Money to begin with; 10000.")]
SizeOption = Annotated[
    str | None, typer.Option("--size", metavar="N|N%|base:N", help="Of an entry: money, share of equity, or coins.")
]
FeeOption = Annotated[str | None, typer.Option("--fee", metavar="F", help="Both fees, like 0.001 or 0.1%.")]
TakerOption = Annotated[str | None, typer.Option("--fee-taker", metavar="F", help="Fee of market orders.")]
MakerOption = Annotated[str | None, typer.Option("--fee-maker", metavar="F", help="Fee of limit orders.")]
SlippageOption = Annotated[
    str | None, typer.Option("--slippage-bps", metavar="N", help="How much worse market orders fill.")
]
StopOption = Annotated[str | None, typer.Option("--stop-loss", metavar="F", help="Like 0.05 or 5%.")]
TargetOption = Annotated[str | None, typer.Option("--take-profit", metavar="F", help="Like 0.1 or 10%.")]
TrailingOption = Annotated[str | None, typer.Option("--trailing-stop", metavar="F", help="Like 0.03 or 3%.")]
ShortOption = Annotated[bool, typer.Option("--short", help="A SELL may open a short; perpetuals only.")]
LeverageOption = Annotated[str | None, typer.Option("--leverage", metavar="N", help="Of perpetuals; 1.")]
FundingOption = Annotated[
    list[str] | None, typer.Option("--funding", metavar="PAIR=PATH", help="Recorded funding; repeat it.")
]
LimitEntryOption = Annotated[
    str | None, typer.Option("--limit", metavar="F", help="Enter by limit orders, so much better than the close.")
]
ThresholdOption = Annotated[
    list[str] | None, typer.Option("--guardrail", metavar="NAME=VALUE", help="A threshold; repeat it.")
]
UnguardedOption = Annotated[bool, typer.Option("--no-guardrails", help="Leave every rule out.")]
EngineOption = Annotated[
    str, typer.Option("--engine", metavar="kernel|event", help="Compiled, or the very engine that trades live.")
]
LotOption = Annotated[str | None, typer.Option("--lot", metavar="N", help="Smallest step of a quantity; 0.00000001.")]
LeastOption = Annotated[str | None, typer.Option("--notional-min", metavar="N", help="Least worth of an order; 0.")]
ReportOption = Annotated[Path | None, typer.Option("--report", metavar="FILE.html", help="Write a full report.")]
PlotOption = Annotated[bool, typer.Option("--plot", help="Draw equity larger.")]
TradesOption = Annotated[bool, typer.Option("--trades", help="List the trades, too.")]
