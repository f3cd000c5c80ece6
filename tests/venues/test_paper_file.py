import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from msgspec.structs import replace

from quarterdeck.domain import ConfigError, IntegrityError, NotOwner, Side
from quarterdeck.exchange import Exchange, Personality
from quarterdeck.venues import PaperConfig, PaperFile
from tests.exchange.histories import PERP, PERSONALITIES, STEP_NS, STEPS, Step
from tests.exchange.trading_floor import ACCOUNT, PAIR, limit, listing, place, state_of
from tests.venues.bench_side import config


def reopened(path: Path, setup: PaperConfig) -> Exchange:
    file = PaperFile(path)
    try:
        return file.exchange(setup)
    finally:
        file.close()


@given(personality=PERSONALITIES.filter(lambda p: p.history_max > 100), steps=STEPS)
def test_what_was_saved_request_by_request_is_the_whole_exchange(personality: Personality, steps: list[Step]) -> None:
    perpetual = replace(listing(), instrument=PERP)
    setup = replace(config(personality), listings=(listing(), perpetual))
    with TemporaryDirectory() as folder:
        path = Path(folder, "venue.db")
        file = PaperFile(path)
        exchange = file.exchange(setup)
        for now, step in enumerate(steps, start=1):
            file.save(exchange, step(exchange, now * STEP_NS), (PAIR, PERP))
        file.close()
        assert reopened(path, setup).to_bytes() == exchange.to_bytes()


def test_one_file_has_one_owner(tmp_path: Path) -> None:
    file = PaperFile(tmp_path / "venue.db")
    file.exchange(config())
    with pytest.raises(NotOwner, match="end the other one"):
        PaperFile(tmp_path / "venue.db")
    file.close()
    reopened(tmp_path / "venue.db", config())


def test_a_file_is_not_reused_for_another_venue(tmp_path: Path) -> None:
    reopened(tmp_path / "venue.db", config())
    with pytest.raises(ConfigError, match="another configuration"):
        reopened(tmp_path / "venue.db", config(Personality(lag_ns=1)))


def test_a_file_takes_up_what_is_listed_otherwise_now_and_keeps_what_was_listed_before(tmp_path: Path) -> None:
    path, dearer = tmp_path / "venue.db", listing(fee_taker=Decimal("0.003"))
    reopened(path, config())
    changed = reopened(path, replace(config(), listings=(dearer, listing("ETH-USD"))))
    assert list(changed.setup.listings.values()) == [dearer, listing("ETH-USD")]
    kept = reopened(path, replace(config(), listings=(dearer,)))
    assert kept.to_bytes() == changed.to_bytes()


def test_a_file_refuses_another_grid_once_there_are_orders_on_it(tmp_path: Path) -> None:
    path, finer = tmp_path / "venue.db", replace(config(), listings=(listing(tick=Decimal("0.01")),))
    file = PaperFile(path)
    exchange = file.exchange(config())
    exchange.deposit(ACCOUNT, "USD", Decimal(1000))
    file.save(exchange, place(exchange, limit("a", Side.BUY, "1", "90.0"))[1])
    file.close()
    with pytest.raises(ConfigError, match=r"venue\.db: BTC-USD: .* must stay; use another file"):
        reopened(path, finer)


def test_a_file_that_is_no_database_is_an_integrity_error(tmp_path: Path) -> None:
    (tmp_path / "venue.db").write_bytes(b"not a database, but long enough to look like a file" * 30)
    with pytest.raises(IntegrityError, match="not the file of a paper venue"):
        PaperFile(tmp_path / "venue.db")


def written_by_0_2_0(path: Path) -> Path:
    """Restore a file as version 0.2.0 wrote it: orders that filled, work, wait and ended, and a book."""
    script = (Path(__file__).parent / "paper_venue_0_2_0.sql").read_text()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)
    return path


@pytest.mark.parametrize("habits", [Personality(), Personality(stops=True, acks="async", ack_lag_ns=5)])
def test_a_file_of_version_0_2_0_opens_and_takes_up_the_habits_that_it_does_not_know(
    tmp_path: Path, habits: Personality
) -> None:
    path = written_by_0_2_0(tmp_path / "venue.db")
    exchange = reopened(path, config(habits))
    exchange.check()
    assert exchange.setup.personality == habits
    assert exchange.balances(ACCOUNT) == {
        "USD": (Decimal("99757.516"), Decimal("90.18")),
        "BTC": (Decimal("101.0"), Decimal("0.5")),
    }
    states = {id_: state_of(exchange, id_) for id_ in ("filled", "working", "ended", "waiting")}
    assert list(states.values()) == ["filled", "open", "cancelled", "open"]
    assert [trade.cursor for trade in exchange.fills_after(ACCOUNT, 0)] == [1, 2]
    assert reopened(path, config(habits)).to_bytes() == exchange.to_bytes()


def test_a_file_of_version_0_2_0_is_not_reused_with_another_habit_that_it_knows(tmp_path: Path) -> None:
    path = written_by_0_2_0(tmp_path / "venue.db")
    with pytest.raises(ConfigError, match="another configuration; use that one, or another file"):
        reopened(path, config(Personality(lag_ns=1)))
