"""The protocols. Requests and replies are plain frozen values, so that every adapter speaks of the same things."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Protocol

from msgspec import Struct

from quarterdeck.domain import (
    AccountReported,
    FillReported,
    FundingReported,
    Listing,
    OrderKind,
    OrderReported,
    PositionLiquidated,
    Side,
)

VenueNews = OrderReported | FillReported | FundingReported | PositionLiquidated
TradeNews = FillReported | PositionLiquidated


class Clock(Protocol):
    """The only source of time. `now_ns` is UTC and may step; `steady_ns` never does, and counts suspended time."""

    def now_ns(self) -> int:
        """Read the wall clock, in nanoseconds UTC."""
        ...

    def steady_ns(self) -> int:
        """Read the machine's steady clock, in nanoseconds since boot."""
        ...


class OrderRequest(Struct, frozen=True):
    """
    An order exactly as it is to be sent: strings of money are already on the venue's grid.

    `send_by_ns` and `kill_epoch` are for the last hop, which signs nothing outside them. `trigger` is the price at
    which a stop order awakes; `reduce_only` one that may never open anything.
    """

    client_id: str
    venue: str
    instrument: str
    side: Side
    order_kind: OrderKind
    qty_lots: int
    qty: Decimal
    limit: Decimal | None
    send_by_ns: int
    kill_epoch: int
    trigger: Decimal | None = None
    reduce_only: bool = False


class CancelRequest(Struct, frozen=True):
    """A cancel of one order by our own id; allowed at any time, killed or not."""

    client_id: str
    venue: str
    instrument: str


class LastHop(Protocol):
    """
    The check that the adapter makes in the same synchronous step in which it signs.

    `sign_at_ns` reads the clock once and returns the instant to sign with, or says in words why nothing may be
    signed: the kill epoch rose, `send_by_ns` passed, or `now + validity_ns` would outlive the lease.
    """

    def sign_at_ns(self, request: OrderRequest, validity_ns: int) -> int | str:
        """Give the instant to sign with, or the reason why nothing may be signed."""
        ...


class RequestLimits(Struct, frozen=True):
    """
    How much a venue hears of one key: so many requests in any span of `window_ns`, and so many of them orders.

    Every request counts as one; `orders_max` counts the requests that place an order, not their cancels.
    """

    requests_max: int
    orders_max: int
    window_ns: int


class Venue(Protocol):
    """
    One account on one exchange.

    Every method may raise `Retryable` where nothing can have happened (reads). `submit` and `cancel` never raise for
    what the network or the venue does: the outcome, ambiguous included, is the value they return. `ABSENT` from
    `query` means an authenticated, successful reply that does not know the order. News that the venue pushes goes
    to the sink given to `subscribe`; `fills_after` pulls what may have been missed, in cursor order. `stops` tells
    whether stop orders may rest there, `limits` how much it hears, None where it does not count.

    A venue that hears no more for now says so, and for how long: reads raise `RateLimited`; an order is reported
    REJECTED and a cancel CANCEL_AMBIGUOUS, both with their `retry_after_ns`.
    """

    name: str
    validity_ns: int
    lag_ns: int
    stops: bool
    limits: RequestLimits | None

    async def submit(self, request: OrderRequest) -> OrderReported:
        """Sign and send an order, and report what came of it."""
        ...

    async def cancel(self, request: CancelRequest) -> OrderReported:
        """Ask the venue to cancel an order, and report what came of it."""
        ...

    async def query(self, client_id: str, instrument: str) -> OrderReported:
        """Ask the venue what it knows of an order."""
        ...

    async def fills_after(self, cursor: int, client_prefix: str) -> Sequence[TradeNews]:
        """Pull the trades of our orders after a cursor, in order, and with them what the venue closed by force."""
        ...

    async def account(self) -> AccountReported:
        """Read balances and working orders."""
        ...

    async def listings(self) -> Sequence[Listing]:
        """Read what the venue lists now: grids, minimums, fees, and whether each trades."""
        ...

    def subscribe(self, sink: Callable[[VenueNews], None]) -> None:
        """Send all further news to a sink."""
        ...

    async def aclose(self) -> None:
        """Let go of every resource."""
        ...


class Row(Struct, frozen=True):
    """
    One journal row. `body` is the encoded input with its facts; `hash` chains it to the row before.

    `hash = sha256(prev ‖ seq ‖ at_ns ‖ kind ‖ body)`, integers as 8 bytes big-endian, `kind` as UTF-8 preceded by
    its length in 2 bytes.
    """

    seq: int
    at_ns: int
    kind: str
    body: bytes
    prev: bytes
    hash: bytes


class Entry(Struct, frozen=True):
    """What is to be appended; the journal gives it its number and its hash."""

    at_ns: int
    kind: str
    body: bytes


class Journal(Protocol):
    """
    The append-only log of one bot, held by one owner.

    `append` returns when the entries are durable, all of them or none, and only if the lease still is ours.

    Raises: NotOwner where the lease went; IntegrityError where the write failed. Either ends the process.
    """

    async def append(self, entries: Sequence[Entry]) -> int:
        """Append entries and return the number of the last row once they are durable."""
        ...

    async def aclose(self) -> None:
        """Let go of every resource."""
        ...
