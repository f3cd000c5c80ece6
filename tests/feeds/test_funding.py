"""Recorded funding: read from either format, sorted, and refused where it cannot be right."""

from pathlib import Path

import duckdb
import pytest

from quarterdeck.domain import InputError
from quarterdeck.feeds import load_funding

HOUR_MS = 3_600_000
ROWS = [(8 * HOUR_MS, 0.0001), (16 * HOUR_MS, -0.00025), (24 * HOUR_MS, 0.0)]


def csv_of(folder: Path, rows: list[tuple[object, object]], header: str = "timestamp,funding_rate") -> Path:
    path = folder / "funding.csv"
    path.write_text("\n".join([header, *(f"{at},{rate}" for at, rate in rows)]) + "\n")
    return path


def test_csv_and_parquet_say_the_same(tmp_path: Path) -> None:
    path = csv_of(tmp_path, list(ROWS))
    parquet = tmp_path / "funding.parquet"
    with duckdb.connect() as connection:
        connection.read_csv(str(path)).write_parquet(str(parquet))
    for one in (load_funding(path), load_funding(parquet)):
        assert list(zip(one.at_ns.tolist(), one.rate.tolist(), strict=True)) == [
            (at * 1_000_000, rate) for at, rate in ROWS
        ]
        assert not one.at_ns.flags.writeable


def test_what_is_unsorted_or_stands_twice_is_put_right(tmp_path: Path) -> None:
    tape = load_funding(csv_of(tmp_path, [ROWS[2], ROWS[0], ROWS[1], ROWS[0]]))
    assert tape.at_ns.tolist() == [at * 1_000_000 for at, _ in ROWS]
    assert len(tape) == 3


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([], "no settlement"),
        ([(0, "nan")], "row 1: a funding rate of nan"),
        ([(0, 0.1), (1, 1.5)], "row 2: a funding rate of 1.5"),
        ([(0, 0.1), (0, 0.2)], "two rates for timestamp 0"),
        ([(-1, 0.1)], "row 1: a timestamp of -1"),
        ([("x", 0.1)], "row 1: invalid literal"),
        ([(0, 0.1), (10**30, 0.1)], "a timestamp is beyond 64 bits"),
        ([(0, "")], "row 1: a funding rate of nan"),
    ],
)
def test_what_cannot_be_right_is_refused(tmp_path: Path, rows: list[tuple[object, object]], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        load_funding(csv_of(tmp_path, rows))


def test_a_file_without_the_column_is_named_with_what_it_has(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no column funding_rate; it has timestamp, rate"):
        load_funding(csv_of(tmp_path, [(0, 0.1)], header="timestamp,rate"))
    with pytest.raises(InputError, match="cannot be read"):
        load_funding(tmp_path / "absent.parquet")


def test_real_funding_is_read(shared_dir: Path) -> None:
    tape = load_funding(shared_dir / "data" / "perp" / "binance" / "BTC-USDT-funding.parquet")
    assert len(tape) == 5819
    assert tape.rate[0] == 0.0001
