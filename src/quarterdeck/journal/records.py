"""
What the facts of one row mean for the tables that outsiders read: a pure fold, apart from any SQL.

`project` gives the records of one row; `Book.take` folds those that concern orders into the orders' present rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from quarterdeck.domain import (
    AlertRaised,
    BalanceDiffered,
    CancelRequested,
    CancelState,
    CapitalDeclared,
    ClockHeld,
    Control,
    ControlChanged,
    Fact,
    FillBooked,
    IntentRefused,
    OrderMoved,
    OrderPlanned,
    OrderState,
    SessionClosed,
    SessionOpened,
    SettingsAdopted,
    StrayFound,
    multiply,
)

ACCOUNT: Final = "main"  # one account on each venue, until accounts have names

_SYSTEM: Final = frozenset({"", "engine", "guardrails", "system"})


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


class EventRecord(Struct, frozen=True):
    """One thing that an auditor wants to know of, as a row of `events`; `details` is JSON."""

    seq: int
    nth: int
    at_ns: int
    type: str
    actor: str
    details: str


class OrderRecord(Struct, frozen=True):
    """
    One order as it stands, as a row of `orders`.

    Amounts are decimal strings, empty where the grid of the listing is not known; `limit_ticks` is None and
    `limit_price` empty for a market order.
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
    qty: str
    filled_qty: str
    limit_price: str
    venue_order_id: str
    reason: str


class ListingRecord(Struct, frozen=True):
    """The grid of one instrument on one venue, as a row of `listings`."""

    venue: str
    instrument: str
    tick: str
    lot: str


OrderFact = OrderPlanned | OrderMoved | FillBooked | CancelRequested
Record = FillRecord | EventRecord | ListingRecord | OrderFact


def project(seq: int, facts: Iterable[Fact]) -> Iterator[Record]:
    """
    Give what the facts of row `seq` add to the tables, in order.

    Facts about orders come out as they are: what they do depends on the order, and `Book.take` knows it.
    """
    for nth, fact in enumerate(facts):
        if isinstance(fact, SettingsAdopted):
            for listing in fact.settings.listings:
                yield ListingRecord(listing.venue, listing.instrument, _text(listing.tick), _text(listing.lot))
        if isinstance(fact, FillBooked):
            yield _fill(seq, nth, fact)
        if isinstance(fact, OrderPlanned | OrderMoved | FillBooked | CancelRequested):
            yield fact
        event = _event(fact)
        if event is not None:
            kind, actor, details = event
            yield EventRecord(seq, nth, fact.at_ns, kind, actor, msgspec.json.encode(details).decode())


class Book:
    """Orders and listings in memory, on which facts about orders are folded."""

    def __init__(self) -> None:
        self.orders: dict[str, OrderRecord] = {}
        self.listings: dict[tuple[str, str], ListingRecord] = {}

    def take(self, seq: int, fact: OrderFact) -> None:
        """Fold one fact; one about an order that is not in the book changes nothing."""
        if isinstance(fact, OrderPlanned):
            self.orders[fact.client_id] = self._planned(seq, fact)
        elif fact.client_id in self.orders:
            order = self.orders[fact.client_id]
            self.orders[fact.client_id] = self._after(replace(order, last_seq=seq, moved_at_ns=fact.at_ns), fact)

    def _planned(self, seq: int, fact: OrderPlanned) -> OrderRecord:
        listing = self.listings.get((fact.venue, fact.instrument))
        is_priced = listing is not None and fact.limit_ticks is not None
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
            qty=_on_grid(fact.qty_lots, listing.lot if listing else ""),
            filled_qty=_on_grid(0, listing.lot if listing else ""),
            limit_price=_on_grid(fact.limit_ticks or 0, listing.tick if listing and is_priced else ""),
            venue_order_id="",
            reason="",
        )

    def _after(self, order: OrderRecord, fact: OrderMoved | FillBooked | CancelRequested) -> OrderRecord:
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
        listing = self.listings.get((order.venue, order.instrument))
        return replace(
            order,
            state=fact.state.value,
            reported_lots=fact.reported_lots_after,
            booked_lots=fact.booked_lots_after,
            filled_qty=_on_grid(fact.booked_lots_after, listing.lot if listing else ""),
        )


def actor_of(who: str) -> str:
    """Sort whoever caused something into system, user or mcp."""
    if who in _SYSTEM:
        return "system"
    return "mcp" if who == "mcp" or who.startswith("mcp:") else "user"


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
        qty=_text(fact.qty),
        price=_text(fact.price),
        fee=_text(fact.fee),
        fee_asset=fact.fee_asset,
        liquidity=fact.liquidity,
        realised=_text(fact.realised),
        inferred=int(fact.inferred),
        retired_lots=fact.retired_lots,
        booked_at_ns=fact.at_ns,
    )


Event = tuple[str, str, dict[str, object]]


def _event(fact: Fact) -> Event | None:
    return _event_of_trading(fact) or _event_of_control(fact)


def _event_of_trading(fact: Fact) -> Event | None:
    match fact:
        case FillBooked():
            names = ("client_id", "intent_id", "trade_id", "venue", "instrument", "side", "fee_asset", "inferred")
            amounts = {name: _text(getattr(fact, name)) for name in ("qty", "price", "fee", "realised")}
            return "trade_executed", "system", {name: getattr(fact, name) for name in names} | amounts
        case IntentRefused(stage="guardrails"):
            return "guardrail_triggered", "system", _refusal(fact) | {"failed": fact.failed}
        case IntentRefused():
            return "trade_rejected", "system", _refusal(fact) | {"stage": fact.stage}
        case OrderMoved(state=OrderState.REJECTED):
            return "trade_rejected", "system", {"client_id": fact.client_id, "reason": fact.reason, "stage": "venue"}
        case BalanceDiffered():
            amounts = {name: _text(getattr(fact, name)) for name in ("expected", "actual", "baseline")}
            place: dict[str, object] = {"venue": fact.venue, "asset": fact.asset, "explained": fact.explained}
            return "balance_sync", "system", place | amounts
        case CapitalDeclared():
            cash = {
                venue: {asset: _text(amount) for asset, amount in held.items()} for venue, held in fact.cash.items()
            }
            return "balance_sync", "system", {"declared": cash}
        case StrayFound():
            return (
                "balance_sync",
                "system",
                {"venue": fact.venue, "stray": fact.what, "key": fact.key, "detail": fact.detail},
            )
        case _:
            return None


def _event_of_control(fact: Fact) -> Event | None:
    match fact:
        case ControlChanged():
            is_kill = fact.kill_epoch is not None or fact.control is Control.HALTED
            details: dict[str, object] = {
                "control": fact.control,
                "reason": fact.reason,
                "who": fact.who,
                "kill_epoch": fact.kill_epoch,
            }
            return "kill_switch" if is_kill else "agent_status_change", actor_of(fact.who), details
        case SettingsAdopted():
            return "config_changed", "system", {"bot": fact.settings.bot, "pairs": fact.settings.pairs}
        case SessionOpened():
            return "agent_status_change", "system", {"session": fact.session, "epoch": fact.epoch, "state": "started"}
        case SessionClosed():
            return (
                "agent_status_change",
                "system",
                {"state": "stopped", "reason": fact.reason, "released": fact.released},
            )
        case AlertRaised():
            return "agent_status_change", "system", {"alert": fact.code, "text": fact.text, "severity": fact.severity}
        case ClockHeld():
            return "agent_status_change", "system", {"alert": "clock_step", "step_ns": fact.step_ns}
        case _:
            return None


def _refusal(fact: IntentRefused) -> dict[str, object]:
    return {"intent_id": fact.intent_id, "instrument": fact.instrument, "reason": fact.reason}


def _on_grid(steps: int, step: str) -> str:
    return _text(multiply(Decimal(steps), Decimal(step))) if step else ""


def _text(amount: Decimal) -> str:
    return format(amount, "f")
