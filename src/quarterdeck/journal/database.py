"""The files themselves: how a connection is opened, and what an error of SQLite means for the operator."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

from quarterdeck.domain import ConfigError, IntegrityError

PAGE_BYTES: Final = 4096
CACHE_KIB: Final = 512
LOCK_TIMEOUT_MS: Final = 2_000

_ADVICE: Final[dict[int, str]] = {
    sqlite3.SQLITE_FULL: "free space on the disk, then start the bot again",
    sqlite3.SQLITE_IOERR: "look at the disk (full, failing, or over a file size limit), then start the bot again",
    sqlite3.SQLITE_BUSY: "another process holds the file; end it, then try again",
    sqlite3.SQLITE_READONLY: "make the file and its folder writable for the user who runs this",
    sqlite3.SQLITE_CANTOPEN: "check that the folder exists and that the user who runs this may write to it",
    sqlite3.SQLITE_PERM: "make the file and its folder readable and writable for the user who runs this",
    sqlite3.SQLITE_NOTADB: "this is no journal; restore the file from a backup",
    sqlite3.SQLITE_CORRUPT: "run `quarterdeck journal verify`, then restore the file from a backup",
    sqlite3.SQLITE_CONSTRAINT: "another process wrote to the file; end it, then run `quarterdeck journal verify`",
}
_ADVICE_GONE: Final = "find what moved or deleted it, put it back or restore a backup, then start the bot again"
_ADVICE_OTHERWISE: Final = "run `quarterdeck journal verify`; if it finds damage, restore the file from a backup"


# What Python's layer over SQLite raises where a file is broken, missing or full: a damaged name of a table may even be
# no text, and a damaged length may ask for more memory than there is.
FAULTS: Final = (sqlite3.Error, OSError, UnicodeDecodeError, OverflowError, MemoryError)


def explained(path: Path, doing: str, error: Exception) -> IntegrityError:
    """Turn an error of SQLite or of the file system into one that says what to do."""
    # Errors that Python's own layer raises (text that is no UTF-8, a closed connection) carry no code.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    todo = _ADVICE_GONE if isinstance(error, FileNotFoundError) else _ADVICE.get(code, _ADVICE_OTHERWISE)
    return IntegrityError(f"{path}: {doing} failed: {error}; {todo}")


@contextmanager
def guarded(path: Path, doing: str) -> Iterator[None]:
    """
    Let no bare error of SQLite or of the file system out.

    Raises:
        IntegrityError: In place of it, with the cause and what to do.
    """
    try:
        yield
    except FAULTS as error:
        raise explained(path, doing, error) from error


def create_private(path: Path) -> None:
    """Create an empty file that only its owner may read; SQLite gives its side files the same rights."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def connect(
    path: Path, *, synchronous: str, lock_timeout_ms: int = LOCK_TIMEOUT_MS, journal_mode: str = "WAL"
) -> sqlite3.Connection:
    """
    Open a connection that may write.

    Args:
        path: An existing file; an empty one becomes a database.
        synchronous: FULL, or OFF in simulations, where durability is modelled elsewhere.
        lock_timeout_ms: How long a write waits for another process.
        journal_mode: WAL, which its caller checkpoints, or TRUNCATE: a rollback journal beside the file. A file that
            others have open in the other mode keeps that until they let go of it.
    """
    connection = sqlite3.connect(
        path, timeout=lock_timeout_ms / 1000, isolation_level=None, check_same_thread=False, cached_statements=64
    )
    for pragma in (
        f"page_size = {PAGE_BYTES}",
        "mmap_size = 0",  # a file that is cut short must be an error, not the end of the process
        f"synchronous = {synchronous}",
        f"cache_size = -{CACHE_KIB}",
        "trusted_schema = OFF",
        "secure_delete = OFF",  # some builds of SQLite write zeros over all that leaves for the archive
        "wal_autocheckpoint = 8192",  # only a net: the owner checkpoints earlier, off the hot path
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    _set_journal_mode(connection, journal_mode)
    return connection


def _set_journal_mode(connection: sqlite3.Connection, mode: str) -> None:
    is_wal = connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    with suppress(sqlite3.OperationalError) if is_wal and mode != "WAL" else nullcontext():
        connection.execute(f"PRAGMA journal_mode = {mode}").fetchall()


def connect_read_only(path: Path, *, lock_timeout_ms: int = LOCK_TIMEOUT_MS) -> sqlite3.Connection:
    """
    Open a connection that cannot write, whether or not the owner is running.

    In a folder that we may not write to, SQLite cannot make its side files; where there is no WAL either, the file
    is complete in itself and is read as it stands.

    Raises:
        ConfigError: If there is no such file.
        IntegrityError: If it cannot be opened.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: there is no such file; start the bot once, or check the workspace and the name")
    immutable = not os.access(path.parent, os.W_OK) and not wal_of(path).exists()
    uri = f"file:{quote(str(path.absolute()))}?mode=ro" + ("&immutable=1" if immutable else "")
    with guarded(path, "opening for reading"):
        connection = sqlite3.connect(uri, uri=True, timeout=lock_timeout_ms / 1000, isolation_level=None)
        try:
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}").fetchall()
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        except FAULTS:
            connection.close()
            raise
    return connection


def wal_of(path: Path) -> Path:
    """Name the write-ahead log of a database."""
    return path.with_name(path.name + "-wal")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what the block wrote, or roll it back where the block raises."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
