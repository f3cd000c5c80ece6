import pytest

from quarterdeck.domain import InputError
from quarterdeck.strategies import BollingerReversion
from tests.strategies.bars import candles_of

CALM = [100, 101] * 5


def test_what_fell_below_the_bands_is_bought_and_what_rose_above_them_sold() -> None:
    strategy = BollingerReversion(period_bars=10)

    assert strategy.signals(candles_of([*CALM, 90])).action.tolist() == [0] * 10 + [1]
    assert strategy.signals(candles_of([*CALM, 111])).action.tolist() == [0] * 10 + [-1]


def test_a_bar_that_stays_outside_says_nothing_more() -> None:
    strategy = BollingerReversion(period_bars=10, band_width=0.5)

    assert strategy.signals(candles_of([*CALM, 90, 85, 80])).action[-3:].tolist() == [1, 0, 0]


def test_wider_bands_are_left_less_often() -> None:
    candles = candles_of([1000 + bar * bar % 37 for bar in range(500)])
    counts = [int((BollingerReversion(band_width=width).signals(candles).action != 0).sum()) for width in (0.5, 1, 2)]

    assert counts[0] > counts[1] > counts[2]


def test_it_looks_back_one_bar_more_than_its_period() -> None:
    assert BollingerReversion().window_bars == 21


def test_bands_without_width_are_refused() -> None:
    with pytest.raises(InputError, match=r"'band_width': .* it takes a number from"):
        BollingerReversion(band_width=0.0)
