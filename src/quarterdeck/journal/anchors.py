"""
Heads of the journal noted outside of it, so that rows that vanish from its end, or all of it, leave a trace.

`heads.jsonl` beside the journal holds one line for each anchor, `{"seq": …, "hash": …, "at_ns": …}`: the head at the
first append after each full hour of the rows' own time, and at every clean end. Lines are appended and synced after
their rows are durable, so an anchor never runs ahead of the journal. The file stays below `BYTES_MAX`: of anchors
older than the newest `RECENT_KEPT` one in `OLD_STEP` stays. Copy it to another machine to make it worth more.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from quarterdeck.domain import MINUTE_NS

HOUR_NS: Final = 60 * MINUTE_NS
BYTES_MAX: Final = 2 << 20
RECENT_KEPT: Final = 4_000
OLD_STEP: Final = 24

_HASH_CHARS: Final = 64


class Anchor(Struct, frozen=True):
    """The head of the journal at one time: number, hash in hex and time of its last row."""

    seq: int
    hash: str
    at_ns: int


class AnchorsFound(Struct, frozen=True):
    """What a file of anchors holds; `unreadable` counts lines that are none, such as one that a crash cut short."""

    is_there: bool
    anchors: tuple[Anchor, ...] = ()
    unreadable: int = 0


_LINE: Final = msgspec.json.Decoder(Anchor)


def anchors_of(journal: Path) -> Path:
    """Say where the anchors of a journal lie."""
    return journal.with_name("heads.jsonl")


def read_anchors(journal: Path) -> AnchorsFound:
    """Read the anchors of a journal. What cannot be read is counted, not raised: it speaks against nothing."""
    try:
        raw = anchors_of(journal).read_bytes()
    except OSError:
        return AnchorsFound(is_there=False)
    found: list[Anchor] = []
    lines = [line for line in raw.split(b"\n") if line.strip()]
    for line in lines:
        with suppress(msgspec.MsgspecError, UnicodeDecodeError):
            anchor = _LINE.decode(line)
            if anchor.seq > 0 and len(anchor.hash) == _HASH_CHARS:
                found.append(anchor)
    return AnchorsFound(is_there=True, anchors=tuple(found), unreadable=len(lines) - len(found))


class Anchors:
    """Notes heads of one journal. A failure is kept in `failure` and stops nobody: the journal is whole without."""

    def __init__(self, journal: Path, *, is_synced: bool = True) -> None:
        """Find out what was noted last; `is_synced` is off in simulations, which model durability themselves."""
        self._path = anchors_of(journal)
        self._is_synced = is_synced
        self.failure = ""
        found = read_anchors(journal).anchors
        self._last = found[-1] if found else None
        self.due_ns = _next_hour(self._last.at_ns) if self._last else 0

    def note(self, seq: int, mark: bytes, at_ns: int) -> None:
        """Note a head, durably; the very same twice is noted once."""
        anchor = Anchor(seq, mark.hex(), at_ns)
        self.due_ns = _next_hour(at_ns)
        if self._last is not None and (self._last.seq, self._last.hash) == (anchor.seq, anchor.hash):
            return
        try:
            self._append(msgspec.json.encode(anchor) + b"\n")
        except OSError as error:
            self.failure = f"{self._path}: the head of the journal could not be noted: {error}"
            return
        self.failure = ""
        self._last = anchor

    def _append(self, line: bytes) -> None:
        if self._path.exists() and self._path.stat().st_size + len(line) > BYTES_MAX:
            self._thin_out()
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                line = b"\n" + line  # a line that a crash cut short stays for itself
            os.write(descriptor, line)
            if self._is_synced:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _thin_out(self) -> None:
        """Write the file anew, beside itself and in one move: every recent anchor, and some of the older ones."""
        lines = [line for line in self._path.read_bytes().split(b"\n") if line.strip()]
        kept = [*lines[:-RECENT_KEPT:OLD_STEP], *lines[-RECENT_KEPT:]]
        beside = self._path.with_suffix(".new")
        with beside.open("wb") as file:
            file.write(b"\n".join(kept) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        beside.chmod(0o600)
        beside.replace(self._path)


def _next_hour(at_ns: int) -> int:
    return at_ns - at_ns % HOUR_NS + HOUR_NS
