"""What an exchange checks about an order before it looks at the money."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from quarterdeck.domain import Listing, OrderKind, multiply
from quarterdeck.exchange.grid import whole_steps
from quarterdeck.exchange.messages import NewOrder, Refusal, Refused


class Size(NamedTuple):
    """An order in whole lots and ticks; a market order has no ticks."""

    lots: int
    limit_ticks: int | None
    trigger_ticks: int | None


def size_of(order: NewOrder, listing: Listing, best_ticks: int | None) -> Size | Refused:
    """
    Put an order on the listing's grid and hold it against the listing's limits.

    Args:
        order: As the customer words it.
        listing: The listing of its instrument.
        best_ticks: What a market order would trade at, for its notional; None where there is no price.
    """
    if not listing.tradable:
        return Refused(Refusal.NOT_TRADABLE, f"{listing.instrument} is not traded at present")
    if (order.order_kind is OrderKind.LIMIT) is not (order.limit is not None):
        return Refused(Refusal.BAD_PRICE, "a limit order has a limit, other orders have none")
    if (order.order_kind is OrderKind.STOP) is not (order.trigger is not None):
        return Refused(Refusal.BAD_PRICE, "a stop order has a trigger, other orders have none")
    limit_ticks = _ticks_of(order.limit, listing, "limit")
    if isinstance(limit_ticks, Refused):
        return limit_ticks
    trigger_ticks = _ticks_of(order.trigger, listing, "trigger")
    if isinstance(trigger_ticks, Refused):
        return trigger_ticks
    lots = _lots_of(order, listing)
    if isinstance(lots, Refused):
        return lots
    price_ticks = limit_ticks or trigger_ticks or best_ticks
    refused = None if price_ticks is None else _notional_refusal(order, listing, price_ticks)
    return refused or Size(lots, limit_ticks, trigger_ticks)


def _ticks_of(price: Decimal | None, listing: Listing, what: str) -> int | Refused | None:
    if price is None:
        return None
    ticks = whole_steps(price, listing.tick)
    if ticks is None:
        return Refused(Refusal.OFF_GRID, f"{what} {price} is no multiple of the tick {listing.tick}")
    if ticks <= 0:
        return Refused(Refusal.BAD_PRICE, f"{what} {price} is not above zero")
    return ticks


def _lots_of(order: NewOrder, listing: Listing) -> int | Refused:
    lots = whole_steps(order.qty, listing.lot)
    if lots is None:
        return Refused(Refusal.OFF_GRID, f"quantity {order.qty} is no multiple of the lot {listing.lot}")
    if lots < listing.lots_min:
        return Refused(Refusal.BELOW_MINIMUM, f"{lots} lots, at least {listing.lots_min}")
    if lots > listing.lots_max:
        return Refused(Refusal.ABOVE_MAXIMUM, f"{lots} lots, at most {listing.lots_max}")
    return lots


def _notional_refusal(order: NewOrder, listing: Listing, price_ticks: int) -> Refused | None:
    notional = multiply(order.qty, multiply(Decimal(price_ticks), listing.tick))
    may_be_small = order.reduce_only and listing.is_perpetual
    if notional < listing.notional_min and not may_be_small:
        return Refused(Refusal.BELOW_MINIMUM_NOTIONAL, f"notional {notional}, at least {listing.notional_min}")
    if listing.notional_max is not None and notional > listing.notional_max:
        return Refused(Refusal.ABOVE_MAXIMUM_NOTIONAL, f"notional {notional}, at most {listing.notional_max}")
    return None
