"""Whether the files we write are still where the next process will look for them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

# Older kernels stamp a folder only every few milliseconds: two changes may carry one time until it has passed.
_SETTLED_NS: Final = 50_000_000


class Places:
    """
    Files in one folder that must neither move nor be replaced.

    Looking at a file that is written all the time costs every write its exact time stamp on recent Linux, about a
    quarter of a commit. A file cannot go without its folder changing, so the folder is looked at instead, and the
    files only when it changed.
    """

    def __init__(self, folder: Path, files: Iterable[Path]) -> None:
        """Remember where the files are; they must exist."""
        self._folder = str(folder)
        self._inodes = {str(file): file.stat().st_ino for file in files}
        self._seen: tuple[int, int] | None = None

    def check(self) -> None:
        """
        Look whether every file is in its place.

        Raises:
            FileNotFoundError: If one is gone or is another file now.
        """
        folder = os.stat(self._folder)  # noqa: PTH116 - on the hot path
        seen = (folder.st_ino, folder.st_mtime_ns)
        if seen == self._seen:
            return
        for place, inode in self._inodes.items():
            if os.stat(place).st_ino != inode:  # noqa: PTH116 - beside its twin
                raise FileNotFoundError(2, "the file was replaced while the bot was running", place)
        is_settled = time.time_ns() - folder.st_mtime_ns > _SETTLED_NS
        self._seen = seen if is_settled else None
