"""The disk below a bot's journal: it fails when it is told to, and a crash may find it in the middle of a write."""

from collections.abc import Callable
from pathlib import Path
from random import Random

HEADER_BYTES = 32
SECTOR_BYTES = 512


class Disk:
    """What a machine keeps of a journal's files when it dies."""

    def __init__(self, path: Path, rng: Random) -> None:
        self.fails_next = ""
        self._path = path
        self._wal = path.with_name(path.name + "-wal")
        self._rng = rng

    def take_failure(self) -> str:
        """Give the failure that is due, once."""
        failure, self.fails_next = self.fails_next, ""
        return failure

    def tear(self, commit: Callable[[], object]) -> None:
        """
        Let a commit happen of which only some sectors reach the disk, in any order, as when the power goes.

        Nothing of it was acknowledged. The header of a log that begins anew is synced before anything follows it, as
        SQLite does it. The files that are found afterwards are new ones: whoever had the old ones open is dead.
        """
        before = _read(self._wal)
        commit()
        after, database = _read(self._wal), _read(self._path)
        torn = self._mixed(before, after)
        for path, held in ((self._path, database), (self._wal, torn)):
            found = path.with_name(path.name + ".found")
            found.write_bytes(held)
            found.replace(path)
        self._path.with_name(self._path.name + "-shm").unlink(missing_ok=True)

    def _mixed(self, before: bytes, after: bytes) -> bytes:
        """Take each sector of the log from before or after the commit; the file may be as short as it was, or not."""
        rng = self._rng
        length = rng.choice((len(after), len(after), rng.randint(min(len(before), len(after)), len(after))))
        mixed = bytearray()
        share = rng.choice((0.0, 0.5, 0.9))
        for start in range(0, length, SECTOR_BYTES):
            end = min(start + SECTOR_BYTES, length)
            old, new = before[start:end].ljust(end - start, b"\0"), after[start:end]
            mixed += new if old == new or rng.random() < share else old
        mixed[:HEADER_BYTES] = after[:HEADER_BYTES]
        return bytes(mixed)


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""
