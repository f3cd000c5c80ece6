from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import MINUTE_NS, InputError
from quarterdeck.feeds import SyntheticInstrument, SyntheticMarket
from quarterdeck.market import Candles
from quarterdeck.strategies import BUILTIN, SmaCrossover, checked
from tests.strategies.bars import candles_of, recorded_minutes, windowed


@given(
    st.lists(st.integers(20, 26), min_size=1, max_size=120),
    st.integers(5, 12),
    st.integers(20, 30),
)
def test_a_window_gives_the_same_last_action_as_the_whole_series_at_every_bar(
    ticks: list[int], fast_bars: int, slow_bars: int
) -> None:
    strategy = SmaCrossover(fast_bars=fast_bars, slow_bars=slow_bars)
    candles = candles_of(ticks)
    whole = checked(strategy.signals(candles), len(candles))

    assert windowed(strategy, candles) == whole.action.tolist()


@given(st.lists(st.integers(100, 103), min_size=25, max_size=60))
def test_actions_agree_with_averages_in_fractions(ticks: list[int]) -> None:
    expected = [0] * len(ticks)
    for now in range(20, len(ticks)):
        fast = [Fraction(sum(ticks[end - 5 : end]), 5) for end in (now, now + 1)]
        slow = [Fraction(sum(ticks[end - 20 : end]), 20) for end in (now, now + 1)]
        if fast[0] <= slow[0] and fast[1] > slow[1]:
            expected[now] = 1
        if fast[0] >= slow[0] and fast[1] < slow[1]:
            expected[now] = -1
    strategy = SmaCrossover(fast_bars=5, slow_bars=20)

    assert strategy.signals(candles_of(ticks)).action.tolist() == expected


def test_the_first_eligible_bar_has_the_index_of_the_slow_window() -> None:
    strategy = SmaCrossover(fast_bars=5, slow_bars=20)

    assert strategy.signals(candles_of([100] * 20 + [101])).action.tolist() == [0] * 20 + [1]
    assert strategy.signals(candles_of([100] * 20 + [99])).action.tolist() == [0] * 20 + [-1]
    assert not strategy.signals(candles_of([100] * 19 + [101])).action.any()


def test_flat_prices_never_cross() -> None:
    # 0.1 has no exact float, and float averages of it differ in the last digit; ticks do not.
    close = np.full(300, 0.1)
    opened = np.arange(300, dtype=np.int64) * MINUTE_NS
    flat = Candles("BTC-USD", MINUTE_NS, opened, close, close, close, close, close, 0.1)

    assert not SmaCrossover().signals(flat).action.any()


def test_a_strategy_leaves_its_candles_alone() -> None:
    tape = SyntheticMarket(1, [SyntheticInstrument("BTC-USD", 100.0, 0.01)], MINUTE_NS, 0).tape(
        "paper", "BTC-USD", range(300)
    )
    candles = Candles(
        "BTC-USD", MINUTE_NS, tape.opened_at_ns, tape.open, tape.high, tape.low, tape.close, tape.volume, 0.01
    )
    before = candles.close_ticks.copy()
    first = SmaCrossover().signals(candles).action.tolist()

    assert SmaCrossover().signals(candles).action.tolist() == first
    assert (candles.close_ticks == before).all()


def test_a_fast_window_that_is_not_the_faster_one_is_refused() -> None:
    with pytest.raises(InputError, match=r"fast_bars \(50\) must be below slow_bars \(50\)"):
        SmaCrossover(fast_bars=50)


def test_it_looks_back_one_bar_more_than_the_slow_window() -> None:
    assert SmaCrossover().window_bars == 51
    assert SmaCrossover(slow_bars=200).window_bars == 201


def test_it_is_found_by_its_name_in_configuration() -> None:
    assert BUILTIN["sma_crossover"] is SmaCrossover


def test_recorded_minutes_cross_in_windows_as_in_the_whole(shared_dir: Path) -> None:
    candles = recorded_minutes(shared_dir, 2880)
    strategy = SmaCrossover()
    whole = strategy.signals(candles).action.tolist()

    assert windowed(strategy, candles) == whole
    assert whole.count(1) > 20
    assert whole.count(-1) > 20
