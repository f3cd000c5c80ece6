"""The journal as JSON lines, for other programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import msgspec

from quarterdeck.journal.body import decode_plain
from quarterdeck.journal.reader import SqliteReader

Decode = Callable[[bytes], tuple[object, list[object]]]


def export(path: Path, out: BinaryIO, decode: Decode = decode_plain) -> int:
    """
    Write every row as one line `{seq, at_ns, kind, payload, facts, prev, hash}`, hashes in hex.

    Rows are streamed and checked against the chain: a line that is written is sound.

    Args:
        path: The journal.
        out: Where to write to.
        decode: How to read the body of a row as its input and its facts.

    Returns:
        How many rows were written.

    Raises:
        IntegrityError: At the first row that is damaged; those before it have been written.
    """
    encoder = msgspec.json.Encoder()
    count = 0
    with SqliteReader(path) as reader:
        for row in reader.rows():
            payload, facts = decode(row.body)
            line = {
                "seq": row.seq,
                "at_ns": row.at_ns,
                "kind": row.kind,
                "payload": payload,
                "facts": facts,
                "prev": row.prev.hex(),
                "hash": row.hash.hex(),
            }
            out.write(encoder.encode(line) + b"\n")
            count += 1
    return count
