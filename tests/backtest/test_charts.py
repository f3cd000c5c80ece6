"""Series of any length as pictures of one size."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.backtest.charts import COLUMNS, TimeAxis, ValueAxis, columns_of, line, value_axis
from tests.backtest.made_outcomes import DAY_NS, HOUR_NS, START_NS


def test_a_long_series_keeps_its_extremes_in_a_bounded_number_of_columns() -> None:
    bars = 1_000_000
    values = np.random.default_rng(7).normal(0.0, 1.0, bars)
    values[123_456], values[654_321] = 99.0, -99.0
    columns = columns_of(START_NS + np.arange(bars) * HOUR_NS)
    assert len(columns.first) <= COLUMNS
    assert columns.highest(values).max() == 99.0
    assert columns.lowest(values).min() == -99.0
    assert columns.last(values)[-1] == values[-1]


def test_a_short_series_is_drawn_bar_by_bar() -> None:
    at_ns = START_NS + np.arange(10) * HOUR_NS
    columns = columns_of(at_ns)
    assert columns.is_exact
    time = TimeAxis(int(at_ns[0]), int(at_ns[-1]))
    drawn = line(columns, np.arange(10.0), time, ValueAxis(0.0, 9.0, 0.0, 90.0), "equity")
    assert drawn.count(",") == 10


def test_gaps_leave_columns_out_instead_of_inventing_bars() -> None:
    early = START_NS + np.arange(3000) * HOUR_NS
    late = START_NS + 100 * 365 * DAY_NS + np.arange(3000) * HOUR_NS
    columns = columns_of(np.concatenate([early, late]))
    assert len(columns.first) < 20
    assert columns.first[0] == 0


def test_missing_prices_are_left_out_of_a_line() -> None:
    at_ns = START_NS + np.arange(4) * HOUR_NS
    time = TimeAxis(int(at_ns[0]), int(at_ns[-1]))
    drawn = line(columns_of(at_ns), np.array([1.0, np.nan, 3.0, 4.0]), time, ValueAxis(0.0, 9.0, 0.0, 90.0), "price")
    assert drawn.count(",") == 3
    assert "nan" not in drawn


@given(low=st.floats(-1e6, 1e6), span=st.floats(1e-2, 1e6), count=st.integers(2, 8))
def test_round_values_lie_on_the_axis(low: float, span: float, count: int) -> None:
    axis = ValueAxis(low, low + span, 10.0, 200.0)
    ticks = axis.ticks(count)
    assert len(ticks) <= count + 1
    places = axis.y(np.array(ticks))
    assert ((places >= 10.0 - 1e-3) & (places <= 200.0 + 1e-3)).all()


def test_what_grows_tenfold_is_drawn_by_logarithm() -> None:
    axis = value_axis([np.array([1.0, 100.0])], 0.0, 100.0)
    assert axis.is_log
    assert axis.y(np.array([10.0]))[0] == pytest.approx(50.0)
    assert 10.0 in axis.ticks(6)
    assert not value_axis([np.array([-1.0, 100.0])], 0.0, 100.0).is_log


def test_a_flat_series_still_has_an_axis() -> None:
    axis = value_axis([np.array([5.0, 5.0])], 0.0, 100.0)
    assert axis.low < 5.0 < axis.high


@given(hours=st.integers(1, 20 * 365 * 24))
def test_any_stretch_of_time_has_a_handful_of_round_instants(hours: int) -> None:
    time = TimeAxis(START_NS, START_NS + hours * HOUR_NS)
    ticks = time.ticks()
    assert 1 <= len(ticks) <= 10
    assert all(label for _, label in ticks)


def test_years_are_labelled_by_year() -> None:
    end = int(dt.datetime(2034, 1, 1, tzinfo=dt.UTC).timestamp()) * 10**9
    labels = [label for _, label in TimeAxis(START_NS, end).ticks()]
    assert labels == ["2024", "2026", "2028", "2030", "2032", "2034"]
