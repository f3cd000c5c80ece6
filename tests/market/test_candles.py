import math

import numpy as np
import pytest

from quarterdeck.domain import MINUTE_NS, InputError
from quarterdeck.market import Candles, validated


def candles(**changes: object) -> Candles:
    columns: dict[str, object] = {
        "opened_at_ns": np.arange(4, dtype=np.int64) * MINUTE_NS,
        "open": np.array([10.0, 11.0, 12.0, 13.0]),
        "high": np.array([11.5, 12.5, 13.5, 14.5]),
        "low": np.array([9.5, 10.5, 11.5, 12.5]),
        "close": np.array([11.0, 12.0, 13.0, 14.0]),
        "volume": np.array([1.0, 0.0, 2.0, 3.0]),
    } | changes
    return Candles("BTC-USD", MINUTE_NS, price_step=0.5, **columns)  # type: ignore[arg-type]  # wrong ones are the point


def with_bar(name: str, index: int, value: float) -> Candles:
    column = np.array(getattr(candles(), name))
    column[index] = value
    return candles(**{name: column})


def test_closes_are_counted_in_whole_steps() -> None:
    assert candles().close_ticks.tolist() == [22, 24, 26, 28]


def test_a_window_shows_the_same_memory() -> None:
    whole = candles()
    window = whole.window(1, 3)

    assert len(window) == 2
    assert window.close.tolist() == [12.0, 13.0]
    assert np.shares_memory(window.close_ticks, whole.close_ticks)
    assert all(np.shares_memory(getattr(window, name), getattr(whole, name)) for name in ("open", "opened_at_ns"))


def test_an_empty_window_is_a_window() -> None:
    assert len(candles().window(2, 2)) == 0


def test_sound_candles_pass() -> None:
    assert len(validated(candles())) == 4
    assert len(validated(candles().window(0, 0))) == 0


@pytest.mark.parametrize("price", [0.0, -1.0, math.nan])
@pytest.mark.parametrize("name", ["low"])
def test_a_low_that_is_no_price_is_refused(name: str, price: float) -> None:
    with pytest.raises(InputError, match=r"bar 2 .* not above zero"):
        validated(with_bar(name, 2, price))


@pytest.mark.parametrize("name", ["open", "high", "low"])
@pytest.mark.parametrize("price", [math.nan, math.inf])
def test_a_price_that_is_not_finite_is_refused(name: str, price: float) -> None:
    with pytest.raises(InputError, match="bar 1 "):
        validated(with_bar(name, 1, price))


def test_a_close_that_is_not_finite_cannot_be_counted_in_steps() -> None:
    with pytest.raises(InputError, match="not finite"):
        with_bar("close", 1, math.nan)


@pytest.mark.parametrize(("name", "value"), [("open", 20.0), ("close", 20.0), ("high", 10.9), ("low", 11.1)])
def test_high_and_low_must_bracket_open_and_close(name: str, value: float) -> None:
    with pytest.raises(InputError, match=r"bar 0 .* outside low to high"):
        validated(with_bar(name, 0, value))


@pytest.mark.parametrize("volume", [-1.0, math.nan, math.inf])
def test_a_volume_that_is_none_is_refused(volume: float) -> None:
    with pytest.raises(InputError, match=r"bar 3 .* volume"):
        validated(with_bar("volume", 3, volume))


@pytest.mark.parametrize("opened", [[0, 2, 1, 3], [0, 1, 1, 2]])
def test_unsorted_and_repeated_bars_are_refused(opened: list[int]) -> None:
    with pytest.raises(InputError, match=r"bar 2 .* not later than the bar before"):
        validated(candles(opened_at_ns=np.array(opened, dtype=np.int64) * MINUTE_NS))


def test_a_missing_bar_is_allowed() -> None:
    assert len(validated(candles(opened_at_ns=np.array([0, 1, 5, 6], dtype=np.int64) * MINUTE_NS))) == 4


def test_a_bar_off_the_grid_is_refused() -> None:
    with pytest.raises(InputError, match=r"bar 1 .* grid"):
        validated(candles(opened_at_ns=np.array([0, MINUTE_NS + 1, 2 * MINUTE_NS, 3 * MINUTE_NS], dtype=np.int64)))


def test_a_column_of_another_type_or_length_is_refused() -> None:
    with pytest.raises(InputError, match="'open' must be a float64 array of 4 bars"):
        validated(candles(open=np.array([10, 11, 12, 13])))
    with pytest.raises(InputError, match="'volume' must be a float64 array of 4 bars"):
        validated(candles(volume=np.array([1.0])))


def test_a_price_below_one_step_is_refused() -> None:
    tiny = np.full(4, 0.1)

    with pytest.raises(InputError, match="below one price step"):
        validated(candles(open=tiny, high=tiny, low=tiny, close=tiny))


def test_a_timeframe_of_nothing_is_refused() -> None:
    whole = candles()
    none = Candles(
        "BTC-USD", 0, whole.opened_at_ns, whole.open, whole.high, whole.low, whole.close, whole.volume, whole.price_step
    )

    with pytest.raises(InputError, match="timeframe"):
        validated(none)
