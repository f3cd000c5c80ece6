"""
The hands of the loop: they carry out acts once the facts behind them are durable, and bring the answers back as inputs.

They decide nothing. Each order is handled by one chain of tasks, so that a cancel never overtakes the create.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any, Final

from msgspec import Struct

from quarterdeck.domain import (
    SECOND_NS,
    AlertRaised,
    CancelState,
    Evidence,
    Input,
    OrderReported,
    OrderState,
    QuarterdeckError,
    Retryable,
    ensure,
    multiply,
)
from quarterdeck.engine import CancelOrder, PullFills, QueryOrder, ReadAccount, SendOrder, ShellAct, State, TellOperator
from quarterdeck.orders import ENDED, Order, client_prefix
from quarterdeck.ports import CancelRequest, Clock, OrderRequest, Venue

ASK_AGAIN_NS: Final = SECOND_NS + SECOND_NS // 20
ASK_AGAIN_NS_MAX: Final = 10 * SECOND_NS
CANCEL_TRIES_FAST: Final = 3


class Reach(Struct, frozen=True):
    """
    What the hands may touch: venues by name, the clock, where answers go, and where alerts are told.

    `note_health` hears of a venue whether it answered.
    """

    venues: Mapping[str, Venue]
    clock: Clock
    offer: Callable[[Input], None]
    tell: Callable[[AlertRaised], None]
    note_health: Callable[[str, bool], None] | None = None


class Hands:
    """Carries out acts; everything it starts is counted in `busy`, so that a replay can wait for quiet."""

    def __init__(self, reach: Reach, state: State) -> None:
        self._reach = reach
        self._state = state
        self._tasks: set[asyncio.Task[None]] = set()
        self._chains: dict[str, asyncio.Task[None]] = {}
        self._unsent: set[str] = set()  # withdrawn, though the loop has not heard of it yet
        self._timers: list[tuple[int, int, ShellAct]] = []
        self._timed: set[ShellAct] = set()
        self._numbers = 0
        self._tries: dict[ShellAct, int] = {}
        self._failure: BaseException | None = None

    @property
    def busy(self) -> bool:
        """Tell whether any act is still under way; acts that wait for their time do not count."""
        return bool(self._tasks)

    def next_timer_ns(self) -> int | None:
        """Say when the next waiting act falls due, on the bot's clock; None where none waits."""
        return self._timers[0][0] if self._timers else None

    def do(self, act: ShellAct) -> None:
        """Start an act. Its facts are durable by now; that is the caller's promise."""
        if isinstance(act, TellOperator):
            self._reach.tell(act.alert)
        elif isinstance(act, PullFills):
            self._start(self._pull(act))
        elif isinstance(act, ReadAccount):
            self._start(self._read_account(act))
        elif isinstance(act, SendOrder):
            self._chain(act.client_id, lambda: self._send(act.client_id))
        elif isinstance(act, CancelOrder):
            self._chain(act.client_id, lambda: self._cancel(act))
        else:
            self._chain(act.client_id, lambda: self._query(act))

    def fire_timers(self, now_ns: int) -> None:
        """Start every waiting act whose time has come."""
        while self._timers and self._timers[0][0] <= now_ns:
            _, _, act = heapq.heappop(self._timers)
            self._timed.discard(act)
            self.do(act)

    async def settle(self) -> None:
        """Wait until no act is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        self.check()

    def check(self) -> None:
        """Raise what an act failed with: an adapter that breaks its promise not to raise ends the process."""
        if self._failure is not None:
            raise self._failure

    async def stop(self) -> None:
        """Drop what is under way, as at a crash: whatever was sent stays unknown until it is asked for again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def cancel_without_journal(self) -> None:
        """
        Cancel what lives although the journal failed: cancels are the one act that needs no journal.

        Nothing is sent but cancels, and nothing is remembered; the next session asks the venues how the orders stand.
        """
        await self.stop()
        for order in self._state.live_orders():
            if order.state not in ENDED:
                request = CancelRequest(client_id=order.client_id, venue=order.venue, instrument=order.instrument)
                try:
                    await self._reach.venues[order.venue].cancel(request)
                except QuarterdeckError:
                    continue  # the venue may be what failed; the others are cancelled all the same

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failure = self._failure or task.exception()

    def _chain(self, client_id: str, begin: Callable[[], Coroutine[Any, Any, None]]) -> None:
        before = self._chains.get(client_id)
        task = self._start(begin() if before is None or before.done() else _after(before, begin))
        self._chains[client_id] = task
        task.add_done_callback(lambda done: self._unchain(client_id, done))

    def _unchain(self, client_id: str, task: asyncio.Task[None]) -> None:
        if self._chains.get(client_id) is task:
            del self._chains[client_id]
            self._unsent.discard(client_id)

    async def _send(self, client_id: str) -> None:
        order = self._state.orders[client_id]
        if order.state is not OrderState.PLANNED:
            return
        if order.cancel is not CancelState.NONE:
            report = self._withdrawn(order)
        else:
            report = await self._reach.venues[order.venue].submit(self._request(order))
            if report.evidence is not Evidence.WITHDRAWN:
                self._note_health(order.venue, answers=report.evidence is not Evidence.AMBIGUOUS)
        if report.evidence is Evidence.WITHDRAWN:
            self._unsent.add(client_id)
        self._reach.offer(report)

    def _withdrawn(self, order: Order) -> OrderReported:
        return OrderReported(
            at_ns=self._reach.clock.now_ns(),
            venue=order.venue,
            client_id=order.client_id,
            evidence=Evidence.WITHDRAWN,
            reason=f"cancelled before it was sent: {order.cancel_reason}",
        )

    def _request(self, order: Order) -> OrderRequest:
        """Put an order into exact amounts on the venue's grid; the validated lots and ticks are what is sent."""
        ensure(order.qty_lots > 0, f"order {order.client_id} has no quantity")
        return OrderRequest(
            client_id=order.client_id,
            venue=order.venue,
            instrument=order.instrument,
            side=order.side,
            order_kind=order.order_kind,
            qty_lots=order.qty_lots,
            qty=multiply(order.lot, Decimal(order.qty_lots)),
            limit=None if order.limit_ticks is None else multiply(order.tick, Decimal(order.limit_ticks)),
            send_by_ns=order.send_by_ns,
            kill_epoch=order.kill_epoch,
        )

    async def _cancel(self, act: CancelOrder) -> None:
        order = self._state.orders.get(act.client_id)
        if order is None or order.state in ENDED or act.client_id in self._unsent:
            self._tries.pop(act, None)
            return
        request = CancelRequest(client_id=order.client_id, venue=order.venue, instrument=order.instrument)
        report = await self._reach.venues[order.venue].cancel(request)
        self._note_health(order.venue, answers=report.evidence is not Evidence.CANCEL_AMBIGUOUS)
        if report.evidence is Evidence.CANCEL_AMBIGUOUS:
            # The cancel stands as requested in the journal; sending it again needs no new fact, only some patience.
            self._later(act)
            return
        self._tries.pop(act, None)
        self._reach.offer(report)

    async def _query(self, act: QueryOrder) -> None:
        order = self._state.orders.get(act.client_id)
        if order is None or order.state in ENDED:
            self._tries.pop(act, None)
            return
        try:
            report = await self._reach.venues[order.venue].query(order.client_id, order.instrument)
        except Retryable:
            self._note_health(order.venue, answers=False)
            self._later(act)
            return
        self._note_health(order.venue, answers=True)
        self._reach.offer(report)
        if order.state in (OrderState.UNKNOWN, OrderState.PLANNED) and report.evidence is Evidence.ABSENT:
            self._later(act)
        else:
            self._tries.pop(act, None)

    async def _pull(self, act: PullFills) -> None:
        cursor = self._state.cursors.get(act.venue, 0)
        prefix = client_prefix(self._state.settings.bot) if self._state.settings is not None else ""
        try:
            fills = await self._reach.venues[act.venue].fills_after(cursor, prefix)
        except Retryable:
            self._note_health(act.venue, answers=False)
            self._later(act)
            return
        self._note_health(act.venue, answers=True)
        self._tries.pop(act, None)
        for fill in fills:
            self._reach.offer(fill)

    async def _read_account(self, act: ReadAccount) -> None:
        """Read an account; where the venue does not answer, the next denial of the order asks for it again."""
        with suppress(Retryable):
            self._reach.offer(await self._reach.venues[act.venue].account())

    def _note_health(self, venue: str, *, answers: bool) -> None:
        if self._reach.note_health is not None:
            self._reach.note_health(venue, answers)

    def _later(self, act: ShellAct) -> None:
        """Try an act again, at first after a good second, then less and less often; never a send."""
        ensure(not isinstance(act, SendOrder), "an order is sent once")
        if act in self._timed:
            return
        tries = self._tries.get(act, 0)
        self._tries[act] = tries + 1
        slower = max(0, tries - CANCEL_TRIES_FAST)
        wait_ns = min(ASK_AGAIN_NS << min(slower, 8), ASK_AGAIN_NS_MAX)
        self._numbers += 1
        self._timed.add(act)
        heapq.heappush(self._timers, (self._reach.clock.now_ns() + wait_ns, self._numbers, act))


async def _after(before: asyncio.Task[None], begin: Callable[[], Coroutine[Any, Any, None]]) -> None:
    await asyncio.wait([before])
    await begin()
