"""
The hash chain over the rows: each row's hash covers the row before, so that no byte can change unseen.

`hash = sha256(prev ‖ seq ‖ at_ns ‖ length of kind ‖ kind ‖ body)`: seq as 8 bytes big-endian, at_ns as 8 bytes
big-endian signed, the length of kind (UTF-8) in 2 bytes. The row before the first is 32 zero bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from struct import Struct as Packer
from typing import Final

from msgspec import Struct

from quarterdeck.ports import Entry, Row

GENESIS: Final = bytes(32)

_HEADER: Final = Packer(">32sQqH")

StoredRow = tuple[int, int, str, bytes, bytes]
"""A row as it lies in the table: seq, at_ns, kind, body, hash."""


class Break(Struct, frozen=True):
    """The first place at which a chain does not hold."""

    seq: int
    reason: str


def link(prev: bytes, seq: int, entry: Entry) -> bytes:
    """
    Hash one entry onto the row before it.

    Args: the hash of the row before (32 bytes), the number of this row (from 1), and what it holds.
    Returns: the hash of this row, 32 bytes.
    """
    kind = entry.kind.encode()
    return sha256(_HEADER.pack(prev, seq, entry.at_ns, len(kind)) + kind + entry.body).digest()


def chain(prev: bytes, seq: int, entries: Iterable[Entry]) -> list[StoredRow]:
    """
    Give entries their numbers and hashes, after the row `seq` whose hash is `prev`.

    Returns: one (seq, at_ns, kind, body, hash) for each entry, as the table holds it.
    """
    rows: list[StoredRow] = []
    for entry in entries:
        seq += 1
        prev = link(prev, seq, entry)
        rows.append((seq, entry.at_ns, entry.kind, entry.body, prev))
    return rows


def verify_rows(rows: Sequence[Row], prev: bytes = GENESIS, seq: int = 0) -> Break | None:
    """
    Find the first row that does not follow from the one before it.

    Args: rows in order; the hash and the number of the row before them.
    Returns: None where the chain holds.
    """
    for row in rows:
        seq += 1
        if row.seq != seq:
            return Break(seq, f"row {seq} is missing; row {row.seq} stands in its place")
        if row.prev != prev or row.hash != link(prev, seq, Entry(row.at_ns, row.kind, row.body)):
            return Break(seq, f"row {seq} does not carry the hash that its content and the row before it give")
        prev = row.hash
    return None


def seal(*fields: int | str | bytes) -> bytes:
    """
    Hash the fields of a record that stands outside the chain, so that a change of any of them shows.

    Each field is preceded by its type and its length, so that two different records never give the same bytes.
    """
    digest = sha256()
    for field in fields:
        raw = field if isinstance(field, bytes) else str(field).encode()
        digest.update(f"{type(field).__name__}{len(raw)}:".encode() + raw)
    return digest.digest()
