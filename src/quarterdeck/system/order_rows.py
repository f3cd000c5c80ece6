"""Orders as people and scripts read them: the working ones from the state, all of them from the journal's tables."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from quarterdeck.config import Workspace
from quarterdeck.domain import ZERO, OrderKind, multiply
from quarterdeck.journal import orders
from quarterdeck.orders import ENDED, Order
from quarterdeck.system.instants import iso
from quarterdeck.system.journals import journal_of
from quarterdeck.system.recover import recover


class OrderRow(Struct, frozen=True):
    """
    One order as it stands; `qty` and `filled` in base units, `limit` in quote per base, None for a market order.

    A stop order has a `trigger` in the place of a limit; it protects a position and is marked `protective`.
    """

    client_id: str
    intent_id: str
    venue: str
    instrument: str
    side: str
    effect: str
    kind: str
    state: str
    qty: Decimal
    filled: Decimal
    limit: Decimal | None
    cancel: str
    planned_at: str
    reason: str
    trigger: Decimal | None = None
    protective: bool = False


class OrderPage(Struct, frozen=True):
    """One page of orders, oldest first; `next` is the cursor of the page that follows, None at the end."""

    items: tuple[OrderRow, ...]
    next: str | None = None


def read_orders(workspace: Workspace, bot: str, *, every: bool, limit: int, cursor: str | None = None) -> OrderPage:
    """
    List a bot's orders: those that may still fill, or every one.

    Raises:
        ConfigError: If the bot never ran, or limit or cursor are wrong.
        IntegrityError: If its journal cannot be read.
    """
    journal = journal_of(workspace, bot)
    if every:
        page = orders(journal, limit=limit, cursor=cursor)
        return OrderPage(tuple(_row_from(item) for item in page.items), page.next)
    state = recover(journal).state
    return OrderPage(tuple(row_of(order) for order in state.live_orders() if order.state not in ENDED))


def row_of(order: Order) -> OrderRow:
    """Show an order of the state."""
    return OrderRow(
        client_id=order.client_id,
        intent_id=order.intent_id,
        venue=order.venue,
        instrument=order.instrument,
        side=order.side.value,
        effect=order.effect.value,
        kind=order.order_kind.value,
        state=order.state.value,
        qty=multiply(order.lot, Decimal(order.qty_lots)),
        filled=multiply(order.lot, Decimal(order.booked_lots)),
        limit=None if order.limit_ticks is None else multiply(order.tick, Decimal(order.limit_ticks)),
        cancel=order.cancel.value,
        planned_at=iso(order.planned_at_ns) or "",
        reason=order.reason,
        trigger=None if order.trigger_ticks is None else multiply(order.tick, Decimal(order.trigger_ticks)),
        protective=order.is_protective,
    )


def _row_from(item: Mapping[str, object]) -> OrderRow:
    amounts = {name: str(item[name]) for name in ("qty", "filled_qty", "limit_price")}
    names = ("client_id", "intent_id", "venue", "instrument", "side", "effect", "kind", "state", "cancel", "planned_at")
    at = Decimal(amounts["limit_price"]) if amounts["limit_price"] else None
    is_stop = item["kind"] == OrderKind.STOP.value
    return OrderRow(
        **{name: str(item[name]) for name in names},
        qty=Decimal(amounts["qty"]) if amounts["qty"] else ZERO,
        filled=Decimal(amounts["filled_qty"]) if amounts["filled_qty"] else ZERO,
        limit=None if is_stop else at,
        reason=str(item["reason"]),
        trigger=at if is_stop else None,
        protective=is_stop,
    )
