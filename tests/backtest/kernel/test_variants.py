"""The pass from signal to signal gives what the pass over every bar gives."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import numpy as np
import pytest
from msgspec.structs import replace

from quarterdeck.backtest import BacktestSettings, board_of, bot_of
from quarterdeck.backtest.kernel.bars import play
from quarterdeck.backtest.kernel.pack import Tables
from quarterdeck.backtest.kernel.run import is_sparse, outcome_of, run_kernel
from quarterdeck.backtest.kernel.sparse import play_signals
from quarterdeck.domain import OrderSettings, RiskSettings, SizingSettings
from tests.parity.compare import differences
from tests.parity.worlds import World, world

SEEDS: Final = range(60)


def plain_world(seed: int) -> World:
    """A world in which the sparse pass may serve: one spot instrument, the market, no stops, no guardrails."""
    drawn = world(seed, bars=400, guardrails=False)
    name = min(drawn.candles)
    told = replace(drawn.settings, risk=RiskSettings(), orders=OrderSettings(), approved=None)
    return replace(drawn, candles={name: drawn.candles[name]}, settings=told)


@pytest.mark.parametrize("seed", SEEDS)
def test_both_passes_agree_on_random_markets(seed: int) -> None:
    drawn = plain_world(seed)
    board = board_of(drawn.candles, drawn.strategy, drawn.settings.lot)
    bot = bot_of(drawn.settings, board)
    assert is_sparse(bot, drawn.settings)
    sparse, dense = (outcome_of(Tables(board, bot, drawn.settings), run) for run in (play_signals, play))
    assert differences(sparse, dense) == []


@pytest.mark.parametrize(
    "change",
    [
        {"risk": RiskSettings(stop_loss=0.01)},
        {"risk": RiskSettings(position_max=0.5)},
        {"risk": RiskSettings(drawdown_max=0.5)},
        {"orders": OrderSettings("limit")},
        {"guardrails": BacktestSettings().guardrails},
        {"approved": ()},
    ],
)
def test_what_something_may_happen_to_between_signals_is_played_bar_by_bar(change: dict[str, object]) -> None:
    drawn = plain_world(1)
    told = replace(drawn.settings, **change)
    board = board_of(drawn.candles, drawn.strategy, told.lot)
    assert not is_sparse(bot_of(told, board), told)


def test_records_beyond_the_first_room_are_kept() -> None:
    drawn = plain_world(3)
    sizing = SizingSettings("quote", Decimal(100))
    told = replace(drawn.settings, cash=1e6, fee_taker=0.0, sizing=sizing, lot=1e-5, notional_min=0.0)
    board = board_of(drawn.candles, drawn.strategy, told.lot)
    bars = 30_000
    wide = replace(
        board,
        opened_at_ns=board.opened_at_ns[0] + np.arange(bars, dtype=np.int64) * board.timeframe_ns,
        **{name: np.resize(getattr(board, name), (1, bars)) for name in ("open", "high", "low", "close")},
        action=np.resize(np.array([1, -1], dtype=np.int8), (1, bars)),
        confidence=None,
    )
    bot = bot_of(told, wide)
    outcome = run_kernel(wide, bot, told)
    assert len(outcome.orders) == bars
    assert differences(outcome, outcome_of(Tables(wide, bot, told), play)) == []
