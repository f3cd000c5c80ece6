"""States kept beside the rows, so that a start need not fold from zero; each is bound to the chain at its row."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from quarterdeck.domain import Bug
from quarterdeck.journal.chain import seal

SNAPSHOTS_KEPT: Final = 24


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
    Write a snapshot inside the caller's transaction, and let the oldest beyond `SNAPSHOTS_KEPT` go.

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
    connection.execute(
        "DELETE FROM snapshots WHERE seq NOT IN (SELECT seq FROM snapshots ORDER BY seq DESC LIMIT ?)",
        (SNAPSHOTS_KEPT,),
    )


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
    if any(type(field) is not bytes for field in fields):
        return f"the snapshot at row {seq} is damaged"
    state_hash, body, chain_hash, mark = fields
    if mark != seal(seq, state_hash, body, chain_hash):
        return f"the snapshot at row {seq} is damaged: it does not carry the seal that its content gives"
    if chain_hash != chained:
        return f"the snapshot at row {seq} is not bound to this chain"
    return Snapshot(seq, state_hash, body, chain_hash)
