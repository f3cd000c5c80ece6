"""
What faces want of a bot: a database of its own beside the journal, so that no writer can hold up the journal.

Each request has a key, under which asking twice is asking once. It is done when its key is in the journal. The file has
a rollback journal and no WAL: the side file of a WAL is mapped into memory by whoever reads it, and a face that cut it
short would end the bot.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from msgspec import Struct

from quarterdeck.domain import ConfigError, IntegrityError, NotAllowed, Retryable
from quarterdeck.journal.chain import seal
from quarterdeck.journal.database import FAULTS, connect, create_private, explained, transaction

APPLICATION_ID: Final = 0x51_44_49_4E  # "QDIN"
FORMAT_VERSION: Final = 1
KEY_CHARS_MAX: Final = 200
PAYLOAD_BYTES_MAX: Final = 64 * 1024
PENDING_MAX: Final = 64
PUT_TIMEOUT_MS: Final = 2_000

_TABLE: Final = (
    "CREATE TABLE inbox (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, "
    "payload BLOB NOT NULL, put_at_ns INTEGER NOT NULL, seal BLOB NOT NULL, is_done INTEGER NOT NULL DEFAULT 0)"
)
_INDEX: Final = "CREATE INDEX inbox_pending ON inbox (id) WHERE is_done = 0"


class Item(Struct, frozen=True):
    """One request that waits for the bot."""

    key: str
    kind: str
    payload: bytes
    put_at_ns: int


class Inbox:
    """
    The inbox of one bot. Faces put, the bot reads and marks as done.

    Raises: IntegrityError where the file is broken or not ours; Retryable where another process holds it too long.
    """

    def __init__(self, path: Path, *, lock_timeout_ms: int = PUT_TIMEOUT_MS) -> None:
        """
        Open or create the file, waiting a moment for a face that writes just now.

        The bot passes a `lock_timeout_ms` of 0: once the file is open it never waits for a face.
        """
        self.path = path
        with self._guarded("opening"):
            create_private(path)
            self._connection = connect(
                path, synchronous="FULL", lock_timeout_ms=PUT_TIMEOUT_MS, journal_mode="TRUNCATE"
            )
            try:
                self._ensure_schema()
                self._connection.execute(f"PRAGMA busy_timeout = {lock_timeout_ms}").fetchall()
            except (*FAULTS, IntegrityError):
                self._connection.close()
                raise

    def put(self, key: str, kind: str, payload: bytes, at_ns: int) -> bool:
        """
        Ask for something, durably, and wake the bot.

        Args:
            key: The idempotency key, 1 to 200 characters.
            kind: What is asked for.
            payload: The request, up to 64 KiB.
            at_ns: When, UTC.

        Returns:
            True if it is new, False if the very same was asked for before.

        Raises:
            NotAllowed: If something else was asked for under this key.
            ConfigError: If key or payload are out of bounds.
            Retryable: If another process holds the inbox.
            IntegrityError: If the file is broken.
        """
        if not 0 < len(key) <= KEY_CHARS_MAX or len(payload) > PAYLOAD_BYTES_MAX:
            raise ConfigError(
                f"inbox: a key has 1 to {KEY_CHARS_MAX} characters and a payload up to {PAYLOAD_BYTES_MAX} bytes; "
                f"got {len(key)} and {len(payload)}"
            )
        with self._guarded("asking the bot"):
            added = self._connection.execute(
                "INSERT INTO inbox (key, kind, payload, put_at_ns, seal) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (key, kind, payload, at_ns, seal(key, kind, payload, at_ns)),
            ).rowcount
            found = self._connection.execute("SELECT kind, payload FROM inbox WHERE key = ?", (key,)).fetchone()
        if found != (kind, payload):
            raise NotAllowed(f"inbox: something else was asked for under the key {key!r}; use a new key")
        wake(self.path)
        return added == 1

    def pending(self, limit: int = PENDING_MAX) -> list[Item]:
        """
        Read what waits for the bot, oldest first.

        Raises:
            IntegrityError: If the file, or a request in it, is broken.
            Retryable: If another process holds the inbox.
        """
        with self._guarded("reading"):
            rows = self._connection.execute(
                "SELECT key, kind, payload, put_at_ns, seal FROM inbox WHERE is_done = 0 ORDER BY id LIMIT ?", (limit,)
            ).fetchall()
        return [self._item(row) for row in rows]

    def done(self, keys: Sequence[str]) -> None:
        """
        Mark requests whose keys are in the journal as done; marking twice changes nothing.

        Raises:
            IntegrityError: If the file is broken.
            Retryable: If another process holds the inbox; they stay pending, and the journal knows their keys.
        """
        with self._guarded("marking as done"), transaction(self._connection):
            self._connection.executemany("UPDATE inbox SET is_done = 1 WHERE key = ?", [(key,) for key in keys])

    def close(self) -> None:
        """Close the file."""
        with suppress(sqlite3.Error):
            self._connection.close()

    def _ensure_schema(self) -> None:
        if self._version() == (APPLICATION_ID, FORMAT_VERSION):
            return  # without a lock for writing, which a face may be holding
        with transaction(self._connection):
            if not self._connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
                for statement in (_TABLE, _INDEX):
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                self._connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
            if self._version() != (APPLICATION_ID, FORMAT_VERSION):
                raise IntegrityError(
                    f"{self.path}: this is no inbox of this version; update quarterdeck, or stop the bot and move it"
                )

    def _version(self) -> tuple[int, int]:
        found = [
            self._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
        ]
        return found[0], found[1]

    def _item(self, row: tuple[object, ...]) -> Item:
        match row:
            case (str(key), str(kind), bytes(payload), int(put_at_ns), mark):
                if mark == seal(key, kind, payload, put_at_ns):
                    return Item(key, kind, payload, put_at_ns)
            case _:
                pass
        raise IntegrityError(f"{self.path}: the request {row[0]!r} is damaged; move the inbox away and ask again")

    @contextmanager
    def _guarded(self, doing: str) -> Iterator[None]:
        try:
            yield
        except FAULTS as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
                raise Retryable(f"{self.path}: {doing}: another process holds the inbox; try again") from error
            raise explained(self.path, doing, error) from error


class InboxListener:
    """
    Tells the bot when somebody put something. A datagram may be lost, so the bot looks by itself now and then too.

    Where the socket cannot be made (a path too long for the system), that is all there is.
    """

    def __init__(self, path: Path, on_news: Callable[[], None]) -> None:
        """Listen beside the inbox at `path`, on the running event loop, which calls `on_news`."""
        self._place = socket_of(path)
        self._on_news = on_news
        self._loop = asyncio.get_running_loop()
        self._socket = _bound(self._place)
        self._inode = _inode_of(self._place)
        if self._socket is not None:
            self._loop.add_reader(self._socket, self._drain, self._socket)

    def close(self) -> None:
        """Stop listening and remove the socket, unless a successor has put its own there."""
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._socket.close()
            self._socket = None
            if _inode_of(self._place) == self._inode:
                self._place.unlink(missing_ok=True)

    def _drain(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                listening.recv(16)
        self._on_news()


def socket_of(path: Path) -> Path:
    """Name the socket that wakes the bot whose inbox this is."""
    return path.with_suffix(".sock")


def wake(path: Path) -> None:
    """Tell the bot that its inbox has news; where it does not listen, it finds out when it starts or polls."""
    with suppress(OSError), _datagram() as sender:
        sender.sendto(b"news", str(socket_of(path)))


def _bound(place: Path) -> socket.socket | None:
    made = _datagram()
    try:
        place.unlink(missing_ok=True)  # left behind by a process that was killed
        made.bind(str(place))
        os.chmod(place, 0o600)  # noqa: PTH101 - beside bind, which takes a plain path as well
    except OSError:
        made.close()
        return None
    return made


def _inode_of(place: Path) -> int | None:
    try:
        return place.stat().st_ino
    except OSError:
        return None


def _datagram() -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.settimeout(0)
    return made
