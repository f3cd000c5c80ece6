from __future__ import annotations

import random
from pathlib import Path

import pytest

from quarterdeck.domain import IntegrityError
from quarterdeck.journal import SqliteReader, scan_wal, verify
from quarterdeck.journal.database import PAGE_BYTES, wal_of
from quarterdeck.journal.wal import FRAME_HEADER_BYTES, HEADER_BYTES
from tests.journal.making import HandClock, copied, entry, opened

FRAME_BYTES = FRAME_HEADER_BYTES + PAGE_BYTES
BATCHES = (1, 3, 1, 8, 1, 20, 2)


@pytest.fixture
def crashed(tmp_path: Path) -> Path:
    """The files of a bot that was killed: transactions of 1 to 20 rows, some in the database, some in the WAL."""
    journal = opened(tmp_path / "live.db")
    number = 0
    for index, batch in enumerate(BATCHES):
        journal.append([entry(number + more, padding=400) for more in range(1, batch + 1)])
        number += batch
        if index == 1:
            journal.checkpoint()
    path = copied(journal.path, tmp_path / "crashed")
    journal.close()
    return path


def whole_batches() -> set[int]:
    return {sum(BATCHES[:count]) for count in range(len(BATCHES) + 1)}


def with_wal(crashed: Path, folder: Path, wal: bytes) -> Path:
    path = copied(crashed, folder)
    wal_of(path).write_bytes(wal)
    return path


def positions_to_cut(wal: bytes) -> list[int]:
    frames = range(HEADER_BYTES, len(wal) + 1, FRAME_BYTES)
    within = [start + part for start in frames for part in (1, 12, FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + 2000)]
    return sorted({0, 1, 31, *frames, *(place for place in within if place < len(wal))})


def test_the_wal_of_a_killed_bot_is_sound(crashed: Path) -> None:
    report = scan_wal(wal_of(crashed))
    assert report.frames == (wal_of(crashed).stat().st_size - HEADER_BYTES) // FRAME_BYTES
    assert not report.damaged
    assert not report.torn
    assert verify(crashed).rows == sum(BATCHES)


def test_no_wal_is_fine(tmp_path: Path) -> None:
    assert scan_wal(tmp_path / "none-wal").frames == 0


def test_a_wal_cut_anywhere_leaves_whole_transactions_that_verify_and_go_on(crashed: Path, tmp_path: Path) -> None:
    wal = wal_of(crashed).read_bytes()
    checkpointed = sum(BATCHES[:2])
    kept = []
    for place in positions_to_cut(wal):
        path = with_wal(crashed, tmp_path / f"cut-{place}", wal[:place])
        report = verify(path)
        assert report.ok, (place, report.problems)
        assert report.rows in whole_batches()
        assert report.rows >= checkpointed
        clock = HandClock()
        clock.turn(60)
        journal = opened(path, clock, pid=22)
        assert journal.append([entry(1)]) == report.rows + 1
        journal.close()
        assert verify(path).ok
        kept.append(report.rows)
    assert kept == sorted(kept)
    assert kept[-1] == sum(BATCHES)


def test_a_row_is_never_lost_to_a_changed_byte_without_a_word(crashed: Path, tmp_path: Path) -> None:
    """In every transaction but the last the damage is told from a torn write, and the journal does not open."""
    wal = wal_of(crashed).read_bytes()
    drawn = random.Random(7)
    last_transaction = scan_wal(wal_of(crashed)).frames - _frames_of_the_last(wal)
    for number in range(150):
        place = number if number < HEADER_BYTES else drawn.randrange(len(wal))
        changed = bytearray(wal)
        changed[place] ^= 1 << drawn.randrange(8)
        path = with_wal(crashed, tmp_path / f"flip-{number}", bytes(changed))
        report = verify(path)
        assert not report.ok, place
        if (place - HEADER_BYTES) // FRAME_BYTES < last_transaction:
            with pytest.raises(IntegrityError, match="acknowledged rows would be lost"):
                opened(path, pid=22)


def test_frames_of_an_earlier_round_are_no_damage(tmp_path: Path) -> None:
    journal = opened(tmp_path / "journal.db")
    for number in range(1, 40):
        journal.append([entry(number, padding=3000)])
    journal.checkpoint()
    journal.append([entry(40)])
    path = copied(journal.path, tmp_path / "crashed")
    assert wal_of(path).stat().st_size > 30 * FRAME_BYTES
    report = scan_wal(wal_of(path))
    assert report.frames < 5
    assert not report.damaged
    assert not report.torn
    assert verify(path).rows == 40


def test_what_a_rolled_back_transaction_left_behind_is_gone_after_the_next_start(tmp_path: Path) -> None:
    clock = HandClock()
    journal = opened(tmp_path / "journal.db", clock)
    journal.append([entry(number, padding=3000) for number in range(1, 6)])
    path = copied(journal.path, tmp_path / "crashed")
    wal = wal_of(path).read_bytes()
    wal_of(path).write_bytes(wal[: HEADER_BYTES + scan_wal(wal_of(path)).frames * FRAME_BYTES - 100])
    clock.turn(60)
    successor = opened(path, clock, pid=22)
    successor.append([entry(1)])
    assert successor.head_seq == 1
    again = copied(path, tmp_path / "again")
    assert verify(again).ok
    with SqliteReader(again) as reader:
        assert [row.at_ns for row in reader.rows()] == [1]


def test_what_a_crash_left_is_cut_before_anything_is_written_though_a_reader_keeps_the_log_from_beginning_anew(
    tmp_path: Path,
) -> None:
    """Two crashes in one round of the log would else look like transactions that follow a damaged one."""
    clock = HandClock()
    journal = opened(tmp_path / "journal.db", clock)
    journal.append([entry(1)])
    journal.append([entry(number, padding=3000) for number in range(2, 30)])
    path = copied(journal.path, tmp_path / "crashed")
    wal = bytearray(wal_of(path).read_bytes())
    last = len(wal) - _frames_of_the_last(bytes(wal)) * FRAME_BYTES
    wal[last + FRAME_HEADER_BYTES] ^= 1
    wal_of(path).write_bytes(wal)
    clock.turn(60)
    with SqliteReader(path) as reader:
        assert [row.at_ns for row in reader.rows()] == [1]
        successor = opened(path, clock, pid=22)
        assert wal_of(path).stat().st_size < len(wal)
        successor.append([entry(2)])
    assert not scan_wal(wal_of(path)).torn
    successor.close()
    journal.close()
    assert verify(path).rows == 2


def test_a_commit_that_an_earlier_round_left_in_a_torn_header_is_no_later_transaction(tmp_path: Path) -> None:
    """Only some sectors of the last commit reached the disk: in its second frame, all but the first eight bytes."""
    journal = opened(tmp_path / "journal.db")
    journal.append([entry(1)])
    journal.append([entry(number, padding=3000) for number in range(2, 30)])
    path = copied(journal.path, tmp_path / "crashed")
    journal.close()
    wal = bytearray(wal_of(path).read_bytes())
    first = len(wal) - _frames_of_the_last(bytes(wal)) * FRAME_BYTES
    wal[first + FRAME_HEADER_BYTES] ^= 1
    second = first + FRAME_BYTES
    wal[second : second + 8] = (77).to_bytes(4) + (78).to_bytes(4)
    wal_of(path).write_bytes(wal)
    report = scan_wal(wal_of(path))
    assert (report.damaged, bool(report.torn)) == ("", True)


def _frames_of_the_last(wal: bytes) -> int:
    """Count the frames that follow the last but one commit."""
    sizes = [
        int.from_bytes(wal[start + 4 : start + 8])
        for start in range(HEADER_BYTES, len(wal) - FRAME_BYTES + 1, FRAME_BYTES)
    ]
    commits = [index for index, size in enumerate(sizes) if size]
    return commits[-1] - commits[-2]
