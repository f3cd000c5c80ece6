from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import MINUTE_NS, InputError
from quarterdeck.market import Candles
from quarterdeck.strategies import BUILTIN, RsiMomentum, checked
from tests.strategies.bars import candles_of, recorded_minutes, windowed


def strength(closes: list[int]) -> Fraction:
    """The share of rises in all that moved, in percent, straight from the definition."""
    changes = [after - before for before, after in pairwise(closes)]
    moved = sum(map(abs, changes))
    return Fraction(100 * sum(change for change in changes if change > 0), moved) if moved else Fraction(50)


@given(st.lists(st.integers(20, 26), min_size=1, max_size=80), st.integers(2, 14), st.integers(30, 60))
def test_a_window_gives_the_same_last_action_as_the_whole_series_at_every_bar(
    ticks: list[int], period_bars: int, level: int
) -> None:
    strategy = RsiMomentum(period_bars=period_bars, buy_above=level, sell_below=level - 10)
    candles = candles_of(ticks)
    whole = checked(strategy.signals(candles), len(candles))

    assert windowed(strategy, candles) == whole.action.tolist()


@given(st.lists(st.integers(100, 104), min_size=5, max_size=60))
def test_actions_agree_with_the_index_in_fractions(ticks: list[int]) -> None:
    expected = [0] * len(ticks)
    for now in range(5, len(ticks)):
        before, after = strength(ticks[now - 5 : now]), strength(ticks[now - 4 : now + 1])
        if before <= 60 < after:
            expected[now] = 1
        if before >= 40 > after:
            expected[now] = -1
    strategy = RsiMomentum(period_bars=4, buy_above=60, sell_below=40)

    assert strategy.signals(candles_of(ticks)).action.tolist() == expected


def test_strength_is_bought_and_weakness_sold() -> None:
    """The momentum reading; the other one would do the opposite."""
    flat = [100, 101] * 8
    strategy = RsiMomentum()

    assert strategy.signals(candles_of([*flat, 105])).action[-1] == 1
    assert strategy.signals(candles_of([*flat, 96])).action[-1] == -1


def test_flat_prices_never_cross() -> None:
    close = np.full(300, 0.1)
    opened = np.arange(300, dtype=np.int64) * MINUTE_NS
    flat = Candles("BTC-USD", MINUTE_NS, opened, close, close, close, close, close, 0.1)

    assert not RsiMomentum().signals(flat).action.any()


def test_it_never_buys_and_sells_on_one_level_without_a_move() -> None:
    strategy = RsiMomentum(period_bars=2, buy_above=50, sell_below=50)

    assert strategy.signals(candles_of([5, 6, 5, 6, 5, 6])).action.tolist() == [0] * 6


def test_levels_that_would_buy_below_where_they_sell_are_refused() -> None:
    with pytest.raises(InputError, match=r"sell_below \(60\) must not be above buy_above \(55\)"):
        RsiMomentum(sell_below=60)


def test_it_looks_back_two_bars_more_than_its_period() -> None:
    assert RsiMomentum().window_bars == 16
    assert RsiMomentum(period_bars=200).window_bars == 202


def test_it_is_found_by_its_name_in_configuration() -> None:
    assert BUILTIN["rsi_momentum"] is RsiMomentum
    assert RsiMomentum().values() == {"period_bars": 14, "buy_above": 55, "sell_below": 45}


def test_recorded_minutes_cross_in_windows_as_in_the_whole(shared_dir: Path) -> None:
    candles = recorded_minutes(shared_dir, 1440)
    strategy = RsiMomentum()
    whole = strategy.signals(candles).action.tolist()

    assert windowed(strategy, candles) == whole
    assert whole.count(1) > 20
    assert whole.count(-1) > 20
