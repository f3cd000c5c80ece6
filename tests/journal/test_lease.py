from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from quarterdeck.domain import IntegrityError, NotOwner
from quarterdeck.journal import JournalSettings, SqliteReader, steady_ns, this_process
from tests.journal.making import SECOND_NS, HandClock, entry, opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def test_the_first_owner_has_epoch_one(path: Path) -> None:
    clock = HandClock()
    lease = opened(path, clock).lease
    assert (lease.epoch, lease.until_boot_ns) == (1, clock.now_ns + 10 * SECOND_NS)


def test_a_second_owner_is_refused_and_told_who_the_first_is(path: Path) -> None:
    clock = HandClock()
    opened(path, clock, pid=11)
    clock.turn(4)
    with pytest.raises(NotOwner, match=r"process 11 on deck \(epoch 1, 6\.0 s left\)"):
        opened(path, clock, pid=22)


def test_a_released_bot_is_taken_at_once_under_the_next_epoch(path: Path) -> None:
    clock = HandClock()
    first = opened(path, clock)
    first.release()
    assert opened(path, clock, pid=22).lease.epoch == 2


def test_an_expired_lease_is_taken_exactly_at_its_end(path: Path) -> None:
    clock = HandClock()
    opened(path, clock)
    clock.turn(9.999999999)
    with pytest.raises(NotOwner):
        opened(path, clock, pid=22)
    clock.turn(0.000000001)
    assert opened(path, clock, pid=22).lease.epoch == 2


def test_a_lease_of_another_boot_is_worth_nothing(path: Path) -> None:
    opened(path, HandClock(500 * SECOND_NS))
    assert opened(path, HandClock(SECOND_NS), pid=22, boot_id="boot-2").lease.epoch == 2


def test_a_renewed_lease_lasts_the_full_length_again(path: Path) -> None:
    clock = HandClock()
    owner = opened(path, clock)
    assert owner.renew_due_ns() == clock.now_ns + 3 * SECOND_NS
    clock.turn(9)
    assert owner.renew().until_boot_ns == clock.now_ns + 10 * SECOND_NS
    clock.turn(9)
    with pytest.raises(NotOwner):
        opened(path, clock, pid=22)
    assert owner.append([entry(1)]) == 1


def test_a_paused_owner_that_wakes_after_a_takeover_can_neither_append_nor_renew(path: Path) -> None:
    clock = HandClock()
    paused = opened(path, clock, pid=11)
    also_paused = opened(path.with_name("other.db"), clock, pid=11)
    paused.append([entry(1)])
    clock.turn(11)
    successor = opened(path, clock, pid=22)
    opened(path.with_name("other.db"), clock, pid=22)
    with pytest.raises(NotOwner, match=r"now owned by process 22 \(epoch 2\), ours was epoch 1"):
        paused.append([entry(2)])
    with pytest.raises(NotOwner):
        also_paused.renew()
    assert successor.append([entry(3)]) == 2
    with SqliteReader(path) as reader:
        assert [row.at_ns for row in reader.rows()] == [1, 3]


def test_an_expired_owner_cannot_append_even_if_nobody_followed(path: Path) -> None:
    clock = HandClock()
    owner = opened(path, clock)
    clock.turn(10)
    with pytest.raises(NotOwner, match=r"ran out 0\.0 s ago"):
        owner.append([entry(1)])
    with pytest.raises(NotOwner):
        owner.renew()
    with SqliteReader(path) as reader:
        assert reader.head()[0] == 0


def test_nothing_is_appended_after_a_release(path: Path) -> None:
    owner = opened(path)
    owner.release()
    with pytest.raises(NotOwner, match="given up"):
        owner.append([entry(1)])


def test_a_changed_lease_is_refused(path: Path) -> None:
    opened(path).close()
    with sqlite3.connect(path) as other:
        other.execute("UPDATE lease SET until_boot_ns = 0")
    other.close()
    with pytest.raises(IntegrityError, match="the lease in the journal is damaged"):
        opened(path, pid=22)


def test_the_boot_clock_runs_and_the_process_knows_itself() -> None:
    first = steady_ns()
    assert steady_ns() >= first > 0
    assert this_process() == this_process()
    assert this_process().boot_id


def test_a_file_that_another_process_keeps_locked_is_owned(path: Path) -> None:
    """As by an owner that was stopped in the middle of a write, long after its lease ran out."""
    clock = HandClock()
    opened(path, clock)
    stopped = sqlite3.connect(path, isolation_level=None)
    stopped.execute("BEGIN IMMEDIATE")
    clock.turn(60)
    with pytest.raises(NotOwner, match="another process is writing to it and does not end"):
        opened(path, clock, pid=22, settings=JournalSettings(lock_timeout_ms=20))
    stopped.close()
    assert opened(path, clock, pid=22).lease.epoch == 2


def test_of_many_processes_that_start_at_once_one_wins(path: Path) -> None:
    script = (
        "import sys, pathlib\n"
        "from quarterdeck.journal import SqliteJournal, this_process\n"
        "from quarterdeck.domain import NotOwner\n"
        "sys.stdin.readline()\n"
        "try:\n"
        "    journal = SqliteJournal(pathlib.Path(sys.argv[1]), 'keel', this_process())\n"
        "except NotOwner as error:\n"
        "    print('refused')\n"
        "else:\n"
        "    print('owner', journal.lease.epoch)\n"
    )
    command = [sys.executable, "-c", script, str(path)]
    starters = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for starter in starters:
        assert starter.stdin is not None
        starter.stdin.write("go\n")
        starter.stdin.flush()
    answers = [starter.communicate(timeout=60) for starter in starters]
    assert sorted(out.strip() for out, _ in answers) == ["owner 1", "refused", "refused", "refused"], answers


def test_a_short_lease_can_be_asked_for(path: Path) -> None:
    clock = HandClock()
    settings = JournalSettings(lease_ns=SECOND_NS, renew_ns=SECOND_NS // 3)
    owner = opened(path, clock, settings=settings)
    assert owner.lease.until_boot_ns == clock.now_ns + SECOND_NS
