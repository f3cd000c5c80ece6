"""The adapter of the bot: the port `Venue` over a network that loses, delays, spoils and reorders."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from msgspec.structs import replace

from quarterdeck.domain import (
    SECOND_NS,
    AccountReported,
    Evidence,
    Listing,
    OrderReported,
    OrderSeen,
    RateLimited,
    Retryable,
)
from quarterdeck.ports import CancelRequest, Clock, LastHop, OrderRequest, TradeNews, VenueNews
from quarterdeck.simulator import Call, FaultKind, Trouble, with_holes
from tests.simulation.coverage import Coverage
from tests.simulation.door import Door
from tests.simulation.venue_side import VenueSide
from tests.simulation.virtual_time import Process, VirtualLoop, at_once

T = TypeVar("T")
PATIENCE_S = 2.0
YOUNG_S = 30.0
# What else is counted by the limit of the account, or bunches requests that left in good time.
USES_THE_LIMIT = (
    FaultKind.FOREIGN_LOAD,
    FaultKind.MANUAL_ORDER,
    FaultKind.MANUAL_TRADE,
    FaultKind.REPEAT_REQUEST,
    FaultKind.STALL_SEND,
)
SILENCE = Trouble(0, "no answer in time")


class VenueClient:
    """One process's connection to one exchange."""

    def __init__(self, side: VenueSide, process: Process, clock: Clock, last_hop: LastHop, door: Door) -> None:
        self.name = side.name
        self.validity_ns = side.personality.validity_ns
        self.lag_ns = side.personality.shown_after_ns
        self.stops = side.personality.stops
        self.limits = side.paper.limits
        self._side = side
        self._process = process
        self._clock = clock
        self._last_hop = last_hop
        self._door = door
        self._began_s = side.box.at_s
        self._sink: Callable[[VenueNews], None] | None = None

    @property
    def _coverage(self) -> Coverage:
        return self._door.coverage

    def subscribe(self, sink: Callable[[VenueNews], None]) -> None:
        """Hear news of the account."""
        self._sink = sink
        self._side.connect(self._process, self._hear)

    def _hear(self, news: VenueNews) -> None:
        if self._sink is not None:
            self._sink(replace(news, at_ns=self._clock.now_ns()))

    async def submit(self, request: OrderRequest) -> OrderReported:
        """Sign and send an order."""
        if self._side.is_down:
            self._coverage.hit("venue out of reach")
            return self._said(request.client_id, Evidence.WITHDRAWN, "no connection")
        await self._process.pass_by("to sign")
        signed = self._last_hop.sign_at_ns(request, self.validity_ns)
        if isinstance(signed, str):
            self._door.refused(self._process, signed)
            return self._said(request.client_id, Evidence.WITHDRAWN, signed)
        self._door.signs(self._process, request, signed)
        await self._process.pass_by("signed")
        answer = await self._ask(Call.SUBMIT, partial(self._place, request, signed), self._hear)
        self._door.answered(self._process, request.client_id)
        await self._process.pass_by("answered")
        if isinstance(answer, Trouble):
            evidence = Evidence.REJECTED if answer.is_definite else Evidence.AMBIGUOUS
            return self._spoilt(request.client_id, evidence, answer)
        return answer

    def _place(self, request: OrderRequest, signed_ns: int) -> OrderReported:
        """Arrive at the exchange: this runs in the world, whoever is alive."""
        side = self._side
        side.sealed.signed_ns = signed_ns
        last = side.exchange.state.head.order_number
        report = at_once(side.paper.submit(request))
        side.box.wake()
        self._note_rate(Call.SUBMIT, report.retry_after_ns)
        if side.exchange.state.head.order_number > last:
            self._door.accepted(self._process, request, is_behind=side.clock.ahead_ns < 0)
        elif "expired_request" in report.reason:
            self._coverage.hit("refused: validity over")
        elif "duplicate" in report.reason:
            self._coverage.hit("duplicate-id reply")
        return report

    async def cancel(self, request: CancelRequest) -> OrderReported:
        """Ask for a cancel."""
        if self._side.is_down:
            return self._said(request.client_id, Evidence.CANCEL_AMBIGUOUS, "no connection")
        answer = await self._ask(Call.CANCEL, partial(self._end, request), self._hear)
        if isinstance(answer, Trouble):
            self._coverage.hit("cancel ambiguous")
            return self._spoilt(request.client_id, Evidence.CANCEL_AMBIGUOUS, answer)
        return answer

    def _end(self, request: CancelRequest) -> OrderReported:
        self._side.box.before_cancel(request.client_id)
        report = at_once(self._side.paper.cancel(request))
        self._note_rate(Call.CANCEL, report.retry_after_ns)
        if self._side.personality.acks == "async" and report.evidence is Evidence.CANCELLED:
            # Such a venue says only that it heard; what became of the order is told by its news, or to who asks.
            self._side.push(report)
            return replace(report, evidence=Evidence.CANCEL_ACCEPTED, reported_lots=None, price=None)
        return report

    def _note_rate(self, call: Call, retry_after_ns: int) -> None:
        """Take note that the venue's own limit turned a request away."""
        if retry_after_ns:
            plan, age_s = self._side.box.weather.plan, self._side.box.at_s - self._began_s
            others = any(fault.kind in USES_THE_LIMIT for fault in plan.faults) or len(self._side.prefixes) > 1
            shared = others or age_s < YOUNG_S or self._process.was_paused
            self._door.rate_refused(self._process, self.name, call, shared=shared)

    async def query(self, client_id: str, instrument: str) -> OrderReported:
        """Ask how an order stands; an answer that comes too late for the question is heard as news."""

        def look() -> OrderReported:
            self._side.box.before_query(client_id)
            return at_once(self._side.paper.query(client_id, instrument))

        found = await self._read(Call.QUERY, look, self._hear)
        return replace(found, at_ns=self._clock.now_ns())

    async def fills_after(self, cursor: int, client_prefix: str) -> Sequence[TradeNews]:
        """Pull trades; a page may have holes."""
        box = self._side.box

        def look() -> Sequence[TradeNews]:
            page = at_once(self._side.paper.fills_after(cursor, client_prefix))
            return with_holes(page, self._side.rng) if page and box.weather.struck(FaultKind.HOLES, box.at_s) else page

        found = await self._read(Call.FILLS, look)
        return [replace(fill, at_ns=self._clock.now_ns()) for fill in found]

    async def account(self) -> AccountReported:
        """Read the account; its list of orders may be one of some time ago."""
        found = await self._read(Call.ACCOUNT, self._account)
        return replace(found, at_ns=self._clock.now_ns())

    def _account(self) -> AccountReported:
        found = at_once(self._side.paper.account())
        stale = self._side.box.stale_orders()
        if stale is None:
            return found
        seen = [
            OrderSeen(one.client_id, one.venue_order_id, one.instrument, one.side, one.qty_lots, one.filled_lots)
            for one in stale
        ]
        return replace(found, orders=tuple(seen))

    async def listings(self) -> tuple[Listing, ...]:
        """Ask what the venue lists."""
        return await self._read(Call.LISTINGS, self._side.listings)

    async def aclose(self) -> None:
        """Hear nothing more."""
        self._sink = None

    async def _read(self, call: Call, deliver: Callable[[], T], late: Callable[[T], None] | None = None) -> T:
        if self._side.is_down:
            raise Retryable(f"{self.name}: no connection")
        answer = await self._ask(call, partial(self._unless_refused, call, deliver), late)
        if isinstance(answer, Trouble):
            self._coverage.hit("read failed")
            if answer.retry_after_s:
                raise RateLimited(f"{self.name}: {answer.text}", int(answer.retry_after_s * SECOND_NS))
            raise Retryable(f"{self.name}: {answer.text}")
        return answer

    def _unless_refused(self, call: Call, deliver: Callable[[], T]) -> T | Trouble:
        """Read, and turn what the venue refuses into what the customer hears of it."""
        try:
            return deliver()
        except RateLimited as error:
            self._note_rate(call, error.retry_after_ns)
            return Trouble(429, str(error), is_definite=True, retry_after_s=error.retry_after_ns / SECOND_NS)

    async def _ask(
        self, call: Call, deliver: Callable[[], T | Trouble], late: Callable[[T], None] | None
    ) -> T | Trouble:
        """Send one request and wait for its answer, or for what comes in its place."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        box = self._side.box
        fate = box.fate(call)
        answer: asyncio.Future[T | Trouble] = loop.create_future()
        if fate.leaves_s:
            await asyncio.sleep(fate.leaves_s)
        await self._process.pass_by("sent")
        box.carry(fate, deliver, partial(self._process.post, self._take, answer, late))
        patience = loop.call_later(PATIENCE_S, _give_up, answer)
        try:
            found = await answer
        finally:
            patience.cancel()
        if isinstance(found, Trouble) and found.retry_after_s and self._door.durable.state.kill_raised:
            self._coverage.hit("418 during kill")
        return found

    def _take(
        self, answer: "asyncio.Future[T | Trouble]", late: Callable[[T], None] | None, reply: T | Trouble
    ) -> None:
        if not answer.done():
            answer.set_result(reply)
        elif late is not None and not isinstance(reply, Trouble):
            self._coverage.hit("late reply")
            late(reply)

    def _spoilt(self, client_id: str, evidence: Evidence, trouble: Trouble) -> OrderReported:
        wait_ns = int(trouble.retry_after_s * SECOND_NS)
        reason = f"{trouble.status} {trouble.text}" if trouble.status else trouble.text
        return replace(self._said(client_id, evidence, reason), retry_after_ns=wait_ns)

    def _said(self, client_id: str, evidence: Evidence, reason: str) -> OrderReported:
        return OrderReported(
            at_ns=self._clock.now_ns(), venue=self.name, client_id=client_id, evidence=evidence, reason=reason
        )


def _give_up(answer: "asyncio.Future[T | Trouble]") -> None:
    if not answer.done():
        answer.set_result(SILENCE)
