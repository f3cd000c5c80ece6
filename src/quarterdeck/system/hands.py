"""
The hands of the loop: they carry out acts once the facts behind them are durable, and bring the answers back as inputs.

They decide nothing. Each order is handled by one chain of tasks, so that a cancel never overtakes the create; each
venue is asked no more than it hears, the most urgent first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from decimal import Decimal
from typing import Any, Final, TypeVar

from msgspec import Struct

from quarterdeck.domain import (
    SECOND_NS,
    AccountReported,
    AlertRaised,
    CancelState,
    Effect,
    Evidence,
    Input,
    OrderReported,
    OrderState,
    RateLimited,
    Retryable,
    VenueSwept,
    ensure,
    multiply,
)
from quarterdeck.engine import (
    CancelOrder,
    PullFills,
    QueryOrder,
    ReadAccount,
    SendOrder,
    ShellAct,
    State,
    SweepVenue,
    TellOperator,
    pull_from,
    shown_by_ns,
)
from quarterdeck.orders import ENDED, Order, client_prefix
from quarterdeck.ports import CancelRequest, Clock, OrderRequest, Venue
from quarterdeck.system.budget import NEVER_NS
from quarterdeck.system.patience import AGAIN_NS, Patience
from quarterdeck.system.sweep import sweep_without_journal, to_sweep
from quarterdeck.system.turns import CancelListed, Turns, VenueAct

PROVE_WITHIN_NS: Final = 60 * SECOND_NS

T = TypeVar("T")


class Reach(Struct, frozen=True):
    """
    What the hands may touch: venues by name, the clock, where answers go, and where alerts are told.

    `note_health` hears of a venue whether it answered, `complain` what went wrong that no fact tells of.
    """

    venues: Mapping[str, Venue]
    clock: Clock
    offer: Callable[[Input], None]
    tell: Callable[[AlertRaised], None]
    note_health: Callable[[str, bool], None] | None = None
    complain: Callable[[str, str], None] | None = None


class Hands:
    """Carries out acts; everything it starts is counted in `busy`, so that a replay can wait for quiet."""

    def __init__(self, reach: Reach, state: State) -> None:
        self._reach = reach
        self._state = state
        self._turns = Turns(reach.venues, state)
        self._tasks: set[asyncio.Task[None]] = set()
        self._chains: dict[str, asyncio.Task[None]] = {}
        self._unsent: set[str] = set()  # withdrawn, though the loop has not heard of it yet
        self._patience = Patience()
        self._sweeping: set[str] = set()
        self._failure: BaseException | None = None
        self._is_stopped = False

    @property
    def busy(self) -> bool:
        """Tell whether any act is still under way; acts that wait for their time or their turn do not count."""
        return bool(self._tasks)

    def silent_until_ns(self) -> dict[str, int]:
        """Name the venues that hear no more for now, with the instant of the bot's clock at which they listen again."""
        return self._turns.silent_until_ns(self._reach.clock.now_ns())

    def next_timer_ns(self) -> int | None:
        """Say when the next waiting act may fall due, on the bot's clock; None where none waits."""
        instant = self._patience.next_ns()
        if self._turns.has_budgets:
            instant = min(instant, self._turns.next_ns(self._reach.clock.now_ns()))
        return instant if instant < NEVER_NS else None

    def do(self, act: ShellAct) -> None:
        """
        Start an act, or let it wait for its turn. Its facts are durable by now; that is the caller's promise.

        One that waits already, to be tried again, is left to wait.
        """
        if isinstance(act, TellOperator):
            self._reach.tell(act.alert)
        elif not self._is_settled(act):
            self._queue(act)

    def fire_timers(self, now_ns: int) -> None:
        """Start every waiting act whose time or turn has come."""
        for again in self._patience.due(now_ns):
            self._queue(again)
        due = self._turns.due(now_ns)
        for venue in due.reopened:
            self._note_health(venue, answers=True)
        for late in due.too_late:
            order = self._state.orders[late.client_id]
            self._withdraw(order, "too late: it waited for its turn beyond the time by which to send it")
        for act in due.ready:
            self._begin(act)

    async def settle(self) -> None:
        """Wait until no act is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        self.check()

    def check(self) -> None:
        """Raise what an act failed with: an adapter that breaks its promise not to raise ends the process."""
        if self._failure is not None:
            raise self._failure

    async def poll(self, venue: str, read: Callable[[], Awaitable[T]]) -> T:
        """
        Ask a venue something that is no act, within the same budget as the acts; it never waits for its turn.

        Raises:
            RateLimited: If the venue hears no more for now, or nothing is left of the budget but for what is urgent.
            Retryable: If the venue does not answer.
        """
        if not self._turns.begin_poll(venue, self._reach.clock.now_ns()):
            raise RateLimited(f"{venue}: the budget of requests is needed for what is more urgent", AGAIN_NS)
        try:
            return await read()
        except RateLimited as error:
            self._hush(venue, error.retry_after_ns)
            raise
        finally:
            self._turn_over(venue)

    async def stop(self) -> None:
        """Drop what is under way, as at a crash: whatever was sent stays unknown until it is asked for again."""
        self._is_stopped = True  # or what waits for its turn would begin in the place of what is dropped
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def cancel_without_journal(self) -> None:
        """Cancel what lives and whatever carries our mark, although the journal failed; see `sweep_without_journal`."""
        await self.stop()
        await sweep_without_journal(self._reach.venues, self._state)

    def _is_settled(self, act: VenueAct) -> bool:
        """Tell whether an act needs no start: it waits on its timer, or it cancels what can be kept from being sent."""
        if self._patience.holds(act):
            return True
        if isinstance(act, SweepVenue):
            if act.venue in self._sweeping:
                return True
            self._sweeping.add(act.venue)
        if isinstance(act, CancelOrder) and self._turns.withdraw(act.client_id):
            self._withdraw_unwanted(self._state.orders[act.client_id])
            return True
        return False

    def _queue(self, act: VenueAct) -> None:
        for ready in self._turns.take(act, self._reach.clock.now_ns()):
            self._begin(ready)

    def _begin(self, act: VenueAct) -> None:
        if self._is_stopped:
            return
        venue, is_order = self._turns.venue_of(act), isinstance(act, SendOrder)
        if isinstance(act, PullFills | ReadAccount | SweepVenue):
            task = self._start(self._work(act))
        else:
            task = self._chain(act.client_id, lambda: self._work(act))
        task.add_done_callback(lambda _: self._turn_over(venue, is_order=is_order))

    def _turn_over(self, venue: str, *, is_order: bool = False) -> None:
        for ready in self._turns.answered(venue, self._reach.clock.now_ns(), places_order=is_order):
            self._begin(ready)

    def _work(self, act: VenueAct) -> Coroutine[Any, Any, None]:
        match act:
            case SendOrder():
                return self._send(act.client_id)
            case CancelOrder():
                return self._cancel(act)
            case QueryOrder():
                return self._query(act)
            case PullFills():
                return self._pull(act)
            case ReadAccount():
                return self._read_account(act)
            case SweepVenue():
                return self._sweep(act)
            case CancelListed():
                return self._cancel_listed(act)

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failure = self._failure or task.exception()

    def _chain(self, client_id: str, begin: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
        before = self._chains.get(client_id)
        task = self._start(begin() if before is None or before.done() else _after(before, begin))
        self._chains[client_id] = task
        task.add_done_callback(lambda done: self._unchain(client_id, done))
        return task

    def _unchain(self, client_id: str, task: asyncio.Task[None]) -> None:
        if self._chains.get(client_id) is task:
            del self._chains[client_id]
            self._unsent.discard(client_id)

    async def _send(self, client_id: str) -> None:
        order = self._state.orders[client_id]
        if order.state is not OrderState.PLANNED:
            return
        if order.cancel is not CancelState.NONE:
            self._unsent.add(client_id)
            self._withdraw_unwanted(order)
            return
        report = await self._reach.venues[order.venue].submit(self._request(order))
        if report.evidence is Evidence.WITHDRAWN:
            self._unsent.add(client_id)
        elif report.retry_after_ns:
            self._hush(order.venue, report.retry_after_ns)
        else:
            self._note_health(order.venue, answers=report.evidence is not Evidence.AMBIGUOUS)
        self._reach.offer(report)

    def _withdraw_unwanted(self, order: Order) -> None:
        self._withdraw(order, f"cancelled before it was sent: {order.cancel_reason}")

    def _withdraw(self, order: Order, reason: str) -> None:
        """Report that an order was never signed."""
        now_ns = self._reach.clock.now_ns()
        self._reach.offer(OrderReported(now_ns, order.venue, order.client_id, Evidence.WITHDRAWN, reason=reason))

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
            trigger=None if order.trigger_ticks is None else multiply(order.tick, Decimal(order.trigger_ticks)),
            reduce_only=order.is_protective or (order.effect is Effect.REDUCE and ":" in order.instrument),
        )

    async def _cancel(self, act: CancelOrder) -> None:
        order = self._state.orders.get(act.client_id)
        if order is None or order.state in ENDED or act.client_id in self._unsent:
            self._patience.forget(act)
            return
        report = await self._ask_cancel(CancelRequest(act.client_id, order.venue, order.instrument))
        if report.evidence is Evidence.CANCEL_AMBIGUOUS:
            # Sending it again is always allowed, and needs no new fact, only some patience.
            self._again(act, report.retry_after_ns)
        else:
            self._patience.forget(act)
        self._reach.offer(report)

    async def _ask_cancel(self, request: CancelRequest) -> OrderReported:
        report = await self._reach.venues[request.venue].cancel(request)
        if report.retry_after_ns:
            self._hush(request.venue, report.retry_after_ns)
        else:
            self._note_health(request.venue, answers=report.evidence is not Evidence.CANCEL_AMBIGUOUS)
        return report

    async def _query(self, act: QueryOrder) -> None:
        order = self._state.orders.get(act.client_id)
        if order is None or order.state in ENDED:
            self._patience.forget(act)
            return
        try:
            report = await self._reach.venues[order.venue].query(order.client_id, order.instrument)
        except Retryable as error:
            self._unanswered(act, order.venue, error)
            return
        self._note_health(order.venue, answers=True)
        if report.evidence is Evidence.ABSENT:  # one such answer proves nothing, and those after it must lie apart
            self._later(act, proves_from_ns=self._proves_from_ns(order))
        elif report.evidence is Evidence.AMBIGUOUS:  # the venue has it, and does not say yet what becomes of it
            self._later(act)
        else:
            self._patience.forget(act)
        self._reach.offer(report)

    async def _pull(self, act: PullFills) -> None:
        cursor = pull_from(self._state, act.venue)
        prefix = client_prefix(self._state.settings.bot) if self._state.settings is not None else ""
        try:
            fills = await self._reach.venues[act.venue].fills_after(cursor, prefix)
        except Retryable as error:
            self._unanswered(act, act.venue, error)
            return
        self._note_health(act.venue, answers=True)
        self._patience.forget(act)
        for fill in fills:
            self._reach.offer(fill)

    async def _read_account(self, act: ReadAccount) -> None:
        """Read an account; a venue that does not answer is asked until it does, so that its return is noticed."""
        report = await self._account(act.venue)
        if report is None:
            self._later(act)
        else:
            self._patience.forget(act)
            self._reach.offer(report)

    async def _account(self, venue: str) -> AccountReported | None:
        try:
            report = await self._reach.venues[venue].account()
        except RateLimited as error:
            self._hush(venue, error.retry_after_ns)
            return None
        except Retryable as error:
            if not self._patience.has_failed(ReadAccount(venue)):
                self._complain("account", f"{venue}: {error}")
            self._note_health(venue, answers=False)
            return None
        self._note_health(venue, answers=True)
        return report

    async def _sweep(self, act: SweepVenue) -> None:
        """Cancel what a venue lists of ours, and look again after a while, until the state calls the venue swept."""
        if act.venue not in self._state.unswept:
            self._sweeping.discard(act.venue)
            self._patience.forget(act)
            return
        self._later(act)
        report = await self._account(act.venue)
        if report is None:
            return
        self._reach.offer(report)
        left = to_sweep(self._state, report.orders)
        for seen in left:
            if seen.client_id not in self._chains and not self._turns.waits(CancelOrder(seen.client_id)):
                self._queue(CancelListed(act.venue, seen.client_id, seen.instrument))
        now_ns = self._reach.clock.now_ns()
        self._reach.offer(
            VenueSwept(now_ns, act.venue, report.venue_at_ns, tuple(seen.client_id for seen in left)),
        )

    async def _cancel_listed(self, act: CancelListed) -> None:
        """Cancel an order that a sweep found. One without an answer is found by the next sweep."""
        report = await self._ask_cancel(CancelRequest(act.client_id, act.venue, act.instrument))
        if act.client_id in self._state.orders:
            self._reach.offer(report)

    def _unanswered(self, act: VenueAct, venue: str, error: Retryable) -> None:
        """Ask again later; where the venue asked for silence, as soon as that is over."""
        if isinstance(error, RateLimited):
            self._hush(venue, error.retry_after_ns)
            self._again(act, error.retry_after_ns)
        else:
            self._note_health(venue, answers=False)
            self._later(act)

    def _hush(self, venue: str, retry_after_ns: int) -> None:
        """Leave a venue alone for as long as it asks; nothing is opened there meanwhile."""
        self._turns.refused(venue, self._reach.clock.now_ns(), retry_after_ns)
        self._note_health(venue, answers=False)
        self._complain("venue", f"{venue} hears no more for {retry_after_ns / SECOND_NS:.1f} s: too many requests")

    def _note_health(self, venue: str, *, answers: bool) -> None:
        if answers and self._turns.is_silent(venue, self._reach.clock.now_ns()):
            return  # the answer to what was asked before it went silent
        if not answers and not self._turns.is_silent(venue, self._reach.clock.now_ns()):
            self._later(ReadAccount(venue))  # nothing else may be asked there for minutes, and exits wait
        if self._reach.note_health is not None:
            self._reach.note_health(venue, answers)

    def _complain(self, event: str, text: str) -> None:
        if self._reach.complain is not None:
            self._reach.complain(event, text)

    def _again(self, act: VenueAct, retry_after_ns: int) -> None:
        """Let an act that a venue was too busy for wait for its turn; one without an answer waits on a timer."""
        if retry_after_ns:
            self._queue(act)
        else:
            self._later(act)

    def _proves_from_ns(self, order: Order) -> int:
        """Say from when on a negative answer about an order proves something; never, where it long could have."""
        from_ns = shown_by_ns(self._state, order)
        return from_ns if self._reach.clock.now_ns() < from_ns + PROVE_WITHIN_NS else NEVER_NS

    def _later(self, act: VenueAct, *, proves_from_ns: int = NEVER_NS) -> None:
        """Try an act again in a while; see `Patience.put`."""
        self._patience.put(act, self._reach.clock.now_ns(), proves_from_ns)


async def _after(before: asyncio.Task[None], begin: Callable[[], Coroutine[Any, Any, None]]) -> None:
    await asyncio.wait([before])
    await begin()
