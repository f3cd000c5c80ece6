"""The paper venue behind a socket, as the bot sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

from msgspec import Struct

from quarterdeck.domain import (
    SECOND_NS,
    AccountReported,
    ConfigError,
    Evidence,
    Listing,
    MarginReading,
    OrderReported,
    QuarterdeckError,
    Quote,
    RateLimited,
    Retryable,
)
from quarterdeck.exchange import Accepted, Received, Refused, Trade
from quarterdeck.ports import CancelRequest, Clock, LastHop, OrderRequest, RequestLimits, TradeNews, VenueNews
from quarterdeck.venues.paper import new_order
from quarterdeck.venues.paper_link import LinkLost, PaperLink, hello_of
from quarterdeck.venues.paper_wire import (
    Answer,
    Cancel,
    Failed,
    FillsAfter,
    Found,
    Frame,
    Holdings,
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
)
from quarterdeck.venues.reports import Reporter, words_of

LATE_MAX: Final = 1000


class RemoteSettings(Struct, frozen=True):
    """
    How to reach a paper venue in its own process.

    `validity_ns`, `lag_ns` (decision and visibility together) and `stops` must be those of the venue's personality; the
    first welcome checks it. `limits` says how much it hears. Within
    `connect_timeout_s` a connection must stand before anything is signed, within `timeout_s` an answer must come.
    """

    name: str
    socket_path: Path
    account: str
    validity_ns: int = 5 * SECOND_NS
    lag_ns: int = 0
    stops: bool = False
    limits: RequestLimits | None = None
    timeout_s: float = 5.0
    connect_timeout_s: float = 1.0


class RemotePaperVenue:
    """
    One account on a paper venue in its own process.

    An order that was never handed to the socket is WITHDRAWN; once it was, whatever breaks, stays silent or makes
    no sense leaves it AMBIGUOUS. An answer that comes too late still reaches the sink. After a break the latest
    market data is told again and missed trades are fetched.
    """

    def __init__(self, settings: RemoteSettings, clock: Clock, last_hop: LastHop) -> None:
        self.name = settings.name
        self.validity_ns = settings.validity_ns
        self.lag_ns = settings.lag_ns
        self.stops = settings.stops
        self.limits = settings.limits
        self._settings = settings
        self._clock = clock
        self._last_hop = last_hop
        self._report = Reporter(settings.name)
        self._sink: Callable[[VenueNews], None] | None = None
        self._link = PaperLink(
            settings.socket_path,
            hello_of(settings.account, clock.now_ns()),
            on_frame=self._hear,
            on_linked=self._welcomed,
        )
        self._late: dict[int, OrderRequest] = {}
        self._quotes: dict[str, PushQuote] = {}
        self._cursor: int | None = None
        self._catching_up: asyncio.Task[None] | None = None

    def subscribe(self, sink: Callable[[VenueNews], None]) -> None:
        """Send news here from now on."""
        self._sink = sink

    async def connect(self) -> None:
        """
        Make the connection now; otherwise the first request does.

        Raises:
            Retryable: If nobody answers yet.
            ConfigError: If the venue is not the one that the settings describe.
        """
        await self._link.ready(self._settings.connect_timeout_s)

    def on_quote(
        self,
        quote: Quote,
        tradable: bool,  # noqa: FBT001 - older callers
        *,
        liquidates: bool = True,
        through: bool = False,
    ) -> None:
        """Tell the venue a quote; without a connection it is told with the next one, if none newer came by then."""
        push = PushQuote(quote, tradable, liquidates, through)
        self._quotes[quote.instrument] = push
        self._link.tell(push, self._clock.now_ns())

    def on_bar_range(self, instrument: str, low: float, high: float, at_ns: int) -> None:
        """Tell the venue the range of a bar; without a connection the venue misses it."""
        self._link.tell(PushRange(instrument, low, high, at_ns), self._clock.now_ns())

    def on_funding(self, instrument: str, rate: Decimal, at_ns: int) -> None:
        """Tell the venue that a perpetual pays its funding; without a connection the venue misses it."""
        self._link.tell(PushFunding(instrument, rate, at_ns), self._clock.now_ns())

    async def read_margin(self, instrument: str) -> MarginReading:
        """Read back how the account is margined on a perpetual."""
        answer = await self._ask(ReadMargin(instrument))
        if not isinstance(answer.body, Margined):
            raise self._nonsense(answer)
        return self._report.margin(answer.body.state, answer.body.maintenance)

    async def set_leverage(self, instrument: str, leverage: int) -> str:
        """Choose the leverage of a perpetual; say in words why not where the venue refuses, else nothing."""
        answer = await self._answered(SetLeverage(instrument, leverage))
        if isinstance(answer.body, Refused):
            return words_of(answer.body)
        if not isinstance(answer.body, Margined):
            raise self._nonsense(answer)
        return ""

    async def submit(self, request: OrderRequest) -> OrderReported:
        """Sign and send an order in one synchronous step, then wait for the answer."""
        client_id = request.client_id
        try:
            await self._link.ready(self._settings.connect_timeout_s)
        except QuarterdeckError as error:
            return self._said(client_id, Evidence.WITHDRAWN, str(error))
        signed = self._last_hop.sign_at_ns(request, self.validity_ns)
        if isinstance(signed, str):
            return self._said(client_id, Evidence.WITHDRAWN, signed)
        try:
            number, future = self._link.call(Place(new_order(request), signed), signed)
        except Retryable as error:
            return self._said(client_id, Evidence.WITHDRAWN, str(error))
        answer = await self._answer(number, future)
        if isinstance(answer, str):
            self._expect_late(number, request)
            return self._said(client_id, Evidence.AMBIGUOUS, answer)
        return self._placed(request, answer)

    async def cancel(self, request: CancelRequest) -> OrderReported:
        """Send a cancel; where it could not be sent or answered it may be tried again."""
        client_id = request.client_id
        try:
            await self._link.ready(self._settings.connect_timeout_s)
            number, future = self._link.call(Cancel(client_id), self._clock.now_ns())
        except QuarterdeckError as error:
            return self._said(client_id, Evidence.CANCEL_AMBIGUOUS, f"not sent: {error}")
        answer = await self._answer(number, future)
        match answer:
            case str():
                return self._said(client_id, Evidence.CANCEL_AMBIGUOUS, answer)
            case Answer(venue_at_ns=venue_at_ns, body=(Accepted() | Refused()) as reply):
                return self._report.cancel(client_id, reply, self._clock.now_ns(), venue_at_ns)
            case _:
                return self._said(client_id, Evidence.CANCEL_AMBIGUOUS, f"the venue answered {answer.body}")

    async def query(self, client_id: str, instrument: str) -> OrderReported:
        """Ask how an order stands."""
        answer = await self._ask(Query(client_id))
        if not isinstance(answer.body, Found):
            raise self._nonsense(answer)
        return self._report.query(client_id, answer.body.status, self._clock.now_ns(), answer.venue_at_ns)

    async def fills_after(self, cursor: int, client_prefix: str) -> Sequence[TradeNews]:
        """List the trades of our orders beyond a cursor, and of positions closed by force, oldest first."""
        answer = await self._ask(FillsAfter(cursor, client_prefix))
        if not isinstance(answer.body, Trades):
            raise self._nonsense(answer)
        now_ns = self._clock.now_ns()
        self._cursor = max([self._cursor or 0, cursor, *(trade.cursor for trade in answer.body.trades)])
        return [self._report.trade(trade, now_ns) for trade in answer.body.trades]

    async def account(self) -> AccountReported:
        """Read what the account holds and which orders work."""
        answer = await self._ask(ReadAccount())
        if not isinstance(answer.body, Holdings):
            raise self._nonsense(answer)
        return self._report.account(answer.body, self._clock.now_ns(), answer.venue_at_ns)

    async def listings(self) -> tuple[Listing, ...]:
        """Read what the venue lists now."""
        answer = await self._ask(ReadListings())
        if not isinstance(answer.body, Listed):
            raise self._nonsense(answer)
        return answer.body.listings

    async def aclose(self) -> None:
        """End the connection."""
        self._sink = None
        if self._catching_up is not None:
            self._catching_up.cancel()
            await asyncio.gather(self._catching_up, return_exceptions=True)
        await self._link.aclose()

    async def _answered(self, request: Request) -> Answer:
        await self._link.ready(self._settings.connect_timeout_s)
        number, future = self._link.call(request, self._clock.now_ns())
        answer = await self._answer(number, future)
        if isinstance(answer, str):
            raise Retryable(f"venue {self.name}: {answer}; ask again later")
        return answer

    async def _ask(self, request: Request) -> Answer:
        answer = await self._answered(request)
        if isinstance(answer.body, Refused):
            raise RateLimited(f"venue {self.name}: {words_of(answer.body)}", answer.body.retry_after_ns)
        return answer

    async def _answer(self, number: int, future: asyncio.Future[Answer]) -> Answer | str:
        """Wait for an answer, or say in words why there is none."""
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                return await future
        except TimeoutError:
            return f"no answer within {self._settings.timeout_s} s"
        except LinkLost as error:
            return str(error)
        finally:
            self._link.forget(number)

    def _placed(self, request: OrderRequest, answer: Answer) -> OrderReported:
        if isinstance(answer.body, Accepted | Received | Refused):
            return self._report.submit(request, answer.body, self._clock.now_ns(), answer.venue_at_ns)
        return self._said(request.client_id, Evidence.AMBIGUOUS, f"the venue answered {answer.body}")

    def _expect_late(self, number: int, request: OrderRequest) -> None:
        if len(self._late) >= LATE_MAX:
            del self._late[next(iter(self._late))]
        self._late[number] = request

    def _hear(self, frame: Frame) -> None:
        """Pass news on, and late answers to orders."""
        match frame:
            case News(event=event):
                if isinstance(event, Trade):
                    self._cursor = max(self._cursor or 0, event.cursor)
                news = self._report.news(event, self._clock.now_ns())
                if news is not None:
                    self._tell(news)
            case Answer(number=number) if number in self._late:
                self._tell(self._placed(self._late.pop(number), frame))
            case _:
                pass  # the answer to a read that nobody waits for any more

    def _welcomed(self, welcome: Welcome) -> None:
        expected = Welcome(self.name, self.validity_ns, self.lag_ns, stops=self.stops)
        if welcome != expected:
            text = f"the paper venue at {self._settings.socket_path} is {welcome}, not {expected}; mend the settings"
            self._link.refuse(ConfigError(text))
            return
        for push in self._quotes.values():
            self._link.tell(push, self._clock.now_ns())
        if self._cursor is not None and self._sink is not None and self._catching_up is None:
            self._catching_up = asyncio.create_task(self._catch_up(self._cursor))
            self._catching_up.add_done_callback(self._caught_up)

    async def _catch_up(self, cursor: int) -> None:
        """Fetch the trades that were made while nobody listened."""
        try:
            for fill in await self.fills_after(cursor, ""):
                self._tell(fill)
        except Retryable:
            return  # the connection broke again: the next welcome tries again

    def _caught_up(self, task: asyncio.Task[None]) -> None:
        self._catching_up = None
        if not task.cancelled():
            task.result()

    def _tell(self, news: VenueNews) -> None:
        if self._sink is not None:
            self._sink(news)

    def _said(self, client_id: str, evidence: Evidence, reason: str) -> OrderReported:
        return self._report.said(client_id, evidence, reason, self._clock.now_ns())

    def _nonsense(self, answer: Answer) -> Retryable:
        text = answer.body.text if isinstance(answer.body, Failed) else type(answer.body).__name__
        return Retryable(f"venue {self.name}: asked in vain, it answered {text}")
