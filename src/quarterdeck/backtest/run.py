"""One backtest, from candles to its result, on either engine."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from traceback import extract_tb
from typing import Protocol, cast

from quarterdeck.backtest.align import board_of
from quarterdeck.backtest.assumptions import Scene, StrategyFacts
from quarterdeck.backtest.board import Board
from quarterdeck.backtest.event import run_event
from quarterdeck.backtest.outcome import Outcome
from quarterdeck.backtest.plan import bot_of
from quarterdeck.backtest.result import BacktestResult
from quarterdeck.backtest.settings import BacktestSettings
from quarterdeck.domain import BotSettings, ConfigError, InputError
from quarterdeck.market import Candles
from quarterdeck.strategies import Strategy

KERNEL_ROOM = "quarterdeck.backtest.kernel"


class Engine(Protocol):
    """Either engine of a backtest: bars and a bot in, records out."""

    def __call__(self, board: Board, bot: BotSettings, settings: BacktestSettings) -> Outcome:
        """Run a bot over a board."""


def run(
    strategy: Strategy, candles: Mapping[str, Candles], settings: BacktestSettings, notes: Sequence[str] = ()
) -> BacktestResult:
    """
    Backtest a strategy on sound candles.

    Args:
        strategy: Who says what to do.
        candles: Bars by instrument, all of one timeframe; nothing here looks at their soundness again.
        settings: Money, costs, sizes and limits.
        notes: What was found in the data and done about it, in sentences, for the result to hand on.

    Raises:
        InputError: If the candles do not go together, or a setting makes no sense.
        ConfigError: If the strategy raises, or the kernel was asked for and numba is not installed.
    """
    board = _answered(strategy, candles, settings.lot)
    bot = bot_of(settings, board)
    outcome = _engine(settings.engine)(board, bot, settings)
    facts = StrategyFacts(type(strategy).__name__, strategy.values(), strategy.window_bars)
    return BacktestResult(Scene(board, outcome, settings, facts, tuple(notes)), candles)


def prepare_kernel() -> None:
    """
    Load the kernel and have array functions compiled, before anybody waits for them.

    Raises:
        ConfigError: If numba is not installed.
    """
    _engine("kernel")


def _answered(strategy: Strategy, candles: Mapping[str, Candles], lot: float) -> Board:
    try:
        return board_of(candles, strategy, lot)
    except ConfigError:
        raise
    except Exception as error:
        # A user's code may raise anything; where it did, `error` tells whoever runs this from Python.
        place = extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        raise ConfigError(f"{type(strategy).__name__} raises {type(error).__name__}: {error} ({where})") from error


def _engine(name: str) -> Engine:
    if name == "event":
        return run_event
    if name != "kernel":
        raise InputError(f"backtest: engine is {name!r}; it must be 'kernel' or 'event'")
    try:
        # Compiled code is an extra: whoever lacks it can still run the event backtest.
        room = importlib.import_module(KERNEL_ROOM)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in {"numba", "llvmlite"}:
            raise
        raise ConfigError(
            "the kernel needs numba, which is not installed: pip install 'quarterdeck[research]',"
            " or choose engine 'event'"
        ) from error
    return cast("Engine", room.run_kernel)
