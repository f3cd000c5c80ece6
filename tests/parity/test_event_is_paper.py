"""A paper bot on a replay and the event backtest plan the same orders, and come to the same money."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from quarterdeck.backtest import BacktestSettings, board_of, bot_of, run_event
from quarterdeck.backtest.fingerprint import order_list_hash
from quarterdeck.market import Candles
from quarterdeck.strategies import BUILTIN, Strategy
from tests.parity.compare import differences, refused
from tests.parity.paper import run_paper, with_limits
from tests.parity.series import SERIES, STRATEGIES, USUAL, Series, read, settings_for
from tests.parity.worlds import world

WORLDS = 8
MANY_WORLDS = 400
BARS = 140
SLICE_BARS = 350
SLICE_DAYS = 100  # a bot keeps its state once a day, which takes longer than all else
LONG_BARS = 12_000
EQUITY_TOLERANCE = 1e-9
DAY_MIN = 1440


def assert_paper_is_event(
    folder: Path, candles: dict[str, Candles], strategy: Strategy, settings: BacktestSettings
) -> int:
    """Run both, hold them against each other, and tell how many orders there were."""
    board = board_of(candles, strategy, settings.lot)
    event = run_event(board, bot_of(settings, board), settings)
    paper = run_paper(folder / "workspace", candles, strategy, settings, board)
    assert differences(event, paper.outcome, apart_from=("bar", "equity")) == []
    assert order_list_hash(board, event, settings.bot) == paper.summary.order_list_hash
    assert {rule: count for rule, count in paper.summary.refusals.items() if rule[1:].isdigit()} == {
        rule: count for rule, count in refused(event).items() if rule != "other"
    }
    if paper.summary.equity is not None:
        assert float(paper.summary.equity) == pytest.approx(event.equity[-1], rel=EQUITY_TOLERANCE, abs=1e-8)
    return len(event.orders)


@pytest.mark.parametrize("seed", range(WORLDS))
def test_a_replay_gives_the_orders_of_the_event_backtest(seed: int, tmp_path: Path) -> None:
    drawn = world(seed, BARS)
    assert_paper_is_event(tmp_path, drawn.candles, drawn.strategy, with_limits(drawn.settings))


@pytest.mark.parametrize("seed", range(WORLDS))
def test_a_replay_of_perpetuals_gives_the_orders_of_the_event_backtest(seed: int, tmp_path: Path) -> None:
    drawn = world(seed, BARS, perpetuals=True)
    assert_paper_is_event(tmp_path, drawn.candles, drawn.strategy, with_limits(drawn.settings))


@pytest.mark.slow
@pytest.mark.parametrize("perpetuals", [False, True])
def test_many_replays_give_the_orders_of_the_event_backtest(perpetuals: bool, tmp_path: Path) -> None:
    for seed in range(1_000, 1_000 + MANY_WORLDS):
        drawn = world(seed, BARS, perpetuals=perpetuals)
        assert_paper_is_event(tmp_path / str(seed), drawn.candles, drawn.strategy, with_limits(drawn.settings))


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("series", SERIES, ids=lambda series: series.name)
def test_every_strategy_on_real_series_trades_the_same_on_paper(
    series: Series, name: str, shared_dir: Path, tmp_path: Path
) -> None:
    candles = read(shared_dir, series, SLICE_DAYS if series.timeframe_min == DAY_MIN else SLICE_BARS)
    settings = settings_for(shared_dir, series)
    assert_paper_is_event(tmp_path, candles, BUILTIN[name](), settings)


@pytest.mark.slow
@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("series", SERIES, ids=lambda series: series.name)
def test_every_strategy_on_long_real_series_trades_the_same_on_paper(
    series: Series, name: str, shared_dir: Path, tmp_path: Path
) -> None:
    candles = read(shared_dir, series, LONG_BARS, skipped=0)
    settings = replace(settings_for(shared_dir, series), guardrails=USUAL)
    assert assert_paper_is_event(tmp_path, candles, BUILTIN[name](), settings) > 0
