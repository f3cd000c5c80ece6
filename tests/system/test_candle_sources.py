"""Candles from whatever a user has."""

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from quarterdeck.domain import MINUTE_NS, InputError
from quarterdeck.market import Candles
from quarterdeck.system import Period, candles_of, instrument_of, sample_candles
from tests.feeds.recordings import START_MS, START_NS, row, write_csv, write_parquet

ROWS = [row(minute, 100.0 + minute) for minute in range(6)]


class Index:
    """What pandas' DatetimeIndex can do, as far as it is needed."""

    def __init__(self, times: NDArray[np.datetime64], ahead_h: int | None = None) -> None:
        self._times = times
        self._ahead_h = ahead_h

    @property
    def tz(self) -> dt.timezone | None:
        return None if self._ahead_h is None else dt.timezone(dt.timedelta(hours=self._ahead_h))

    def tz_convert(self, zone: str) -> "Index":
        assert zone == "UTC"
        return Index(self._times, 0)

    def tz_localize(self, zone: None) -> "Index":
        assert zone is None
        return Index(self._times)

    def __array__(self, dtype: object = None, copy: bool | None = None) -> NDArray[Any]:
        # A frame of pandas gives the UTC instants of zone-aware times only once the zone is taken off.
        return self._times if self._ahead_h is None else np.array([str(one) for one in self._times], dtype=object)


class Frame:
    """What a DataFrame can do, as far as it is needed."""

    def __init__(self, columns: dict[str, Any], index: Index | None = None, **attrs: str) -> None:
        self.held = columns
        self.index = index
        self.attrs = attrs

    @property
    def columns(self) -> list[str]:
        return list(self.held)

    def __getitem__(self, name: str) -> object:
        return self.held[name]


def frame_of(more: dict[str, Any] | None = None, *, index: Index | None = None) -> Frame:
    columns = np.array(ROWS, dtype=np.float64).T
    names = ("open", "high", "low", "close", "volume")
    return Frame(dict(zip(names, columns[1:], strict=True)) | (more or {}), index)


def times() -> NDArray[np.datetime64]:
    return (START_MS + np.arange(6) * 60_000).astype("M8[ms]").astype("M8[ns]")


def minutes(candles: Candles) -> list[int]:
    found: list[int] = ((candles.opened_at_ns - START_NS) // MINUTE_NS).tolist()
    return found


def test_a_file_is_named_after_its_instrument(tmp_path: Path) -> None:
    found = candles_of(write_parquet(tmp_path / "BTC-USD-1m.parquet", ROWS))
    assert minutes(found.candles["BTC-USD"]) == list(range(6))
    assert "6 bars of 1 minute, their usual distance" in found.notes[0]
    assert "the price step is 0.1, the finest decimal that occurs" in found.notes[0]


def test_a_file_that_does_not_tell_its_instrument_is_given_with_it(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "mine.csv", ROWS)
    with pytest.raises(InputError, match="does not tell the instrument"):
        candles_of(path)
    assert list(candles_of({"BTC-USDT:USDT": str(path)}).candles) == ["BTC-USDT:USDT"]


def test_a_folder_holds_a_file_for_each_instrument(tmp_path: Path) -> None:
    write_csv(tmp_path / "ETH_USD-1m.csv", ROWS)
    write_parquet(tmp_path / "BTC-USD.parquet", ROWS)
    (tmp_path / "notes.txt").write_text("not candles")
    assert list(candles_of(tmp_path).candles) == ["BTC-USD", "ETH-USD"]
    write_csv(tmp_path / "BTC-USD-5m.csv", ROWS)
    with pytest.raises(InputError, match="both of BTC-USD"):
        candles_of(tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no candles there"):
        candles_of(tmp_path)


def test_a_frame_with_naive_times_is_taken_for_utc() -> None:
    found = candles_of(frame_of(index=Index(times())))
    assert minutes(found.candles["ASSET-QUOTE"]) == list(range(6))
    assert "times are UTC" in found.notes[0]


def test_zone_aware_times_are_converted() -> None:
    frame = frame_of(index=Index(times(), ahead_h=2))
    assert minutes(candles_of({"BTC-USD": frame}).candles["BTC-USD"]) == list(range(6))


@pytest.mark.parametrize("named", ["timestamp", "Date", "datetime"])
def test_a_column_can_tell_the_time(named: str) -> None:
    assert minutes(candles_of(frame_of({named: times()})).candles["ASSET-QUOTE"]) == list(range(6))
    milliseconds = START_MS + np.arange(6) * 60_000
    assert minutes(candles_of(frame_of({named: milliseconds})).candles["ASSET-QUOTE"]) == list(range(6))


def test_columns_may_be_capitalised_and_a_frame_may_name_its_instrument() -> None:
    frame = frame_of(index=Index(times()))
    frame.attrs["instrument"] = "SOL-USD"
    capital = Frame(
        {name.capitalize(): column for name, column in frame.held.items()}, Index(times()), instrument="SOL-USD"
    )
    assert list(candles_of(frame).candles) == list(candles_of(capital).candles) == ["SOL-USD"]


def test_a_frame_without_a_volume_says_so() -> None:
    frame = frame_of(index=Index(times()))
    del frame.held["volume"]
    found = candles_of(frame)
    assert found.candles["ASSET-QUOTE"].volume.tolist() == [0.0] * 6
    assert any("6 rows have no usable volume" in note for note in found.notes)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"timestamp": np.array(["2024-01-01"] * 6)}, "pandas.to_datetime"),
        ({"timestamp": np.full(6, np.datetime64("NaT", "ns"))}, "have no time"),
        ({"timestamp": times(), "close": np.array(["a"] * 6)}, "'close' must hold numbers"),
        ({}, "DatetimeIndex"),
    ],
)
def test_a_frame_that_cannot_be_read_says_what_to_do(columns: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        candles_of(frame_of(columns))


def test_a_frame_without_prices_names_what_it_lacks() -> None:
    with pytest.raises(InputError, match="no column open, high, low; it has close"):
        candles_of(Frame({"close": np.ones(3)}, Index(times()[:3])))


def test_what_is_no_source_is_refused() -> None:
    with pytest.raises(InputError, match="are a int; give Candles"):
        candles_of({"BTC-USD": 5})  # type: ignore[dict-item]
    with pytest.raises(InputError, match="no candles"):
        candles_of({})


def test_faults_are_repaired_and_told_with_their_number(tmp_path: Path) -> None:
    rows = [row(0), row(2), row(1), row(1), row(3, 0.0), row(8)]
    notes = "\n".join(candles_of(write_csv(tmp_path / "BTC-USD.csv", rows)).notes)
    for words in (
        "BTC-USD: 5 bars are missing in 1 gap, the longest 5 long",
        "1 rows came out of order",
        "1 rows stood there twice",
        "1 rows without a sound price",
        "For example: row 5",
    ):
        assert words in notes


def test_every_source_is_cleaned_by_the_same_rule(tmp_path: Path) -> None:
    rows = [row(0), row(2), row(1), row(1), row(3), row(8)]
    columns = np.array(rows, dtype=np.float64).T
    opened = columns[0].astype(np.int64)
    frame = Frame(
        dict(zip(("open", "high", "low", "close", "volume"), columns[1:], strict=True)) | {"timestamp": opened}
    )
    candles = Candles("BTC-USD", MINUTE_NS, opened * 1_000_000, *columns[1:], 0.5)  # type: ignore[call-arg]
    sources: list[Any] = [
        write_csv(tmp_path / "a.csv", rows),
        write_parquet(tmp_path / "b.parquet", rows),
        frame,
        candles,
    ]
    found = [candles_of({"BTC-USD": source}).candles["BTC-USD"] for source in sources]
    for one in found:
        assert one.opened_at_ns.tolist() == found[0].opened_at_ns.tolist()
        assert one.close.tolist() == found[0].close.tolist()


def test_candles_are_looked_at_once_and_handed_on_as_they_are() -> None:
    candles = sample_candles().candles["BTC-USD"]
    assert candles_of(candles).candles["BTC-USD"] is candles
    assert candles_of(candles).candles["BTC-USD"] is candles


def test_a_period_is_cut_out_of_any_source(tmp_path: Path) -> None:
    period = Period(START_NS + MINUTE_NS, START_NS + 4 * MINUTE_NS)
    path = write_csv(tmp_path / "BTC-USD.csv", ROWS)
    whole = candles_of(path).candles["BTC-USD"]
    for source in (path, frame_of(index=Index(times())), whole):
        (found,) = candles_of(source, period).candles.values()
        assert minutes(found) == [1, 2, 3]
    with pytest.raises(InputError, match="no bar"):
        candles_of(whole, Period(START_NS + 60 * MINUTE_NS))


def test_a_given_price_step_is_taken(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "BTC-USD.csv", ROWS)
    assert candles_of(path, price_steps={"BTC-USD": 0.5}).candles["BTC-USD"].price_step == 0.5


def test_candles_under_another_name_are_refused() -> None:
    with pytest.raises(InputError, match="given as ETH-USD"):
        candles_of({"ETH-USD": sample_candles().candles["BTC-USD"]})


@pytest.mark.parametrize(
    ("name", "instrument"),
    [
        ("BTC-USDT-1h.parquet", "BTC-USDT"),
        ("BTC_USD.csv", "BTC-USD"),
        ("ETH-USD-1m-days.csv", "ETH-USD"),
        ("a.csv", None),
    ],
)
def test_instruments_are_read_off_names(name: str, instrument: str | None) -> None:
    assert instrument_of(Path(name)) == instrument


def test_true_data_frames_are_read() -> None:
    pandas = pytest.importorskip("pandas")
    index = pandas.DatetimeIndex(times()).tz_localize("UTC").tz_convert("Asia/Tokyo")
    columns = dict(zip(("Open", "High", "Low", "Close", "Volume"), np.array(ROWS).T[1:], strict=True))
    frame = pandas.DataFrame(columns, index=index)
    assert minutes(candles_of(frame).candles["ASSET-QUOTE"]) == list(range(6))
    column = frame.reset_index(names="timestamp")
    assert minutes(candles_of(column).candles["ASSET-QUOTE"]) == list(range(6))
    naive = pandas.DataFrame(columns, index=pandas.DatetimeIndex(times()))
    assert minutes(candles_of(naive).candles["ASSET-QUOTE"]) == list(range(6))


def test_a_column_that_stands_there_twice_is_refused() -> None:
    frame = frame_of(index=Index(times()))
    frame.held["Close"] = frame.held["close"]
    with pytest.raises(InputError, match="more than one column close; keep one of each"):
        candles_of(frame)
