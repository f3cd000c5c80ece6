from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from quarterdeck.domain import Bug, IntegrityError
from quarterdeck.journal import JournalSettings, SqliteReader, verify
from tests.journal.making import HandClock, entry, holder, opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def test_rows_are_numbered_from_one_and_come_back_as_written(path: Path) -> None:
    journal = opened(path)
    entries = [entry(number, padding=number * 700) for number in range(1, 10)]
    assert journal.append(entries[:1]) == 1
    assert journal.append(entries[1:]) == 9
    with SqliteReader(path) as reader:
        assert [(row.seq, row.at_ns, row.kind, row.body) for row in reader.rows()] == [
            (number, wanted.at_ns, wanted.kind, wanted.body) for number, wanted in enumerate(entries, start=1)
        ]
        assert reader.head() == (journal.head_seq, journal.head_hash)


def test_a_journal_goes_on_where_it_ended(path: Path) -> None:
    clock = HandClock()
    first = opened(path, clock)
    first.append([entry(1), entry(2)])
    first.release()
    first.close()
    second = opened(path, clock)
    assert (second.head_seq, second.head_hash) == (first.head_seq, first.head_hash)
    assert second.append([entry(3)]) == 3
    assert verify(path).ok


def test_an_append_of_nothing_is_a_bug(path: Path) -> None:
    with pytest.raises(Bug):
        opened(path).append([])


def test_a_closed_journal_writes_nothing(path: Path) -> None:
    journal = opened(path)
    journal.close()
    with pytest.raises(IntegrityError, match="closed"):
        journal.append([entry(1)])


def test_the_journal_of_another_bot_is_refused(path: Path) -> None:
    opened(path).close()
    from_other = "belongs to bot 'keel', not to 'other'"
    with pytest.raises(IntegrityError, match=from_other):
        type(opened(path.with_name("x.db")))(path, "other", holder())


def test_a_file_that_is_not_a_journal_is_refused(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
    other.close()
    with pytest.raises(IntegrityError, match="is not a quarterdeck journal"):
        opened(path)
    with pytest.raises(IntegrityError, match="is not a quarterdeck journal"):
        SqliteReader(path)


def test_text_in_place_of_a_journal_is_refused(path: Path) -> None:
    path.write_text("not a database at all\n" * 400)
    with pytest.raises(IntegrityError, match="not a database"):
        opened(path)


def test_a_journal_of_a_newer_format_is_refused(path: Path) -> None:
    opened(path).close()
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 3")
    other.close()
    for opening in (opened, SqliteReader):
        with pytest.raises(IntegrityError, match="written in journal format 3, we read up to 2; update quarterdeck"):
            opening(path)


def test_a_journal_with_another_table_in_it_is_refused(path: Path) -> None:
    opened(path).close()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TRIGGER sneaky AFTER INSERT ON rows BEGIN SELECT 1; END")
    other.close()
    with pytest.raises(IntegrityError, match="the tables are not those of a journal"):
        opened(path)


def test_a_start_that_was_cut_short_before_the_tables_were_made_is_finished(path: Path) -> None:
    with sqlite3.connect(path) as begun:
        begun.execute("PRAGMA journal_mode = WAL")
    begun.close()
    assert opened(path).append([entry(1)]) == 1


def test_only_the_owner_of_the_files_may_read_them(path: Path) -> None:
    opened(path)
    for side in (path, path.with_name("journal.db-wal")):
        assert stat.S_IMODE(side.stat().st_mode) == 0o600


def test_a_foreign_writer_is_found_and_nothing_more_is_written(path: Path) -> None:
    journal = opened(path)
    journal.append([entry(1)])
    with sqlite3.connect(path) as foreign:
        foreign.execute("INSERT INTO rows VALUES (2, 0, 'Foreign', x'00', x'00')")
    foreign.close()
    with pytest.raises(IntegrityError, match="another process wrote to the journal: it ends at row 2, we left it at 1"):
        journal.append([entry(2)])
    with pytest.raises(IntegrityError):
        journal.append([entry(3)])
    assert journal.failure is not None
    assert verify(path).first_bad_seq == 2


def test_a_foreign_change_of_our_lease_is_found(path: Path) -> None:
    journal = opened(path)
    with sqlite3.connect(path) as foreign:
        foreign.execute("UPDATE lease SET until_boot_ns = until_boot_ns + 1")
    foreign.close()
    with pytest.raises(IntegrityError, match="lease"):
        journal.append([entry(1)])


def test_a_removed_row_is_found_by_the_next_append(path: Path) -> None:
    journal = opened(path)
    journal.append([entry(1), entry(2)])
    with sqlite3.connect(path) as foreign:
        foreign.execute("DELETE FROM rows WHERE seq = 2")
    foreign.close()
    with pytest.raises(IntegrityError, match="it ends at row 1, we left it at 2"):
        journal.append([entry(3)])


def test_a_file_locked_by_another_process_for_too_long_ends_the_journal(path: Path) -> None:
    journal = opened(path, settings=JournalSettings(lock_timeout_ms=20))
    locking = sqlite3.connect(path, isolation_level=None)
    locking.execute("BEGIN IMMEDIATE")
    with pytest.raises(IntegrityError, match=r"database is locked; another process holds the file"):
        journal.append([entry(1)])
    locking.close()
    with pytest.raises(IntegrityError):
        journal.append([entry(1)])


@pytest.mark.parametrize("side", ["journal.db", "journal.db-wal"])
def test_a_file_deleted_while_the_bot_runs_ends_the_journal(path: Path, side: str) -> None:
    journal = opened(path)
    journal.append([entry(1)])
    path.with_name(side).unlink()
    with pytest.raises(IntegrityError, match="moved or deleted"):
        journal.append([entry(2)])


def test_a_file_replaced_while_the_bot_runs_ends_the_journal(path: Path) -> None:
    journal = opened(path)
    journal.append([entry(1)])
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    other.replace(path)
    with pytest.raises(IntegrityError, match="was replaced while the bot was running"):
        journal.append([entry(2)])


def test_a_checkpoint_falls_due_with_the_size_of_the_wal_and_changes_nothing(path: Path) -> None:
    journal = opened(path, settings=JournalSettings(checkpoint_bytes=100_000))
    while not journal.checkpoint_is_due():
        journal.append([entry(journal.head_seq + 1, padding=2000)])
    journal.checkpoint()
    assert not journal.checkpoint_is_due()
    assert path.stat().st_size > 2000 * journal.head_seq
    journal.append([entry(1)])
    assert verify(path).ok
