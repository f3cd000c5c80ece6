"""From a request to an order that is entered, or to the reason why not."""

from __future__ import annotations

from quarterdeck.domain import OrderKind, OrderState, Side
from quarterdeck.exchange.checks import Size, size_of
from quarterdeck.exchange.execution import Execution
from quarterdeck.exchange.grid import Level, whole_steps
from quarterdeck.exchange.matching import Market
from quarterdeck.exchange.messages import Accepted, Event, NewOrder, OrderStatus, Received, Refusal, Refused, Reply
from quarterdeck.exchange.registry import Registry
from quarterdeck.exchange.state import ExchangeState, Pending, VenueOrder


class Intake:
    """Takes orders in: at once, or by a decision that falls due later."""

    def __init__(self, state: ExchangeState, market: Market, registry: Registry, execution: Execution) -> None:
        self._state = state
        self._market = market
        self._registry = registry
        self._execution = execution
        self._pending = {
            (pending.account, pending.order.client_id): pending.number for pending in state.head.pending.values()
        }

    def take(self, account: str, order: NewOrder, signed_at_ns: int, events: list[Event]) -> Reply:
        """Answer a request for an order; what happens at once is added to the events."""
        answer = self._answer_at_the_door(account, order, signed_at_ns)
        if answer is not None:
            return answer
        if self._state.setup.personality.acks == "async":
            return self._postpone(account, order)
        entered = self._enter(account, order, None, events)
        return entered if isinstance(entered, Refused) else self._accepted(entered, events)

    def decide_due(self, events: list[Event]) -> None:
        """Accept or reject what was received and is due now, in the order of arrival."""
        head = self._state.head
        for pending in [one for one in head.pending.values() if one.due_ns <= head.now_ns]:
            del head.pending[pending.number]
            self._pending.pop((pending.account, pending.order.client_id), None)
            refused = self._enter(pending.account, pending.order, pending.number, events)
            if isinstance(refused, Refused):
                self._reject(pending, refused, events)

    def pending_of(self, account: str, client_id: str) -> Pending | None:
        """Find an order that was received and not decided on yet."""
        number = self._pending.get((account, client_id)) if client_id else None
        return None if number is None else self._state.head.pending[number]

    def _answer_at_the_door(self, account: str, order: NewOrder, signed_at_ns: int) -> Reply | None:
        setup, now_ns = self._state.setup, self._state.head.now_ns
        if signed_at_ns + setup.personality.validity_ns < now_ns:
            return Refused(Refusal.EXPIRED_REQUEST, f"signed {now_ns - signed_at_ns} ns ago")
        if account not in self._state.head.accounts:
            return Refused(Refusal.UNKNOWN_ACCOUNT, f"no account {account!r}")
        scope = setup.personality.client_id_scope
        pending = self.pending_of(account, order.client_id)
        if pending is not None and scope == "answers_old":
            return Received(pending.number, order.client_id, pending=True)
        old = self._registry.find(account, order.client_id)
        is_taken = old is not None and (old.is_working or scope in {"ever", "answers_old"})
        if old is not None and is_taken and scope == "answers_old":
            return self._accepted(old, [])
        if is_taken or pending is not None:
            return Refused(Refusal.DUPLICATE_CLIENT_ID, f"client id {order.client_id!r} was used already")
        if order.instrument not in setup.listings:
            return Refused(Refusal.UNKNOWN_INSTRUMENT, f"{order.instrument} is not listed")
        return None

    def _postpone(self, account: str, order: NewOrder) -> Received:
        head = self._state.head
        number = self._registry.next_number()
        head.pending[number] = Pending(
            number=number,
            account=account,
            order=order,
            due_ns=head.now_ns + self._state.setup.personality.ack_lag_ns,
        )
        if order.client_id:
            self._pending[account, order.client_id] = number
        return Received(number, order.client_id, pending=True)

    def _enter(self, account: str, order: NewOrder, number: int | None, events: list[Event]) -> VenueOrder | Refused:
        """Check an order against grid, habits and money, and let it trade; without a number it gets the next one."""
        listing = self._state.setup.listings[order.instrument]
        best_ticks = None if order.limit is not None else self._market.best_ticks(order.instrument, order.side)
        sized = size_of(order, listing, best_ticks)
        if isinstance(sized, Refused):
            return sized
        candidate = self._candidate(account, order, sized)
        refused = self._refused_by_habit(candidate)
        if refused is not None:
            return refused
        overfills = self._state.head.injected.overfills
        candidate.overfill_lots = overfills.get(account, 0) if overfills else 0
        offers = self._offers(candidate)
        hold = self._execution.hold_of_new(candidate, offers)
        if isinstance(hold, Refused) and candidate.overfill_lots:
            candidate.overfill_lots = 0
            offers = self._offers(candidate)
            hold = self._execution.hold_of_new(candidate, offers)
        if isinstance(hold, Refused):
            return hold
        if candidate.overfill_lots:
            del overfills[account]
        candidate.number = self._registry.next_number() if number is None else number
        rivals = self._rivals(candidate)
        self._registry.enter(candidate)
        self._execution.hold(candidate, hold)
        events.append(self._execution.status(candidate))
        self._let_trade(candidate, offers, rivals, events)
        self._registry.forget_old()
        return candidate

    def _let_trade(
        self, order: VenueOrder, offers: list[Level] | None, rivals: list[VenueOrder], events: list[Event]
    ) -> None:
        if rivals and self._state.setup.personality.self_trade == "cancel_newest":
            rivals = [order]
        if rivals:
            events += [self._execution.end(rival, OrderState.CANCELLED, Refusal.SELF_TRADE) for rival in rivals]
        if not order.is_working:
            return
        if offers is not None:
            self._execution.take(order, offers, events)
        elif order.is_asleep and self._market.is_tradable(order.instrument) and self._market.touches(order):
            self._execution.wake(order, events)
            self._execution.meet(order, events)

    def _reject(self, pending: Pending, refused: Refused, events: list[Event]) -> None:
        """Remember an order that was refused after it had been received; what is off the grid has no lots."""
        order = pending.order
        listing = self._state.setup.listings[order.instrument]
        size = Size(max(0, whole_steps(order.qty, listing.lot) or 0), None, None)
        rejected = self._candidate(pending.account, order, size)
        rejected.number = pending.number
        rejected.state = OrderState.REJECTED
        rejected.reason = f"{refused.reason}: {refused.detail}" if refused.detail else str(refused.reason)
        self._registry.enter(rejected)
        events.append(self._execution.status(rejected))

    def _accepted(self, order: VenueOrder, events: list[Event]) -> Accepted | Received:
        """Word the reply; the last event, where it is about the order, says how it stands."""
        if self._state.setup.personality.reply_carries == "id":
            return Received(order.number, order.client_id)
        last = events[-1] if events else None
        if isinstance(last, OrderStatus) and last.number == order.number:
            return Accepted(last)
        return Accepted(self._execution.status(order))

    def _candidate(self, account: str, order: NewOrder, size: Size) -> VenueOrder:
        listing = self._state.setup.listings[order.instrument]
        now_ns = self._state.head.now_ns
        pays_in_quote = order.side is Side.BUY or listing.is_perpetual
        return VenueOrder(
            number=0,
            account=account,
            client_id=order.client_id,
            instrument=order.instrument,
            side=order.side,
            order_kind=order.order_kind,
            qty_lots=size.lots,
            limit_ticks=size.limit_ticks,
            placed_at_ns=now_ns,
            lock_asset=listing.quote if pays_in_quote else listing.base,
            changed_at_ns=now_ns,
            trigger_ticks=size.trigger_ticks,
            reduce_only=order.reduce_only,
            position_side=order.position_side,
        )

    def _refused_by_habit(self, order: VenueOrder) -> Refused | None:
        personality = self._state.setup.personality
        if order.order_kind is OrderKind.STOP:
            if not personality.stops:
                return Refused(Refusal.NOT_SUPPORTED, "stop orders do not rest here")
            if personality.stops_refuse_crossed and self._market.touches(order):
                return Refused(Refusal.WOULD_TRIGGER, "the market is at or beyond the trigger already")
        if ":" in order.instrument:
            refusal = self._execution.perpetuals.refusal(order)
            return None if refusal is None else Refused(refusal, "it does not fit the position")
        if order.position_side != "both":
            return Refused(Refusal.BAD_POSITION_SIDE, "a spot pair has no positions")
        return None

    def _rivals(self, order: VenueOrder) -> list[VenueOrder]:
        """List the resting orders of the same account that an order would meet."""
        if self._state.setup.personality.self_trade == "allow" or order.is_asleep:
            return []
        sign = order.side.sign
        return [
            other
            for other in self._registry.working_on(order.instrument)
            if other.account == order.account
            and other.side is not order.side
            and other.limit_ticks is not None
            and (order.limit_ticks is None or sign * order.limit_ticks >= sign * other.limit_ticks)
        ]

    def _offers(self, order: VenueOrder) -> list[Level] | None:
        """List what a new order may take at once; None where nothing is traded now, or it sleeps."""
        if order.is_asleep or not self._market.is_tradable(order.instrument):
            return None
        return self._market.offers(order)
