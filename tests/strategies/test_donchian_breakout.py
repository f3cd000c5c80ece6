import pytest

from quarterdeck.strategies import DonchianBreakout
from tests.strategies.bars import bars_of

STRATEGY = DonchianBreakout(entry_bars=4, exit_bars=2)
CALM = [(100, 3, 3)] * 4


def actions(*closes: int) -> list[int]:
    """What is said of these closes, each with a high 3 above and a low 3 below, after four calm bars."""
    bars = [*CALM, *((close, 3, 3) for close in closes)]
    said = [int(action) for action in STRATEGY.signals(bars_of(bars)).action]
    assert said[:4] == [0] * 4
    return said[4:]


@pytest.mark.parametrize(("close", "action"), [(104, 1), (103, 0), (97, 0), (96, -1)])
def test_a_close_beyond_the_highs_or_lows_before_it_counts_and_one_on_them_does_not(close: int, action: int) -> None:
    assert actions(close) == [action]


def test_every_bar_of_a_breakout_speaks() -> None:
    assert actions(104, 108, 112) == [1, 1, 1]


def test_lows_are_those_of_fewer_bars_than_highs() -> None:
    """The low of 97 is three bars old when 110 closes below the two lows before it, 117 and 117."""
    assert actions(120, 120, 110) == [1, 0, -1]


def test_its_own_bar_is_not_part_of_the_channel() -> None:
    """Its high of 107 would never be passed by its close of 104."""
    assert actions(104) == [1]


def test_it_looks_back_one_bar_more_than_the_longer_channel() -> None:
    assert DonchianBreakout().window_bars == 21
    assert DonchianBreakout(entry_bars=10, exit_bars=30).window_bars == 31


def test_neither_is_said_before_both_channels_are_full() -> None:
    falling = bars_of([(100 - 5 * bar, 1, 1) for bar in range(6)])

    assert STRATEGY.signals(falling).action.tolist() == [0, 0, 0, 0, -1, -1]
