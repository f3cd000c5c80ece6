"""Everything an exchange remembers, as plain values that can be written down and read back."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from msgspec import Struct, field

from quarterdeck.domain import ZERO, IntegrityError, Listing, OrderKind, OrderState, Quote, Side
from quarterdeck.exchange.messages import Event, NewOrder, PositionSide, Trade
from quarterdeck.exchange.personality import Personality


class Setup(Struct, frozen=True):
    """What the exchange is: its name, its habits, and what it lists. Only a listing can change later."""

    venue: str
    personality: Personality
    listings: dict[str, Listing]


class Balance(Struct, gc=False):
    """What an account holds of one asset: free to use, and locked by orders and positions. Neither is below zero."""

    free: Decimal = ZERO
    locked: Decimal = ZERO


class Meter(Struct, gc=False):
    """What an account sent in the window that began at `window_ns`; `strikes` were refused in a row for the limits."""

    window_ns: int = 0
    requests: int = 0
    orders: int = 0
    strikes: int = 0
    banned_until_ns: int = 0


class Pending(Struct, frozen=True, gc=False):
    """An order that was received and is decided on at `due_ns`."""

    number: int
    account: str
    order: NewOrder
    due_ns: int


class Position(Struct, gc=False):
    """
    A position in a perpetual: signed lots, what they were opened at in sum, and the margin that is locked for them.

    `cost` is above zero on both sides.
    """

    instrument: str
    lots: int = 0
    cost: Decimal = ZERO
    margin: Decimal = ZERO


class Injected(Struct):
    """
    Faults that wait for their victims.

    `hidden` orders are not found until an instant: account → client id → ns. The next order of an account in
    `overfills` fills so many lots beyond its quantity.
    """

    hidden: dict[str, dict[str, int]] = {}
    overfills: dict[str, int] = {}


class Head(Struct):
    """
    The small part that changes with every request.

    `world` is everybody else: deposits come from it and trades are made with it, so that accounts, fees and world
    together hold zero of every asset at all times. What is borrowed came from the world too; `loans` say what each
    account owes it: account → asset → amount. `positions` are keyed by account and then as `position_key` says,
    `leverages` by account and instrument; `switches` say when everything of an account is cancelled,
    `funded_ns` when a perpetual last paid its funding.
    """

    now_ns: int = 0
    order_number: int = 0
    trade_number: int = 0
    accounts: dict[str, dict[str, Balance]] = {}
    world: dict[str, Decimal] = {}
    fees: dict[str, Decimal] = {}
    payment_number: int = 0
    meters: dict[str, Meter] = {}
    pending: dict[int, Pending] = {}
    switches: dict[str, int] = {}
    loans: dict[str, dict[str, Decimal]] = {}
    positions: dict[str, dict[str, Position]] = {}
    leverages: dict[str, dict[str, int]] = {}
    injected: Injected = field(default_factory=Injected)
    funded_ns: dict[str, int] = {}


class Book(Struct):
    """The latest quote of one instrument and how much of each side our orders took out of it already."""

    quote: Quote
    tradable: bool
    bids_taken_lots: int = 0
    asks_taken_lots: int = 0


class VenueOrder(Struct, gc=False):
    """
    An accepted order. `locked` of `lock_asset` is held back for it; `filled_tick_lots` sums price times size.

    A stop order sleeps until it is `triggered`, and is a market order from then on. `overfill_lots` are a fault: so
    much more than was ordered will fill.
    """

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
    trigger_ticks: int | None = None
    triggered: bool = False
    reduce_only: bool = False
    position_side: PositionSide = "both"
    overfill_lots: int = 0

    @property
    def is_working(self) -> bool:
        """Whether the order can still trade."""
        return self.state in _WORKING

    @property
    def is_asleep(self) -> bool:
        """Whether this is a stop order that was not triggered yet."""
        return self.trigger_ticks is not None and not self.triggered

    @property
    def left_lots(self) -> int:
        """What has not filled yet."""
        return self.qty_lots + self.overfill_lots - self.filled_lots


class ExchangeState(Struct):
    """
    The whole exchange. `orders` are in the order of their numbers, `trades` in the order of their cursors.

    `untold` are events that fell due during a request that tells none; the next one tells them.
    """

    setup: Setup
    head: Head = field(default_factory=Head)
    books: dict[str, Book] = {}
    orders: dict[int, VenueOrder] = {}
    trades: list[Trade] = []
    untold: list[Event] = []


_WORKING = (OrderState.OPEN, OrderState.PARTIALLY_FILLED)
_DECODER = msgspec.msgpack.Decoder(ExchangeState)


def position_key(instrument: str, position_side: PositionSide) -> str:
    """Name a position of an account: by its instrument, and by its side where there are two."""
    return instrument if position_side == "both" else f"{instrument} {position_side}"


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
