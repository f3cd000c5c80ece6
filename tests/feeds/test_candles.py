"""Candles for backtests: what is found out from the data, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from quarterdeck.domain import MINUTE_NS, InputError
from quarterdeck.feeds import CandleRequest, LoadedCandles, load_candles, price_step_of, sound_again, timeframe_of
from quarterdeck.market import Candles
from tests.feeds.recordings import START_MS, START_NS, Row, row, write_csv, write_parquet

HOUR_MS = 3_600_000


def _load(path: Path, **more: object) -> LoadedCandles:
    return load_candles(structs.replace(CandleRequest(path, "BTC-USD"), **more))


def _hour(number: int, close: float = 100.0) -> Row:
    return (START_MS + number * HOUR_MS, *row(0, close)[1:])


def _candles(rows: list[Row]) -> Candles:
    columns = np.array(rows, dtype=np.float64).T
    return Candles("BTC-USD", MINUTE_NS, columns[0].astype(np.int64) * 1_000_000, *columns[1:], 0.5)  # type: ignore[call-arg]


def test_the_timeframe_and_the_price_step_are_found_out_from_the_data(tmp_path: Path) -> None:
    rows = [_hour(number, 100.0 + number / 4) for number in (0, 1, 2, 5, 6)]
    loaded = _load(write_parquet(tmp_path / "x.parquet", rows))
    assert loaded.candles.timeframe_ns == 60 * MINUTE_NS
    assert loaded.candles.price_step == 0.01
    assert loaded.found_timeframe
    assert loaded.found_price_step
    assert (loaded.report.missing, loaded.report.gaps) == (2, 1)


def test_what_is_asked_for_is_not_found_out(tmp_path: Path) -> None:
    rows = [_hour(number) for number in range(4)]
    loaded = _load(write_csv(tmp_path / "x.csv", rows), timeframe_ns=60 * MINUTE_NS, price_step=0.5)
    assert loaded.candles.price_step == 0.5
    assert not loaded.found_timeframe
    assert not loaded.found_price_step


def test_the_period_is_cut_out(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv", [row(minute) for minute in range(10)])
    candles = _load(path, from_ns=START_NS + 2 * MINUTE_NS, to_ns=START_NS + 6 * MINUTE_NS).candles
    assert ((candles.opened_at_ns - START_NS) // MINUTE_NS).tolist() == [2, 3, 4, 5]


def test_faults_are_repaired_as_those_of_a_replay_are(tmp_path: Path) -> None:
    bad = (START_MS + 4 * 60_000, 100.0, 90.0, 99.0, 100.0, 1.0)  # high below low
    rows = [row(0), row(2), row(1), row(2), row(3), bad, row(5, 0.0), row(6)]
    report = _load(write_csv(tmp_path / "x.csv", rows)).report
    assert (report.unsorted, report.duplicates, report.unpriced, report.bars) == (1, 1, 2, 5)


@pytest.mark.parametrize(("factor", "unit"), [(1e-3, "seconds"), (1e3, "microseconds"), (1e6, "nanoseconds")])
def test_times_in_another_unit_are_refused(tmp_path: Path, factor: float, unit: str) -> None:
    rows = [(int(one[0] * factor), *one[1:]) for one in (row(0), row(1))]
    with pytest.raises(InputError, match=unit):
        _load(write_csv(tmp_path / "x.csv", rows))


def test_bars_in_a_zone_of_half_hours_are_off_the_grid_and_refused(tmp_path: Path) -> None:
    rows = [(one[0] + 30 * 60_000, *one[1:]) for one in map(_hour, range(5))]
    with pytest.raises(InputError, match="does not open on the grid"):
        _load(write_csv(tmp_path / "x.csv", rows))


def test_days_that_open_at_another_midnight_are_refused(tmp_path: Path) -> None:
    rows = [(START_MS + number * 24 * HOUR_MS + 5 * HOUR_MS, *row(0)[1:]) for number in range(5)]
    with pytest.raises(InputError, match="does not open on the grid"):
        _load(write_csv(tmp_path / "x.csv", rows))


def test_two_timeframes_in_one_file_are_refused(tmp_path: Path) -> None:
    minutes = [row(minute) for minute in range(200)]
    hours = [_hour(number) for number in range(10, 80)]
    with pytest.raises(InputError, match="several timeframes"):
        _load(write_csv(tmp_path / "x.csv", minutes + hours))


def test_a_sparse_market_is_not_taken_for_two_timeframes(tmp_path: Path) -> None:
    chance = np.random.default_rng(5)
    rows = [row(int(minute)) for minute in np.flatnonzero(chance.random(3000) < 0.6)]
    assert _load(write_csv(tmp_path / "x.csv", rows)).report.gaps > 100


def test_one_bar_does_not_tell_its_length(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv", [row(0)])
    with pytest.raises(InputError, match="at least two"):
        _load(path)
    assert len(_load(path, timeframe_ns=MINUTE_NS).candles) == 1


def test_sound_candles_come_back_as_they_are() -> None:
    candles = _candles([row(0), row(1), row(5)])
    loaded = sound_again(candles)
    assert loaded.candles is candles
    assert loaded.report.missing == 3


def test_unsound_candles_are_cleaned_by_the_same_rule() -> None:
    loaded = sound_again(_candles([row(1), row(0), row(0), row(2, 0.0), row(3)]))
    assert ((loaded.candles.opened_at_ns - START_NS) // MINUTE_NS).tolist() == [0, 1, 3]
    assert (loaded.report.unsorted, loaded.report.duplicates, loaded.report.unpriced) == (1, 1, 1)


def test_the_usual_distance_is_the_timeframe() -> None:
    assert timeframe_of(np.array([0, 60, 120, 300, 360]), Path("x")) == 60
    assert timeframe_of(np.array([120, 0, 60, 60]), Path("x")) == 60


@given(ticks=st.lists(st.integers(1, 10**9), min_size=1, max_size=50), decimals=st.integers(0, 8))
def test_the_price_step_is_the_finest_decimal_that_occurs(ticks: list[int], decimals: int) -> None:
    prices = np.array([float(f"{tick}e-{decimals}") for tick in ticks])
    needed = max(len(str(tick).zfill(decimals + 1)[-decimals:].rstrip("0")) if decimals else 0 for tick in ticks)
    assert price_step_of(prices) == float(f"1e-{needed}")


def test_prices_on_no_decimal_grid_get_a_very_fine_one() -> None:
    assert price_step_of(np.array([1.0 / 3.0, 2.0 / 3.0])) == 1e-8
    assert price_step_of(np.array([np.nan])) == 1.0


@pytest.mark.parametrize(
    ("prices", "step"),
    [
        ([1.234e-7, 1.3e-7], 1e-10),
        ([1.003462e-05, 0.98e-05], 1e-11),
        ([1.2345678901234567e-07, 1e-7 * np.pi], 1e-13),
        ([1e-7, 42.0], 1e-7),
    ],
)
def test_coins_worth_a_fraction_of_a_millionth_get_a_step_below_their_price(prices: list[float], step: float) -> None:
    assert price_step_of(np.array(prices)) == step


def test_prices_that_are_none_tell_no_step() -> None:
    assert price_step_of(np.array([0.0, -0.5, np.nan, np.inf])) == 1.0
    assert price_step_of(np.array([0.0, -0.123, 100.5])) == 0.1


def test_no_bars_at_all_are_told_as_such() -> None:
    with pytest.raises(InputError, match="no bars; give at least two"):
        timeframe_of(np.array([], dtype=np.int64), Path("none.csv"))
