import pytest

from quarterdeck.domain import InputError
from quarterdeck.strategies import MacdTrend
from tests.strategies.bars import candles_of


def test_a_trend_that_gathers_pace_is_bought_and_one_that_loses_it_sold() -> None:
    strategy = MacdTrend(fast_bars=2, slow_bars=5, signal_bars=3)
    rise_and_rest = [100] * 8 + [102, 104, 106, 108, 108, 108, 108]
    action = strategy.signals(candles_of(rise_and_rest)).action.tolist()

    assert action.index(1) == 8
    assert action.index(-1) in range(12, 15)
    assert [one for one in action if one] == [1, -1]


def test_a_rising_price_that_loses_pace_is_sold_while_it_still_rises() -> None:
    strategy = MacdTrend(fast_bars=2, slow_bars=5, signal_bars=3)
    slower = [100] * 8 + [110, 120, 130, 131, 132, 133]
    action = strategy.signals(candles_of(slower)).action.tolist()

    assert action[8] == 1
    assert -1 in action[9:]


def test_it_looks_back_over_the_slow_average_and_its_signal() -> None:
    assert MacdTrend().window_bars == 35
    assert MacdTrend(fast_bars=5, slow_bars=20, signal_bars=4).window_bars == 24


def test_a_fast_window_that_is_not_the_faster_one_is_refused() -> None:
    with pytest.raises(InputError, match=r"fast_bars \(26\) must be below slow_bars \(26\)"):
        MacdTrend(fast_bars=26)
