"""Answers of a venue that are true of some time ago, or of a part."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

from quarterdeck.domain import OrderState
from quarterdeck.exchange import Exchange, OrderStatus

T = TypeVar("T")
HOLE_SHARE = 0.4


def orders_of_then(exchange: Exchange, account: str, then_ns: int) -> list[OrderStatus]:
    """
    List the orders that worked at an earlier instant, as a list that lags would.

    What ended since stands there as open, and what came since is missing.
    """
    lag_ns = exchange.setup.personality.shown_after_ns
    orders = [order for order in exchange.state.orders.values() if order.account == account]
    return [
        exchange.status(order)
        for order in orders
        if order.placed_at_ns + lag_ns <= then_ns
        and (order.is_working or (order.changed_at_ns > then_ns and order.state is not OrderState.REJECTED))
    ]


def with_holes(page: Sequence[T], rng: Random) -> list[T]:
    """Leave some of a page out, never its last: who goes on from there misses them."""
    return [item for place, item in enumerate(page) if place == len(page) - 1 or rng.random() >= HOLE_SHARE]
