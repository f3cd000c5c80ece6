"""
What the facts of one row mean for the tables that outsiders read: a pure fold, apart from any SQL.

`project` gives the records of one row; `Book.take` folds those that concern orders into the orders' present rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from quarterdeck.domain import (
    CancelRequested,
    CancelState,
    CycleRan,
    ExitDeferred,
    ExitResumed,
    Fact,
    FillBooked,
    FlipAwaited,
    FlipEnded,
    IntentFormed,
    IntentRefused,
    LiquidationBooked,
    OrderMoved,
    OrderPlanned,
    OrderState,
    multiply,
)
from quarterdeck.journal.auditing import EventRecord, as_text, event_of

ACCOUNT: Final = "main"  # one account on each venue, until accounts have names


class FillRecord(Struct, frozen=True):
    """One fill as a row of `fills`; `at_ns` is the venue's time where it told one, amounts are decimal strings."""

    seq: int
    nth: int
    at_ns: int
    trade_id: str
    venue: str
    account: str
    client_id: str
    intent_id: str
    instrument: str
    side: str
    qty: str
    price: str
    fee: str
    fee_asset: str
    liquidity: str
    realised: str
    inferred: int
    retired_lots: int
    booked_at_ns: int


class OrderRecord(Struct, frozen=True):
    """
    One order as it stands, as a row of `orders`.

    Amounts are decimal strings on the grid as it was when the order was planned; `limit_ticks` is None and
    `limit_price` empty for a market order. Of a stop order `limit_price` is the price at which it awakes.
    """

    client_id: str
    planned_seq: int
    last_seq: int
    planned_at_ns: int
    moved_at_ns: int
    intent_id: str
    venue: str
    instrument: str
    side: str
    effect: str
    kind: str
    state: str
    cancel: str
    qty_lots: int
    reported_lots: int
    booked_lots: int
    limit_ticks: int | None
    lot: str
    qty: str
    filled_qty: str
    limit_price: str
    venue_order_id: str
    reason: str


class MentionRecord(Struct, frozen=True):
    """A row that speaks of an intent, or of one of its orders, as a row of `mentions`."""

    intent_id: str
    seq: int


class CycleRecord(Struct, frozen=True):
    """The row in which the opinions on a bar were worked through, as a row of `cycles`; `bar_ns` is when it opened."""

    bar_ns: int
    seq: int


class Told(Struct, frozen=True):
    """An intent came up in a row; `is_new` where it was formed or refused there."""

    intent_id: str
    is_new: bool = False


OrderFact = OrderPlanned | OrderMoved | FillBooked | CancelRequested
Record = FillRecord | EventRecord | CycleRecord | Told | OrderFact
FindOrder = Callable[[str], OrderRecord | None]


def project(seq: int, facts: Iterable[Fact]) -> Iterator[Record]:
    """
    Give what the facts of row `seq` add to the tables, in order.

    Facts about orders come out as they are: what they do depends on the order, and `Book.take` knows it.
    """
    for nth, fact in enumerate(facts):
        if isinstance(fact, FillBooked | LiquidationBooked):
            yield _fill(seq, nth, fact) if isinstance(fact, FillBooked) else _forced(seq, nth, fact)
        if isinstance(fact, OrderPlanned | OrderMoved | FillBooked | CancelRequested):
            yield fact
        elif isinstance(fact, IntentFormed):
            yield Told(fact.intent.id, is_new=True)
        elif isinstance(fact, IntentRefused):
            yield Told(fact.intent_id, is_new=True)
        elif isinstance(fact, ExitDeferred):
            yield Told(fact.intent.id, is_new=True)
        elif isinstance(fact, ExitResumed | FlipAwaited | FlipEnded):
            yield Told(fact.intent_id)
        elif isinstance(fact, CycleRan):
            yield CycleRecord(fact.bar_ns, seq)
        event = event_of(seq, nth, fact)
        if event is not None:
            yield event


class Book:
    """Orders in memory, on which facts about them are folded, and the mentions of intents that come up meanwhile."""

    def __init__(self, find: FindOrder | None = None) -> None:
        """Begin empty; `find` knows the orders of earlier rows."""
        self.orders: dict[str, OrderRecord] = {}
        self.mentions: dict[tuple[str, int], None] = {}
        self.last_intent = ""
        self._find = find

    def take(self, seq: int, record: Record) -> None:
        """Fold one record of row `seq`; a fact about an order that nobody knows changes nothing."""
        if isinstance(record, Told):
            self.mentions[record.intent_id, seq] = None
            self.last_intent = record.intent_id if record.is_new else self.last_intent
        elif isinstance(record, OrderPlanned):
            self.orders[record.client_id] = _planned(seq, record)
            self.mentions[record.intent_id, seq] = None
        elif isinstance(record, OrderMoved | FillBooked | CancelRequested):
            order = self.orders.get(record.client_id) or (self._find and self._find(record.client_id))
            if order:
                self.mentions[order.intent_id, seq] = None
                order = replace(order, last_seq=seq, moved_at_ns=record.at_ns)
                self.orders[record.client_id] = _after(order, record)

    def mention_records(self) -> list[MentionRecord]:
        """List the mentions, in the order in which they came up."""
        return [MentionRecord(intent_id, seq) for intent_id, seq in self.mentions]


def _planned(seq: int, fact: OrderPlanned) -> OrderRecord:
    return OrderRecord(
        client_id=fact.client_id,
        planned_seq=seq,
        last_seq=seq,
        planned_at_ns=fact.at_ns,
        moved_at_ns=fact.at_ns,
        intent_id=fact.intent_id,
        venue=fact.venue,
        instrument=fact.instrument,
        side=fact.side.value,
        effect=fact.effect.value,
        kind=fact.order_kind.value,
        state=OrderState.PLANNED.value,
        cancel=CancelState.NONE.value,
        qty_lots=fact.qty_lots,
        reported_lots=0,
        booked_lots=0,
        limit_ticks=fact.limit_ticks,
        lot=as_text(fact.lot),
        qty=_on_grid(fact.qty_lots, fact.lot),
        filled_qty=_on_grid(0, fact.lot),
        limit_price="" if (ticks := _price_ticks(fact)) is None else _on_grid(ticks, fact.tick),
        venue_order_id="",
        reason="",
    )


def _price_ticks(fact: OrderPlanned) -> int | None:
    return fact.limit_ticks if fact.trigger_ticks is None else fact.trigger_ticks


def _after(order: OrderRecord, fact: OrderMoved | FillBooked | CancelRequested) -> OrderRecord:
    if isinstance(fact, CancelRequested):
        return replace(order, cancel=CancelState.REQUESTED.value, reason=fact.reason or order.reason)
    if isinstance(fact, OrderMoved):
        return replace(
            order,
            state=fact.state.value,
            cancel=fact.cancel.value,
            reported_lots=fact.reported_lots,
            venue_order_id=fact.venue_order_id or order.venue_order_id,
            reason=fact.reason or order.reason,
        )
    return replace(
        order,
        state=fact.state.value,
        reported_lots=fact.reported_lots_after,
        booked_lots=fact.booked_lots_after,
        filled_qty=_on_grid(fact.booked_lots_after, Decimal(order.lot)),
    )


def _forced(seq: int, nth: int, fact: LiquidationBooked) -> FillRecord:
    """Tell what a venue closed by force, as a fill of no order of ours."""
    return FillRecord(
        seq=seq,
        nth=nth,
        at_ns=fact.venue_at_ns or fact.at_ns,
        trade_id=fact.trade_id,
        venue=fact.venue,
        account=ACCOUNT,
        client_id="",
        intent_id="",
        instrument=fact.instrument,
        side=fact.side.value,
        qty=as_text(fact.qty),
        price=as_text(fact.price),
        fee=as_text(fact.fee),
        fee_asset=fact.fee_asset,
        liquidity="liquidation",
        realised=as_text(fact.realised),
        inferred=0,
        retired_lots=0,
        booked_at_ns=fact.at_ns,
    )


def _fill(seq: int, nth: int, fact: FillBooked) -> FillRecord:
    return FillRecord(
        seq=seq,
        nth=nth,
        at_ns=fact.venue_at_ns or fact.at_ns,
        trade_id=fact.trade_id,
        venue=fact.venue,
        account=ACCOUNT,
        client_id=fact.client_id,
        intent_id=fact.intent_id,
        instrument=fact.instrument,
        side=fact.side.value,
        qty=as_text(fact.qty),
        price=as_text(fact.price),
        fee=as_text(fact.fee),
        fee_asset=fact.fee_asset,
        liquidity=fact.liquidity,
        realised=as_text(fact.realised),
        inferred=int(fact.inferred),
        retired_lots=fact.retired_lots,
        booked_at_ns=fact.at_ns,
    )


def _on_grid(steps: int, step: Decimal) -> str:
    return as_text(multiply(Decimal(steps), step))
