"""A backtest in front of a person, or of a program."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path

from msgspec import Struct, structs
from rich.console import Console

from quarterdeck.backtest import BacktestResult, BacktestSettings
from quarterdeck.cli.backtest_view import print_backtest
from quarterdeck.cli.backtest_words import Asked, BacktestWords, asked_of
from quarterdeck.cli.output import make_console
from quarterdeck.cli.places import bot_in, workspace_at
from quarterdeck.config import BotConfig, Workspace, load_strategy, make_strategy, open_strategy
from quarterdeck.domain import ConfigError
from quarterdeck.strategies import Strategy
from quarterdeck.system import CandleSet, backtest, candles_of, sample_candles, settings_of_bot


class Shown(Struct, frozen=True):
    """What is shown of a result, and where."""

    report: Path | None
    has_plot: bool
    has_trades: bool
    as_json: bool


def backtest_shown(words: BacktestWords, workspace: Path | None, shown: Shown) -> int:
    """
    Run a backtest and show it.

    Returns:
        The exit code.

    Raises:
        ConfigError: If the words, the strategy or the data make no sense.
    """
    # What a strategy prints is not part of the output.
    with contextlib.redirect_stdout(sys.stderr):
        strategy, asked, base = _chosen(words, workspace)
        candles = _candles(asked)
        settings = asked.settings
        if base is not None and settings.approved is not None:
            known = tuple(pair for pair in settings.approved if pair in candles.candles)
            settings = structs.replace(settings, approved=known)
        began = time.perf_counter()
        with Console(stderr=True).status("running; a new version compiles its kernel first, for some seconds"):
            result = backtest(strategy, candles, settings=settings)
        took_s = time.perf_counter() - began
        report = None if shown.report is None else result.report(shown.report)
    if shown.as_json:
        sys.stdout.write(result.to_json(trades=shown.has_trades) + "\n")
        return 0
    print_all(result, shown, took_s, report)
    return 0


def print_all(result: BacktestResult, shown: Shown, took_s: float, report: Path | None) -> None:
    """Print the summary, and what else was asked for."""
    console = make_console()
    print_backtest(console, result, has_plot=shown.has_plot, has_trades=shown.has_trades)
    bars = sum(len(one) for one in result.candles.values())
    console.print(f"{bars:,} bars in {took_s:,.3f} s ({result.scene.settings.engine})", style="dim")
    if report is not None:
        console.print(f"report: {report}", soft_wrap=True)


def _chosen(words: BacktestWords, workspace: Path | None) -> tuple[Strategy, Asked, BotConfig | None]:
    """Find the strategy and the settings: those of a bot, with what the words say instead, or those of the house."""
    if (words.strategy is None) == (words.bot is None):
        raise ConfigError("name a strategy, like sma_crossover, or a bot with --bot; one of them")
    if words.bot is not None:
        config = bot_in(workspace_at(workspace), words.bot)
        if words.chosen:
            raise ConfigError(
                "--set: the bot's file says the parameters; name its strategy instead of --bot to try others"
            )
        return load_strategy(config), asked_of(words, settings_of_bot(config)), config
    asked = asked_of(words, BacktestSettings())
    found = open_strategy(words.strategy or "", _workspace_if_any(workspace))
    return make_strategy(found, asked.chosen), asked, None


def _candles(asked: Asked) -> CandleSet:
    if asked.sources is not None:
        return candles_of(asked.sources, asked.period, asked.settings.price_steps)
    sample = sample_candles()
    chosen = candles_of(sample.candles, asked.period)
    return CandleSet(chosen.candles, (*sample.notes, *chosen.notes))


def _workspace_if_any(option: Path | None) -> Workspace | None:
    """Find the workspace; a strategy of the house, or a file, needs none."""
    try:
        return workspace_at(option)
    except ConfigError:
        if option is not None:
            raise
        return None
