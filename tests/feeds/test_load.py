import math
import os
import signal
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import MINUTE_NS, InputError
from quarterdeck.feeds import TapeRequest, load_tape, parse_replay_argument
from tests.feeds.recordings import HEADER, START_MS, Row, minutes, request, row, rows_of, write_csv, write_parquet

Writer = Callable[[Path, Sequence[Row]], Path]
SECONDS_2017_10_01 = 1_506_816_000
SECONDS_2018_01_01 = 1_514_764_800


@pytest.fixture(params=["csv", "parquet"])
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Sequence[Row]], Path]:
    writer: Writer = {"csv": write_csv, "parquet": write_parquet}[request.param]
    return lambda rows: writer(tmp_path / f"bars.{request.param}", rows)


def test_a_clean_file_is_read_as_it_stands(written: Callable[[Sequence[Row]], Path]) -> None:
    rows = [row(minute, 100.0 + minute) for minute in range(5)]
    tape = load_tape(request(written(rows)))

    assert rows_of(tape) == rows
    assert (tape.venue, tape.instrument, tape.timeframe_ns, tape.price_step) == ("paper", "BTC-USD", MINUTE_NS, 0.5)
    assert tape.report is not None
    assert (tape.report.rows, tape.report.bars, tape.report.missing, tape.report.examples) == (5, 5, 0, ())


def test_only_the_asked_period_is_read_and_a_bar_that_closes_after_it_is_not(
    written: Callable[[Sequence[Row]], Path],
) -> None:
    path = written([row(minute) for minute in range(10)])

    assert minutes(load_tape(request(path, from_minute=3, to_minute=7))) == [3, 4, 5, 6]
    assert minutes(load_tape(request(path, from_minute=8))) == [8, 9]
    assert minutes(load_tape(request(path, to_minute=2))) == [0, 1]


def test_a_bar_still_open_at_the_end_of_the_period_is_dropped_and_counted(
    written: Callable[[Sequence[Row]], Path],
) -> None:
    path = written([row(minute) for minute in range(3)])
    asked = request(path)
    half_past = TapeRequest(
        path, "paper", "BTC-USD", MINUTE_NS, 0.5, to_ns=START_MS * 1_000_000 + 2 * MINUTE_NS + MINUTE_NS // 2
    )
    tape = load_tape(half_past)

    assert minutes(tape) == [0, 1]
    assert tape.report is not None
    assert tape.report.unclosed == 1
    assert "row 3 (2024-01-01T00:02:00Z) closes too late" in tape.report.examples
    assert minutes(load_tape(asked)) == [0, 1, 2]


def test_unsorted_bars_are_sorted_and_counted(written: Callable[[Sequence[Row]], Path]) -> None:
    tape = load_tape(request(written([row(2), row(0), row(3), row(1)])))

    assert rows_of(tape) == [row(0), row(1), row(2), row(3)]
    assert tape.report is not None
    assert tape.report.unsorted == 2


def test_an_exact_duplicate_is_dropped_and_a_conflicting_one_replaced_by_the_later_row(
    written: Callable[[Sequence[Row]], Path],
) -> None:
    tape = load_tape(request(written([row(0), row(0), row(1, 100.0), row(2), row(1, 105.0)])))

    assert rows_of(tape) == [row(0), row(1, 105.0), row(2)]
    assert tape.report is not None
    assert (tape.report.duplicates, tape.report.conflicts, tape.report.bars) == (1, 1, 3)
    assert "row 3 (2024-01-01T00:01:00Z) was replaced by a later row" in tape.report.examples


@pytest.mark.parametrize("column", [1, 2, 3, 4])
@pytest.mark.parametrize("price", [math.nan, math.inf, -math.inf, 0.0, -1.0, 1e300])
def test_a_bar_without_a_sound_price_is_dropped_and_counted(tmp_path: Path, column: int, price: float) -> None:
    whole = row(1)
    faulty: Row = (*whole[:column], price, *whole[column + 1 :])  # type: ignore[assignment]  # still six
    tape = load_tape(request(write_csv(tmp_path / "bars.csv", [row(0), faulty, row(2)])))

    assert minutes(tape) == [0, 2]
    assert tape.report is not None
    assert (tape.report.unpriced, tape.report.missing, tape.report.gaps) == (1, 1, 1)


def test_prices_that_are_null_nan_or_infinite_in_parquet_are_no_price(tmp_path: Path) -> None:
    null = (START_MS + 60_000, None, 1.0, 1.0, 1.0, 1.0)
    faulty: list[Row] = [null, (START_MS + 120_000, math.nan, 1.0, 1.0, 1.0, 1.0)]  # type: ignore[list-item]  # a null
    infinite = (START_MS + 180_000, math.inf, math.inf, math.inf, math.inf, 1.0)
    tape = load_tape(request(write_parquet(tmp_path / "bars.parquet", [row(0), *faulty, infinite, row(4)])))

    assert minutes(tape) == [0, 4]
    assert tape.report is not None
    assert (tape.report.unpriced, tape.report.missing, tape.report.gap_bars_max) == (3, 3, 3)


def test_a_later_version_without_a_price_does_not_replace_a_bar_that_has_one(tmp_path: Path) -> None:
    tape = load_tape(request(write_csv(tmp_path / "bars.csv", [row(0), (START_MS, 0.0, 0.0, 0.0, 0.0, 0.0), row(1)])))

    assert rows_of(tape) == [row(0), row(1)]


@pytest.mark.parametrize(("high", "low"), [(99.0, 98.0), (101.0, 100.5)])
def test_a_bar_whose_high_and_low_do_not_bracket_is_dropped(tmp_path: Path, high: float, low: float) -> None:
    inconsistent = (START_MS + 60_000, 100.0, high, low, 100.0, 1.0)
    tape = load_tape(request(write_csv(tmp_path / "bars.csv", [row(0), inconsistent])))

    assert minutes(tape) == [0]


@pytest.mark.parametrize("volume", [math.nan, math.inf, -1.0])
def test_a_volume_that_is_none_counts_as_zero(tmp_path: Path, volume: float) -> None:
    tape = load_tape(request(write_csv(tmp_path / "bars.csv", [(*row(0)[:5], volume), row(1)])))

    assert tape.volume.tolist() == [0.0, 3.0]
    assert tape.report is not None
    assert tape.report.unmeasured == 1


def test_missing_bars_are_counted_and_nothing_is_invented(written: Callable[[Sequence[Row]], Path]) -> None:
    tape = load_tape(request(written([row(minute) for minute in (0, 1, 5, 6, 8)])))

    assert minutes(tape) == [0, 1, 5, 6, 8]
    assert tape.report is not None
    assert (tape.report.missing, tape.report.gaps, tape.report.gap_bars_max) == (4, 2, 3)


def test_closes_off_the_price_step_are_kept_and_counted(tmp_path: Path) -> None:
    off_step = (START_MS, 100.0, 101.0, 99.0, 100.25, 1.0)
    tape = load_tape(request(write_csv(tmp_path / "bars.csv", [off_step, row(1)])))

    assert tape.close.tolist() == [100.25, 100.0]
    assert tape.report is not None
    assert tape.report.off_step == 1


def test_a_bar_off_the_grid_is_an_error_that_names_its_row(written: Callable[[Sequence[Row]], Path]) -> None:
    path = written([row(0), (START_MS + 60_500, *row(1)[1:])])

    with pytest.raises(InputError, match=r"row 2 \(2024-01-01T00:01:00Z\) does not open on the grid of 60 s"):
        load_tape(request(path))


def test_rows_are_numbered_in_the_file_and_not_in_the_period(written: Callable[[Sequence[Row]], Path]) -> None:
    path = written([row(0), row(1), row(2), (START_MS + 180_500, *row(3)[1:])])

    with pytest.raises(InputError, match="row 4 "):
        load_tape(request(path, from_minute=2))


def test_a_period_without_bars_says_what_the_file_holds(written: Callable[[Sequence[Row]], Path]) -> None:
    path = written([row(0), row(9)])

    with pytest.raises(InputError) as error:
        load_tape(request(path, from_minute=20, to_minute=30))
    assert "no bar from 2024-01-01T00:20:00Z to 2024-01-01T00:30:00Z" in str(error.value)
    assert "the file holds 2024-01-01T00:00:00Z to 2024-01-01T00:09:00Z" in str(error.value)


def test_a_file_whose_bars_are_all_unsound_says_why_none_is_left(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "bars.csv", [(START_MS, 0.0, 0.0, 0.0, 0.0, 0.0)])

    with pytest.raises(InputError, match=r"no bar from its beginning to its end.*1 rows were read: 1 unpriced"):
        load_tape(request(path))


def test_an_empty_file_is_an_error(written: Callable[[Sequence[Row]], Path]) -> None:
    with pytest.raises(InputError, match="the file holds no bars"):
        load_tape(request(written([])))


def test_a_price_step_larger_than_the_price_is_an_error(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "bars.csv", [(START_MS, 0.01, 0.01, 0.01, 0.01, 1.0)])

    with pytest.raises(InputError, match=r"row 1 .* below the price step 0.5; choose a smaller price step"):
        load_tape(request(path))


def test_nanoseconds_or_seconds_in_place_of_milliseconds_are_found(written: Callable[[Sequence[Row]], Path]) -> None:
    with pytest.raises(InputError, match=r"holds timestamp 17040672.* \(are these milliseconds\?\)"):
        load_tape(request(written([(START_MS * 1_000_000, *row(0)[1:])]), from_minute=0))
    with pytest.raises(InputError, match="the file holds 1970-01-20"):
        load_tape(request(written([(START_MS // 1000, *row(0)[1:])]), from_minute=0))


def test_a_missing_file_a_folder_and_an_unknown_format_are_errors(tmp_path: Path) -> None:
    (tmp_path / "bars.txt").write_text("hello")
    for name, problem in [("absent.parquet", "No such file"), ("", "Is a directory"), ("bars.txt", "neither Parquet")]:
        with pytest.raises(InputError, match=problem):
            load_tape(request(tmp_path / name))
    with pytest.raises(InputError, match="cannot be read as CSV"):
        load_tape(request(tmp_path / "absent.csv"))


def test_a_timeframe_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="timeframe of 0 ns"):
        load_tape(TapeRequest(tmp_path / "bars.csv", "paper", "BTC-USD", 0, 0.5))


@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.sampled_from([100.0, 100.5, 200.0]), st.booleans()), min_size=1, max_size=25
    )
)
def test_whatever_the_order_each_minute_ends_with_its_last_sound_row(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[int, float, bool]]
) -> None:
    rows = [
        row(minute, close) if sound else (row(minute)[0], 0.0, 0.0, 0.0, 0.0, 0.0) for minute, close, sound in drawn
    ]
    expected = {minute: row(minute, close) for minute, close, sound in drawn if sound}
    path = write_csv(tmp_path_factory.mktemp("rows") / "bars.csv", rows)
    if not expected:
        with pytest.raises(InputError, match="no bar from"):
            load_tape(request(path))
        return
    tape = load_tape(request(path))
    report = tape.report
    assert report is not None

    assert rows_of(tape) == [expected[minute] for minute in sorted(expected)]
    assert report.rows == report.bars + report.unpriced + report.duplicates + report.conflicts


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("timestamp,open,high,low,close\n1,2,3,4,5\n", "no column volume; it has timestamp, open"),
        ("", "no column timestamp, open, high, low, close, volume; it has no header"),
        (f"{HEADER}\n{START_MS},1,1,1\n", "row 1 has only 4 fields"),
        (f"{HEADER}\n{START_MS},1,1,one,1,1\n", "row 1: could not convert string to float: 'one'"),
        (f"{HEADER}\n2024-01-01,1,1,1,1,1\n", "row 1: invalid literal.*whole milliseconds"),
        (f"{HEADER}\n-5,1,1,1,1,1\n", "row 1: a timestamp of -5"),
        (f"{HEADER}\n{10**30},1,1,1,1,1\n", "row 1: a timestamp of 1000"),
        (f'{HEADER}\n"{START_MS},1,1,1,1,1\n', "cannot be read as CSV"),
    ],
)
def test_a_csv_that_is_none_says_where(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "bars.csv"
    path.write_text(text)

    with pytest.raises(InputError, match=problem):
        load_tape(request(path))


def test_a_csv_may_have_a_byte_order_mark_more_columns_and_another_order(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    text = f"\ufeffclose,trades,timestamp,open,high,low,volume\n\n100.0,7,{START_MS},99.5,101.0,99.0,2.0\n"
    path.write_text(text, encoding="utf-8")

    assert rows_of(load_tape(request(path))) == [row(0)]


def test_bytes_that_are_no_text_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    path.write_bytes(b"\xff\xfe\x00garbage")

    with pytest.raises(InputError, match="cannot be read as CSV"):
        load_tape(request(path))


@pytest.mark.parametrize(
    ("types", "problem"),
    [
        ("double;double;double;double;double;double", "'timestamp' must be whole milliseconds .* not DOUBLE"),
        ("bigint;varchar;double;double;double;double", r"'open' must hold numbers \(float64\), not VARCHAR"),
    ],
)
def test_parquet_columns_of_another_type_are_an_error(tmp_path: Path, types: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        load_tape(request(write_parquet(tmp_path / "bars.parquet", [row(0)], types=types)))


def test_parquet_rows_without_a_time_are_an_error(tmp_path: Path) -> None:
    timeless: Row = (None, *row(0)[1:])  # type: ignore[assignment]  # a null
    with pytest.raises(InputError, match="1 of 2 rows have no timestamp"):
        load_tape(request(write_parquet(tmp_path / "bars.parquet", [row(0), timeless])))


def test_decimal_and_whole_prices_in_parquet_are_numbers(tmp_path: Path) -> None:
    types = "bigint;decimal(18,2);double;float;bigint;integer"
    path = write_parquet(tmp_path / "bars.parquet", [(START_MS, 99.5, 101.0, 99.0, 100, 2)], types=types)

    assert rows_of(load_tape(request(path))) == [row(0)]


def test_a_damaged_parquet_file_is_an_error(tmp_path: Path) -> None:
    whole = write_parquet(tmp_path / "bars.parquet", [row(minute) for minute in range(50)]).read_bytes()
    for name, damaged in [("cut", whole[: len(whole) // 2]), ("footer", whole[:-8] + b"\xff" * 4 + whole[-4:])]:
        path = tmp_path / f"{name}.parquet"
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=f"{name}.parquet: "):
            load_tape(request(path))


def test_a_parquet_file_may_have_any_name(tmp_path: Path) -> None:
    # Taken as patterns, the odd names would match the plain one, too.
    write_parquet(tmp_path / "bars1.parquet", [row(5)])
    for name in ["bars*.parquet", "bars?.parquet", "bars[1].parquet", "it's.parquet"]:
        odd = write_parquet(tmp_path / "plain.parquet", [row(0)]).rename(tmp_path / name)

        assert minutes(load_tape(request(odd))) == [0]


def test_reading_parquet_leaves_no_files_and_takes_nothing_from_the_users_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary, here = tmp_path / "temporary", tmp_path / "here"
    temporary.mkdir()
    here.mkdir()
    (here / "numpy.py").write_text("raise SystemExit('taken from the wrong folder')")
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    monkeypatch.chdir(here)
    path = write_parquet(tmp_path / "bars.parquet", [row(0)])

    assert minutes(load_tape(request(path))) == [0]
    assert list(temporary.iterdir()) == []
    assert [entry.name for entry in here.iterdir()] == ["numpy.py"]


def test_a_reader_that_dies_is_reported_with_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_parquet(tmp_path / "bars.parquet", [row(0)])
    reader = tmp_path / "reader"
    monkeypatch.setattr("sys.executable", str(reader))
    for script, problem in [
        (f"kill -{int(signal.SIGKILL)} $$", "ended with status -9 .it said nothing"),
        ("echo 'no room' >&2; exit 1", "ended with status 1 .no room"),
        ("exit 0", "ended with status 0"),
    ]:
        reader.write_text(f"#!/bin/sh\n{script}\n")
        reader.chmod(reader.stat().st_mode | stat.S_IXUSR)
        with pytest.raises(InputError, match=problem):
            load_tape(request(path))
    reader.unlink()
    with pytest.raises(InputError, match="could not do its work"):
        load_tape(request(path))


def test_arrays_of_a_tape_are_read_only(tmp_path: Path) -> None:
    tape = load_tape(request(write_csv(tmp_path / "bars.csv", [row(0)])))

    with pytest.raises(ValueError, match="read-only"):
        tape.close[0] = 1.0


def test_ninety_days_of_recorded_minutes_are_read_without_keeping_the_reader_in_memory(shared_dir: Path) -> None:
    path = shared_dir / "data/ohlcv/bitfinex/BTC-USD-1m.parquet"
    from_ns, to_ns = SECONDS_2017_10_01 * 1_000_000_000, SECONDS_2018_01_01 * 1_000_000_000
    before = resident_bytes()
    tape = load_tape(TapeRequest(path, "bitfinex", "BTC-USD", MINUTE_NS, 0.1, from_ns=from_ns, to_ns=to_ns))
    kept = resident_bytes() - before
    report = tape.report
    assert report is not None

    assert len(tape) == 132_344
    assert (tape.opened_at_ns[0], tape.opened_at_ns[-1]) == (from_ns, to_ns - MINUTE_NS)
    assert (report.missing, report.gaps, report.gap_bars_max) == (136, 41, 26)
    assert report.unsorted == report.duplicates == report.conflicts == report.unpriced == report.unclosed == 0
    assert bool((np.diff(tape.opened_at_ns) > 0).all())
    assert kept < 25e6


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(
    ("text", "venue", "instrument", "path"),
    [
        ("coinbase:BTC-USD=a.parquet", "coinbase", "BTC-USD", "a.parquet"),
        ("bybit:BTC-USDT:USDT=dir/x=1:2.csv", "bybit", "BTC-USDT:USDT", "dir/x=1:2.csv"),
        ("paper_2:ETH-USD=/data/e.csv", "paper_2", "ETH-USD", "/data/e.csv"),
    ],
)
def test_a_replay_argument_names_venue_pair_and_path(text: str, venue: str, instrument: str, path: str) -> None:
    argument = parse_replay_argument(text)

    assert (argument.venue, argument.instrument, argument.path) == (venue, instrument, Path(path))


@pytest.mark.parametrize("text", ["", "a.parquet", "coinbase=a", "coinbase:BTC-USD", "coinbase:BTC-USD=", ":BTC-USD=a"])
def test_a_replay_argument_of_another_form_says_how_to_write_it(text: str) -> None:
    with pytest.raises(InputError, match="write VENUE:PAIR=PATH"):
        parse_replay_argument(text)


@pytest.mark.parametrize("pair", ["BTCUSD", "btc-usd", "BTC-USDT:"])
def test_a_replay_argument_with_another_pair_is_refused(pair: str) -> None:
    with pytest.raises(InputError, match="write it like BTC-USD"):
        parse_replay_argument(f"coinbase:{pair}=a.parquet")


def test_a_csv_is_read_alike_quickly_and_with_care(tmp_path: Path) -> None:
    """An empty line, or an empty cell, has the whole file read line by line."""
    lines = [",".join(map(str, row(minute))) for minute in range(5)]
    quick, careful, partly = tmp_path / "quick.csv", tmp_path / "careful.csv", tmp_path / "partly.csv"
    quick.write_text("\n".join([HEADER, *lines]) + "\n")
    careful.write_text("\n".join([HEADER, "", *lines]) + "\n")
    partly.write_text("\n".join([HEADER, *lines[:4], lines[4].rpartition(",")[0] + ","]) + "\n")

    assert rows_of(load_tape(request(quick))) == rows_of(load_tape(request(careful)))
    assert [one[:5] for one in rows_of(load_tape(request(partly)))] == [
        one[:5] for one in rows_of(load_tape(request(quick)))
    ]


def test_rows_of_a_csv_are_named_by_their_place_in_the_file(tmp_path: Path) -> None:
    lines = [",".join(map(str, one)) for one in (row(0), (row(1)[0], 0.0, 0.0, 0.0, 0.0, 0.0), row(2))]
    for number, text in ((2, [HEADER, *lines]), (3, [HEADER, "", *lines])):
        path = tmp_path / "bars.csv"
        path.write_text("\n".join(text) + "\n")
        report = load_tape(request(path)).report
        assert report is not None
        assert report.examples[0].startswith(f"row {number} ")
