import math

from quarterdeck.fills import trades_through


def test_a_bar_that_only_touches_the_limit_fills_nothing() -> None:
    assert not trades_through(1000, 100.0, 110.0, 0.1, +1)
    assert not trades_through(1100, 100.0, 110.0, 0.1, -1)


def test_a_bar_that_trades_beyond_the_limit_fills_it() -> None:
    assert trades_through(1000, 99.9, 110.0, 0.1, +1)
    assert trades_through(1100, 100.0, 110.1, 0.1, -1)


def test_float_noise_is_no_trade_beyond_the_limit() -> None:
    assert not trades_through(3, 0.3, 0.1 + 0.2, 0.1, -1)
    assert not trades_through(3, 0.3 - 1e-17, 0.4, 0.1, +1)


def test_a_bar_without_numbers_fills_nothing() -> None:
    assert not trades_through(1000, math.nan, math.nan, 0.1, +1)
    assert not trades_through(1000, math.nan, math.nan, 0.1, -1)
