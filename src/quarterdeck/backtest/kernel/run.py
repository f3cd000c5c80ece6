"""The kernel from outside: a board and settings in, an outcome out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from quarterdeck.backtest.board import Board
from quarterdeck.backtest.kernel.bars import play
from quarterdeck.backtest.kernel.compile import compile_rules, is_kept
from quarterdeck.backtest.kernel.pack import Tables
from quarterdeck.backtest.kernel.sparse import play_signals
from quarterdeck.backtest.outcome import Outcome
from quarterdeck.backtest.settings import BacktestSettings
from quarterdeck.domain import MINUTE_NS, BotSettings, InputError

compile_rules()  # before anything is compiled, which happens at the first call


def run_kernel(board: Board, bot: BotSettings, settings: BacktestSettings) -> Outcome:
    """
    Run the compiled kernel over a board.

    Args:
        board: Bars and actions.
        bot: What the engine would be told, as `bot_of` gives it for these settings and this board.
        settings: What the exchange charges, and what perpetuals pay.

    Raises:
        InputError: If the bars are not of whole minutes.
    """
    if board.timeframe_ns % MINUTE_NS or board.timeframe_ns <= 0:
        raise InputError("backtest: the kernel plays bars of whole minutes; run others with engine='event'")
    return outcome_of(Tables(board, bot, settings), _pass_for(bot, settings))


def is_compiled(bot: BotSettings, settings: BacktestSettings) -> bool:
    """Tell whether a run can begin at once: the pass that it needs was compiled before, and is kept on disk."""
    return is_kept(getattr(_pass_for(bot, settings), "py_func"))  # noqa: B009 - numba's wrapper has no such type


def _pass_for(bot: BotSettings, settings: BacktestSettings) -> Callable[[NDArray[Any], int], int]:
    return play_signals if is_sparse(bot, settings) else play


def outcome_of(tables: Tables, play_on: Callable[[NDArray[Any], int], int]) -> Outcome:
    """Play all bars by one of the two passes, with more room for records whenever it asks for some."""
    place = play_on(tables.desk, 0)
    while place < len(tables.equity):
        tables.grow()
        place = play_on(tables.desk, place)
    wallet: Any = tables.wallet[0]
    return Outcome(
        orders=tables.orders[: wallet["orders"]],
        fills=tables.fills[: wallet["fills"]],
        refusals=tables.refusals[: wallet["refusals"]],
        funding=tables.payments[: wallet["payments"]],
        equity=tables.equity,
        drawdown_max=float(wallet["fall_max"]),
    )


def is_sparse(bot: BotSettings, settings: BacktestSettings) -> bool:
    """Tell whether nothing can happen between two signals, so that the sparse pass gives what the dense one would."""
    risk = bot.risk
    watched = (risk.stop_loss, risk.take_profit, risk.trailing_stop, risk.drawdown_max, risk.position_max)
    plain = len(bot.listings) == 1 and not bot.listings[0].is_perpetual and bot.orders.entry == "market"
    return plain and settings.guardrails is None and watched == (None,) * 5 and bot.approved is None
