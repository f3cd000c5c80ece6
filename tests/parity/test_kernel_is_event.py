"""The kernel and the event backtest give the same orders and refusals, record by record, and the same equity."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from quarterdeck.backtest import BacktestSettings, Board, Outcome, board_of, bot_of, run_event
from quarterdeck.backtest.kernel import run_kernel
from quarterdeck.backtest.outcome import LIQUIDATION, MAKER
from quarterdeck.strategies import BUILTIN
from tests.parity.compare import differences, refused
from tests.parity.series import SERIES, STRATEGIES, USUAL, Series, read, settings_for
from tests.parity.worlds import World, world

WORLDS = 150
MANY_WORLDS = 5_000
BARS = 250
SLICE_BARS = 2_000
LONG_BARS = 60_000


def both(board: Board, settings: BacktestSettings) -> tuple[Outcome, Outcome]:
    """Run the event backtest and the kernel."""
    bot = bot_of(settings, board)
    return run_event(board, bot, settings), run_kernel(board, bot, settings)


def played(drawn: World) -> tuple[Outcome, list[str]]:
    """Run both over a world; give the event's outcome, and where the kernel's differs."""
    board = board_of(drawn.candles, drawn.strategy, drawn.settings.lot)
    event, kernel = both(board, drawn.settings)
    return event, differences(event, kernel)


def assert_worlds_agree(seeds: range, *, perpetuals: bool) -> Counter[str]:
    """Play worlds, and tell what happened in them."""
    seen: Counter[str] = Counter()
    for seed in seeds:
        event, found = played(world(seed, BARS, perpetuals=perpetuals))
        assert found == [], f"world({seed}, {BARS}, perpetuals={perpetuals}): {found[0]}"
        seen.update(refused(event))
        seen.update(f"cause {cause}" for cause in event.orders["cause"].tolist())
        seen.update(f"liquidity {kind}" for kind in event.fills["liquidity"].tolist())
        seen.update({"funding": len(event.funding)})
    return seen


def test_random_spot_markets_give_the_same_records() -> None:
    seen = assert_worlds_agree(range(WORLDS), perpetuals=False)
    assert {"G2", "G4", "G5", "G6", "G7", "G8", "G9", "G10", "E3", "E4", "E5"} <= set(seen)  # each had its say
    assert seen[f"liquidity {MAKER}"] > 0


def test_random_markets_of_perpetuals_give_the_same_records() -> None:
    seen = assert_worlds_agree(range(WORLDS), perpetuals=True)
    assert {"E11", "E12", f"cause {LIQUIDATION}"} <= set(seen)
    assert seen["funding"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("perpetuals", [False, True])
def test_many_random_markets_give_the_same_records(perpetuals: bool) -> None:
    assert_worlds_agree(range(10_000, 10_000 + MANY_WORLDS), perpetuals=perpetuals)


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("series", SERIES, ids=lambda series: series.name)
def test_every_strategy_on_real_series_gives_the_same_records(series: Series, name: str, shared_dir: Path) -> None:
    candles = read(shared_dir, series, SLICE_BARS)
    strategy = BUILTIN[name]()
    for limits in (None, USUAL):
        settings = settings_for(shared_dir, series, limits=limits)
        event, kernel = both(board_of(candles, strategy, settings.lot), settings)
        assert differences(event, kernel) == []
        assert len(event.orders)


@pytest.mark.slow
@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("series", SERIES, ids=lambda series: series.name)
def test_every_strategy_on_long_real_series_gives_the_same_records(series: Series, name: str, shared_dir: Path) -> None:
    candles = read(shared_dir, series, LONG_BARS, skipped=0)
    settings = settings_for(shared_dir, series, limits=USUAL)
    event, kernel = both(board_of(candles, BUILTIN[name](), settings.lot), settings)
    assert differences(event, kernel) == []


def test_a_difference_of_one_lot_is_found() -> None:
    drawn = world(3, BARS)
    board = board_of(drawn.candles, drawn.strategy, drawn.settings.lot)
    event, kernel = both(board, drawn.settings)
    orders = kernel.orders.copy()
    orders["qty_lots"][-1] += 1
    assert differences(event, replace(kernel, orders=orders))


def test_a_difference_in_equity_is_found() -> None:
    drawn = world(3, BARS)
    board = board_of(drawn.candles, drawn.strategy, drawn.settings.lot)
    event, kernel = both(board, drawn.settings)
    assert differences(event, replace(kernel, equity=kernel.equity * (1.0 + 3e-9)))
    assert differences(event, replace(kernel, equity=np.full_like(kernel.equity, np.nan)))
