"""The list of a run's orders as one hash: two runs that planned the same orders at the same instants have the same."""

from __future__ import annotations

from hashlib import sha256
from typing import NamedTuple


class OrderLine(NamedTuple):
    """One planned order; `side` is buy or sell, `limit_ticks` None for a market order."""

    at_ns: int
    client_id: str
    venue: str
    instrument: str
    side: str
    qty_lots: int
    limit_ticks: int | None


class OrderList:
    """Hashes orders in the order in which they were planned."""

    def __init__(self) -> None:
        self._hash = sha256()

    def add(self, order: OrderLine) -> None:
        """Put an order at the end of the list."""
        at_ns, *rest = order
        self._hash.update(f"{at_ns} {tuple(rest)}\n".encode())

    def hexdigest(self) -> str:
        """Give the hash of the orders so far."""
        return self._hash.hexdigest()
