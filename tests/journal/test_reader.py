from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from quarterdeck.domain import Bug, ConfigError, IntegrityError
from quarterdeck.journal import SqliteReader, verify
from quarterdeck.journal.database import connect
from quarterdeck.journal.reader import CHUNK_ROWS
from quarterdeck.journal.snapshots import SNAPSHOTS_KEPT
from tests.journal.making import HandClock, entry, opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def test_rows_stream_from_any_row_on_in_chunks(path: Path) -> None:
    journal = opened(path)
    count = 2 * CHUNK_ROWS + 3
    journal.append([entry(number) for number in range(1, count + 1)])
    with SqliteReader(path) as reader:
        assert [row.seq for row in reader.rows()] == list(range(1, count + 1))
        assert [row.seq for row in reader.rows(after_seq=count - 2)] == [count - 1, count]
        assert [row.seq for row in reader.rows(after_seq=5, limit=CHUNK_ROWS + 1)] == list(range(6, 7 + CHUNK_ROWS))
        assert list(reader.rows(after_seq=count)) == []
        assert list(reader.rows(limit=0)) == []


def test_a_reader_sees_what_is_appended_while_it_reads(path: Path) -> None:
    journal = opened(path)
    journal.append([entry(number) for number in range(CHUNK_ROWS)])
    with SqliteReader(path) as reader:
        rows = reader.rows()
        assert next(rows).seq == 1
        journal.append([entry(1)])
        assert sum(1 for _ in rows) == CHUNK_ROWS


def test_a_closed_journal_can_be_read_and_is_not_changed(path: Path) -> None:
    journal = opened(path)
    journal.append([entry(1)])
    journal.close()
    before = path.read_bytes()
    with SqliteReader(path) as reader:
        assert reader.head()[0] == 1
        lease = reader.lease()
        with pytest.raises(sqlite3.OperationalError):
            reader.connection.execute("DELETE FROM rows")
    assert lease == journal.lease
    assert path.read_bytes() == before


def test_a_missing_journal_is_a_clear_error(path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file; start the bot once"):
        SqliteReader(path)
    with pytest.raises(ConfigError, match="there is no such file"):
        verify(path)


def test_reading_after_a_row_that_does_not_exist_is_a_clear_error(path: Path) -> None:
    opened(path)
    with SqliteReader(path) as reader, pytest.raises(IntegrityError, match="no row 3 to continue from"):
        list(reader.rows(after_seq=3))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user, whom the folder's rights bind")
def test_a_folder_that_may_not_be_written_to_can_be_read_but_not_opened_for_writing(path: Path) -> None:
    journal = opened(path)
    journal.append([entry(1), entry(2)])
    journal.close()
    path.chmod(0o444)
    path.parent.chmod(0o555)
    script = (
        "import os, pathlib, sys\n"
        "from quarterdeck.domain import IntegrityError\n"
        "from quarterdeck.journal import Holder, SqliteJournal, SqliteReader, verify\n"
        "os.chroot(sys.argv[1])  # the folders above belong to root alone\n"
        "path = pathlib.Path('/journal.db')\n"
        "holder = Holder(pid=1, host='h', boot_id='b')\n"
        "os.setuid(65534)\n"
        "print(SqliteReader(path).head()[0], verify(path).ok)\n"
        "for target in (path, path.with_name('new.db')):\n"
        "    try:\n"
        "        SqliteJournal(target, 'keel', holder)\n"
        "    except IntegrityError as error:\n"
        "        print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path.parent)], capture_output=True, text=True, check=False)
    path.parent.chmod(0o755)
    assert done.returncode == 0, done.stderr
    read, *refusals = done.stdout.splitlines()
    assert read == "2 True"
    assert len(refusals) == 2
    assert all("writ" in refusal or "Permission denied" in refusal for refusal in refusals), refusals


def test_the_latest_snapshot_at_or_before_a_row_is_found(path: Path) -> None:
    journal = opened(path)
    journal.append([entry(number) for number in range(1, 9)])
    with SqliteReader(path) as reader:
        assert reader.latest_snapshot() is None
        journal.save_snapshot(3, b"h3", b"state 3")
        journal.save_snapshot(6, b"h6", b"state 6")
        latest = reader.latest_snapshot()
        earlier = reader.latest_snapshot(5)
        assert reader.latest_snapshot(2) is None
        hashes = {row.seq: row.hash for row in reader.rows()}
    assert latest is not None
    assert (latest.seq, latest.state_hash, latest.body, latest.chain_hash) == (6, b"h6", b"state 6", hashes[6])
    assert earlier is not None
    assert earlier.seq == 3


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE snapshots SET body = x'00' WHERE seq = 6",
        "UPDATE snapshots SET state_hash = 'text' WHERE seq = 6",
        "UPDATE snapshots SET chain_hash = zeroblob(32) WHERE seq = 6",
        "UPDATE snapshots SET seq = 7 WHERE seq = 6",
    ],
)
def test_a_damaged_snapshot_is_skipped_and_named(path: Path, damage: str) -> None:
    journal = opened(path)
    journal.append([entry(number) for number in range(1, 9)])
    journal.save_snapshot(3, b"h3", b"state 3")
    journal.save_snapshot(6, b"h6", b"state 6")
    with sqlite3.connect(path) as other:
        other.execute(damage)
    other.close()
    with SqliteReader(path) as reader:
        found = reader.latest_snapshot()
    assert found is not None
    assert found.seq == 3
    assert len(found.skipped) == 1
    report = verify(path)
    assert [problem.what for problem in report.problems] == list(found.skipped)
    assert report.snapshots == 1


def test_a_snapshot_of_a_row_that_is_not_there_is_a_bug(path: Path) -> None:
    with pytest.raises(Bug):
        opened(path).save_snapshot(1, b"", b"")


def test_old_snapshots_go_when_there_are_many(path: Path) -> None:
    journal = opened(path, HandClock())
    journal.append([entry(number) for number in range(1, SNAPSHOTS_KEPT + 4)])
    for seq in range(1, SNAPSHOTS_KEPT + 4):
        journal.save_snapshot(seq, b"h", b"s")
    assert verify(path).snapshots == SNAPSHOTS_KEPT
    with SqliteReader(path) as reader:
        assert reader.latest_snapshot(3) is None


@pytest.mark.parametrize("how_far", ["touched", "opened"])
def test_a_journal_cut_off_in_the_making_reads_as_blank_and_is_made_by_the_next_start(path: Path, how_far: str) -> None:
    path.touch()
    if how_far == "opened":
        connect(path, synchronous="FULL").close()
        assert path.stat().st_size > 0
    with pytest.raises(ConfigError, match="still blank: its first start is under way, or was cut off; start the bot"):
        SqliteReader(path)
    report = verify(path)
    assert not report.ok
    assert "still blank" in report.problems[-1].what
    assert opened(path).append([entry(1)]) == 1
    assert verify(path).ok
