"""
Tell a write-ahead log that a crash cut short from one that was damaged.

SQLite reads a WAL up to its first bad frame and silently forgets the rest. That is right for the last transaction,
which a crash may tear. Every commit of ours is synced before the next one starts, so where the frames of a later
transaction follow a bad one, acknowledged rows would be lost: that is damage, and nothing may be opened on it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

HEADER_BYTES: Final = 32
FRAME_HEADER_BYTES: Final = 24
_MAGIC: Final = 0x377F0682
_VERSION: Final = 3_007_000
_MASK: Final = 0xFFFFFFFF
_PAGE_AND_SIZE_BYTES: Final = 8
_SECTOR_BYTES: Final = 512
_BOTH_SALTS: Final = 2


class WalReport(Struct, frozen=True):
    """
    What lies in a WAL.

    `damaged` says in words why acknowledged rows would be lost, `torn` that the last transaction is incomplete: a
    crash cut it short, or it was damaged, which cannot be told apart unless bytes are missing (`cut`).
    """

    frames: int = 0
    damaged: str = ""
    torn: str = ""
    cut: bool = False


class _Frame(Struct):
    """
    One frame. `follows`: its checksum continues the one that stands in the frame before.

    `is_split`: a sector of the disk ends between its page and its salts, so that they may be of two writes.
    """

    number: int
    page: int
    salts: tuple[int, int]
    is_commit: bool
    follows: bool
    is_split: bool


def scan_wal(path: Path) -> WalReport:
    """
    Read a WAL as SQLite would and report where it stops, and whether more should have followed.

    Where a bot is writing meanwhile, a frame may be seen half written: ask again, and believe what stays.

    Args:
        path: The `-wal` file; an absent or empty one is fine.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return WalReport()
    with file:
        head = file.read(HEADER_BYTES)
        if len(head) < HEADER_BYTES:
            return WalReport(torn="its header is incomplete" if head else "", cut=True)
        magic, version, page_bytes, _, salt_1, salt_2, sum_1, sum_2 = struct.unpack(">8I", head)
        order = ">" if magic & 1 else "<"
        if magic & ~1 != _MAGIC or version != _VERSION or _checksum(order, head[:24], 0, 0) != (sum_1, sum_2):
            rest = head.strip(b"\0") + file.read(1)
            return WalReport(damaged="its header is damaged, so that no frame of it counts" if rest else "")
        reader = _Reader(file, order, page_bytes, (sum_1, sum_2))
        judge = _Judge((salt_1, salt_2))
        for frame in reader.frames():
            if not judge.takes(frame):
                break
        return judge.report(reader.leftover)


def cut_torn_tail(path: Path) -> bool:
    """
    Cut what a crash left of a transaction behind the last one that was committed.

    SQLite would write over it bit by bit, in the same round of the log where a reader keeps that from beginning anew.
    After another crash the rest of it would look like transactions that follow a damaged one.

    Args:
        path: The `-wal` file. The caller holds the write lock, so that nobody is writing to it.

    Returns: whether there was anything to cut.

    Raises:
        OSError: If the file cannot be cut.
    """
    report = scan_wal(path)
    if not report.torn or report.damaged:
        return False
    with path.open("r+b") as file:
        head = file.read(HEADER_BYTES)
        if len(head) < HEADER_BYTES:
            return False  # SQLite begins it anew
        (page_bytes,) = struct.unpack_from(">I", head, 8)
        file.truncate(HEADER_BYTES + report.frames * (FRAME_HEADER_BYTES + page_bytes))
    return True


class _Reader:
    """The frames of one WAL in file order; `leftover` is how many bytes of an incomplete one stand at its end."""

    def __init__(self, file: BinaryIO, order: str, page_bytes: int, sums: tuple[int, int]) -> None:
        self._file = file
        self._order = order
        self._frame_bytes = FRAME_HEADER_BYTES + page_bytes
        self._sums = sums
        self.leftover = 0

    def frames(self) -> Iterator[_Frame]:
        """Yield every complete frame."""
        number = 0
        while len(raw := self._file.read(self._frame_bytes)) == self._frame_bytes:
            page, db_pages, salt_1, salt_2, sum_1, sum_2 = struct.unpack_from(">6I", raw)
            follows = _checksum(self._order, raw[:8] + raw[FRAME_HEADER_BYTES:], *self._sums) == (sum_1, sum_2)
            self._sums = sum_1, sum_2
            is_split = (HEADER_BYTES + number * self._frame_bytes + _PAGE_AND_SIZE_BYTES) % _SECTOR_BYTES == 0
            number += 1
            yield _Frame(number, page, (salt_1, salt_2), db_pages != 0, follows, is_split)
        self.leftover = len(raw)


class _Judge:
    """Follows the frames of one round of the WAL (those with the salts of its header) and notes what is wrong."""

    def __init__(self, salts: tuple[int, int]) -> None:
        self._salts = salts
        self._committed = 0
        self._sound = 0
        self._bad = 0
        self._damaged = False
        self._has_ended = False
        self._pages: set[int] = set()

    def takes(self, frame: _Frame) -> bool:
        """Look at the next frame; False where it is of an earlier round, all of which the database file holds."""
        matches = (frame.salts[0] == self._salts[0]) + (frame.salts[1] == self._salts[1])
        if not matches:
            return False
        if not self._bad and frame.follows and matches == _BOTH_SALTS:
            self._sound = frame.number
            self._committed = frame.number if frame.is_commit else self._committed
            self._pages = set() if frame.is_commit else self._pages | {frame.page}
            return True
        # Of a frame whose checksum does not fit, page and commit may be left from an earlier round, but for the first:
        # one flipped bit is damage, and it is in one frame.
        is_told = frame.follows or not (self._bad or frame.is_split)
        if self._bad:
            # A page stands at most once in a transaction, and nothing of a transaction follows its commit.
            self._damaged = self._has_ended or (is_told and frame.page in self._pages)
        self._bad = self._bad or frame.number
        if is_told:
            self._has_ended = self._has_ended or frame.is_commit
            self._pages.add(frame.page)
        return not self._damaged

    def report(self, leftover: int) -> WalReport:
        """Say what was found; `leftover` is how many bytes of an incomplete frame end the file."""
        if self._damaged:
            reason = f"frame {self._bad} is damaged and later transactions follow it"
            return WalReport(self._committed, damaged=reason)
        if self._bad:
            reason = f"frame {self._bad} of the last transaction is torn or damaged"
            return WalReport(self._committed, torn=reason)
        if self._sound > self._committed or leftover:
            return WalReport(self._committed, torn="the last transaction is incomplete", cut=True)
        return WalReport(self._committed)


def _checksum(order: str, raw: bytes, sum_1: int, sum_2: int) -> tuple[int, int]:
    """
    Go on with SQLite's sums over pairs of words: sum_1 += word_1 + sum_2, then sum_2 += word_2 + sum_1, modulo 2³².

    Each word enters both sums with a Fibonacci number as its weight, the last word with the smallest, so that whole
    frames are summed at once: in a loop, a start after a crash would take longer over its WAL than over its journal.
    """
    words = np.frombuffer(raw, dtype=f"{order}u4")[::-1].astype(np.uint32)
    count = len(words)
    weights = _fibonacci(count + 2)
    before, one, two = int(weights[count - 1]), int(weights[count]), int(weights[count + 1])
    new_1 = int((words * weights[:count]).sum(dtype=np.uint32)) + before * sum_1 + one * sum_2
    new_2 = int((words * weights[1 : count + 1]).sum(dtype=np.uint32)) + one * sum_1 + two * sum_2
    return new_1 & _MASK, new_2 & _MASK


@lru_cache(maxsize=8)
def _fibonacci(count: int) -> NDArray[np.uint32]:
    """Give the first Fibonacci numbers modulo 2³², from 0 and 1 on."""
    numbers = [0, 1]
    while len(numbers) < count:
        numbers.append((numbers[-1] + numbers[-2]) & _MASK)
    return np.array(numbers, dtype=np.uint32)
