from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from quarterdeck.journal import Anchor, JournalWriter, anchors_of, read_anchors, verify
from quarterdeck.journal.anchors import BYTES_MAX, HOUR_NS, OLD_STEP, RECENT_KEPT, Anchors
from tests.journal.aging import aged, journal_path
from tests.journal.making import HandClock, entry, opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


async def write_hourly(path: Path, hours: int, clock: HandClock | None = None) -> None:
    """Two rows in each hour, a clean end, and the file closed."""
    writer = JournalWriter(opened(path, clock), clock=clock or HandClock())
    for half in range(2 * hours):
        await writer.append([entry(1 + half * HOUR_NS // 2)])
    await writer.release()
    await writer.aclose()


async def test_the_head_is_noted_once_an_hour_and_at_a_clean_end(path: Path) -> None:
    await write_hourly(path, 3)
    assert [anchor.seq for anchor in read_anchors(path).anchors] == [1, 3, 5, 6]
    report = verify(path)
    assert (report.ok, report.anchors, report.notes) == (True, 4, ())
    assert anchors_of(path) == path.with_name("heads.jsonl")
    assert oct(anchors_of(path).stat().st_mode & 0o777) == "0o600"


async def test_the_next_session_goes_on_where_the_last_one_stopped(path: Path) -> None:
    clock = HandClock()
    await write_hourly(path, 2, clock)
    writer = JournalWriter(opened(path, clock), clock=clock)
    await writer.append([entry(2 * HOUR_NS - 1)])
    await writer.append([entry(2 * HOUR_NS)])
    await writer.aclose()
    assert [anchor.seq for anchor in read_anchors(path).anchors] == [1, 3, 4, 6]


async def test_a_journal_that_lost_its_last_rows_is_found(path: Path) -> None:
    await write_hourly(path, 3)
    with sqlite3.connect(path) as raw:
        raw.execute("DELETE FROM rows WHERE seq > 4")
    (problem,) = verify(path).problems
    assert "ends at row 4" in problem.what
    assert "names row 6" in problem.what
    assert problem.seq == 5


async def test_a_journal_that_was_exchanged_as_a_whole_is_found(path: Path, tmp_path: Path) -> None:
    await write_hourly(path, 3)
    other = tmp_path / "other" / "journal.db"
    other.parent.mkdir()
    writer = JournalWriter(opened(other), clock=HandClock())
    for half in range(8):
        await writer.append([entry(2 + half * HOUR_NS // 2)])
    await writer.aclose()
    shutil.copyfile(other, path)
    report = verify(path)
    assert report.first_bad_seq == 1
    assert "is not the one that" in report.problems[0].what


def test_a_journal_without_anchors_is_sound_and_says_so(path: Path) -> None:
    journal = opened(path)
    journal.append([entry(1)])
    journal.anchor()
    anchors_of(path).unlink()
    report = verify(path)
    assert report.ok
    assert "nothing outside the file speaks for its last rows" in report.notes[0]


def test_a_line_that_a_crash_cut_short_stays_for_itself(path: Path) -> None:
    journal = opened(path)
    journal.append([entry(1)])
    journal.anchor()
    with anchors_of(path).open("ab") as file:
        file.write(b'{"seq": 2, "ha')
    journal.append([entry(2)])
    journal.anchor()
    assert [anchor.seq for anchor in read_anchors(path).anchors] == [1, 2]
    report = verify(path)
    assert (report.ok, report.anchors) == (True, 2)
    assert "1 lines are no anchors" in report.notes[0]


def test_heads_that_cannot_be_noted_stop_nobody(path: Path) -> None:
    journal = opened(path)
    anchors_of(path).mkdir()
    journal.append([entry(1)])
    journal.anchor()
    assert "could not be noted" in journal.anchor_failure
    assert journal.append([entry(2)]) == 2
    assert not journal.anchor_is_due()  # tried again in the next hour, not with every append


def test_the_file_of_anchors_stays_bounded_and_keeps_old_heads_too(path: Path) -> None:
    anchors = Anchors(path, is_synced=False)
    size = 0
    number = 0
    with anchors_of(path).open("wb") as file:
        while size < BYTES_MAX - 200:
            number += 1
            size += file.write(b'{"seq":%d,"hash":"%s","at_ns":%d}\n' % (number, b"0" * 64, number * HOUR_NS))
    anchors = Anchors(path, is_synced=False)
    for seq in range(number + 1, number + 5):
        anchors.note(seq, bytes(32), seq * HOUR_NS)
    assert anchors_of(path).stat().st_size < BYTES_MAX / 2
    kept = [anchor.seq for anchor in read_anchors(path).anchors]
    assert kept[-RECENT_KEPT:] == list(range(number + 5 - RECENT_KEPT, number + 5))
    assert kept[:3] == [1, 1 + OLD_STEP, 1 + 2 * OLD_STEP]


def test_anchors_of_archived_rows_are_compared_too(tmp_path: Path) -> None:
    path = journal_path(tmp_path)
    journal = aged(path, 4)
    journal.anchor()
    with anchors_of(path).open("ab") as file:
        file.write(b'{"seq":3,"hash":"%s","at_ns":1}\n' % (b"0" * 64))
    assert verify(path).first_bad_seq == 3


def test_an_anchor_says_what_it_is() -> None:
    assert [*Anchor.__struct_fields__] == ["seq", "hash", "at_ns"]
