"""The tables of a journal: how a new file gets them, an old one is brought up, and that they are as they were."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Final

from quarterdeck.domain import ConfigError, IntegrityError
from quarterdeck.journal.chain import seal
from quarterdeck.journal.database import transaction

APPLICATION_ID: Final = 0x51_44_4A_4C  # "QDJL"
FORMAT_VERSION: Final = 2
# What the projected tables hold, and how the rows are folded into them; raised with every change of either.
PROJECTION: Final = "2"

_KEPT: Final[dict[str, str]] = {
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
}
_SEGMENTS: Final[dict[str, str]] = {
    "segments": (
        "CREATE TABLE segments (last_seq INTEGER PRIMARY KEY, first_seq INTEGER NOT NULL, prev BLOB NOT NULL, "
        "hash BLOB NOT NULL, first_at_ns INTEGER NOT NULL, last_at_ns INTEGER NOT NULL, place TEXT NOT NULL, "
        "manifest_hash TEXT NOT NULL, fills INTEGER NOT NULL, orders INTEGER NOT NULL, events INTEGER NOT NULL, "
        "seal BLOB NOT NULL)"
    ),
}
PROJECTED: Final[dict[str, str]] = {
    "projected": (
        "CREATE TABLE projected (id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL, "
        "last_intent TEXT NOT NULL)"
    ),
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
        "booked_lots INTEGER, limit_ticks INTEGER, lot TEXT, qty TEXT, filled_qty TEXT, limit_price TEXT, "
        "venue_order_id TEXT, reason TEXT) WITHOUT ROWID"
    ),
    "events": (
        "CREATE TABLE events (seq INTEGER, nth INTEGER, at_ns INTEGER, type TEXT, actor TEXT, details TEXT, "
        "PRIMARY KEY (seq, nth)) WITHOUT ROWID"
    ),
    "mentions": "CREATE TABLE mentions (intent_id TEXT, seq INTEGER, PRIMARY KEY (intent_id, seq)) WITHOUT ROWID",
    "cycles": "CREATE TABLE cycles (bar_ns INTEGER PRIMARY KEY, seq INTEGER)",
}
TABLES: Final[dict[str, str]] = _KEPT | _SEGMENTS | PROJECTED
INDEXES: Final[dict[str, str]] = {
    "orders_by_seq": "CREATE INDEX orders_by_seq ON orders (planned_seq)",
}

# Format 1, of quarterdeck 0.1.0: its tables stood on pages 2, 3 and so on; what it projected is made anew.
_PROJECTED_1: Final[dict[str, str]] = {
    "projected": "CREATE TABLE projected (id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL)",
    "fills": PROJECTED["fills"],
    "orders": PROJECTED["orders"].replace("lot TEXT, qty TEXT", "qty TEXT"),
    "events": PROJECTED["events"],
    "listings": (
        "CREATE TABLE listings (venue TEXT, instrument TEXT, tick TEXT, lot TEXT, "
        "PRIMARY KEY (venue, instrument)) WITHOUT ROWID"
    ),
}

_Catalogue = list[tuple[str, str, str, int, str]]


def ensure_schema(connection: sqlite3.Connection, path: Path, bot: str) -> None:
    """
    Create the tables of a new journal, or make sure that an old one is ours and of a version that we understand.

    Raises:
        IntegrityError: If it is not.
    """
    with transaction(connection):
        if _is_blank(connection):
            _create(connection, bot)
        check_schema(connection, path)
        owner = read_meta(connection, path).get("bot")
        if owner != bot:
            raise IntegrityError(
                f"{path}: this journal belongs to bot {owner!r}, not to {bot!r}; give each bot a folder of its own"
            )


def bring_up(connection: sqlite3.Connection, path: Path) -> None:
    """Bring an older file up to our format, once its bot is ours: another owner may be of the older software."""
    if check_schema(connection, path) < FORMAT_VERSION:
        with transaction(connection):
            _migrate(connection)
    elif read_meta(connection, path).get("projection") != PROJECTION:
        with transaction(connection):
            empty_projected(connection)
            write_meta(connection, "projection", PROJECTION)


def check_schema(connection: sqlite3.Connection, path: Path) -> int:
    """
    Make sure that a file is a journal of a version that we understand, with exactly our tables where we left them.

    Returns:
        The version of its format.

    Raises:
        ConfigError: If it is still blank: nothing was ever written to it.
        IntegrityError: If it is not.
    """
    if _is_blank(connection):
        raise ConfigError(
            f"{path}: this journal is still blank: its first start is under way, or was cut off; start the bot"
        )
    application_id = _number(connection, "PRAGMA application_id")
    version = _number(connection, "PRAGMA user_version")
    if application_id != APPLICATION_ID:
        raise IntegrityError(f"{path}: this file is not a quarterdeck journal; restore the right file, or move it away")
    if version > FORMAT_VERSION:
        raise IntegrityError(
            f"{path}: written in journal format {version}, we read up to {FORMAT_VERSION}; update quarterdeck"
        )
    found = _catalogue(connection)
    if version == 1:
        is_sound = found == _in_order(_KEPT | _PROJECTED_1)
    else:
        ours = {(kind, name, of, sql) for kind, name, of, _, sql in _in_order(TABLES)}
        is_ours = version == FORMAT_VERSION and {(k, name, of, sql) for k, name, of, _, sql in found} == ours
        is_sound = is_ours and read_meta(connection, path).get("layout") == _layout(found)
    if not is_sound:
        raise IntegrityError(f"{path}: the tables are not those of a journal; restore the file from a backup")
    return version


def stand_in(connection: sqlite3.Connection) -> None:
    """
    Put empty tables of our format before those of an older file, on this connection alone, so that it can be read.

    The file itself is brought up when its bot next starts.
    """
    for sql in (_SEGMENTS | PROJECTED).values():
        connection.execute(sql.replace("CREATE TABLE", "CREATE TEMP TABLE", 1))
    connection.execute("INSERT INTO temp.projected VALUES (1, 0, '')")


def empty_projected(connection: sqlite3.Connection) -> None:
    """Empty the projected tables, inside the caller's transaction; they are folded anew from the first row."""
    for table in PROJECTED:
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 - a name of our own
    connection.execute("INSERT INTO projected VALUES (1, 0, '')")


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


def write_meta(connection: sqlite3.Connection, key: str, value: str) -> None:
    """Let the journal say something about itself, inside the caller's transaction."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?, ?)", (key, value, seal(key, value)))


def _create(connection: sqlite3.Connection, bot: str) -> None:
    for statement in (*TABLES.values(), *INDEXES.values()):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    write_meta(connection, "bot", bot)
    _settle(connection)


def _migrate(connection: sqlite3.Connection) -> None:
    """Bring a file of format 1 up: what is folded from the rows makes way, the rows themselves stay as they are."""
    for table in _PROJECTED_1:
        connection.execute(f"DROP TABLE {table}")
    for statement in (*(_SEGMENTS | PROJECTED).values(), *INDEXES.values()):
        connection.execute(statement)
    _settle(connection)


def _settle(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO projected VALUES (1, 0, '')")
    connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
    write_meta(connection, "projection", PROJECTION)
    write_meta(connection, "layout", _layout(_catalogue(connection)))


def _catalogue(connection: sqlite3.Connection) -> _Catalogue:
    return connection.execute(
        "SELECT type, name, tbl_name, rootpage, sql FROM main.sqlite_schema ORDER BY rootpage"
    ).fetchall()


def _layout(found: _Catalogue) -> str:
    """Say on which page each table begins: a changed page would be read as another table."""
    return json.dumps({name: page for _, name, _, page, _ in found}, sort_keys=True, default=repr)


def _in_order(tables: dict[str, str]) -> _Catalogue:
    """Say what SQLite's own catalogue holds where these tables and our indexes were made in this order."""
    made = [("table", name, name, sql) for name, sql in tables.items()]
    indexes = [("index", name, sql.split(" ON ")[1].split(" ")[0], sql) for name, sql in INDEXES.items()]
    return [(kind, name, of, page, sql) for page, (kind, name, of, sql) in enumerate(made + indexes, start=2)]


def _is_blank(connection: sqlite3.Connection) -> bool:
    named = _number(connection, "PRAGMA application_id") or _number(connection, "PRAGMA user_version")
    return not named and _number(connection, "SELECT count(*) FROM sqlite_schema") == 0


def _number(connection: sqlite3.Connection, query: str) -> int:
    return int(connection.execute(query).fetchone()[0])
