"""The tables of a result."""

import sys
import types

import numpy as np
import pytest

from quarterdeck.backtest import Records
from quarterdeck.domain import ConfigError


def _table() -> Records:
    return Records.of(
        {
            "at_ns": np.array([1_704_067_200_000_000_000, 1_704_070_800_000_000_000]),
            "side": np.array(["buy", "sell"]),
            "price": np.array([10.5, 11.0]),
        }
    )


def test_columns_are_read_by_name_and_rows_by_number_or_condition() -> None:
    table = _table()
    assert table.columns == ("at_ns", "side", "price")
    assert table[0]["side"] == "buy"
    assert table[table["price"] > 10.7]["side"].tolist() == ["sell"]
    assert len(table) == 2


def test_pandas_is_asked_for_only_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ConfigError, match="pip install pandas"):
        _table().to_pandas()


def test_a_frame_has_times_in_utc_and_words_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    def to_datetime(values: np.ndarray[tuple[int], np.dtype[np.int64]], utc: bool) -> tuple[str, list[int], bool]:
        return "times", values.tolist(), utc

    stand_in = types.ModuleType("pandas")
    stand_in.to_datetime = to_datetime  # type: ignore[attr-defined]
    stand_in.DataFrame = dict  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pandas", stand_in)
    frame = _table().to_pandas()
    assert frame["at"] == ("times", [1_704_067_200_000_000_000, 1_704_070_800_000_000_000], True)
    assert frame["side"] == ["buy", "sell"]
    assert list(frame) == ["at", "side", "price"]


def test_a_true_data_frame_can_be_made() -> None:
    pandas = pytest.importorskip("pandas")
    frame = _table().to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert str(frame["at"].iloc[0]) == "2024-01-01 00:00:00+00:00"
    assert frame["price"].sum() == 21.5
