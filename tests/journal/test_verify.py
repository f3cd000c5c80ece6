from __future__ import annotations

import random
import sqlite3
from contextlib import suppress
from pathlib import Path

import pytest

from quarterdeck.domain import ConfigError, IntegrityError
from quarterdeck.journal import Projector, SqliteReader, events, export, orders, trades, verify
from quarterdeck.journal.database import PAGE_BYTES
from quarterdeck.journal.header import header_damage
from tests.journal.making import entry, opened, story

Content = list[list[tuple[object, ...]]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed journal of 127 rows in some 30 pages, with snapshots and projected tables."""
    journal = opened(tmp_path / "journal.db")
    journal.append(story())
    journal.append([entry(number, padding=number % 900) for number in range(8, 128)])
    journal.save_snapshot(50, b"h" * 32, b"state" * 300)
    journal.save_snapshot(100, b"i" * 32, b"state" * 3000)
    projector = Projector(journal.path)
    while projector.step():
        pass
    projector.close()
    journal.release()
    journal.close()
    return journal.path


def content_of(path: Path) -> Content:
    """Every value of every table, with its type, as SQLite reads it."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        names = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")
        ]
        return [
            [tuple((type(value), value) for value in row) for row in connection.execute(f"SELECT * FROM {name}")]  # noqa: S608
            for name in names
        ]
    finally:
        connection.close()


def flipped(raw: bytes, place: int, mask: int) -> bytes:
    changed = bytearray(raw)
    changed[place] ^= mask
    return bytes(changed)


def places(raw: bytes, drawn: random.Random, count: int) -> list[int]:
    """The whole file header, the head of each page, and random places, most of them where something stands."""
    heads = [start + offset for start in range(0, len(raw), PAGE_BYTES) for offset in range(0, 12, 3)]
    used = [place for place in (drawn.randrange(len(raw)) for _ in range(3 * count)) if raw[place]]
    return [*range(100), *heads, *used[:count], *(drawn.randrange(len(raw)) for _ in range(count // 4))]


def test_a_sound_journal_is_ok(path: Path) -> None:
    report = verify(path)
    assert report.ok, report.problems
    assert (report.rows, report.snapshots, report.notes) == (127, 2, ())
    with SqliteReader(path) as reader:
        assert report.head_hash == reader.head()[1].hex()


def test_an_empty_journal_is_ok(tmp_path: Path) -> None:
    opened(tmp_path / "journal.db")
    assert verify(tmp_path / "journal.db").ok


def test_one_changed_byte_anywhere_is_found_or_carries_nothing(path: Path) -> None:
    """The same must hold for every other reader: none shows a bare error of SQLite."""
    raw, before = path.read_bytes(), content_of(path)
    drawn = random.Random(20171001)
    found = silent = 0
    for place in places(raw, drawn, 320):
        path.write_bytes(flipped(raw, place, 1 << drawn.randrange(8)))
        if verify(path).ok:
            silent += 1
            assert content_of(path) == before, f"byte {place} changed what is read, and verify did not see it"
        else:
            found += 1
    path.write_bytes(raw)
    assert found > 5 * silent


def test_readers_never_show_a_bare_error_of_sqlite(path: Path) -> None:
    raw = path.read_bytes()
    drawn = random.Random(5)
    for place in places(raw, drawn, 100)[::3]:
        path.write_bytes(flipped(raw, place, 0xFF))
        for read in (trades, orders, events, _drained, _snapshot):
            with suppress(IntegrityError, ConfigError):
                read(path)


@pytest.mark.parametrize(
    ("change", "bad_seq"),
    [
        ("UPDATE rows SET at_ns = at_ns + 1 WHERE seq = 40", 40),
        ("UPDATE rows SET kind = 'Other' WHERE seq = 40", 40),
        ("UPDATE rows SET body = zeroblob(9) WHERE seq = 40", 40),
        ("UPDATE rows SET hash = zeroblob(32) WHERE seq = 40", 40),
        ("UPDATE rows SET kind = CAST(x'ff41' AS TEXT) WHERE seq = 127", 127),
        ("UPDATE rows SET body = 'text' WHERE seq = 40", 40),
        ("DELETE FROM rows WHERE seq = 40", 40),
        ("DELETE FROM rows WHERE seq = 1", 1),
        ("UPDATE rows SET seq = 500 WHERE seq = 127", 127),
    ],
)
def test_the_first_bad_row_is_named(path: Path, change: str, bad_seq: int) -> None:
    _execute(path, change)
    report = verify(path)
    assert report.first_bad_seq is not None
    # SQLite reads a few hundred rows at a time, and text that is no text stops it at the start of such a chunk.
    assert report.first_bad_seq == bad_seq or ("ff41" in change and report.first_bad_seq <= bad_seq)
    assert all(problem.todo for problem in report.problems)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("DELETE FROM rows WHERE seq = 127", "folded up to row 127, but the journal ends at row 126"),
        ("UPDATE fills SET price = '1' WHERE seq = 4 AND nth = 0", "projected table 'fills'"),
        ("DELETE FROM events WHERE seq = 7", "projected table 'events'"),
        ("UPDATE orders SET state = 'open'", "projected table 'orders'"),
        ("UPDATE orders SET booked_lots = 9 WHERE client_id = 'aa'", "projected table 'orders'"),
        ("UPDATE mentions SET seq = 1 WHERE intent_id = 'i-9'", "projected table 'mentions'"),
        ("UPDATE projected SET last_intent = 'x'", "projected table 'projected'"),
        ("UPDATE projected SET seq = 3", "projected table"),
        ("DELETE FROM projected", "does not say how far"),
        ("DELETE FROM lease", "names no owner"),
        ("UPDATE lease SET epoch = 9", "lease in the journal is damaged"),
        ("UPDATE meta SET value = 'other'", "about the journal is damaged"),
        ("DROP TABLE cycles", "the tables are not those of a journal"),
        ("PRAGMA application_id = 3", "not a quarterdeck journal"),
        ("PRAGMA journal_mode = DELETE", "not in WAL mode"),
    ],
)
def test_what_lies_beside_the_rows_is_checked_too(path: Path, change: str, what: str) -> None:
    _execute(path, change)
    report = verify(path)
    assert what in " ".join(problem.what for problem in report.problems)


def test_a_journal_that_was_cut_short_is_found(path: Path) -> None:
    raw = path.read_bytes()
    for length in (0, 50, 100, PAGE_BYTES, len(raw) - PAGE_BYTES, len(raw) - 1):
        path.write_bytes(raw[:length])
        assert not verify(path).ok, length


def test_the_bot_may_run_while_its_journal_is_verified(tmp_path: Path) -> None:
    journal = opened(tmp_path / "journal.db")
    journal.append(story())
    assert verify(journal.path).ok
    assert journal.append([entry(8)]) == 8


def test_a_header_that_is_sound_has_no_damage(path: Path) -> None:
    assert list(header_damage(path.read_bytes()[:100])) == []


def _execute(path: Path, change: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(change).fetchall()
    connection.close()


def _drained(path: Path) -> None:
    with path.with_name("out").open("wb") as out:
        export(path, out)


def _snapshot(path: Path) -> None:
    with SqliteReader(path) as reader:
        reader.latest_snapshot()
        reader.lease()
        reader.head()
