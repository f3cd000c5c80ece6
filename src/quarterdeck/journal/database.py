"""The files themselves: schema, how a connection is opened, and what an error of SQLite means for the operator."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

from quarterdeck.domain import ConfigError, IntegrityError
from quarterdeck.journal.chain import seal

APPLICATION_ID: Final = 0x51_44_4A_4C  # "QDJL"
FORMAT_VERSION: Final = 1
PAGE_BYTES: Final = 4096
CACHE_KIB: Final = 512
LOCK_TIMEOUT_MS: Final = 2_000

TABLES: Final[dict[str, str]] = {
    "rows": (
        "CREATE TABLE rows (seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, kind TEXT NOT NULL, "
        "body BLOB NOT NULL, hash BLOB NOT NULL)"
    ),
    "snapshots": (
        "CREATE TABLE snapshots (seq INTEGER PRIMARY KEY, state_hash BLOB NOT NULL, body BLOB NOT NULL, "
        "chain_hash BLOB NOT NULL, seal BLOB NOT NULL)"
    ),
    "lease": (
        "CREATE TABLE lease (id INTEGER PRIMARY KEY CHECK (id = 1), bot TEXT NOT NULL, epoch INTEGER NOT NULL, "
        "pid INTEGER NOT NULL, host TEXT NOT NULL, boot_id TEXT NOT NULL, until_boot_ns INTEGER NOT NULL, "
        "released INTEGER NOT NULL, seal BLOB NOT NULL)"
    ),
    "meta": "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL, seal BLOB NOT NULL) WITHOUT ROWID",
    "projected": "CREATE TABLE projected (id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL)",
    "fills": (
        "CREATE TABLE fills (seq INTEGER, nth INTEGER, at_ns INTEGER, trade_id TEXT, venue TEXT, account TEXT, "
        "client_id TEXT, intent_id TEXT, instrument TEXT, side TEXT, qty TEXT, price TEXT, fee TEXT, fee_asset TEXT, "
        "liquidity TEXT, realised TEXT, inferred INTEGER, retired_lots INTEGER, booked_at_ns INTEGER, "
        "PRIMARY KEY (seq, nth)) WITHOUT ROWID"
    ),
    "orders": (
        "CREATE TABLE orders (client_id TEXT PRIMARY KEY, planned_seq INTEGER, last_seq INTEGER, "
        "planned_at_ns INTEGER, moved_at_ns INTEGER, intent_id TEXT, venue TEXT, instrument TEXT, side TEXT, "
        "effect TEXT, kind TEXT, state TEXT, cancel TEXT, qty_lots INTEGER, reported_lots INTEGER, "
        "booked_lots INTEGER, limit_ticks INTEGER, qty TEXT, filled_qty TEXT, limit_price TEXT, "
        "venue_order_id TEXT, reason TEXT) WITHOUT ROWID"
    ),
    "events": (
        "CREATE TABLE events (seq INTEGER, nth INTEGER, at_ns INTEGER, type TEXT, actor TEXT, details TEXT, "
        "PRIMARY KEY (seq, nth)) WITHOUT ROWID"
    ),
    "listings": (
        "CREATE TABLE listings (venue TEXT, instrument TEXT, tick TEXT, lot TEXT, "
        "PRIMARY KEY (venue, instrument)) WITHOUT ROWID"
    ),
}
INDEXES: Final[dict[str, str]] = {
    "orders_by_seq": "CREATE INDEX orders_by_seq ON orders (planned_seq)",
}

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


def connect(path: Path, *, synchronous: str, lock_timeout_ms: int = LOCK_TIMEOUT_MS) -> sqlite3.Connection:
    """
    Open a connection that may write, in WAL mode, which it leaves to its caller to checkpoint.

    Args:
        path: An existing file; an empty one becomes a database.
        synchronous: FULL, or OFF in simulations, where durability is modelled elsewhere.
        lock_timeout_ms: How long a write waits for another process.
    """
    connection = sqlite3.connect(
        path, timeout=lock_timeout_ms / 1000, isolation_level=None, check_same_thread=False, cached_statements=64
    )
    for pragma in (
        f"page_size = {PAGE_BYTES}",
        "journal_mode = WAL",
        f"synchronous = {synchronous}",
        f"cache_size = -{CACHE_KIB}",
        "trusted_schema = OFF",
        "wal_autocheckpoint = 8192",  # only a net: the owner checkpoints earlier, off the hot path
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    return connection


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


def ensure_schema(connection: sqlite3.Connection, path: Path, bot: str) -> None:
    """
    Create the tables of a new journal, or make sure that an old one is ours and of our version.

    Raises:
        IntegrityError: If it is not.
    """
    with transaction(connection):
        if _is_blank(connection):
            for statement in (*TABLES.values(), *INDEXES.values()):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
            connection.execute("INSERT INTO meta VALUES ('bot', ?, ?)", (bot, seal("bot", bot)))
            connection.execute("INSERT INTO projected VALUES (1, 0)")
        check_schema(connection, path)
        owner = read_meta(connection, path).get("bot")
        if owner != bot:
            raise IntegrityError(
                f"{path}: this journal belongs to bot {owner!r}, not to {bot!r}; give each bot a folder of its own"
            )


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


def check_schema(connection: sqlite3.Connection, path: Path) -> None:
    """
    Make sure that a file is a journal of a version that we understand, with exactly our tables.

    Raises:
        IntegrityError: If it is not.
    """
    application_id = _number(connection, "PRAGMA application_id")
    version = _number(connection, "PRAGMA user_version")
    if application_id != APPLICATION_ID:
        raise IntegrityError(f"{path}: this file is not a quarterdeck journal; restore the right file, or move it away")
    if version > FORMAT_VERSION:
        raise IntegrityError(
            f"{path}: written in journal format {version}, we read up to {FORMAT_VERSION}; update quarterdeck"
        )
    found = connection.execute(
        "SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema ORDER BY rootpage"
    ).fetchall()
    if version != FORMAT_VERSION or found != _schema_rows():
        raise IntegrityError(f"{path}: the tables are not those of a journal; restore the file from a backup")


def read_meta(connection: sqlite3.Connection, path: Path) -> dict[str, str]:
    """
    Read what the journal says about itself.

    Raises:
        IntegrityError: If an entry does not carry its seal.
    """
    meta: dict[str, str] = {}
    for key, value, mark in connection.execute("SELECT key, value, seal FROM meta ORDER BY key"):
        if not (isinstance(key, str) and isinstance(value, str) and mark == seal(key, value)):
            raise IntegrityError(f"{path}: the entry {key!r} about the journal is damaged; restore it from a backup")
        meta[key] = value
    return meta


def _schema_rows() -> list[tuple[str, str, str, int, str]]:
    """Say what SQLite's own catalogue holds: made in this order, the tables begin on pages 2, 3 and so on."""
    tables = [("table", name, name, sql) for name, sql in TABLES.items()]
    indexes = [("index", name, sql.split(" ON ")[1].split(" ")[0], sql) for name, sql in INDEXES.items()]
    return [(kind, name, of, page, sql) for page, (kind, name, of, sql) in enumerate(tables + indexes, start=2)]


def _is_blank(connection: sqlite3.Connection) -> bool:
    named = _number(connection, "PRAGMA application_id") or _number(connection, "PRAGMA user_version")
    return not named and _number(connection, "SELECT count(*) FROM sqlite_schema") == 0


def _number(connection: sqlite3.Connection, query: str) -> int:
    return int(connection.execute(query).fetchone()[0])
