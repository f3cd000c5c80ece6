"""The log of one bot: JSON lines in a file. What happened to money is in the journal; this is for people."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

import structlog

from quarterdeck.domain import IntegrityError

LOG_BYTES_MAX: Final = 16 << 20


class Log(Protocol):
    """Where the shell says what it noticed."""

    def say(self, event: str, text: str) -> None:
        """Say something of interest."""
        ...

    def complain(self, event: str, text: str) -> None:
        """Say something that a person should look at."""
        ...


class FileLog:
    """
    Appends to a file, which is put aside as `NAME.1` when it has grown large.

    A full disk costs lines of the log and nothing else: the journal fails on its own, and says so.
    """

    def __init__(self, path: Path) -> None:
        """
        Open the file, and its folder if need be.

        Raises:
            IntegrityError: If that fails.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists() and path.stat().st_size > LOG_BYTES_MAX:
                path.replace(path.with_name(path.name + ".1"))
            self._file = path.open("a", encoding="utf-8", buffering=1)
        except OSError as error:
            raise IntegrityError(f"{path}: cannot be opened: {error}; the bot's folder must be writable") from error
        self._logger = structlog.wrap_logger(
            structlog.WriteLogger(self._file),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.JSONRenderer(),
            ],
        )

    def say(self, event: str, text: str) -> None:
        """Log at level info."""
        with suppress(OSError):
            self._logger.info(event, text=text)

    def complain(self, event: str, text: str) -> None:
        """Log at level warning."""
        with suppress(OSError):
            self._logger.warning(event, text=text)

    def close(self) -> None:
        """Close the file."""
        with suppress(OSError):
            self._file.close()
