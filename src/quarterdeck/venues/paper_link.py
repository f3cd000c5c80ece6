"""The customer's end of the socket to a paper venue: one connection, made again whenever it breaks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from quarterdeck.domain import ConfigError, Retryable
from quarterdeck.venues.paper_wire import (
    FRAMES,
    Answer,
    Call,
    Failed,
    Frame,
    GarbledError,
    Hello,
    News,
    Request,
    Welcome,
    frame_of,
    read_frame,
)

BACKOFF_FIRST_S: Final = 0.05
BACKOFF_MAX_S: Final = 2.0
_HELLO = -1


class LinkLost(Retryable):
    """The connection broke while an answer was awaited."""


class PaperLink:
    """
    Calls and answers over one connection.

    Bytes leave only through `call` and `tell`, which are synchronous: either they raise and nothing was handed to
    the socket, or everything was. `on_frame` gets news, and answers that nobody waits for any more; `on_linked`
    is called after each welcome, before anybody else can send.
    """

    def __init__(
        self,
        socket_path: Path,
        hello: Call,
        *,
        on_frame: Callable[[Frame], None],
        on_linked: Callable[[Welcome], None],
    ) -> None:
        self._socket_path = socket_path
        self._hello = hello
        self._on_frame = on_frame
        self._on_linked = on_linked
        self._writer: asyncio.StreamWriter | None = None
        self._linked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._pending: dict[int, asyncio.Future[Answer]] = {}
        self._number = 0
        self._refused: ConfigError | None = None

    async def ready(self, timeout_s: float) -> None:
        """
        Wait until the venue has welcomed us.

        Raises:
            Retryable: If that takes too long.
            ConfigError: If the venue refuses us for good.
        """
        if self._task is None:
            self._task = asyncio.create_task(self._keep_linked())
        if not self._linked.is_set() and self._refused is None:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._linked.wait()
            except TimeoutError as error:
                raise Retryable(f"no paper venue answers at {self._socket_path}; start it, or ask later") from error
        if self._refused is not None:
            raise self._refused

    def call(self, body: Request, at_ns: int) -> tuple[int, asyncio.Future[Answer]]:
        """
        Send a request.

        Returns: its number, and the future of its answer, which ends with LinkLost if the connection breaks.

        Raises:
            Retryable: If there is no connection; then nothing was sent.
        """
        writer = self._usable()
        if writer is None:
            raise Retryable(f"no connection to the paper venue at {self._socket_path}")
        self._number += 1
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._pending[self._number] = future
        writer.write(frame_of(Call(self._number, at_ns, body)))
        return self._number, future

    def tell(self, body: Request, at_ns: int) -> bool:
        """Send something that wants no answer; False if there is no connection and nothing was sent."""
        writer = self._usable()
        if writer is not None:
            writer.write(frame_of(Call(0, at_ns, body)))
        return writer is not None

    def forget(self, number: int) -> None:
        """Wait no longer for an answer; should it come, it goes to `on_frame`."""
        self._pending.pop(number, None)

    async def aclose(self) -> None:
        """End the connection and do not make it again."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def _usable(self) -> asyncio.StreamWriter | None:
        if self._writer is None or not self._linked.is_set() or self._writer.is_closing():
            return None
        return self._writer

    async def _keep_linked(self) -> None:
        delay_s = BACKOFF_FIRST_S
        while self._refused is None:
            try:
                reader, writer = await asyncio.open_unix_connection(self._socket_path)
            except OSError:
                delay_s = min(2 * delay_s, BACKOFF_MAX_S)  # not there (yet): `ready` says so to whoever waits
            else:
                delay_s = BACKOFF_FIRST_S if await self._converse(reader, writer) else min(2 * delay_s, BACKOFF_MAX_S)
            if self._refused is None:
                await asyncio.sleep(delay_s)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Read until the connection ends; tell whether the venue ever welcomed us on it."""
        welcomed = False
        reason = "the paper venue closed the connection"
        try:
            self._writer = writer
            writer.write(frame_of(self._hello))
            while self._refused is None:
                self._receive(FRAMES.decode(await read_frame(reader)))
                welcomed = welcomed or self._linked.is_set()
        except (OSError, EOFError) as error:
            reason = f"the connection to the paper venue broke: {error}"
        except (GarbledError, msgspec.DecodeError) as error:
            reason = f"the paper venue sent garbage: {error}"
        finally:
            self._linked.clear()
            self._writer = None
            self._lose(LinkLost(reason))
            writer.transport.abort()  # not close: that would wait for a venue that does not read
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        return welcomed

    def _receive(self, frame: Frame) -> None:
        match frame:
            case Answer(number=0, body=Failed(text=text)):
                self._refuse(f"the paper venue refuses market data: {text}")
            case Answer(number=number, body=Welcome() as welcome) if number == self._hello.number:
                self._linked.set()
                self._on_linked(welcome)
            case Answer(number=number, body=body) if number == self._hello.number:
                self._refuse(f"the paper venue refuses us: {body.text if isinstance(body, Failed) else body}")
            case Answer(number=number):
                future = self._pending.pop(number, None)
                if future is None or future.done():
                    self._on_frame(frame)
                else:
                    future.set_result(frame)
            case News():
                self._on_frame(frame)

    def refuse(self, error: ConfigError) -> None:
        """Give the venue up for good: everybody who waits or asks gets this error."""
        self._refused = error
        self._linked.set()  # wakes those who wait; `ready` raises

    def _refuse(self, text: str) -> None:
        self.refuse(ConfigError(text))

    def _lose(self, error: LinkLost) -> None:
        pending, self._pending = self._pending, {}
        for future in pending.values():
            if not future.done():
                future.set_exception(error)


def hello_of(account: str, at_ns: int) -> Call:
    """Word the first call of a connection; its number is none that `call` gives out."""
    return Call(_HELLO, at_ns, Hello(account))
