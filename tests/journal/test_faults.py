"""Real faults of the file system: a full disk, a limit on the size of files, a process killed while it writes."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from quarterdeck.domain import IntegrityError
from quarterdeck.journal import Projector, SqliteJournal, SqliteReader, verify
from tests.journal.making import HandClock, entry, opened

SMALL_BYTES = 400_000

LIMITED = """
import pathlib, resource, signal, sys
from quarterdeck.domain import IntegrityError
from quarterdeck.journal import Projector, SqliteJournal, this_process
from quarterdeck.ports import Entry

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = pathlib.Path(sys.argv[1])
journal = SqliteJournal(path, "keel", this_process())
# Not a multiple of a page: the last write that fits is a short one.
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    while True:
        print(journal.append([Entry(1, "Woke", b"x" * 1500), Entry(2, "Woke", b"y" * 1500)]), flush=True)
except IntegrityError as error:
    print("died:", error)
try:
    journal.append([Entry(1, "Woke", b"x")])
except IntegrityError:
    print("stays dead")
journal.close()
"""

ENDLESS = """
import pathlib, sys
from quarterdeck.journal import JournalSettings, SqliteJournal, this_process
from quarterdeck.ports import Entry

journal = SqliteJournal(pathlib.Path(sys.argv[1]), "keel", this_process())
while True:
    print(journal.append([Entry(1, "Woke", b"x" * 900) for _ in range(3)]), flush=True)
"""


def fill(journal: SqliteJournal, acknowledged: list[int]) -> None:
    """Append until it fails, and note what was acknowledged."""
    while True:
        acknowledged.append(journal.append([entry(len(acknowledged) + 1, padding=2000)]))


def fill_disk(ballast: Path) -> None:
    with ballast.open("ab", buffering=0) as file:
        while True:
            file.write(bytes(4096))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few pages."""
    folder = tmp_path / "small"
    folder.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"size={SMALL_BYTES}".encode()
    if libc.mount(b"tmpfs", str(folder).encode(), b"tmpfs", 0, options) != 0:
        pytest.skip(f"this user may not mount a small tmpfs: {os.strerror(ctypes.get_errno())}")
    yield folder
    libc.umount2(str(folder).encode(), 2)  # MNT_DETACH: a journal of a failed test may still be open


def test_a_full_disk_ends_the_journal_and_loses_nothing_acknowledged(small_disk: Path) -> None:
    clock = HandClock()
    journal = opened(small_disk / "journal.db", clock)
    acknowledged: list[int] = []
    with pytest.raises(IntegrityError, match="disk is full; free space on the disk, then start the bot again"):
        fill(journal, acknowledged)
    with pytest.raises(IntegrityError):
        journal.append([entry(1)])
    with pytest.raises(IntegrityError):
        journal.renew()
    journal.close()
    report = verify(small_disk / "journal.db")
    assert report.rows >= acknowledged[-1] > 10
    assert all("torn" in problem.what for problem in report.problems)


def test_a_bot_on_a_full_disk_starts_again_once_there_is_space(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(100_000))
    clock = HandClock()
    journal = opened(small_disk / "journal.db", clock)
    acknowledged: list[int] = []
    with pytest.raises(IntegrityError):
        fill(journal, acknowledged)
    journal.close()
    ballast.unlink()
    clock.turn(11)
    again = opened(small_disk / "journal.db", clock, pid=22)
    assert again.append([entry(1)]) > acknowledged[-1]
    assert verify(small_disk / "journal.db").ok


def test_a_disk_too_full_for_projections_leaves_the_journal_as_it_is(small_disk: Path) -> None:
    journal = opened(small_disk / "journal.db")
    journal.append([entry(number) for number in range(1, 4)])
    projector = Projector(small_disk / "journal.db")
    with pytest.raises(OSError, match="No space left"):
        fill_disk(small_disk / "ballast")
    projector.step()
    assert journal.failure is None
    (small_disk / "ballast").unlink()
    assert journal.append([entry(4)]) == 4
    projector.close()
    assert verify(small_disk / "journal.db").ok


@pytest.mark.parametrize("limit_bytes", [150_001, 200_777, 263_000])
def test_a_short_write_ends_the_journal_and_loses_nothing_acknowledged(tmp_path: Path, limit_bytes: int) -> None:
    path = tmp_path / "journal.db"
    command = [sys.executable, "-c", LIMITED, str(path), str(limit_bytes)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    *numbers, died, stays = done.stdout.splitlines()
    assert died.startswith("died:")
    assert "start the bot again" in died
    assert stays == "stays dead"
    report = verify(path)
    assert not [problem for problem in report.problems if problem.seq is not None]
    # The transaction that failed may have reached the file, whole or not at all.
    assert report.rows in (int(numbers[-1]), int(numbers[-1]) + 2)
    after = opened(path, boot_id="boot-2")
    assert after.append([entry(1)]) == report.rows + 1
    assert verify(path).ok


@pytest.mark.parametrize("rows_min", [3, 60, 300])
def test_a_killed_process_leaves_every_acknowledged_row(tmp_path: Path, rows_min: int) -> None:
    path = tmp_path / "journal.db"
    command = [sys.executable, "-c", ENDLESS, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writing:
        assert writing.stdout is not None
        acknowledged = 0
        while acknowledged < rows_min:
            acknowledged = int(writing.stdout.readline())
        writing.send_signal(signal.SIGKILL)
        rest = [int(line) for line in writing.stdout.read().splitlines() if line]
    acknowledged = rest[-1] if rest else acknowledged
    with SqliteReader(path) as reader:
        found = sum(1 for _ in reader.rows())
    assert found >= acknowledged
    assert found % 3 == 0
    assert verify(path).ok
    assert opened(path, boot_id="boot-2").append([entry(1)]) == found + 1
