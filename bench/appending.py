"""What the journal costs beyond the commit itself. The bare commit that it is compared with stands in this file."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Final

from bench.measuring import Effort, Measure, Spent, scratch_folder
from bench.scene import cycles, opened
from quarterdeck.engine import step
from quarterdeck.journal import JournalWriter, SqliteJournal, encode_body, steady_ns, this_process
from quarterdeck.ports import Entry

WRITER_RATIO_MAX: Final = 1.2
AWAITED_RATIO_MAX: Final = 2.0
BATCH_RATIO_MIN: Final = 3.0
BATCH: Final = 32
BLOCK: Final = 20


def typical_entry() -> Entry:
    """Make the row of a cycle that planned an order, the kind that an order waits for."""
    state, news = opened(), cycles(1)[0]
    facts = step(state, news)
    return Entry(news.at_ns, type(news).__name__, encode_body(news, facts))


class BareTable:
    """The least that makes a row durable in SQLite: begin, insert, commit; no lease, no chain, no checks."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, cached_statements=64)
        for pragma in (  # those of the journal
            "page_size = 4096",
            "journal_mode = WAL",
            "synchronous = FULL",
            "cache_size = -512",
            "trusted_schema = OFF",
            "wal_autocheckpoint = 8192",
        ):
            self._connection.execute(f"PRAGMA {pragma}").fetchall()
        self._connection.execute(
            "CREATE TABLE rows (seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, kind TEXT NOT NULL, "
            "body BLOB NOT NULL, hash BLOB NOT NULL)"
        )
        self._seq = 0

    def commit(self, entry: Entry) -> None:
        self._seq += 1
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        execute("INSERT INTO rows VALUES (?, ?, ?, ?, ?)", (self._seq, entry.at_ns, entry.kind, entry.body, bytes(32)))
        execute("COMMIT")

    def checkpoint(self) -> None:
        self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def close(self) -> None:
        self._connection.close()


def append_in_the_writer(effort: Effort) -> list[Measure]:
    """
    Compare `SqliteJournal.append` with the bare commit, in alternating blocks.

    Both files grow alike and checkpoint between rounds. The first round, in which both logs still grow on the disk,
    is not counted: it is slower on both sides, and hides the difference.
    """
    entry, blocks, rounds = typical_entry(), effort.of(15, 2), []
    with scratch_folder() as folder:
        journal, bare = SqliteJournal(folder / "journal.db", "bench", this_process()), BareTable(folder / "bare.db")
        for _ in range(effort.rounds + 1):
            journal.checkpoint()
            bare.checkpoint()
            rounds.append(_writer_round(journal, bare, entry, blocks))
        journal.close()
        bare.close()
    counted, each, size = rounds[1:], 1e6 / (blocks * BLOCK), f"{len(entry.body)} bytes"
    ratios = [ours.wall_s / theirs.wall_s for ours, theirs in counted]
    return [
        Measure("append in the writer ÷ bare commit", "×", ratios, at_most=WRITER_RATIO_MAX),
        Measure("  the same, by CPU time", "×", [ours.cpu_s / theirs.cpu_s for ours, theirs in counted]),
        Measure(f"  append of one row of {size}", "µs", [ours.wall_s * each for ours, _ in counted]),
        Measure(f"  bare commit of one row of {size}", "µs", [theirs.wall_s * each for _, theirs in counted]),
    ]


def _writer_round(journal: SqliteJournal, bare: BareTable, entry: Entry, blocks: int) -> tuple[Spent, Spent]:
    ours, theirs = Spent(), Spent()
    for _ in range(blocks):
        if steady_ns() >= journal.renew_due_ns():
            journal.renew()
        with ours.measured():
            for _ in range(BLOCK):
                journal.append((entry,))
        with theirs.measured():
            for _ in range(BLOCK):
                bare.commit(entry)
    return ours, theirs


def append_awaited(effort: Effort) -> list[Measure]:
    """Compare awaited appends with the bare commit, and many waiting rows with single ones; as above."""
    return asyncio.run(_append_awaited(effort))


async def _append_awaited(effort: Effort) -> list[Measure]:
    entry, singles = typical_entry(), []
    with scratch_folder() as folder:
        bare = BareTable(folder / "bare.db")
        writer = JournalWriter(SqliteJournal(folder / "journal.db", "bench", this_process()))
        for _ in range(effort.rounds + 1):
            bare.checkpoint()
            singles.append(await _awaited_round(writer, bare, entry, effort.of(15, 2)))
        crowds = [await _waiting_round(writer, entry, effort.of(4, 1)) for _ in range(effort.rounds)]
        await writer.aclose()
        bare.close()
    awaited = [ours.wall_s / theirs.wall_s for ours, theirs in singles[1:]]
    cpu = [ours.cpu_s / theirs.cpu_s for ours, theirs in singles[1:]]
    # Every block holds as many appends as the others, of one row or of BATCH rows.
    batched = [BATCH * single.wall_s / batch.wall_s for single, batch, _ in crowds]
    gathered = [BATCH * single.wall_s / crowd.wall_s for single, _, crowd in crowds]
    return [
        Measure("append awaited in the loop ÷ bare commit", "×", awaited, at_most=AWAITED_RATIO_MAX),
        Measure("  the same, by CPU time of both threads", "×", cpu),
        Measure(f"{BATCH} waiting rows in one append ÷ single rate", "×", batched, at_least=BATCH_RATIO_MIN),
        Measure(f"{BATCH} appends waiting at once ÷ single rate", "×", gathered, at_least=BATCH_RATIO_MIN),
    ]


async def _awaited_round(writer: JournalWriter, bare: BareTable, entry: Entry, blocks: int) -> tuple[Spent, Spent]:
    ours, theirs = Spent(), Spent()
    for _ in range(blocks):
        with ours.measured():
            for _ in range(BLOCK):
                await writer.append((entry,))
        with theirs.measured():
            for _ in range(BLOCK):
                bare.commit(entry)
    return ours, theirs


async def _waiting_round(writer: JournalWriter, entry: Entry, blocks: int) -> tuple[Spent, Spent, Spent]:
    """Alternate single appends, appends of many rows as the loop makes them, and many appends at once."""
    single, batch, crowd = Spent(), Spent(), Spent()
    for _ in range(blocks):
        with single.measured():
            for _ in range(BLOCK):
                await writer.append((entry,))
        with batch.measured():
            for _ in range(BLOCK):
                await writer.append((entry,) * BATCH)
        with crowd.measured():
            for _ in range(BLOCK):
                await asyncio.gather(*(writer.append((entry,)) for _ in range(BATCH)))
    return single, batch, crowd
