"""
States kept beside the rows, so that a start need not fold from zero; each is bound to the chain at its row.

The newest stay, and the last of each UTC day: rows leave for the archive only where a state follows them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from quarterdeck.domain import DAY_NS, Bug
from quarterdeck.journal.chain import seal
from quarterdeck.journal.segments import read_base

SNAPSHOTS_KEPT: Final = 24
DAYS_KEPT: Final = 40


class Snapshot(Struct, frozen=True):
    """
    A state as folded from the rows up to `seq`; `chain_hash` is the hash of that row.

    `skipped` says which later snapshots were damaged, so that this earlier one was taken.
    """

    seq: int
    state_hash: bytes
    body: bytes
    chain_hash: bytes
    skipped: tuple[str, ...] = ()


def write_snapshot(connection: sqlite3.Connection, seq: int, state_hash: bytes, body: bytes) -> None:
    """
    Write a snapshot inside the caller's transaction, and let old ones go.

    Raises:
        Bug: If there is no row of that number.
    """
    found = connection.execute("SELECT hash FROM rows WHERE seq = ?", (seq,)).fetchone()
    if found is None:
        raise Bug(f"a snapshot at row {seq}, which is not in the journal")
    chain_hash = found[0]
    mark = seal(seq, state_hash, body, chain_hash)
    connection.execute(
        "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?, ?)", (seq, state_hash, body, chain_hash, mark)
    )
    gone = _outlived(connection)
    connection.executemany("DELETE FROM snapshots WHERE seq = ?", [(old,) for old in gone])


def drop_snapshots(connection: sqlite3.Connection, before_seq: int) -> None:
    """Drop the snapshots before a row inside the caller's transaction: what they follow has left for the archive."""
    connection.execute("DELETE FROM snapshots WHERE seq < ?", (before_seq,))


def snapshots_before(connection: sqlite3.Connection, before_ns: int) -> list[int]:
    """List the rows older than an instant that a snapshot follows, oldest first."""
    query = "SELECT s.seq FROM snapshots s JOIN rows r ON r.seq = s.seq WHERE r.at_ns < ? ORDER BY s.seq"
    return [seq for (seq,) in connection.execute(query, (before_ns,))]


def _outlived(connection: sqlite3.Connection) -> list[int]:
    """List the snapshots that nobody will miss: neither among the newest nor the last of one of the latest days."""
    base = read_base(connection)
    found = connection.execute(
        "SELECT s.seq, r.at_ns FROM snapshots s LEFT JOIN rows r ON r.seq = s.seq ORDER BY s.seq DESC"
    ).fetchall()
    days: set[int] = set()
    gone = []
    for place, (seq, at_ns) in enumerate(found):
        day = -1 if at_ns is None else at_ns // DAY_NS
        is_last_of_day = day not in days and len(days) < DAYS_KEPT
        days.add(day)
        if place >= SNAPSHOTS_KEPT and not is_last_of_day and seq != base.seq:
            gone.append(seq)
    return gone


def read_snapshots(connection: sqlite3.Connection, seq_max: int) -> Iterator[Snapshot | str]:
    """Yield the snapshots up to a row, latest first; in place of a damaged one, a sentence about it."""
    seqs = [
        found[0]
        for found in connection.execute("SELECT seq FROM snapshots WHERE seq <= ? ORDER BY seq DESC", (seq_max,))
    ]
    for seq in seqs:
        yield _read(connection, seq)


def _read(connection: sqlite3.Connection, seq: int) -> Snapshot | str:
    found = connection.execute(
        "SELECT s.state_hash, s.body, s.chain_hash, s.seal, r.hash FROM snapshots s LEFT JOIN rows r ON r.seq = s.seq "
        "WHERE s.seq = ?",
        (seq,),
    ).fetchone()
    if found is None:
        return f"the snapshot at row {seq} cannot be found again"
    *fields, chained = found
    if chained is None:  # its row has left, as that at which the journal begins
        base = read_base(connection)
        chained = base.hash if base.seq == seq else None
    if any(type(field) is not bytes for field in fields):
        return f"the snapshot at row {seq} is damaged"
    state_hash, body, chain_hash, mark = fields
    if mark != seal(seq, state_hash, body, chain_hash):
        return f"the snapshot at row {seq} is damaged: it does not carry the seal that its content gives"
    if chain_hash != chained:
        return f"the snapshot at row {seq} is not bound to this chain"
    return Snapshot(seq, state_hash, body, chain_hash)
