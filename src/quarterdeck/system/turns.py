"""Whose turn it is: the acts that wait for room in the budgets of their venues."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from quarterdeck.domain import Effect, OrderState
from quarterdeck.engine import CancelOrder, PullFills, QueryOrder, ReadAccount, SendOrder, State, SweepVenue
from quarterdeck.orders import Order
from quarterdeck.ports import Venue
from quarterdeck.system.budget import NEVER_NS, Budget, Priority, Wish

_UNSETTLED: Final = frozenset({OrderState.UNKNOWN, OrderState.PLANNED})


class CancelListed(Struct, frozen=True):
    """Cancel an order that a venue listed under our mark while we are killed, whether or not the journal knows it."""

    venue: str
    client_id: str
    instrument: str


VenueAct = SendOrder | CancelOrder | QueryOrder | PullFills | ReadAccount | SweepVenue | CancelListed


class Due(Struct, frozen=True):
    """What the passing of time brought: acts that may begin, sends that waited too long, venues that listen again."""

    ready: list[VenueAct]
    too_late: list[SendOrder]
    reopened: list[str]


_NOTHING: Final = Due([], [], [])


class Turns:
    """
    The queues in front of the venues. An act without a budget before it may always begin.

    A venue that counts nothing gets a budget all the same once it refused to hear more.
    """

    def __init__(self, venues: Mapping[str, Venue], state: State) -> None:
        self._state = state
        self._budgets: dict[str, Budget[VenueAct]] = {
            name: Budget(venue.limits) for name, venue in venues.items() if venue.limits is not None
        }
        self._silent: set[str] = set()

    @property
    def has_budgets(self) -> bool:
        """Tell whether any venue hears only so much; where none does, nothing ever waits here."""
        return bool(self._budgets)

    def take(self, act: VenueAct, now_ns: int) -> list[VenueAct]:
        """Queue an act, and give those that may begin now: most often just this one."""
        budget = self._budgets.get(self.venue_of(act))
        if budget is None:
            return [act]
        budget.put(act, self._wish(act))
        return budget.admit(now_ns)

    def answered(self, venue: str, now_ns: int, *, places_order: bool = False) -> list[VenueAct]:
        """Note that an act is over, and give those that may begin in its place."""
        budget = self._budgets.get(venue)
        if budget is None:
            return []
        budget.answered(now_ns, places_order=places_order)
        return budget.admit(now_ns)

    def refused(self, venue: str, now_ns: int, retry_after_ns: int) -> None:
        """Note that a venue hears no more for so long."""
        self._budgets.setdefault(venue, Budget(None)).refused(now_ns, retry_after_ns)
        self._silent.add(venue)

    def is_silent(self, venue: str, now_ns: int) -> bool:
        """Tell whether a venue asked for silence that is not over yet."""
        return venue in self._silent and now_ns < self._budgets[venue].paused_until_ns

    def silent_until_ns(self, now_ns: int) -> dict[str, int]:
        """Name the venues that asked for silence, with the instant until which."""
        return {name: self._budgets[name].paused_until_ns for name in self._silent if self.is_silent(name, now_ns)}

    def withdraw(self, client_id: str) -> bool:
        """Take the send of an order out of the queue; True where it waited, and so is certain never to be made."""
        return any(budget.drop(SendOrder(client_id)) for budget in self._budgets.values())

    def waits(self, act: VenueAct) -> bool:
        """Tell whether an act is in the queue."""
        return any(budget.waits(act) for budget in self._budgets.values())

    def due(self, now_ns: int) -> Due:
        """Give what the time that passed brought."""
        if not self._budgets:
            return _NOTHING
        due = Due([], [], [name for name in sorted(self._silent) if not self.is_silent(name, now_ns)])
        self._silent.difference_update(due.reopened)
        for budget in self._budgets.values():
            due.too_late.extend(act for act in budget.expired(now_ns) if isinstance(act, SendOrder))
            due.ready.extend(budget.admit(now_ns))
        return due

    def next_ns(self, now_ns: int) -> int:
        """Say when time alone changes anything; `NEVER_NS` where it does not."""
        if not self._budgets:
            return NEVER_NS
        silent = [self._budgets[name].paused_until_ns for name in self._silent]
        return min([*silent, *(budget.next_ns(now_ns) for budget in self._budgets.values())])

    def begin_poll(self, venue: str, now_ns: int) -> bool:
        """Begin a poll that is no act, if it is its turn; it never waits."""
        budget = self._budgets.get(venue)
        return budget is None or budget.take(Priority.POLL, now_ns)

    def venue_of(self, act: VenueAct) -> str:
        """Name the venue that an act goes to; none where the order it is about was forgotten."""
        if isinstance(act, PullFills | ReadAccount | SweepVenue | CancelListed):
            return act.venue
        order = self._state.orders.get(act.client_id)
        return order.venue if order is not None else ""

    def _wish(self, act: VenueAct) -> Wish:
        if isinstance(act, CancelOrder | CancelListed | SweepVenue):
            return Wish(Priority.CANCEL)
        if isinstance(act, SendOrder):
            order = self._state.orders[act.client_id]
            urgency = Priority.EXIT if order.effect is Effect.REDUCE else Priority.OPEN
            return Wish(urgency, places_order=True, by_ns=order.send_by_ns)
        if isinstance(act, QueryOrder):
            return Wish(Priority.QUERY if _is_unsettled(self._state.orders[act.client_id]) else Priority.POLL)
        in_doubt = any(order.venue == act.venue and _is_unsettled(order) for order in self._state.live_orders())
        return Wish(Priority.QUERY if in_doubt else Priority.POLL)


def _is_unsettled(order: Order) -> bool:
    """Tell whether it is not known what became of an order, or what it traded is not booked yet."""
    return order.state in _UNSETTLED or order.reported_lots > order.booked_lots
