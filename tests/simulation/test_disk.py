"""A disk that loses power in the middle of a commit: what was acknowledged is there, and a torn tail is seen as one."""

from functools import partial
from pathlib import Path
from random import Random

import pytest

from quarterdeck.journal import Holder, JournalSettings, SqliteJournal, SqliteReader, scan_wal
from quarterdeck.ports import Entry
from tests.simulation.disk import Disk

OURS = Holder(pid=1, host="here", boot_id="boot")
NEXT = Holder(pid=2, host="here", boot_id="boot")


def entries(first: int, count: int) -> list[Entry]:
    return [Entry(at_ns, "Woke", f"row {at_ns} ".encode() * 200) for at_ns in range(first, first + count)]


def opened(path: Path, holder: Holder, gone_epoch: int | None = None) -> SqliteJournal:
    settings = JournalSettings(synchronous="OFF", checkpoint_bytes=40_000)
    return SqliteJournal(path, "drill", holder, settings=settings, clock=lambda: 1, gone_epoch=gone_epoch)


@pytest.mark.parametrize("seed", range(25))
def test_a_torn_commit_loses_nothing_that_was_acknowledged_and_can_be_gone_on_from(tmp_path: Path, seed: int) -> None:
    rng = Random(seed)
    path = tmp_path / "journal.db"
    journal = opened(path, OURS)
    acknowledged = 0
    for _ in range(rng.randrange(1, 12)):
        acknowledged = journal.append(entries(acknowledged + 1, rng.randrange(1, 4)))
        if journal.checkpoint_is_due():
            journal.checkpoint()
    Disk(path, rng).tear(partial(journal.append, entries(acknowledged + 1, 3)))
    assert not scan_wal(path.with_name("journal.db-wal")).damaged
    successor = opened(path, NEXT, gone_epoch=1)
    assert successor.head_seq in (acknowledged, acknowledged + 3)
    last = successor.append(entries(successor.head_seq + 1, 2))
    with SqliteReader(path) as reader:
        rows = list(reader.rows())
    assert [row.at_ns for row in rows] == list(range(1, last + 1))
    successor.close()
    journal.close()


def test_a_failure_of_the_disk_is_due_once(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "journal.db", Random(1))
    disk.fails_next = "full"
    assert (disk.take_failure(), disk.take_failure()) == ("full", "")
