from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from quarterdeck.domain import DAY_NS, Bug, IntegrityError, NotOwner, OrderState
from quarterdeck.journal import (
    JournalWriter,
    Page,
    Projector,
    SqliteReader,
    archive_rows,
    default_archive,
    events,
    export,
    orders,
    trades,
    verify,
)
from quarterdeck.journal.archive import next_boundary, pack_segment
from tests.journal.aging import ROWS_A_DAY, aged, journal_path, projected, quarter, snapshot
from tests.journal.making import HandClock, entry, filled, moved, opened

View = Callable[..., Page]
VIEWS: tuple[View, ...] = (trades, orders, events)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return journal_path(tmp_path)


def everything(view: View, path: Path, limit: int = 1000) -> list[dict[str, object]]:
    items: list[dict[str, object]] = []
    cursor: str | None = None
    while True:
        page = view(path, limit=limit, cursor=cursor)
        items += page.items
        cursor = page.next
        if cursor is None:
            return items


def rows_in_file(path: Path) -> list[int]:
    with sqlite3.connect(path) as raw:
        return [seq for (seq,) in raw.execute("SELECT seq FROM rows ORDER BY seq")]


def hot(path: Path, table: str) -> int:
    with sqlite3.connect(path) as raw:
        return int(raw.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608


def test_a37_a40_old_rows_leave_and_everything_stays_readable(path: Path) -> None:
    """Events leave with their rows after 7 days, fills and ended orders after 30."""
    journal = aged(path, 40)
    before = [everything(view, path) for view in VIEWS]
    head = journal.head_seq
    made = archive_rows(journal, (40 - 7) * DAY_NS)
    assert made[0].first_seq == 1
    base = made[-1].last_seq
    assert rows_in_file(path) == list(range(base + 1, head + 1))
    assert [everything(view, path) for view in VIEWS] == before
    assert [everything(view, path, limit=37) for view in VIEWS[:1]] == before[:1]
    assert 0 < hot(path, "events") < len(before[2])
    report = verify(path)
    assert (report.ok, report.rows, report.archived) == (True, head, base)


def test_history_stays_at_hand_for_thirty_days_and_events_for_seven(path: Path) -> None:
    journal = aged(path, 40)
    for day in (15, 25, 33):  # as a bot would, day after day
        archive_rows(journal, day * DAY_NS)
    with sqlite3.connect(path) as raw:
        oldest_fill = raw.execute("SELECT min(booked_at_ns) FROM fills").fetchone()[0]
        oldest_order = raw.execute("SELECT min(planned_at_ns) FROM orders").fetchone()[0]
        oldest_event = raw.execute("SELECT min(at_ns) FROM events").fetchone()[0]
    assert oldest_event // DAY_NS == 33
    # Segments leave as a whole: the one that holds the day thirty days back is still there.
    assert oldest_fill // DAY_NS <= 40 - 30
    assert oldest_order // DAY_NS <= 40 - 30


def test_only_rows_before_the_instant_and_at_a_snapshot_leave(path: Path) -> None:
    journal = opened(path)
    journal.append([row for number in range(1, 9) for row in quarter(number)])
    snapshot(journal)
    journal.append([row for number in range(9, 41) for row in quarter(number)])
    projected(path)
    assert [segment.last_seq for segment in archive_rows(journal, 5 * DAY_NS)] == [40]
    assert archive_rows(journal, 9 * DAY_NS) == []
    assert rows_in_file(path)[0] == 41


def test_the_last_row_always_stays(path: Path) -> None:
    journal = aged(path, 3)
    archive_rows(journal, 100 * DAY_NS)
    assert rows_in_file(path)[-1] == journal.head_seq
    assert journal.append([entry(100 * DAY_NS)]) == journal.head_seq
    assert verify(path).ok


def test_a_segment_holds_what_its_manifest_says(path: Path) -> None:
    journal = aged(path, 10)
    (made,) = archive_rows(journal, 5 * DAY_NS)
    folder = made.folder(path)
    assert folder.parent == default_archive(path) == path.parents[2] / "archive" / "keel"
    manifest = json.loads((folder / "manifest.json").read_bytes())
    assert (manifest["bot"], manifest["first_seq"], manifest["last_seq"]) == ("keel", 1, made.last_seq)
    assert (manifest["hash"], manifest["files"]["rows.parquet"]["rows"]) == (made.hash.hex(), made.last_seq)
    assert (folder / "state.msgpack").read_bytes() == b"state %d" % made.last_seq
    assert sorted(manifest["files"]) == sorted(one.name for one in folder.iterdir() if one.name != "manifest.json")
    assert oct(folder.stat().st_mode & 0o077) == "0o0"


def test_the_next_owner_goes_on_and_can_fold_from_the_state_at_the_seam(path: Path) -> None:
    clock = HandClock()
    journal = aged(path, 10, clock)
    made = archive_rows(journal, 5 * DAY_NS)
    journal.release()
    journal.close()
    again = opened(path, clock)
    assert again.append([entry(11 * DAY_NS)]) == again.head_seq
    with SqliteReader(path) as reader:
        found = reader.latest_snapshot(made[-1].last_seq)
        assert found is not None
        assert (found.seq, found.skipped) == (made[-1].last_seq, ())
        assert [row.seq for row in reader.rows()] == list(range(1, again.head_seq + 1))
        middle = made[-1].last_seq - 3
        assert [row.seq for row in reader.rows(middle, 5)] == list(range(middle + 1, middle + 6))


def test_an_order_that_still_works_stays_at_hand_however_old(path: Path) -> None:
    journal = aged(path, 2)
    journal.append(quarter(8)[:2])  # planned and open, never filled
    snapshot(journal)
    journal.append([row for number in range(9, 240) for row in quarter(number)])
    snapshot(journal)
    journal.append([entry(60 * DAY_NS)])
    projected(path)
    archive_rows(journal, 60 * DAY_NS)
    with sqlite3.connect(path) as raw:
        states = dict(raw.execute("SELECT client_id, state FROM orders WHERE client_id <= 'o0020'").fetchall())
    assert states == {"o0008": "open"}
    assert [item["state"] for item in everything(orders, path) if item["client_id"] == "o0008"] == ["open"]


def test_an_order_that_left_comes_back_with_news(path: Path) -> None:
    journal = aged(path, 60)
    archive_rows(journal, 53 * DAY_NS)
    assert not hot_order(path, "o0004")
    journal.append([entry(60 * DAY_NS, [filled("o0004", 1, 11, at_ns=60 * DAY_NS)])])
    shown = [item for item in everything(orders, path) if item["client_id"] == "o0004"]
    assert [item["booked_lots"] for item in shown] == [11]
    projected(path)
    assert hot_order(path, "o0004")
    assert [item for item in everything(orders, path) if item["client_id"] == "o0004"] == shown
    assert verify(path).ok


def hot_order(path: Path, client_id: str) -> bool:
    with sqlite3.connect(path) as raw:
        return raw.execute("SELECT 1 FROM orders WHERE client_id = ?", (client_id,)).fetchone() is not None


def test_tables_made_anew_across_the_archive_are_the_same(path: Path) -> None:
    journal = aged(path, 40)
    for day in (20, 33):
        archive_rows(journal, day * DAY_NS)
    before = [everything(view, path) for view in VIEWS]
    projector = Projector(path)
    projector.rebuild()
    projector.close()
    assert verify(path).ok
    assert [everything(view, path) for view in VIEWS] == before


def test_since_reaches_into_the_archive(path: Path) -> None:
    journal = aged(path, 40)
    since_ns = 12 * DAY_NS
    wanted = [view(path, since_ns=since_ns, limit=1000).items for view in (trades, events)]
    archive_rows(journal, 33 * DAY_NS)
    assert [view(path, since_ns=since_ns, limit=1000).items for view in (trades, events)] == wanted
    assert wanted[0][0]["at_ns"] == since_ns + 1


def test_an_export_holds_the_archived_rows_too(path: Path, tmp_path: Path) -> None:
    journal = aged(path, 10)
    archive_rows(journal, 5 * DAY_NS)
    with (tmp_path / "out").open("wb") as out:
        assert export(path, out) == journal.head_seq


def test_a_reader_that_streams_meanwhile_misses_no_row(path: Path) -> None:
    journal = aged(path, 60)
    with SqliteReader(path) as reader:
        rows = reader.rows()
        seen = [next(rows).seq for _ in range(3)]
        archive_rows(journal, 53 * DAY_NS)
        seen += [row.seq for row in rows]
    assert seen == list(range(1, journal.head_seq + 1))


def test_a_changed_or_missing_file_of_the_archive_is_found(path: Path) -> None:
    journal = aged(path, 3)
    (made,) = archive_rows(journal, 2 * DAY_NS)
    for name in ("rows.parquet", "state.msgpack", "manifest.json"):
        file = made.folder(path) / name
        raw = file.read_bytes()
        file.write_bytes(raw[:-40] + bytes(40))
        report = verify(path)
        assert [problem.seq for problem in report.problems] == [1]
        assert name in report.problems[0].what
        file.write_bytes(raw)
    (made.folder(path) / "fills.parquet").unlink()
    assert not verify(path).ok


def test_archived_rows_that_were_exchanged_are_never_folded(path: Path) -> None:
    journal = aged(path, 12)
    first, second = [archive_rows(journal, day * DAY_NS)[0] for day in (4, 7)]
    shutil.copyfile(first.folder(path) / "rows.parquet", second.folder(path) / "rows.parquet")
    with SqliteReader(path) as reader, pytest.raises(IntegrityError, match=f"row {second.first_seq} is missing"):
        list(reader.rows())
    shutil.rmtree(first.folder(path))
    with SqliteReader(path) as reader, pytest.raises(IntegrityError, match="the archive cannot be read"):
        list(reader.rows())


def test_the_record_of_a_segment_is_sealed(path: Path) -> None:
    journal = aged(path, 10)
    archive_rows(journal, 5 * DAY_NS)
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE segments SET place = '../elsewhere'")
    assert "record of an archived segment is damaged" in " ".join(problem.what for problem in verify(path).problems)


def test_a_segment_that_the_journal_does_not_know_is_put_aside(path: Path) -> None:
    """As a crash between writing it and the transaction leaves it, or an older journal that was restored."""
    journal = aged(path, 10)
    last_seq = next_boundary(path, 5 * DAY_NS)
    assert last_seq is not None
    orphan = pack_segment(path, last_seq)
    (made,) = archive_rows(journal, 5 * DAY_NS)
    assert made.folder(path) == orphan.folder(path)
    assert [one.name for one in default_archive(path).iterdir() if "unknown" in one.name] == [
        f"{made.folder(path).name}.unknown-1"
    ]
    assert verify(path).ok


def test_a_segment_that_does_not_fit_is_refused_and_nothing_leaves(path: Path) -> None:
    journal = aged(path, 10)
    segment = pack_segment(path, 2 * ROWS_A_DAY - 4)
    journal.retire(segment, 0)
    with pytest.raises(Bug, match="does not follow"):
        journal.retire(segment, 0)
    assert rows_in_file(path)[0] == segment.last_seq + 1
    assert journal.append([entry(99 * DAY_NS)])


def test_nothing_leaves_before_the_tables_hold_it(path: Path) -> None:
    journal = opened(path)
    journal.append([row for number in range(1, 9) for row in quarter(number)])
    snapshot(journal)
    journal.append([entry(30 * DAY_NS)])
    with pytest.raises(IntegrityError, match="not folded up to row 40"):
        archive_rows(journal, 20 * DAY_NS)
    assert journal.failure is None


def test_an_archive_that_cannot_be_written_leaves_the_rows_where_they_are(path: Path) -> None:
    journal = aged(path, 10)
    default_archive(path).parent.mkdir()
    default_archive(path).write_text("a file stands in the way")
    with pytest.raises(IntegrityError, match="cannot be written"):
        archive_rows(journal, 5 * DAY_NS)
    assert rows_in_file(path)[0] == 1
    assert journal.append([entry(11 * DAY_NS)])


def test_whoever_lost_the_lease_archives_nothing(path: Path) -> None:
    clock = HandClock()
    journal = aged(path, 10, clock)
    last_seq = next_boundary(path, 5 * DAY_NS)
    assert last_seq is not None
    segment = pack_segment(path, last_seq)
    clock.turn(11)
    successor = opened(path, clock, pid=22)
    with pytest.raises(NotOwner):
        journal.retire(segment, 0)
    assert rows_in_file(path)[0] == 1
    assert successor.append([entry(11 * DAY_NS)])


async def test_appends_go_on_while_the_writer_archives(path: Path) -> None:
    clock = HandClock()
    aged(path, 20, clock).close()
    clock.turn(11)
    writer = JournalWriter(opened(path, clock), projector=Projector(path), clock=clock)
    task = asyncio.create_task(writer.archive(13 * DAY_NS))
    appended = 0
    while not task.done():
        await writer.append([entry(21 * DAY_NS + appended)])
        appended += 1
    made = await task
    assert made
    assert appended > 3
    await writer.aclose()
    report = verify(path)
    assert (report.ok, report.archived) == (True, made[-1].last_seq)


def test_a_move_of_an_order_after_its_plan_left_still_finds_it(path: Path) -> None:
    journal = aged(path, 2)
    journal.append(quarter(8)[:1])
    snapshot(journal)
    journal.append([entry(20 * DAY_NS, [moved("o0008", OrderState.OPEN, at_ns=20 * DAY_NS)])])
    snapshot(journal)
    journal.append([entry(70 * DAY_NS)])
    projected(path)
    for day in (10, 69):
        archive_rows(journal, day * DAY_NS)
    assert [item["state"] for item in everything(orders, path) if item["client_id"] == "o0008"] == ["open"]
    assert verify(path).ok
