from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given

from quarterdeck.domain import ConfigError, IntegrityError, NotOwner
from quarterdeck.exchange import Exchange, Personality
from quarterdeck.venues import PaperConfig, PaperFile
from tests.exchange.test_conservation import PERSONALITIES, STEPS, Step
from tests.exchange.trading_floor import PAIR
from tests.venues.bench_side import config


def reopened(path: Path, setup: PaperConfig) -> Exchange:
    file = PaperFile(path)
    try:
        return file.exchange(setup)
    finally:
        file.close()


@given(personality=PERSONALITIES.filter(lambda p: p.history_max > 100), steps=STEPS)
def test_what_was_saved_request_by_request_is_the_whole_exchange(personality: Personality, steps: list[Step]) -> None:
    setup = config(personality)
    with TemporaryDirectory() as folder:
        path = Path(folder, "venue.db")
        file = PaperFile(path)
        exchange = file.exchange(setup)
        for now, step in enumerate(steps, start=1):
            file.save(exchange, step(exchange, now), (PAIR,))
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


def test_a_file_that_is_no_database_is_an_integrity_error(tmp_path: Path) -> None:
    (tmp_path / "venue.db").write_bytes(b"not a database, but long enough to look like a file" * 30)
    with pytest.raises(IntegrityError, match="not the file of a paper venue"):
        PaperFile(tmp_path / "venue.db")
