"""One order as the engine remembers it."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from quarterdeck.domain import (
    ZERO,
    CancelState,
    Effect,
    InferredFill,
    OrderKind,
    OrderState,
    Side,
    Source,
    multiply,
)


class Order(Struct):
    """
    An order from its plan to its end; written to by `engine.apply` alone.

    `reported_lots` is the highest cumulative quantity from any source, `booked_lots` the sum of booked fills.
    `reserve` is what is set aside for the lots that may still fill. `rate` turned its quote into base currency when it
    was planned. `behind_since_ns` is when reported first exceeded booked, 0 while it does not. `came_back` marks one
    that was taken for ended and turned out to live, `lived` one that the venue once accepted, `presumed` one whose end
    was concluded and not told by its venue. `lost_venue_ns` is the venue's own time when it knew a working order no
    more, `cursor` how far its trades had been pulled when this one was planned. `trigger_ticks` is the price at which
    a stop order awakes; `protection` says who protects the position that an entry opens. `leverage` is that of a
    perpetual, 0 on spot.
    """

    client_id: str
    intent_id: str
    source: Source
    venue: str
    instrument: str
    side: Side
    effect: Effect
    order_kind: OrderKind
    qty_lots: int
    lot: Decimal
    tick: Decimal
    limit_ticks: int | None
    reference_price: float
    reserve_asset: str
    reserve_per_lot: Decimal
    planned_at_ns: int
    send_by_ns: int
    kill_epoch: int
    pair: str
    rate: float
    state: OrderState = OrderState.PLANNED
    reserve: Decimal = ZERO
    venue_order_id: str = ""
    booked_lots: int = 0
    reported_lots: int = 0
    reported_price: Decimal | None = None
    behind_since_ns: int = 0
    cancel: CancelState = CancelState.NONE
    cancel_reason: str = ""
    absences: int = 0
    absent_at_ns: int = 0
    unknown_since_ns: int = 0
    ended_at_ns: int = 0
    reason: str = ""
    trade_ids: list[str] = []
    inferred: tuple[InferredFill, ...] = ()
    came_back: bool = False
    trigger_ticks: int | None = None
    protection: str = ""
    lived: bool = False
    presumed: bool = False
    lost_venue_ns: int = 0
    cursor: int = 0
    leverage: int = 0

    @property
    def is_protective(self) -> bool:
        """Whether this is a stop order that rests at its venue for the sake of a position."""
        return self.order_kind is OrderKind.STOP

    @property
    def unbooked_lots(self) -> int:
        """Lots that may still fill if the order is alive."""
        return max(self.qty_lots - self.booked_lots, 0)


def reserve_of(order: Order, state: OrderState, booked_lots: int, reported_lots: int) -> Decimal:
    """
    Work out what an order must keep set aside in a state.

    A living order keeps its whole remainder; one that ended keeps only what is reported and not yet booked.
    """
    lots = max(reported_lots - booked_lots, 0) if state in ENDED else max(order.qty_lots - booked_lots, 0)
    return multiply(order.reserve_per_lot, Decimal(lots)) if lots else ZERO


ENDED = frozenset(
    {
        OrderState.FILLED,
        OrderState.CANCELLED,
        OrderState.REJECTED,
        OrderState.EXPIRED,
        OrderState.NOT_PLACED,
        OrderState.WITHDRAWN,
    }
)
NEVER_LIVED = frozenset({OrderState.REJECTED, OrderState.NOT_PLACED, OrderState.WITHDRAWN})


def is_settled(order: Order) -> bool:
    """Tell whether an order has ended and every lot that was reported is booked."""
    return order.state in ENDED and order.booked_lots >= order.reported_lots
