"""What the shell must do once facts are durable. Derived from the facts alone, so that nothing acts without them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

from quarterdeck.domain import (
    AlertRaised,
    CancelRequested,
    CancelState,
    ControlChanged,
    Evidence,
    Fact,
    FillBooked,
    OrderMoved,
    OrderPlanned,
    OrderState,
)
from quarterdeck.engine.state import State
from quarterdeck.orders import ENDED, RECOVERY, TABLE, Act


class SendOrder(Struct, frozen=True):
    """Sign and send this order, once."""

    client_id: str


class CancelOrder(Struct, frozen=True):
    """Send the cancel of this order; sending it again is allowed."""

    client_id: str


class QueryOrder(Struct, frozen=True):
    """Ask the venue what it knows of this order, until that is settled."""

    client_id: str


class PullFills(Struct, frozen=True):
    """Pull the trades of this venue after the last cursor."""

    venue: str


class ReadAccount(Struct, frozen=True):
    """Read the account of this venue once, so that its balances can speak for or against an unknown order."""

    venue: str


class SweepVenue(Struct, frozen=True):
    """
    Search this venue for working orders that carry our mark, and cancel them, until it is proven empty.

    It is asked for while the bot is killed. Each search is reported as `VenueSwept`; the hands go on while the state
    still names the venue in `unswept`.
    """

    venue: str


class TellOperator(Struct, frozen=True):
    """Pass an alert on; telling it twice is allowed."""

    alert: AlertRaised


_ASKS_FOR_BALANCES: Final = frozenset({Evidence.ABSENT, Evidence.LOST, Evidence.REJECTED})
"""A rejection, too: it says that our view of the account may be old."""
_ASKS_FOR_TRADES: Final = frozenset({Evidence.LOST, Evidence.ABSENCE_PROVEN, Evidence.DECLARED_GONE})
"""What the venue knows no more may have filled."""

ShellAct = SendOrder | CancelOrder | QueryOrder | PullFills | ReadAccount | SweepVenue | TellOperator


def acts_of(facts: Iterable[Fact], state: State) -> Iterator[ShellAct]:
    """List the acts that durable facts ask for, in their order. `state` is the state after them."""
    for fact in facts:
        kind = type(fact)
        if kind is OrderPlanned:
            yield SendOrder(fact.client_id)  # type: ignore[union-attr]  # narrowed by kind, which is faster here
        elif isinstance(fact, OrderMoved):
            yield from _after_move(fact, state)
        elif isinstance(fact, FillBooked):
            order = state.orders[fact.client_id]
            if order.came_back and order.state not in ENDED:
                yield QueryOrder(fact.client_id)
        elif isinstance(fact, CancelRequested):
            yield CancelOrder(fact.client_id)
        elif isinstance(fact, AlertRaised):
            yield TellOperator(fact)
        elif isinstance(fact, ControlChanged) and fact.kill_raised:
            for venue in state.unswept:
                yield SweepVenue(venue)


def _after_move(fact: OrderMoved, state: State) -> Iterator[ShellAct]:
    order = state.orders[fact.client_id]
    if fact.evidence is Evidence.CANCEL_AMBIGUOUS:
        return  # whoever sent the cancel sends it again in its own time, and so does the next session
    acts = {TABLE[fact.state][fact.evidence].act}
    if order.came_back:  # the rows of the states that never lived ask for more, and are the same for all of them
        acts.add(TABLE[OrderState.REJECTED][fact.evidence].act)
    if fact.state is OrderState.UNKNOWN or Act.QUERY in acts:
        yield QueryOrder(fact.client_id)
    if fact.evidence in _ASKS_FOR_BALANCES:
        yield ReadAccount(order.venue)
    if Act.PULL_FILLS in acts or fact.evidence in _ASKS_FOR_TRADES or fact.reported_lots > order.booked_lots:
        yield PullFills(order.venue)


def recovery_acts(state: State) -> Iterator[ShellAct]:
    """List what a new session does about the orders it found: never a send."""
    venues = dict.fromkeys(order.venue for order in state.moving_orders())
    for venue in venues:
        yield PullFills(venue)
    for order in state.live_orders():
        if RECOVERY[order.state] is Act.QUERY:
            yield QueryOrder(order.client_id)
        if order.state not in ENDED and order.cancel in (CancelState.REQUESTED, CancelState.UNKNOWN):
            yield CancelOrder(order.client_id)
    for venue in state.unswept:
        yield SweepVenue(venue)
