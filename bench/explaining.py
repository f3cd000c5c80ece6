"""
How long it takes to find out why an intent was refused, in a long journal, and to read a month back from the archive.

`python -m bench.explaining [ROWS]` asks a journal of as many rows, ten million by default, which takes some 4 GB of
disk while it runs; as one of the benchmarks it asks a shorter one.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Final

from bench.measuring import Effort, Measure, Spent, scratch_folder
from bench.report import machine, table
from bench.scene import FIRST_NS, answers, cycles, opened, planned_of
from quarterdeck.config import Workspace
from quarterdeck.domain import (
    DAY_NS,
    MINUTE_NS,
    Effect,
    Fact,
    FillBooked,
    Input,
    Intent,
    IntentFormed,
    IntentRefused,
    MarksTaken,
    Side,
    Source,
    Verdicts,
    Woke,
    ensure,
)
from quarterdeck.engine import State, encode_state, state_hash, step
from quarterdeck.journal import (
    JournalSettings,
    Page,
    Projector,
    SqliteJournal,
    archive_rows,
    encode_body,
    events,
    intent_rows,
    last_intent,
    link,
    this_process,
    trades,
)
from quarterdeck.ports import Entry
from quarterdeck.system import explain

BOT: Final = "bench"
LOOKUP_MS_MAX: Final = 50.0
READ_BACK_S_MAX: Final = 2.0
ROWS_FULL: Final = 10_000_000
ROWS_USUAL: Final = 1_000_000
ROWS_QUICK: Final = 20_000
REFUSED_EVERY: Final = 20
CHUNK_ROWS: Final = 20_000
LOOKUPS: Final = 100
PAGE_ITEMS: Final = 10_000
TRADES: Final = 4  # the scene buys and sells two pairs, one after the other
TRADES_EVERY: Final = 20
DAYS: Final = 30


def explaining(effort: Effort, rows: int | None = None) -> list[Measure]:
    """Ask for refused intents, each time as a new process would: opening the file is part of it."""
    count = rows or effort.of(ROWS_USUAL, ROWS_QUICK)
    found, told, last = [], [], []
    with scratch_folder() as folder:
        workspace = _workspace(folder)
        path = workspace.bot_folder(BOT).journal
        _long_journal(path, count)
        size_mb = path.stat().st_size / 1e6
        for number in range(effort.rounds):
            asked = [_intent_id(place) for place in _places(count, number)]
            found.append(_each_ms(lambda name: ensure(len(intent_rows(path, name)) == 1, "lost"), asked))
            told.append(_each_ms(lambda name: ensure(explain(workspace, BOT, name).decision != "", "mute"), asked))
            last.append(_each_ms(lambda _: ensure(last_intent(path) is not None, "lost"), asked[:10]))
    note = f"{count:,} rows, {size_mb:,.0f} MB"
    return [
        Measure("rows of a refused intent", "ms", found, at_most=LOOKUP_MS_MAX, note=note),
        Measure("  the whole explanation of it", "ms", told, at_most=LOOKUP_MS_MAX),
        Measure("  the last intent", "ms", last, at_most=LOOKUP_MS_MAX),
    ]


def reading_back(effort: Effort) -> list[Measure]:
    """Read a month back: its fills are still in the tables, of its events all but a week's lie in daily segments."""
    days, writes = effort.of(DAYS + 7, 9), Spent()
    spent: dict[str, list[float]] = {}
    seen: dict[str, int] = {}
    with scratch_folder() as folder:
        path = _workspace(folder).bot_folder(BOT).journal
        fills, last_ns = _month(path, days, writes)
        for _ in range(effort.rounds):
            for name, view in (("fill", trades), ("event", events)):
                round_spent = Spent()
                with round_spent.measured():
                    seen[name] = _count(view, path, last_ns - DAYS * DAY_NS)
                spent.setdefault(name, []).append(round_spent.wall_s)
        ensure(0 < seen["fill"] <= min(fills, seen["event"]), f"{seen} of {fills} fills were read back")
    return [
        *(
            Measure(
                f"every {name} of 30 days", "s", spent[name], at_most=READ_BACK_S_MAX, note=f"{seen[name]:,} of them"
            )
            for name in spent
        ),
        Measure("  archiving one day", "s", [writes.wall_s / days]),
    ]


def _workspace(folder: Path) -> Workspace:
    workspace = Workspace(folder)
    workspace.bot_folder(BOT).root.mkdir(parents=True)
    return workspace


def _each_ms(ask: Callable[[str], None], names: list[str]) -> float:
    spent = Spent()
    with spent.measured():
        for name in names:
            ask(name)
    return 1e3 * spent.wall_s / len(names)


def _places(count: int, seed: int) -> list[int]:
    drawn = Random(seed)
    return [REFUSED_EVERY * drawn.randrange(1, count // REFUSED_EVERY) for _ in range(LOOKUPS)]


def _intent_id(seq: int) -> str:
    return f"{BOT}:BTC-USD:{FIRST_NS + seq * MINUTE_NS}:BUY"


def _long_journal(path: Path, count: int) -> None:
    """Make a sound file: rows are chained as always, and what speaks of intents stands in the tables."""
    journal = SqliteJournal(path, BOT, this_process(), settings=JournalSettings(synchronous="OFF"))
    seq, mark = journal.head_seq, journal.head_hash
    raw = sqlite3.connect(path, isolation_level=None)
    raw.execute("PRAGMA synchronous = OFF").fetchall()
    while seq < count:
        rows = []
        for entry in _entries(seq, min(CHUNK_ROWS, count - seq)):
            seq += 1
            mark = link(mark, seq, entry)
            rows.append((seq, entry.at_ns, entry.kind, entry.body, mark))
        raw.execute("BEGIN")
        raw.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?)", rows)
        named = [(_intent_id(row[0]), row[0]) for row in rows if row[0] % REFUSED_EVERY == 0]
        raw.executemany("INSERT INTO mentions VALUES (?, ?)", named)
        raw.execute("UPDATE projected SET seq = ?, last_intent = ?", (seq, named[-1][0]))
        raw.execute("COMMIT")
    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    raw.close()
    journal.close()


def _entries(after: int, count: int) -> Iterator[Entry]:
    for seq in range(after + 1, after + count + 1):
        at_ns = FIRST_NS + seq * MINUTE_NS
        facts: list[Fact] = [MarksTaken(at_ns=at_ns, minute_ns=at_ns, equity=1e6, index=1.0)]
        if seq % REFUSED_EVERY == 0:
            facts += _refused(seq, at_ns)
        yield Entry(at_ns, "Woke", encode_body(Woke(at_ns), facts))


def _refused(seq: int, at_ns: int) -> list[Fact]:
    intent = Intent(
        id=_intent_id(seq),
        source=Source.STRATEGY,
        who="",
        effect=Effect.OPEN,
        side=Side.BUY,
        instrument="BTC-USD",
        asked=Decimal(50),
        asked_unit="quote",
    )
    verdicts = Verdicts(evaluated=0b111, failed=0b100, exempt=0, values=(0.0, 0.0, 600.0), limits=(1.0, 1.0, 500.0))
    refusal = IntentRefused(
        at_ns=at_ns,
        intent_id=intent.id,
        instrument="BTC-USD",
        stage="guardrails",
        reason="larger than an order may be",
        failed=("G3",),
        verdicts=verdicts,
    )
    return [IntentFormed(at_ns=at_ns, intent=intent), refusal]


def _month(path: Path, days: int, writes: Spent) -> tuple[int, int]:
    """Let an engine trade for days, every few minutes, and archive each day as it grows old."""
    journal = SqliteJournal(path, BOT, this_process(), settings=JournalSettings(synchronous="OFF", lease_ns=10**12))
    projector, state, fills = Projector(path), opened(), 0
    last_ns = FIRST_NS
    asked = iter(cycles(days * 1440))
    for day in range(days):
        entries: list[Entry] = []
        for number in range(1440):
            cycle = next(asked)
            trades_now = number % TRADES_EVERY < TRADES
            news: Input = cycle if trades_now else Woke(cycle.at_ns, cycle.surroundings)
            facts = _taken(state, news, entries)
            if trades_now:
                for answer in answers(planned_of(facts)):
                    fills += sum(isinstance(fact, FillBooked) for fact in _taken(state, answer, entries))
            last_ns = cycle.at_ns
        _write_day(journal, projector, entries)
        journal.save_snapshot(journal.head_seq, bytes.fromhex(state_hash(state)), encode_state(state))
        with writes.measured():
            archive_rows(journal, FIRST_NS + (day - 6) * DAY_NS)
    projector.close()
    journal.close()
    return fills, last_ns


def _taken(state: State, news: Input, entries: list[Entry]) -> list[Fact]:
    facts = step(state, news)
    if facts:
        entries.append(Entry(facts[0].at_ns, type(news).__name__, encode_body(news, facts)))
    return facts


def _write_day(journal: SqliteJournal, projector: Projector, entries: list[Entry]) -> None:
    for place in range(0, len(entries), 500):
        journal.append(entries[place : place + 500])
    while projector.step():
        pass
    ensure(projector.failure is None, f"the tables were not folded: {projector.failure}")


def _count(view: Callable[..., Page], path: Path, since_ns: int) -> int:
    seen, cursor = 0, None
    while True:
        page = view(path, since_ns=since_ns, limit=PAGE_ITEMS, cursor=cursor)
        seen, cursor = seen + len(page.items), page.next
        if cursor is None:
            return seen


if __name__ == "__main__":
    asked_rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS_FULL
    print(table(machine(), [("explain", one) for one in explaining(Effort(5), asked_rows)]))
