"""All that the engine knows. It is the fold of the facts, byte for byte, and nothing else ever writes to it."""

from __future__ import annotations

from decimal import Decimal
from hashlib import sha256
from typing import Final

import msgspec
from msgspec import Struct, field

from quarterdeck.domain import (
    ZERO,
    BotSettings,
    Control,
    IntegrityError,
    Listing,
    OrderState,
    Side,
    VenueSettings,
    subtract,
)
from quarterdeck.orders import ENDED, Order
from quarterdeck.portfolio import FLAT, Position

STATE_VERSION: Final = 1


class Grid(Struct, frozen=True):
    """A listing with the floats that guardrail arithmetic wants, so that they are converted once."""

    listing: Listing
    tick: float
    lot: float
    fee_taker: float
    notional_min: float


class Marked(Struct, array_like=True, gc=False):
    """Equity at one UTC minute."""

    minute_ns: int
    equity: float


class State(Struct):
    """
    The state of one bot.

    `live` holds the client ids of orders that may still change something, in the order they were planned. `recent`
    are the marks of the loss-rate window. `traded_venue_ns` is each venue's own time of our last trade there.
    `baselines` is what each account holds beside the bot's own; `doubts` what it held beyond every explanation while
    an order there was unknown, read at `weighed_venue_ns`, the venue's time. `answers` are the outcomes of outside
    commands by key.
    """

    version: int = STATE_VERSION
    settings: BotSettings | None = None
    grids: dict[str, dict[str, Grid]] = field(default_factory=dict)
    venues: dict[str, VenueSettings] = field(default_factory=dict)
    session: str = ""
    epoch: int = 0
    released: bool = True
    stopping: bool = False
    at_ns: int = 0
    control: Control = Control.RUNNING
    control_reason: str = ""
    paused_until_ns: int = 0
    kill_epoch: int = 0
    kill_raised: bool = False
    clock_steady_at_ns: int = 0
    cash: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    fees: dict[str, Decimal] = field(default_factory=dict)
    reserved: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    positions: dict[str, dict[str, Position]] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    live: dict[str, int] = field(default_factory=dict)
    last_trade_ns: dict[str, int] = field(default_factory=dict)
    minute_ns: int = 0
    equity: float | None = None
    equity_open: float | None = None
    peak: float = 0.0
    drawdown_max: float = 0.0
    recent: list[Marked] = field(default_factory=list)
    last_bar_ns: int = -1
    baselines: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    unexplained: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    weighed_venue_ns: dict[str, int] = field(default_factory=dict)
    doubts: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    cursors: dict[str, int] = field(default_factory=dict)
    traded_venue_ns: dict[str, int] = field(default_factory=dict)
    strays: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    retired_through_ns: int = 0

    def position(self, venue: str, instrument: str) -> Position:
        """Give the position of an instrument on a venue; flat where there is none."""
        held = self.positions.get(venue)
        return held.get(instrument, FLAT) if held else FLAT

    def free(self, venue: str, asset: str) -> Decimal:
        """Give the bot's own cash in an asset on a venue, less what living orders reserve."""
        cash = self.cash.get(venue, {}).get(asset, ZERO)
        return subtract(cash, self.reserved.get(venue, {}).get(asset, ZERO))

    def live_orders(self) -> list[Order]:
        """List the orders that may still change something, in the order they were planned."""
        orders = self.orders
        return [orders[client_id] for client_id in self.live]

    def moving_orders(self) -> list[Order]:
        """List the orders that may still change what we hold: the living, and those with lots only inferred so far."""
        return [order for order in self.orders.values() if order.client_id in self.live or order.inferred]

    def selling_lots(self, venue: str, instrument: str) -> int:
        """Count the lots that living sell orders may still take off a position."""
        return sum(
            order.unbooked_lots if order.state not in ENDED else max(order.reported_lots - order.booked_lots, 0)
            for order in self.live_orders()
            if order.venue == venue and order.instrument == instrument and order.side is Side.SELL
        )

    def unknown_orders(self) -> list[Order]:
        """List the orders whose outcome is not known."""
        return [order for order in self.live_orders() if order.state is OrderState.UNKNOWN]


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(State)


def encode_state(state: State) -> bytes:
    """Encode a state canonically: dictionaries keep the order in which facts filled them, so equal folds are equal."""
    return _ENCODER.encode(state)


def decode_state(body: bytes) -> State:
    """
    Read an encoded state back.

    Raises:
        IntegrityError: If the bytes are no state, or one of a later version.
    """
    try:
        state = _DECODER.decode(body)
    except msgspec.MsgspecError as error:
        raise IntegrityError(f"the snapshot does not hold a state: {error}") from error
    if state.version > STATE_VERSION:
        raise IntegrityError(f"the snapshot is of version {state.version}; this program reads up to {STATE_VERSION}")
    return state


def state_hash(state: State) -> str:
    """Name a state by the hash of its encoding."""
    return sha256(encode_state(state)).hexdigest()
