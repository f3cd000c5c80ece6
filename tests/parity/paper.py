"""A backtest's bot on paper: the same strategy, settings and candles through a real run on a replay."""

from __future__ import annotations

import hashlib
import inspect
from decimal import Decimal
from pathlib import Path
from typing import Final

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from quarterdeck.backtest import BacktestSettings, Board, Outcome
from quarterdeck.backtest.event_records import Recorder
from quarterdeck.backtest.plan import LOTS_MAX, VENUE, WIDE_LIMITS, bot_of, habits_of
from quarterdeck.config import (
    BotConfig,
    ExchangeSettings,
    FeeSettings,
    GridSettings,
    MarketSettings,
    StrategySettings,
    create_workspace,
)
from quarterdeck.domain import BotSettings
from quarterdeck.market import Candles
from quarterdeck.strategies import BUILTIN, Strategy
from quarterdeck.system import ReplaySource, RunOptions, RunSummary, run_bot
from quarterdeck.system.loop import Happening

DEPTH_QUOTE: Final = 1e12
_COLUMNS: Final = ("timestamp", "open", "high", "low", "close", "volume")


class PaperRun(Struct, frozen=True):
    """What a paper run came to: its summary, and its facts as the records of a backtest, places of bars left out."""

    summary: RunSummary
    outcome: Outcome


def run_paper(
    root: Path, candles: dict[str, Candles], strategy: Strategy, settings: BacktestSettings, board: Board
) -> PaperRun:
    """
    Replay candles through a paper bot.

    Args: an empty folder for its workspace; candles, strategy and settings of the backtest, with guardrails; the board
    made of them.
    """
    workspace = create_workspace(root)
    bot = bot_of(settings, board)
    sources = tuple(
        ReplaySource(VENUE, name, _written(root / f"{place}.csv", one))
        for place, (name, one) in enumerate(candles.items())
    )
    config = _config(root, strategy, settings, bot, board.timeframe_ns)
    recorder = Recorder(board, bot.capital)

    def watch(happening: Happening) -> None:
        for fact in happening.facts:
            recorder.take(fact)

    summary = run_bot(workspace, config, RunOptions(replay=sources, speed=None), watch)
    return PaperRun(summary, recorder.outcome())


def _config(
    root: Path, strategy: Strategy, settings: BacktestSettings, bot: BotSettings, timeframe_ns: int
) -> BotConfig:
    grids = {
        one.instrument: GridSettings(one.tick, one.lot, 1, LOTS_MAX, one.notional_min, None) for one in bot.listings
    }
    exchange = ExchangeSettings(
        name=VENUE,
        fees=FeeSettings(Decimal(repr(settings.fee_maker)), Decimal(repr(settings.fee_taker))),
        balances={bot.base_currency: bot.capital},
        pairs=bot.pairs,
        counts_as={name: name for name in bot.pairs},
        spread_bps=2.0 * settings.slippage_bps,
        depth_quote=DEPTH_QUOTE,
        grids=grids,
        personality=habits_of(settings),
        funding=_funding(root, settings),
    )
    return BotConfig(
        path=root / "bots" / f"{settings.bot}.yaml",
        name=settings.bot,
        mode="paper",
        base_currency=bot.base_currency,
        capital=bot.capital,
        exchanges=(exchange,),
        strategy=_strategy(root, strategy, timeframe_ns),
        pairs=bot.pairs,
        market=MarketSettings(),
        approved=settings.approved,
        sizing=settings.sizing,
        risk=settings.risk,
        guardrails=bot.guardrails,
        cancel_on_shutdown=False,
        order_timeout_min=settings.order_timeout_min,
        orders=settings.orders,
    )


def _strategy(root: Path, strategy: Strategy, timeframe_ns: int) -> StrategySettings:
    name = next((name for name, kind in BUILTIN.items() if type(strategy) is kind), "scripted")
    source, file = Path(inspect.getfile(type(strategy))), None
    if name == "scripted":
        file = root / "strategies" / "production" / "scripted.py"
        file.write_bytes(source.read_bytes())
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    return StrategySettings(name, "as recorded", timeframe_ns, dict(strategy.values()), digest, file)


def _written(path: Path, candles: Candles) -> Path:
    columns = (candles.open, candles.high, candles.low, candles.close, candles.volume)
    opened_ms = candles.opened_at_ns // 1_000_000
    lines = [",".join(_COLUMNS)]
    for at_ms, *values in zip(opened_ms.tolist(), *(one.tolist() for one in columns), strict=True):
        lines.append(f"{at_ms},{','.join(map(repr, values))}")
    path.write_text("\n".join(lines) + "\n")
    return path


def _funding(root: Path, settings: BacktestSettings) -> dict[str, Path]:
    paths: dict[str, Path] = {}
    for name, rates in settings.funding.items():
        path = root / f"funding-{len(paths)}.csv"
        rows = zip((np.asarray(rates.at_ns) // 1_000_000).tolist(), rates.rate.tolist(), strict=True)
        path.write_text("timestamp,funding_rate\n" + "".join(f"{at_ms},{rate!r}\n" for at_ms, rate in rows))
        paths[name] = path
    return paths


def with_limits(settings: BacktestSettings) -> BacktestSettings:
    """Give settings that say in so many words which limits there are, for a paper bot always has some."""
    return settings if settings.guardrails is not None else replace(settings, guardrails=WIDE_LIMITS)
