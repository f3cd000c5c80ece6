"""The quick look at candles agrees with the cleaning."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from quarterdeck.domain import MINUTE_NS, InputError
from quarterdeck.feeds import sound as quick
from quarterdeck.feeds import sound_again
from quarterdeck.feeds.sound import report_of_sound
from quarterdeck.market import Candles
from tests.feeds.recordings import START_NS


def candles_at(minutes: list[int]) -> Candles:
    opened = START_NS + np.array(minutes, dtype=np.int64) * MINUTE_NS
    price = np.full(len(minutes), 100.0)
    return Candles("BTC-USD", MINUTE_NS, opened, price, price + 1.0, price - 1.0, price.copy(), price.copy(), 0.5)


@given(steps=st.lists(st.integers(1, 4), min_size=1, max_size=40), chunk=st.integers(1, 50))
def test_gaps_are_counted_across_chunks(steps: list[int], chunk: int) -> None:
    candles = candles_at(np.cumsum(steps).tolist())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quick, "_CHUNK_BARS", chunk)
        report = report_of_sound(candles)
    absent = [step - 1 for step in steps[1:] if step > 1]
    assert report is not None
    assert (report.missing, report.gaps, report.gap_bars_max) == (sum(absent), len(absent), max(absent, default=0))


@given(
    name=st.sampled_from(["open", "high", "low", "close", "volume"]),
    value=st.sampled_from([math.nan, math.inf, -math.inf, -1.0, 1e300]),
    at=st.integers(0, 9),
    chunk=st.integers(1, 12),
)
def test_one_unsound_value_anywhere_is_seen(name: str, value: float, at: int, chunk: int) -> None:
    candles = candles_at(list(range(10)))
    array = getattr(candles, name).copy()
    array[at] = value
    spoiled = structs.replace(candles, **{name: array})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quick, "_CHUNK_BARS", chunk)
        answer = report_of_sound(spoiled)
    assert (answer is None) == (name != "volume" or value != 1e300)


@pytest.mark.parametrize("minutes", [[0, 1, 1, 2], [0, 2, 1], [5, 4, 3], []])
@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_repeated_unsorted_or_no_bars_are_not_sound(
    minutes: list[int], chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quick, "_CHUNK_BARS", chunk)
    assert report_of_sound(candles_at(minutes)) is None


def test_bars_off_the_grid_are_not_sound() -> None:
    candles = candles_at([0, 1, 2])
    assert report_of_sound(structs.replace(candles, opened_at_ns=candles.opened_at_ns + 1)) is None


def test_arrays_of_another_kind_or_length_are_refused() -> None:
    candles = candles_at([0, 1, 2])
    for changed in ({"open": candles.open.astype(np.float32)}, {"high": candles.high[:2]}, {"low": [1.0, 1.0, 1.0]}):
        with pytest.raises(InputError, match="of one length"):
            sound_again(structs.replace(candles, **changed))


def test_closes_off_the_price_step_are_counted() -> None:
    candles = structs.replace(candles_at([0, 1, 2]), price_step=0.3)
    report = report_of_sound(structs.replace(candles, close_ticks=np.array([333, 333, 333])))
    assert report is not None
    assert report.off_step == 3
