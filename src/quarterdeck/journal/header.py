"""What SQLite ignores in the first 100 bytes of a file, so that a change in them would stay unseen."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

HEADER_BYTES: Final = 100


def header_damage(header: bytes) -> Iterator[str]:
    """
    Yield what is wrong with the first 100 bytes of a journal, beyond what SQLite itself refuses.

    SQLite ignores several of these fields, so a change in them would stay unseen.
    """
    if len(header) < HEADER_BYTES:
        yield "it is shorter than 100 bytes"
        return
    if not header.startswith(b"SQLite format 3\0"):
        yield "it is not that of a SQLite file"
    if header[18:20] != b"\x02\x02":
        yield "the file is not in WAL mode"
    if header[20:24] != bytes((0, 64, 32, 32)):
        yield "the page layout is not ours"
    if header[24:28] != header[92:96]:
        yield "the change counter was not written by SQLite"
    if struct.unpack_from(">I", header, 44)[0] != 4 or header[56:60] != b"\0\0\0\x01":  # noqa: PLR2004 - format 4, UTF-8
        yield "the schema format or the text encoding is not ours"
    if any(header[48:56]) or any(header[64:68]) or any(header[72:92]):
        yield "a field that is always zero is not"
