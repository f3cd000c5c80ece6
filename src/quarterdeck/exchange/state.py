"""Everything an exchange remembers, as plain values that can be written down and read back."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from msgspec import Struct, field

from quarterdeck.domain import ZERO, IntegrityError, Listing, OrderKind, OrderState, Quote, Side
from quarterdeck.exchange.messages import Trade
from quarterdeck.exchange.personality import Personality


class Setup(Struct, frozen=True):
    """What the exchange is: its name, its habits, and what it lists. Only a listing can change later."""

    venue: str
    personality: Personality
    listings: dict[str, Listing]


class Balance(Struct, gc=False):
    """What an account holds of one asset: free to use, and locked by working orders. Neither is ever below zero."""

    free: Decimal = ZERO
    locked: Decimal = ZERO


class Head(Struct):
    """
    The small part that changes with every request.

    `world` is everybody else: deposits come from it and trades are made with it, so that accounts, fees and world
    together hold zero of every asset at all times.
    """

    now_ns: int = 0
    order_number: int = 0
    trade_number: int = 0
    accounts: dict[str, dict[str, Balance]] = {}
    world: dict[str, Decimal] = {}
    fees: dict[str, Decimal] = {}


class Book(Struct):
    """The latest quote of one instrument and how much of each side our orders took out of it already."""

    quote: Quote
    tradable: bool
    bids_taken_lots: int = 0
    asks_taken_lots: int = 0


class VenueOrder(Struct):
    """An accepted order. `locked` of `lock_asset` is held back for it; `filled_tick_lots` sums price times size."""

    number: int
    account: str
    client_id: str
    instrument: str
    side: Side
    order_kind: OrderKind
    qty_lots: int
    limit_ticks: int | None
    placed_at_ns: int
    lock_asset: str
    locked: Decimal = ZERO
    state: OrderState = OrderState.OPEN
    filled_lots: int = 0
    filled_tick_lots: int = 0
    changed_at_ns: int = 0
    reason: str = ""

    @property
    def is_working(self) -> bool:
        """Whether the order can still trade."""
        return self.state in _WORKING

    @property
    def left_lots(self) -> int:
        """What has not filled yet."""
        return self.qty_lots - self.filled_lots


class ExchangeState(Struct):
    """The whole exchange. `orders` are in the order of their numbers, `trades` in the order of their cursors."""

    setup: Setup
    head: Head = field(default_factory=Head)
    books: dict[str, Book] = {}
    orders: dict[int, VenueOrder] = {}
    trades: list[Trade] = []


_WORKING = (OrderState.OPEN, OrderState.PARTIALLY_FILLED)
_DECODER = msgspec.msgpack.Decoder(ExchangeState)


def encode_state(state: ExchangeState) -> bytes:
    """Write an exchange down; equal histories give equal bytes."""
    return msgspec.msgpack.encode(state)


def decode_state(data: bytes) -> ExchangeState:
    """
    Read an exchange back.

    Raises:
        IntegrityError: If the bytes are no exchange.
    """
    try:
        return _DECODER.decode(data)
    except msgspec.DecodeError as error:
        raise IntegrityError(f"the saved exchange cannot be read: {error}; restore it from a copy") from error
