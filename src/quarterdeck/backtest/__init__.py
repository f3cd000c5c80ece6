"""
Strategies on recorded candles, under the very rules, fills and fees that trade live.

The kernel compiles the pure functions of the core into one pass; the event engine runs the core itself.
"""

from quarterdeck.backtest.align import board_of
from quarterdeck.backtest.assumptions import length
from quarterdeck.backtest.board import Board
from quarterdeck.backtest.event import run_event
from quarterdeck.backtest.outcome import Outcome
from quarterdeck.backtest.plan import WIDE_LIMITS, bot_of
from quarterdeck.backtest.records import Records
from quarterdeck.backtest.reference import render_backtests
from quarterdeck.backtest.report import figure_text, label_of
from quarterdeck.backtest.result import BacktestResult
from quarterdeck.backtest.run import prepare_kernel, run
from quarterdeck.backtest.settings import BacktestSettings, FundingRates
from quarterdeck.backtest.stats import FORMULAS, Statistics
from quarterdeck.backtest.strategy_check import Bench, Check, SeriesChecked, check_on

__all__ = [
    "FORMULAS",
    "WIDE_LIMITS",
    "BacktestResult",
    "BacktestSettings",
    "Bench",
    "Board",
    "Check",
    "FundingRates",
    "Outcome",
    "Records",
    "SeriesChecked",
    "Statistics",
    "board_of",
    "bot_of",
    "check_on",
    "figure_text",
    "label_of",
    "length",
    "prepare_kernel",
    "render_backtests",
    "run",
    "run_event",
]
