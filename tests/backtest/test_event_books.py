"""The records of an event backtest against the engine's own books, bar by bar, in random markets."""

from __future__ import annotations

import pytest

from quarterdeck.backtest import BacktestSettings, Board, board_of, bot_of
from quarterdeck.backtest.event import EventRun, batches
from quarterdeck.domain import Bug
from tests.backtest.boards import board, flat
from tests.parity.worlds import world

WORLDS = 25
BARS = 150


def marks_of(played: Board, settings: BacktestSettings) -> tuple[EventRun, list[float | None]]:
    """Play a board, and give what the engine marked on each close; None where it knew not every price."""
    run = EventRun(played, bot_of(settings, played), settings)
    marks: list[float | None] = []
    for bar, (open_ns, bars) in enumerate(batches(played)):
        run.play(bar, open_ns, bars)
        marks.append(run.state.equity if run.state.minute_ns == open_ns + played.timeframe_ns else None)
    return run, marks


@pytest.mark.parametrize("perpetuals", [False, True])
def test_equity_is_what_the_engine_marked_on_every_close(perpetuals: bool) -> None:
    known = 0
    for seed in range(WORLDS):
        drawn = world(seed, BARS, perpetuals=perpetuals)
        run, marks = marks_of(board_of(drawn.candles, drawn.strategy, drawn.settings.lot), drawn.settings)
        equity = run.end().equity.tolist()
        for bar, mark in enumerate(marks):
            if mark is not None:
                assert equity[bar] == pytest.approx(mark, rel=1e-9, abs=1e-9), f"world {seed}, bar {bar}"
                known += 1
    assert known > WORLDS * BARS // 2


def test_money_that_appears_at_the_exchange_is_noticed_at_the_end() -> None:
    played = board([flat(100.0)] * 3)
    run, _ = marks_of(played, BacktestSettings())
    run.venue.exchange.deposit("backtest", "USD", run.state.cash["backtest"]["USD"])
    with pytest.raises(Bug, match="the books say"):
        run.end()


def test_a_mark_that_differs_from_the_records_is_noticed_at_the_end() -> None:
    played = board([flat(100.0)] * 3)
    run, _ = marks_of(played, BacktestSettings())
    run.state.equity = 9_999.0
    with pytest.raises(Bug, match="the engine marked"):
        run.end()
