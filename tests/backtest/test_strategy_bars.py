"""The series on which strategies are tried are sound, untouchable, and different where they should be."""

import numpy as np
import pytest

from quarterdeck.backtest.strategy_bars import frozen, poisoned, special_series
from quarterdeck.domain import MINUTE_NS
from quarterdeck.feeds import SyntheticInstrument, SyntheticMarket
from quarterdeck.market import Candles, validated

ARRAYS = ("opened_at_ns", "open", "high", "low", "close", "volume", "close_ticks")


@pytest.fixture
def candles() -> Candles:
    made = SyntheticMarket(5, [SyntheticInstrument("BTC-USD", 100.0, 0.01)], MINUTE_NS, 0)
    tape = made.tape("paper", "BTC-USD", range(500))
    return Candles(
        "BTC-USD", MINUTE_NS, tape.opened_at_ns, tape.open, tape.high, tape.low, tape.close, tape.volume, 0.01
    )


def test_a_frozen_copy_is_equal_and_cannot_be_written_to(candles: Candles) -> None:
    copy = frozen(candles)

    for name in ARRAYS:
        array = getattr(copy, name)
        np.testing.assert_array_equal(array, getattr(candles, name))
        assert array.base is None or not array.base.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@pytest.mark.parametrize("kind", [0, 1, 2])
@pytest.mark.parametrize("start", [1, 250, 499])
def test_another_future_is_sound_and_leaves_the_past_alone(candles: Candles, kind: int, start: int) -> None:
    other = validated(poisoned(candles, start, kind))

    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(other, name)[:start], getattr(candles, name)[:start])
    if kind:
        assert (other.close_ticks[start:] != candles.close_ticks[start:]).all()
        assert (other.high[start:] != candles.high[start:]).all()


def test_two_futures_lie_on_either_side_of_the_past(candles: Candles) -> None:
    assert poisoned(candles, 250, 1).low[250:].min() > candles.high.max()
    assert poisoned(candles, 250, 2).high[250:].max() < candles.low.min()


def test_special_series_are_sound_and_each_is_special(candles: Candles) -> None:
    found = dict(special_series(candles, 21))

    for series in found.values():
        validated(series)
    assert len(found["no bars at all"]) == 0
    assert len(found["a single bar"]) == 1
    assert len(found["one bar less than its window"]) == 20
    assert len(found["exactly its window"]) == 21
    assert np.unique(found["prices that never move"].high).size == 1
    assert not found["bars without volume"].volume.any()
    assert found["prices that jump a thousandfold"].close_ticks.max() > 500 * candles.close_ticks.max()
    assert (found["prices of a single tick"].close_ticks == 1).all()
    assert np.diff(found["a long gap in time"].opened_at_ns).max() > 900 * MINUTE_NS
