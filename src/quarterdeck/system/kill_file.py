"""
The kill switch: one number in a small file that every bot of the workspace keeps open.

Raising it needs no journal, no network and no answer from anyone. The last hop compares it before every signature.
A file that cannot be read as it should, or that was taken away, counts as raised beyond every epoch: the switch fails
closed. It is read and not mapped, since reading a mapping of a file that was cut short would end the process.
"""

from __future__ import annotations

import fcntl
import os
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

from quarterdeck.domain import IntegrityError

_MAGIC: Final = b"QDKILL01"
_LENGTH: Final = 24
BROKEN_EPOCH: Final = 2**63 - 1


def _packed(epoch: int) -> bytes:
    body = _MAGIC + struct.pack(">q", epoch)
    return body + sha256(body).digest()[: _LENGTH - len(body)]


def _unpacked(data: bytes) -> int:
    if len(data) != _LENGTH or data[:8] != _MAGIC:
        return BROKEN_EPOCH
    epoch = int(struct.unpack(">q", data[8:16])[0])
    return epoch if data == _packed(epoch) else BROKEN_EPOCH


def _make(path: Path) -> None:
    """
    Make the file with epoch 0 where there is none; it appears whole or not at all.

    One that is there and empty is never made good here: it may have held a kill.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        return
    aside = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(aside, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.pwrite(descriptor, _packed(0), 0)
        os.fsync(descriptor)
        with suppress(FileExistsError):  # another process was first
            os.link(aside, path)
    finally:
        os.close(descriptor)
        aside.unlink()


class KillFile:
    """The kill epoch of a workspace, open for reading."""

    def __init__(self, path: Path) -> None:
        """
        Open the file, making it with epoch 0 if there is none.

        Raises:
            IntegrityError: If it can neither be read nor made.
        """
        self.path = path
        try:
            _make(path)
            self._descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise IntegrityError(f"{path}: the kill file cannot be used: {error}; without it nothing trades") from error

    def epoch(self) -> int:
        """Read the epoch; a broken file reads as `BROKEN_EPOCH`, above every epoch that a bot may have accepted."""
        try:
            if os.fstat(self._descriptor).st_nlink == 0:
                return BROKEN_EPOCH  # what stands at its place now, a kill may raise without our seeing it
            return _unpacked(os.pread(self._descriptor, _LENGTH + 1, 0))
        except OSError:
            return BROKEN_EPOCH

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def read_epoch(path: Path) -> int:
    """Read the kill epoch of a workspace once; see `KillFile`."""
    kill_file = KillFile(path)
    try:
        return kill_file.epoch()
    finally:
        kill_file.close()


def raise_kill(path: Path, *, now_ns: Callable[[], int] = time.time_ns) -> int:
    """
    Raise the kill epoch, durably. It takes effect at once in every process that has the file open.

    The epoch is the instant of the raise, so that it lies above all that any bot ever accepted even where the file
    was lost or broken in between; `now_ns` reads the wall clock.

    Returns:
        The new epoch.

    Raises:
        IntegrityError: If the file cannot be written.
    """
    try:
        _make(path)
        descriptor = os.open(path, os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            before = _unpacked(os.pread(descriptor, _LENGTH + 1, 0))
            # A broken file is mended by a kill.
            epoch = max(now_ns(), 0 if before == BROKEN_EPOCH else before + 1)
            os.pwrite(descriptor, _packed(epoch), 0)
            os.ftruncate(descriptor, _LENGTH)
            os.fsync(descriptor)
            return epoch
        finally:
            os.close(descriptor)
    except OSError as error:
        raise IntegrityError(f"{path}: the kill switch could not be raised: {error}; stop the bots by hand") from error
