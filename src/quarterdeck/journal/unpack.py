"""
Answer questions about Parquet files in a process of its own: `python unpack.py`, the questions on standard input.

DuckDB keeps tens of megabytes once it has been used, more than a bot may spend; they go when this process ends. The
questions are one JSON object `{"queries": [[sql, parameters], …], "enough": rows or null}`: each query is answered in
turn until there are enough rows. The answer is a row of frames, each a length of 4 bytes, big-endian, and a list of
rows as msgpack; an empty frame ends it. With exit status 2 standard error says what is wrong.
"""

from __future__ import annotations

import json
import struct
import sys
from typing import Final

import duckdb
import msgspec

FRAME_ROWS: Final = 512


def main() -> int:
    """Answer, and return the exit status."""
    asked = json.load(sys.stdin)
    try:
        _answer(asked["queries"], asked["enough"])
    except (duckdb.Error, OSError) as error:
        sys.stderr.write(str(error).splitlines()[0] + "\n")
        return 2
    return 0


def _answer(queries: list[tuple[str, list[object]]], enough: int | None) -> None:
    encode = msgspec.msgpack.Encoder().encode
    config = {"autoinstall_known_extensions": "false", "memory_limit": "512MB", "threads": "1"}
    sent = 0
    with duckdb.connect(":memory:", config=dict(config)) as connection:
        for sql, parameters in queries:
            connection.execute(sql, parameters)
            while found := connection.fetchmany(FRAME_ROWS):
                _send(encode(found))
                sent += len(found)
            if enough is not None and sent >= enough:
                break
    _send(b"")
    sys.stdout.buffer.flush()


def _send(frame: bytes) -> None:
    sys.stdout.buffer.write(struct.pack(">I", len(frame)) + frame)


if __name__ == "__main__":
    sys.exit(main())
