"""The adapter of the bot: the port `Venue` over a network that loses, delays and reorders."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from msgspec.structs import replace

from quarterdeck.domain import AccountReported, Evidence, FillReported, Listing, OrderReported, Retryable
from quarterdeck.ports import CancelRequest, Clock, LastHop, OrderRequest, VenueNews
from tests.simulation.coverage import Coverage
from tests.simulation.door import Door
from tests.simulation.venue_side import PATIENCE_S, VenueSide
from tests.simulation.virtual_time import Process, VirtualLoop, at_once

T = TypeVar("T")


class VenueClient:
    """One process's connection to one exchange."""

    def __init__(self, side: VenueSide, process: Process, clock: Clock, last_hop: LastHop, door: Door) -> None:
        self.name = side.name
        self.validity_ns = side.personality.validity_ns
        self.lag_ns = side.personality.lag_ns
        self._side = side
        self._process = process
        self._clock = clock
        self._last_hop = last_hop
        self._door = door
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
        answer = await self._ask(partial(self._place, request, signed), self._hear)
        self._door.answered(self._process, request.client_id)
        await self._process.pass_by("answered")
        return answer or self._said(request.client_id, Evidence.AMBIGUOUS, "no answer in time")

    def _place(self, request: OrderRequest, signed_ns: int) -> OrderReported:
        """Arrive at the exchange: this runs in the world, whoever is alive."""
        side = self._side
        side.sealed.signed_ns = signed_ns
        last = side.exchange.state.head.order_number
        report = at_once(side.paper.submit(request))
        if side.exchange.state.head.order_number > last:
            self._door.accepted(self._process, request, is_behind=side.clock.step_ns < 0)
        elif "expired_request" in report.reason:
            self._coverage.hit("refused: validity over")
        return report

    async def cancel(self, request: CancelRequest) -> OrderReported:
        """Ask for a cancel."""
        if self._side.is_down:
            return self._said(request.client_id, Evidence.CANCEL_AMBIGUOUS, "no connection")
        answer = await self._ask(lambda: at_once(self._side.paper.cancel(request)), self._hear)
        if answer is None:
            self._coverage.hit("cancel ambiguous")
        return answer or self._said(request.client_id, Evidence.CANCEL_AMBIGUOUS, "no answer in time")

    async def query(self, client_id: str, instrument: str) -> OrderReported:
        """Ask how an order stands."""
        found = await self._read(lambda: at_once(self._side.paper.query(client_id, instrument)))
        return replace(found, at_ns=self._clock.now_ns())

    async def fills_after(self, cursor: int, client_prefix: str) -> Sequence[FillReported]:
        """Pull trades."""
        found = await self._read(lambda: at_once(self._side.paper.fills_after(cursor, client_prefix)))
        return [replace(fill, at_ns=self._clock.now_ns()) for fill in found]

    async def account(self) -> AccountReported:
        """Read the account."""
        found = await self._read(lambda: at_once(self._side.paper.account()))
        return replace(found, at_ns=self._clock.now_ns())

    async def listings(self) -> tuple[Listing, ...]:
        """Ask what the venue lists."""
        return await self._read(self._side.listings)

    async def aclose(self) -> None:
        """Hear nothing more."""
        self._sink = None

    async def _read(self, deliver: Callable[[], T]) -> T:
        answer = None if self._side.is_down else await self._ask(deliver, None)
        if answer is None:
            self._coverage.hit("read failed")
            raise Retryable(f"{self.name} does not answer")
        return answer

    async def _ask(self, deliver: Callable[[], T], late: Callable[[T], None] | None) -> T | None:
        """Send one request and wait for its answer; None where none came in time."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        fate = self._side.draw_fate()
        answer: asyncio.Future[T] = loop.create_future()
        if fate.leaves_s:
            self._coverage.hit("send left late")
            await asyncio.sleep(fate.leaves_s)
        await self._process.pass_by("sent")
        if fate.arrives_s is not None:
            loop.later(fate.arrives_s, partial(self._arrive, deliver, answer, late, fate.answered_s))
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await answer
        except TimeoutError:
            return None

    def _arrive(
        self,
        deliver: Callable[[], T],
        answer: "asyncio.Future[T]",
        late: Callable[[T], None] | None,
        answered_s: float | None,
    ) -> None:
        reply = deliver()
        if answered_s is not None:
            loop = answer.get_loop()
            assert isinstance(loop, VirtualLoop)
            loop.later(answered_s, partial(self._process.post, self._take, answer, late, reply))

    def _take(self, answer: "asyncio.Future[T]", late: Callable[[T], None] | None, reply: T) -> None:
        if not answer.done():
            answer.set_result(reply)
        elif late is not None:
            self._coverage.hit("late reply")
            late(reply)

    def _said(self, client_id: str, evidence: Evidence, reason: str) -> OrderReported:
        return OrderReported(
            at_ns=self._clock.now_ns(), venue=self.name, client_id=client_id, evidence=evidence, reason=reason
        )
