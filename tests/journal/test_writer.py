from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from quarterdeck.domain import Bug, IntegrityError, NotOwner, QuarterdeckError
from quarterdeck.journal import (
    InlineJournal,
    JournalSettings,
    JournalWriter,
    Projector,
    SqliteJournal,
    SqliteReader,
    events,
    steady_ns,
    verify,
)
from quarterdeck.journal.writer import LATER_ENTRIES_MAX
from quarterdeck.ports import Journal
from tests.journal.making import BOT, SECOND_NS, HandClock, entry, holder, opened, story


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def rows_at(path: Path) -> list[int]:
    with SqliteReader(path) as reader:
        return [row.at_ns for row in reader.rows()]


def writer_on(path: Path, clock: HandClock | None = None) -> JournalWriter:
    clock = clock or HandClock()
    return JournalWriter(opened(path, clock), clock=clock)


async def test_an_append_is_in_the_file_when_it_returns(path: Path) -> None:
    writer: Journal = writer_on(path)
    assert await writer.append([entry(1)]) == 1
    assert rows_at(path) == [1]
    assert await writer.append([entry(2), entry(3)]) == 3
    assert rows_at(path) == [1, 2, 3]
    await writer.aclose()
    assert verify(path).ok


async def test_many_that_wait_are_written_in_the_order_of_asking_and_each_learns_its_row(path: Path) -> None:
    writer = writer_on(path)
    asked = [writer.append([entry(10 * number), entry(10 * number + 1)]) for number in range(40)]
    assert await asyncio.gather(*asked) == [2 * number + 2 for number in range(40)]
    await writer.aclose()
    assert rows_at(path) == [10 * number + more for number in range(40) for more in (0, 1)]


async def test_what_was_left_for_later_comes_before_the_next_append(path: Path) -> None:
    writer = writer_on(path)
    assert await writer.append_later([entry(1), entry(2)]) == 2
    assert await writer.append_later([entry(3)]) == 3
    assert rows_at(path) == []
    assert await writer.append([entry(4)]) == 4
    assert rows_at(path) == [1, 2, 3, 4]
    await writer.aclose()


async def test_what_was_left_for_later_is_bounded_and_nothing_is_lost_at_the_end(path: Path) -> None:
    writer = writer_on(path)
    count = 5 * LATER_ENTRIES_MAX + 7
    for number in range(1, count + 1):
        assert await writer.append_later([entry(number)]) == number
    await writer.flush()
    assert rows_at(path) == list(range(1, count + 1))
    await writer.append_later([entry(count + 1)])
    await writer.aclose()
    assert len(rows_at(path)) == count + 1
    assert verify(path).ok


async def test_every_waiter_learns_that_the_journal_died(path: Path) -> None:
    writer = JournalWriter(opened(path), clock=HandClock())
    await writer.append([entry(1)])
    foreign = sqlite3.connect(path)
    with foreign:
        foreign.execute("INSERT INTO rows VALUES (2, 0, 'Foreign', x'00', x'00')")
    foreign.close()
    outcomes = await asyncio.gather(*(writer.append([entry(2)]) for _ in range(5)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [IntegrityError] * 5
    await writer.append_later([entry(1)])
    with pytest.raises(IntegrityError):
        await writer.flush()
    assert writer.failure is not None
    await writer.aclose()


async def test_a_lost_lease_reaches_the_waiter(path: Path) -> None:
    clock = HandClock()
    writer = writer_on(path, clock)
    await writer.append([entry(1)])
    clock.turn(11)
    opened(path, clock, pid=22)
    with pytest.raises(NotOwner, match=r"now owned by process 22|ran out"):
        await writer.append([entry(2)])
    await writer.aclose()
    assert rows_at(path) == [1]


async def test_the_lease_is_renewed_between_appends(path: Path) -> None:
    clock = HandClock()
    writer = writer_on(path, clock)
    for number in range(1, 9):
        clock.turn(4)
        await writer.append([entry(number)])
        assert writer.lease.until_boot_ns == clock.now_ns + 10 * SECOND_NS
    await writer.aclose()


async def test_the_lease_is_renewed_while_nothing_is_appended_and_its_loss_is_told(path: Path) -> None:
    told: asyncio.Future[QuarterdeckError] = asyncio.get_running_loop().create_future()
    settings = JournalSettings(lease_ns=60 * SECOND_NS, renew_ns=2_000_000)
    journal = SqliteJournal(path, BOT, holder(), settings=settings)
    before = journal.lease.until_boot_ns
    writer = JournalWriter(journal, on_failure=told.set_result)
    foreign = sqlite3.connect(path, isolation_level=None)
    until = before
    while until == before:
        await asyncio.sleep(0)
        until = foreign.execute("SELECT until_boot_ns FROM lease").fetchone()[0]
    foreign.execute("UPDATE lease SET epoch = 5")
    foreign.close()
    assert isinstance(await told, QuarterdeckError)
    with pytest.raises(QuarterdeckError):
        await writer.append([entry(1)])
    await writer.aclose()


async def test_a_handover_needs_no_waiting(path: Path) -> None:
    clock = HandClock()
    writer = writer_on(path, clock)
    await writer.append_later([entry(1)])
    await writer.release()
    await writer.aclose()
    successor = opened(path, clock, pid=22)
    assert (successor.lease.epoch, successor.head_seq) == (2, 1)


async def test_tables_are_folded_behind_the_appends_and_complete_at_the_end(path: Path) -> None:
    journal = SqliteJournal(path, BOT, holder())
    writer = JournalWriter(journal, projector=Projector(path))
    for some in story():
        await writer.append([some])
    shown = events(path)
    await writer.catch_up()
    assert events(path) == shown
    foreign = sqlite3.connect(path)
    assert foreign.execute("SELECT seq FROM projected").fetchone() == (7,)
    foreign.close()
    await writer.aclose()
    assert writer.projection_failure is None
    assert verify(path).ok


async def test_a_snapshot_can_be_saved_between_appends(path: Path) -> None:
    writer = writer_on(path)
    await writer.append_later([entry(1)])
    await writer.save_snapshot(1, b"h", b"state")
    await writer.append([entry(2)])
    await writer.aclose()
    with SqliteReader(path) as reader:
        found = reader.latest_snapshot()
    assert found is not None
    assert found.body == b"state"


async def test_a_caller_that_gives_up_waiting_does_not_undo_its_append(path: Path) -> None:
    writer = writer_on(path)
    asked = asyncio.ensure_future(writer.append([entry(1)]))
    await asyncio.sleep(0)
    asked.cancel()
    assert await writer.append([entry(2)]) == 2
    await writer.aclose()
    assert rows_at(path) == [1, 2]


async def test_an_unforeseen_error_in_the_thread_reaches_every_waiter(path: Path) -> None:
    told: asyncio.Future[QuarterdeckError] = asyncio.get_running_loop().create_future()
    broken = HandClock()
    writer = JournalWriter(opened(path), clock=broken, on_failure=told.set_result)
    await writer.append([entry(1)])
    broken.now_ns = None  # type: ignore[assignment]  # a clock that fails
    asked = [asyncio.ensure_future(writer.append([entry(number)])) for number in (2, 3)]
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert any(isinstance(outcome, TypeError) for outcome in outcomes)
    assert isinstance(await told, Bug)
    with pytest.raises(TypeError):
        await writer.append([entry(4)])
    assert isinstance(writer.failure, Bug)
    await writer.aclose()


async def test_a_closed_journal_cannot_be_used(path: Path) -> None:
    writer = writer_on(path)
    await writer.aclose()
    await writer.aclose()
    with pytest.raises(Bug):
        await writer.append([entry(1)])


async def test_the_inline_journal_gives_the_same_rows(path: Path) -> None:
    clock = HandClock()
    other = path.with_name("other.db")
    inline = InlineJournal(opened(other, clock, settings=JournalSettings(synchronous="OFF")), clock=clock)
    threaded = writer_on(path, clock)
    for journal in (inline, threaded):
        assert await journal.append(story()) == 7
        assert await journal.append_later([entry(8)]) == 8
        await journal.flush()
        assert await journal.append_later([entry(9)]) == 9
        assert await journal.append([entry(10)]) == 10
        await journal.release()
        await journal.aclose()
    assert verify(path).head_hash == verify(other).head_hash


async def test_the_inline_journal_renews_when_its_timer_says(path: Path) -> None:
    clock = HandClock()
    inline = InlineJournal(opened(path, clock), clock=clock)
    clock.turn(2)
    inline.renew_if_due()
    assert inline.lease.until_boot_ns == clock.now_ns + 8 * SECOND_NS
    clock.turn(2)
    inline.renew_if_due()
    assert inline.lease.until_boot_ns == clock.now_ns + 10 * SECOND_NS
    clock.turn(11)
    with pytest.raises(NotOwner):
        inline.renew_if_due()
    assert inline.failure is not None
    await inline.aclose()


def test_the_default_clock_is_the_boot_clock(path: Path) -> None:
    before = steady_ns()
    journal = SqliteJournal(path, BOT, holder())
    assert journal.lease.until_boot_ns - 10 * SECOND_NS >= before
