"""
An exchange on its far side, and the bot's adapter to it over a network whose every fault a test writes by hand.

The exchange is the product's own model behind its paper venue. It lives on whatever becomes of its customers.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

from msgspec.structs import replace

from quarterdeck.domain import (
    AccountReported,
    Evidence,
    Listing,
    OrderReported,
    Quote,
    RateLimited,
    Retryable,
)
from quarterdeck.exchange import Exchange, Personality
from quarterdeck.ports import CancelRequest, Clock, LastHop, OrderRequest, TradeNews, VenueNews
from quarterdeck.venues import PaperVenue
from quarterdeck.venues.reports import Reporter
from tests.failures.skipping_time import SkippingLoop, StageClock

ACCOUNT = "ours"
PATIENCE_S = 2.0
LATENCY_S = 0.01
T = TypeVar("T")


class Fate(NamedTuple):
    """
    What becomes of one request: seconds until it arrives and until its answer is back, None for what is lost.

    `says` turns the venue's own answer into another one; `fails` is what the customer is told instead of any. What is
    carried `twice` arrives twice, and only the second answer comes back.
    """

    arrives_s: float | None = LATENCY_S
    answered_s: float | None = LATENCY_S
    says: Callable[[Any], Any] | None = None
    fails: str = ""
    twice: bool = False


WELL = Fate()
LOST_REQUEST = Fate(arrives_s=None)
LOST_REPLY = Fate(answered_s=None)
TWICE = Fate(twice=True)
OVERLOADED = Fate(arrives_s=None, answered_s=None, fails="HTTP 503: overloaded")
OVERLOADED_AFTERWARDS = Fate(answered_s=None, fails="HTTP 503: overloaded")


def late_reply(seconds: float) -> Fate:
    """Let the request arrive, and its answer come back only then."""
    return Fate(answered_s=seconds)


def late_request(seconds: float) -> Fate:
    """Let the request be under way so long; nobody waits for its answer any more."""
    return Fate(arrives_s=seconds, answered_s=None)


def unknown_there(report: OrderReported) -> OrderReported:
    """Have a query answer that there is no such order, whatever there is."""
    return replace(report, evidence=Evidence.ABSENT, venue_order_id="", reported_lots=None, price=None)


def knows_nothing() -> Fate:
    """Have a query answer that there is no such order, whatever there is."""
    return Fate(says=unknown_there)


class _Sealed:
    """The last hop of the far side: the request came signed already."""

    def __init__(self) -> None:
        self.signed_ns = 0

    def sign_at_ns(self, _request: OrderRequest, _validity_ns: int) -> int:
        """Give the instant on the envelope."""
        return self.signed_ns


class FarSide:
    """One exchange; `got` lists what reached it, in order."""

    def __init__(self, listings: Sequence[Listing], habits: Personality, loop: SkippingLoop, clock: StageClock) -> None:
        self.name = listings[0].venue
        self.habits = habits
        self.exchange = Exchange.opened(self.name, listings, habits)
        self.sealed = _Sealed()
        self.paper = PaperVenue(self.exchange, ACCOUNT, clock, self.sealed)
        self.paper.subscribe(self._push)
        self.got: list[tuple[str, str]] = []
        self.got_at_ns: list[int] = []
        self.is_down = False
        self.pushes = True
        self.repeats = 1
        self.hears: Callable[[VenueNews], VenueNews] = lambda news: news
        self.before_signing: Callable[[], None] = lambda: None
        self.refuses: Callable[[OrderRequest], str] = lambda _request: ""
        self.customer: Wire | None = None
        self._fates: dict[str, deque[Fate]] = {}
        self._usual: dict[str, Fate] = {}
        self._loop = loop
        self._clock = clock

    def next(self, call: str, *fates: Fate) -> None:
        """Say what becomes of the next requests of a kind: submit, cancel, query, fills or account."""
        self._fates.setdefault(call, deque()).extend(fates)

    def always(self, call: str, fate: Fate) -> None:
        """Say what becomes of every request of a kind from now on."""
        self._usual[call] = fate

    def calm(self) -> None:
        """Let nothing go wrong any more."""
        self._fates.clear()
        self._usual.clear()
        self.is_down, self.pushes, self.repeats = False, True, 1

    def fate(self, call: str) -> Fate:
        """Draw what becomes of a request."""
        if self.is_down:
            return LOST_REQUEST
        waiting = self._fates.get(call)
        return waiting.popleft() if waiting else self._usual.get(call, WELL)

    def note(self, call: str, about: str) -> None:
        """Note a request that arrived."""
        self.got.append((call, about))
        self.got_at_ns.append(self._clock.now_ns())

    def asked_by_others(self) -> bool:
        """Have somebody else use the same key; tell whether the venue heard it."""
        try:
            at_once(self.paper.account())
        except RateLimited:
            return False
        return True

    def count(self, call: str, client_id: str | None = None) -> int:
        """Count the requests of a kind that arrived."""
        return sum(one == call and client_id in (None, about) for one, about in self.got)

    def quote(self, quote: Quote, *, tradable: bool = True) -> None:
        """Let the market move."""
        self.paper.on_quote(quote, tradable)

    def later(self, delay_s: float, callback: Callable[[], object]) -> None:
        """Let something happen, whoever lives to see it."""
        self._loop.call_later(delay_s, callback)

    def _push(self, news: VenueNews) -> None:
        customer = self.customer
        if not self.pushes or customer is None:
            return
        for number in range(self.repeats):
            self.later(LATENCY_S * (1 + number), partial(customer.hear, self.hears(news)))


class _Sent(Generic[T]):
    """One request under way; an answer that nobody waits for any more goes to `late`."""

    def __init__(self, side: FarSide, fate: Fate, deliver: Callable[[], T], late: Callable[[T], None] | None) -> None:
        self.answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._side = side
        self._fate = fate
        self._deliver = deliver
        self._late = late

    def arrive(self, call: str, about: str) -> None:
        """Reach the venue, and have it answer."""
        fate, side = self._fate, self._side
        replies: list[T | Retryable] = []
        for _ in range(1 + fate.twice):
            side.note(call, about)
            replies.append(_or_error(self._deliver))
        if fate.answered_s is not None:
            reply = replies[-1]
            side.later(fate.answered_s, partial(self._take, reply if fate.says is None else fate.says(reply)))

    def _take(self, reply: T | Retryable) -> None:
        if self.answer.done():
            if self._late is not None and not isinstance(reply, Retryable):
                self._late(reply)
        elif isinstance(reply, Retryable):
            self.answer.set_exception(reply)
        else:
            self.answer.set_result(reply)


class Wire:
    """The adapter of one session: the port `Venue` over a network; `submitted` lists what it was asked to send."""

    def __init__(self, side: FarSide, clock: Clock, last_hop: LastHop) -> None:
        self.name = side.name
        self.validity_ns = side.paper.validity_ns
        self.lag_ns = side.paper.lag_ns
        self.stops = side.paper.stops
        self.limits = side.paper.limits
        self.submitted: list[OrderRequest] = []
        self.refusals: list[str] = []
        self._side = side
        self._clock = clock
        self._last_hop = last_hop
        self._sink: Callable[[VenueNews], None] | None = None

    def subscribe(self, sink: Callable[[VenueNews], None]) -> None:
        """Hear news of the account."""
        self._sink = sink
        self._side.customer = self

    def hear(self, news: VenueNews) -> None:
        """Take what the venue pushes, or an answer that comes late."""
        if self._sink is not None:
            self._sink(replace(news, at_ns=self._clock.now_ns()))

    async def submit(self, request: OrderRequest) -> OrderReported:
        """Sign and send an order."""
        self._side.before_signing()
        signed = self._last_hop.sign_at_ns(request, self.validity_ns)
        if isinstance(signed, str):
            self.refusals.append(signed)
            return self._said(request.client_id, Evidence.WITHDRAWN, signed)
        self.submitted.append(request)
        answer = await self._ask("submit", request.client_id, partial(self._place, request, signed), self.hear)
        if isinstance(answer, str):
            return self._said(request.client_id, Evidence.AMBIGUOUS, answer)
        return answer

    def _place(self, request: OrderRequest, signed_ns: int) -> OrderReported:
        side = self._side
        why = side.refuses(request)
        if why:
            now_ns = self._clock.now_ns()
            return Reporter(side.name).said(request.client_id, Evidence.REJECTED, why, now_ns, now_ns)
        side.sealed.signed_ns = signed_ns
        return at_once(side.paper.submit(request))

    async def cancel(self, request: CancelRequest) -> OrderReported:
        """Ask for a cancel."""
        side = self._side
        answer = await self._ask("cancel", request.client_id, lambda: at_once(side.paper.cancel(request)), self.hear)
        if isinstance(answer, str):
            return self._said(request.client_id, Evidence.CANCEL_AMBIGUOUS, answer)
        return answer

    async def query(self, client_id: str, instrument: str) -> OrderReported:
        """Ask how an order stands."""
        found = await self._read("query", client_id, lambda: at_once(self._side.paper.query(client_id, instrument)))
        return replace(found, at_ns=self._clock.now_ns())

    async def fills_after(self, cursor: int, client_prefix: str) -> Sequence[TradeNews]:
        """Pull trades."""
        side = self._side
        found = await self._read("fills", client_prefix, lambda: at_once(side.paper.fills_after(cursor, client_prefix)))
        return [replace(fill, at_ns=self._clock.now_ns()) for fill in found]

    async def account(self) -> AccountReported:
        """Read the account."""
        found = await self._read("account", "", lambda: at_once(self._side.paper.account()))
        return replace(found, at_ns=self._clock.now_ns())

    async def listings(self) -> tuple[Listing, ...]:
        """Ask what the venue lists."""
        return await self._read("listings", "", lambda: at_once(self._side.paper.listings()))

    async def aclose(self) -> None:
        """Hear nothing more."""
        self._sink = None

    async def _read(self, call: str, about: str, deliver: Callable[[], T]) -> T:
        answer = await self._ask(call, about, deliver, None)
        if isinstance(answer, str):
            raise Retryable(f"{self.name}: {answer}; ask again later")
        return answer

    async def _ask(self, call: str, about: str, deliver: Callable[[], T], late: Callable[[T], None] | None) -> T | str:
        """Send one request and wait for its answer; in words why there is none."""
        fate = self._side.fate(call)
        sent = _Sent(self._side, fate, deliver, late)
        if fate.arrives_s is not None:
            self._side.later(fate.arrives_s, partial(sent.arrive, call, about))
        if fate.fails:
            await asyncio.sleep(2 * LATENCY_S)
            return fate.fails
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await sent.answer
        except TimeoutError:
            return f"no answer within {PATIENCE_S} s"

    def _said(self, client_id: str, evidence: Evidence, reason: str) -> OrderReported:
        return OrderReported(
            at_ns=self._clock.now_ns(), venue=self.name, client_id=client_id, evidence=evidence, reason=reason
        )


def _or_error(deliver: Callable[[], T]) -> T | Retryable:
    """Have a venue answer; that it hears no more for now is an answer too."""
    try:
        return deliver()
    except Retryable as error:
        return error


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits."""
    try:
        work.send(None)
    except StopIteration as stop:
        value: T = stop.value
        return value
    raise AssertionError("the coroutine waited for something")
