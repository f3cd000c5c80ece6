"""The memory of a paper venue: one SQLite file, written row by row in one transaction per request."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec.structs import replace

from quarterdeck.domain import ConfigError, InputError, IntegrityError, NotOwner
from quarterdeck.exchange import (
    Book,
    Event,
    Exchange,
    ExchangeState,
    Head,
    OrderStatus,
    Personality,
    Setup,
    Trade,
    VenueOrder,
)
from quarterdeck.venues.paper_wire import PaperConfig

_SCHEMA = """
CREATE TABLE IF NOT EXISTS parts (name TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS books (instrument TEXT PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS orders (number INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS trades (cursor INTEGER PRIMARY KEY, body BLOB NOT NULL);
"""
_HABITS = frozenset(Personality.__struct_fields__)
_encode = msgspec.msgpack.encode
_decode = msgspec.msgpack.decode


class _Written(msgspec.Struct):
    """The habits that a file was written with, by name."""

    personality: dict[str, object]


class PaperFile:
    """
    One file, one owner: a second process that opens it is turned away.

    Killing the process loses nothing that was saved; losing power may lose the last requests (synchronous=NORMAL),
    as this is play money.
    """

    def __init__(self, path: Path) -> None:
        """
        Open the file, made new if it does not exist.

        Raises:
            NotOwner: If another process has it open.
            IntegrityError: If it is no database.
        """
        self._path = path
        self._connection = sqlite3.connect(path, timeout=0.2, isolation_level=None)
        try:
            # Exclusive: the lock that is taken with the first transaction is kept until the process ends.
            self._connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
        except sqlite3.OperationalError as error:
            self._connection.close()
            raise NotOwner(f"{path}: cannot be opened for this process alone ({error}); end the other one") from error
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise IntegrityError(f"{path} is not the file of a paper venue: {error}") from error

    def exchange(self, config: PaperConfig) -> Exchange:
        """
        Go on with the exchange in the file, or open a new one as configured.

        What the configuration lists otherwise than the file is taken up (fees, limits, new instruments); what it does
        not name stays listed. So are habits that the file was written without, by an earlier version.

        Raises:
            ConfigError: If the file was made with another venue or personality, or on another grid.
            IntegrityError: If the file cannot be read.
        """
        setup_row = self._connection.execute("SELECT body FROM parts WHERE name = 'setup'").fetchone()
        if setup_row is None:
            return self._first(config)
        try:
            state = self._load(setup_row[0])
            habits = _decode(setup_row[0], type=_Written).personality
        except msgspec.DecodeError as error:
            raise IntegrityError(f"{self._path} cannot be read: {error}; restore it from a copy") from error
        written = {habit: getattr(state.setup.personality, habit) for habit in habits if habit in _HABITS}
        if (state.setup.venue, replace(config.personality, **written)) != (config.venue, config.personality):
            raise ConfigError(f"{self._path} was made with another configuration; use that one, or another file")
        state.setup = replace(state.setup, personality=config.personality)
        exchange = Exchange(state)
        self._adopt(exchange, config, is_changed=len(written) < len(_HABITS))
        return exchange

    def save(self, exchange: Exchange, events: Sequence[Event], instruments: Iterable[str] = ()) -> None:
        """
        Write down what one request changed: the orders and trades of its events, the books, all balances.

        Args:
            exchange: The exchange after the request.
            events: Everything that the request caused.
            instruments: Whose quotes it changed.

        Raises:
            IntegrityError: If the file cannot be written; the exchange in memory has run ahead of it then.
        """
        try:
            self._save(exchange, events, instruments)
        except sqlite3.Error as error:
            raise IntegrityError(f"{self._path} cannot be written: {error}; free space or mend the disk") from error

    def _save(self, exchange: Exchange, events: Sequence[Event], instruments: Iterable[str]) -> None:
        state = exchange.state
        trades = [event for event in events if isinstance(event, Trade)]
        numbers = sorted({event.number for event in events if isinstance(event, OrderStatus)})
        books = sorted({*instruments, *(trade.instrument for trade in trades)})
        execute, executemany = self._connection.execute, self._connection.executemany
        execute("BEGIN IMMEDIATE")
        try:
            orders = [(number, _encode(state.orders[number])) for number in numbers]
            executemany("INSERT OR REPLACE INTO orders VALUES (?, ?)", orders)
            executemany("INSERT INTO trades VALUES (?, ?)", [(trade.cursor, _encode(trade)) for trade in trades])
            executemany(
                "INSERT INTO books VALUES (?, ?) ON CONFLICT (instrument) DO UPDATE SET body = excluded.body",
                [(instrument, _encode(state.books[instrument])) for instrument in books if instrument in state.books],
            )
            execute("INSERT OR REPLACE INTO parts VALUES ('head', ?)", (_encode(state.head),))
            execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # a full disk may have rolled it back already
                execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _first(self, config: PaperConfig) -> Exchange:
        exchange = Exchange.opened(config.venue, config.listings, config.personality)
        for account, holdings in config.accounts.items():
            for asset, amount in holdings.items():
                exchange.deposit(account, asset, amount)
        body = _encode(exchange.setup)
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.execute("INSERT INTO parts VALUES ('setup', ?)", (body,))
        self._connection.execute("INSERT INTO parts VALUES ('head', ?)", (_encode(exchange.state.head),))
        self._connection.execute("COMMIT")
        return exchange

    def _adopt(self, exchange: Exchange, config: PaperConfig, *, is_changed: bool) -> None:
        """Take up what is listed otherwise now; write the setup anew if that, or anything else, changed it."""
        setup = exchange.setup
        changed = [listing for listing in config.listings if setup.listings.get(listing.instrument) != listing]
        for listing in changed:
            try:
                exchange.relist(listing)
            except InputError as error:
                raise ConfigError(f"{self._path}: {error}; use another file") from error
        if changed or is_changed:
            self._connection.execute("INSERT OR REPLACE INTO parts VALUES ('setup', ?)", (_encode(setup),))

    def _load(self, setup: bytes) -> ExchangeState:
        execute = self._connection.execute
        (head,) = execute("SELECT body FROM parts WHERE name = 'head'").fetchone()
        orders = execute("SELECT number, body FROM orders ORDER BY number")
        books = execute("SELECT instrument, body FROM books ORDER BY rowid")
        trades = execute("SELECT body FROM trades ORDER BY cursor")
        return ExchangeState(
            setup=_decode(setup, type=Setup),
            head=_decode(head, type=Head),
            books={instrument: _decode(body, type=Book) for instrument, body in books},
            orders={number: _decode(body, type=VenueOrder) for number, body in orders},
            trades=[_decode(body, type=Trade) for (body,) in trades],
        )
