"""Archiving a bot that does not run. One that does archives by itself, once a day."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import Path

from msgspec import Struct

from quarterdeck.config import Workspace
from quarterdeck.engine import encode_state, state_hash
from quarterdeck.journal import KEPT_NS, JournalWriter, Projector, Segment, SqliteJournal, SqliteReader
from quarterdeck.ports import iso
from quarterdeck.system.journals import journal_of
from quarterdeck.system.ownership import take_bot
from quarterdeck.system.recover import state_at


class SegmentTold(Struct, frozen=True):
    """One segment that was made: its rows, their times, and the folder that holds them."""

    first_seq: int
    last_seq: int
    from_at: str
    to_at: str
    fills: int
    folder: str


class ArchiveOutcome(Struct, frozen=True):
    """What an archiving moved: rows from before `before_at`. `kept` rows are in the journal itself now."""

    bot: str
    before_at: str
    moved: int
    kept: int
    segments: tuple[SegmentTold, ...]


def archive_bot(workspace: Workspace, bot: str, before_ns: int | None = None) -> ArchiveOutcome:
    """
    Move the old rows of a bot that does not run into its archive.

    Args:
        workspace: Where its files lie.
        bot: Whose rows.
        before_ns: Those from before this instant, by the rows' own time; seven days before the last row if None.

    Raises:
        ConfigError: If the bot never ran.
        NotOwner: If it runs.
        IntegrityError: If the journal is damaged or the archive cannot be written; no row is lost.
    """
    journal_of(workspace, bot)  # a bot that never ran is not made one that did
    owned = take_bot(workspace.bot_folder(bot), bot, standby=False)
    with ExitStack() as stack:
        stack.callback(owned.lock.close)
        stack.callback(owned.journal.close)
        return asyncio.run(_archive(owned.journal, bot, before_ns))


async def _archive(journal: SqliteJournal, bot: str, before_ns: int | None) -> ArchiveOutcome:
    path = journal.path
    writer = JournalWriter(journal, projector=Projector(path))  # which renews the lease, however long this takes
    try:
        last_old, before_ns = _last_old_row(path, before_ns)
        if last_old:
            state = state_at(path, last_old)
            await writer.save_snapshot(last_old, bytes.fromhex(state_hash(state)), encode_state(state))
        made = await writer.archive(before_ns)
        await writer.release()
    finally:
        await writer.aclose()
    with SqliteReader(path) as reader:
        kept = reader.head()[0] - reader.base().seq
    return ArchiveOutcome(
        bot=bot,
        before_at=iso(before_ns),
        moved=sum(segment.last_seq - segment.first_seq + 1 for segment in made),
        kept=kept,
        segments=tuple(_told(path, segment) for segment in made),
    )


def _last_old_row(path: Path, before_ns: int | None) -> tuple[int, int]:
    """Find the last row that may leave, 0 where none may, and the instant that was meant; the very last row stays."""
    with SqliteReader(path) as reader:
        head, _ = reader.head()
        base = reader.base().seq
        if head == base:
            return 0, before_ns or 0
        (newest,) = reader.picked([head])
        before_ns = newest.at_ns - KEPT_NS if before_ns is None else before_ns
        query = "SELECT max(seq) FROM rows WHERE at_ns < ? AND seq < ?"
        found = reader.connection.execute(query, (before_ns, head)).fetchone()[0]
    return found or 0, before_ns


def _told(path: Path, segment: Segment) -> SegmentTold:
    return SegmentTold(
        first_seq=segment.first_seq,
        last_seq=segment.last_seq,
        from_at=iso(segment.first_at_ns),
        to_at=iso(segment.last_at_ns),
        fills=segment.fills,
        folder=str(segment.folder(path)),
    )
