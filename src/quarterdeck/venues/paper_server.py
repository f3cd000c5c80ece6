"""A paper venue that serves its customers over a Unix socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from quarterdeck.domain import SECOND_NS, Bug, ConfigError, InputError
from quarterdeck.exchange import Accepted, Event, Exchange, Received
from quarterdeck.venues.paper_file import PaperFile
from quarterdeck.venues.paper_wire import (
    CALLS,
    Answer,
    Body,
    Call,
    Cancel,
    Failed,
    FillsAfter,
    Found,
    GarbledError,
    Hello,
    Listed,
    Margined,
    News,
    Place,
    PushFunding,
    PushQuote,
    PushRange,
    Query,
    ReadAccount,
    ReadListings,
    ReadMargin,
    Request,
    SetLeverage,
    Trades,
    Welcome,
    frame_of,
    read_frame,
)
from quarterdeck.venues.reports import holdings_of, is_ours, is_told, untold

UNSENT_BYTES_MAX: Final = 64 * 1024 * 1024
SOCKET_PATH_BYTES_MAX: Final = 100
TIMER_S_MIN: Final = 0.001
_PUBLIC: Final = (Hello, PushQuote, PushRange, PushFunding)


class _Session:
    """One connection and the account it speaks for."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.account: str | None = None
        self._writer = writer

    def send(self, message: Answer | News) -> None:
        """Send without waiting; a customer who does not read is cut off rather than waited for."""
        if self._writer.is_closing():
            return
        self._writer.write(frame_of(message))
        if self._writer.transport.get_write_buffer_size() > UNSENT_BYTES_MAX:
            self._writer.transport.abort()

    def close(self) -> None:
        """End the connection."""
        self._writer.close()


class PaperVenueServer:
    """
    Serves one exchange. What a request changes is in the file before anybody hears of it.

    A request is executed the moment it arrives; its reply may be held back, while news of it and other requests go
    on. Whatever breaks the file or the exchange ends the server: its memory must not run ahead of its disk.
    """

    def __init__(
        self, exchange: Exchange, file: PaperFile, *, told_clock: Callable[[int], int], reply_delay_ms: int = 0
    ) -> None:
        """
        Prepare to serve.

        Args:
            exchange: The exchange as loaded from the file.
            file: Where it is written to.
            told_clock: Gives the venue's time, from the customer's clock as told in the request.
            reply_delay_ms: How long the replies to orders and cancels are held back.
        """
        self._exchange = exchange
        self._file = file
        self._told_clock = told_clock
        self._saved_at_ns = exchange.now_ns
        self._reply_delay_s = reply_delay_ms / 1000
        self._sessions: dict[_Session, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stop = asyncio.Event()
        self._failure: BaseException | None = None
        self._timer: asyncio.Task[None] | None = None

    def stop(self) -> None:
        """Make `serve` return."""
        self._stop.set()

    async def serve(self, socket_path: Path, on_ready: Callable[[], None]) -> None:
        """
        Listen until `stop`, then close every connection and remove the socket.

        Args:
            socket_path: Where to listen; a socket that a dead process left there is replaced.
            on_ready: Called once it listens.

        Raises:
            ConfigError: If nobody can listen there.
        """
        if len(str(socket_path).encode()) > SOCKET_PATH_BYTES_MAX:
            raise ConfigError(f"socket {socket_path}: longer than {SOCKET_PATH_BYTES_MAX} bytes; choose a shorter path")
        try:
            server = await asyncio.start_unix_server(self._accept, path=socket_path)
        except OSError as error:
            raise ConfigError(f"socket {socket_path}: cannot listen there: {error}") from error
        try:
            self._arm()
            on_ready()
            await self._stop.wait()
        finally:
            server.close()
            for session in list(self._sessions):
                session.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            _remove(socket_path)
        if self._failure is not None:
            raise self._failure

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._spawn(asyncio.ensure_future(self._converse(reader, writer)))

    def _spawn(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = self._failure or error
            self._stop.set()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = _Session(writer)
        self._sessions[session] = None
        try:
            while True:
                self._handle(session, CALLS.decode(await read_frame(reader)))
        except (OSError, EOFError, GarbledError, msgspec.DecodeError):
            session.close()  # the customer went away or talks nonsense: its connection ends, the venue goes on
        finally:
            self._sessions.pop(session)

    def _handle(self, session: _Session, call: Call) -> None:
        """Execute a request, save it, tell everybody, answer: in this order, without an await in between."""
        at_ns = max(self._told_clock(call.at_ns), self._exchange.now_ns)
        due = [] if isinstance(call.body, _PUBLIC) else self._exchange.advance(at_ns)
        try:
            body, events, instruments = self._execute(session, call.body, at_ns)
        except InputError as error:
            body, events, instruments = Failed(str(error)), (), ()
        self._save([*due, *events], instruments)
        answer = Answer(call.number, self._exchange.now_ns, body) if body is not None else None
        self._tell(due)
        self._tell(
            untold(body, events) if isinstance(call.body, Place) and isinstance(body, Accepted | Received) else events
        )
        self._arm()
        if answer is None or (call.number == 0 and not isinstance(body, Failed)):
            return
        if self._reply_delay_s and isinstance(call.body, Place | Cancel):
            self._spawn(asyncio.ensure_future(self._send_later(session, answer)))
        else:
            session.send(answer)

    def _save(self, events: Sequence[Event], instruments: Sequence[str] = ()) -> None:
        if events or instruments or self._exchange.now_ns != self._saved_at_ns:  # time once told never goes back
            self._saved_at_ns = self._exchange.now_ns
            self._file.save(self._exchange, events, instruments)

    def _tell(self, events: Sequence[Event]) -> None:
        """Send news to everybody they concern, as far as the streams of this venue carry them."""
        personality = self._exchange.setup.personality
        for event in events:
            for session in self._sessions:
                if session.account == event.account and is_told(event, personality):
                    session.send(News(event))

    def _arm(self) -> None:
        """Look again when something falls due by itself. Where the time is told, it comes with a request instead."""
        next_ns = self._exchange.next_ns
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if next_ns is not None:
            wait_s = (next_ns - self._told_clock(self._exchange.now_ns)) / SECOND_NS
            self._timer = asyncio.ensure_future(self._go_on(max(TIMER_S_MIN, wait_s)))
            self._spawn(self._timer)

    async def _go_on(self, wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        self._timer = None
        events = self._exchange.advance(self._told_clock(self._exchange.now_ns))
        self._save(events)
        self._tell(events)
        self._arm()

    async def _send_later(self, session: _Session, answer: Answer) -> None:
        await asyncio.sleep(self._reply_delay_s)
        session.send(answer)

    def _execute(
        self, session: _Session, request: Request, at_ns: int
    ) -> tuple[Body | None, Sequence[Event], Sequence[str]]:
        """Return the answer, the events, and the instruments whose quotes changed."""
        exchange = self._exchange
        match request:
            case Hello(account=account):
                return self._welcome(session, account), (), ()
            case PushQuote(quote=quote, tradable=tradable, liquidates=liquidates, through=through):
                events = exchange.quote(quote, tradable=tradable, liquidates=liquidates, through=through)
                return None, events, (quote.instrument,)
            case PushRange(instrument=instrument, low=low, high=high, at_ns=ended_at_ns):
                return None, exchange.trade_range(instrument, low, high, ended_at_ns), (instrument,)
            case PushFunding(instrument=instrument, rate=rate, at_ns=settled_at_ns):
                return None, exchange.fund(instrument, rate, settled_at_ns, liquidates=False), ()
            case _ if session.account is not None:
                return self._execute_private(session.account, request, at_ns)
            case _:
                raise InputError("say Hello with an account first")

    def _execute_private(
        self, account: str, request: Request, at_ns: int
    ) -> tuple[Body, Sequence[Event], Sequence[str]]:
        exchange = self._exchange
        match request:
            case Place(order=order, signed_at_ns=signed_at_ns):
                reply, events = exchange.place(account, order, signed_at_ns=signed_at_ns, at_ns=at_ns)
                return reply, events, ()
            case Cancel(client_id=client_id):
                reply, events = exchange.cancel(account, client_id, at_ns)
                return reply, events, ()
            case SetLeverage(instrument=instrument, leverage=leverage):
                refused, events = exchange.set_leverage(account, instrument, leverage, at_ns)
                return refused or self._margined(account, instrument), events, ()
            case Hello() | PushQuote() | PushRange() | PushFunding():
                raise Bug(f"{type(request).__name__} concerns no account")
            case _:
                return exchange.admit(account, at_ns) or self._read(account, request, at_ns), (), ()

    def _margined(self, account: str, instrument: str) -> Margined:
        maintenance = self._exchange.setup.personality.perpetuals.maintenance
        return Margined(self._exchange.margin_of(account, instrument), maintenance)

    def _read(
        self, account: str, request: Query | FillsAfter | ReadAccount | ReadListings | ReadMargin, at_ns: int
    ) -> Body:
        exchange = self._exchange
        match request:
            case Query(client_id=client_id):
                return Found(exchange.query(account, client_id, at_ns))
            case FillsAfter(cursor=cursor, client_prefix=prefix):
                trades = exchange.fills_after(account, cursor)
                return Trades(tuple(trade for trade in trades if is_ours(trade, prefix)))
            case ReadAccount():
                return holdings_of(exchange, account, at_ns)
            case ReadMargin(instrument=instrument):
                return self._margined(account, instrument)
            case ReadListings():
                return Listed(tuple(exchange.setup.listings.values()))

    def _welcome(self, session: _Session, account: str) -> Body:
        setup = self._exchange.setup
        if account not in self._exchange.state.head.accounts:
            return Failed(f"{setup.venue} has no account {account!r}")
        session.account = account
        habits = setup.personality
        return Welcome(setup.venue, habits.validity_ns, habits.shown_after_ns, stops=habits.stops)


def _remove(socket_path: Path) -> None:
    socket_path.unlink(missing_ok=True)
