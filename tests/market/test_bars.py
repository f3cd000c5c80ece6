import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import MINUTE_NS, InputError
from quarterdeck.market import Bar, BarAnswer, BarWindow, Candles, validated


def bar(price: float = 100.0, **changes: float) -> Bar:
    figures = {"open": price, "high": price + 1.0, "low": price - 1.0, "close": price + 0.5, "volume": 2.0} | changes
    return Bar("paper", "BTC-USD", **figures)


def window(window_bars: int = 3) -> BarWindow:
    return BarWindow("BTC-USD", MINUTE_NS, 0.5, window_bars)


def columns(candles: Candles) -> list[list[float]]:
    names = ("opened_at_ns", "open", "high", "low", "close", "volume", "close_ticks")
    return [getattr(candles, name).tolist() for name in names]


@given(st.integers(1, 9), st.lists(st.integers(2, 10_000), max_size=300))
def test_the_window_always_holds_the_last_bars(window_bars: int, prices: list[int]) -> None:
    held = window(window_bars)
    for number, price in enumerate(prices):
        assert held.append(number * MINUTE_NS, bar(float(price))) is BarAnswer.TAKEN
    shown = held.candles()
    last = prices[-window_bars:]

    assert len(held) == len(shown) == len(last)
    assert shown.open.tolist() == last
    assert shown.close_ticks.tolist() == [2 * price + 1 for price in last]
    assert shown.opened_at_ns.tolist() == [number * MINUTE_NS for number in range(len(prices))][-window_bars:]
    validated(shown)


def test_ticks_are_the_same_as_those_made_from_the_whole_array() -> None:
    closes = np.round(np.random.default_rng(5).uniform(1.0, 9_000.0, 500), 3)
    held = BarWindow("BTC-USD", MINUTE_NS, 0.01, 500)
    for number, close in enumerate(closes.tolist()):
        held.append(number * MINUTE_NS, bar(close, high=close + 1.0, low=close - 1.0, close=close))
    shown = held.candles()
    whole = Candles(
        "BTC-USD", MINUTE_NS, shown.opened_at_ns, shown.open, shown.high, shown.low, closes, shown.volume, 0.01
    )

    assert shown.close_ticks.tolist() == whole.close_ticks.tolist()


def test_candles_handed_out_never_change_again() -> None:
    held = window(5)
    kept = []
    for number in range(400):
        held.append(number * MINUTE_NS, bar(100.0 + number))
        shown = held.candles()
        kept.append((shown, columns(shown)))

    assert all(columns(shown) == then for shown, then in kept)


def test_candles_handed_out_cannot_be_written_to() -> None:
    held = window()
    held.append(0, bar())
    shown = held.candles()

    for name in ("opened_at_ns", "open", "close", "close_ticks"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(shown, name)[0] = 1


@pytest.mark.parametrize("name", ["open", "high", "low", "close"])
@pytest.mark.parametrize("price", [0.0, -5.0, math.nan, math.inf, -math.inf])
def test_a_bar_without_a_price_is_not_taken(name: str, price: float) -> None:
    held = window()

    assert held.append(0, bar(**{name: price})) is BarAnswer.NO_PRICE
    assert len(held) == 0
    assert held.last_opened_at_ns is None


@pytest.mark.parametrize("price", [1e300, 0.1])
def test_a_price_beyond_all_ticks_or_below_one_is_no_price(price: float) -> None:
    absurd = Bar("paper", "BTC-USD", price, price, price, price, 1.0)

    assert window().append(0, absurd) is BarAnswer.NO_PRICE


@pytest.mark.parametrize(
    "changes",
    [{"high": 99.5}, {"low": 100.2}, {"open": 105.0}, {"close": 90.0}, {"volume": -1.0}, {"volume": math.nan}],
)
def test_a_bar_that_contradicts_itself_is_not_taken(changes: dict[str, float]) -> None:
    assert window().append(0, bar(**changes)) is BarAnswer.INCONSISTENT


def test_late_repeated_and_off_grid_bars_are_answered_and_change_nothing() -> None:
    held = window()
    held.append(5 * MINUTE_NS, bar(100.0))
    before = columns(held.candles())

    assert held.append(5 * MINUTE_NS, bar(200.0)) is BarAnswer.DUPLICATE
    assert held.append(4 * MINUTE_NS, bar(200.0)) is BarAnswer.LATE
    assert held.append(6 * MINUTE_NS + 1, bar(200.0)) is BarAnswer.OFF_GRID
    assert columns(held.candles()) == before
    assert held.last_opened_at_ns == 5 * MINUTE_NS


def test_a_missing_bar_is_not_made_up() -> None:
    held = window()
    held.append(0, bar(100.0))
    held.append(7 * MINUTE_NS, bar(101.0))

    assert held.candles().opened_at_ns.tolist() == [0, 7 * MINUTE_NS]


@pytest.mark.parametrize(("timeframe_ns", "step", "bars"), [(0, 0.1, 5), (1, 0.0, 5), (1, math.nan, 5), (1, 0.1, 0)])
def test_a_window_of_nothing_is_refused(timeframe_ns: int, step: float, bars: int) -> None:
    with pytest.raises(InputError, match="above zero"):
        BarWindow("BTC-USD", timeframe_ns, step, bars)
