"""All that the engine knows. It is the fold of the facts, byte for byte, and nothing else ever writes to it."""

from __future__ import annotations

from decimal import Decimal
from hashlib import sha256
from typing import Final

import msgspec
from msgspec import Struct, field

from quarterdeck.domain import (
    MINUTE_NS,
    ZERO,
    BotSettings,
    Control,
    Hold,
    IntegrityError,
    Intent,
    Listing,
    OrderSeen,
    OrderState,
    Side,
    SignalGiven,
    VenueSettings,
    subtract,
)
from quarterdeck.orders import ENDED, Order
from quarterdeck.portfolio import FLAT, Position, Totals

CONCLUDED_FOR_NS: Final = 5 * MINUTE_NS
"""How long trades are looked for after the end of an order that no venue told of: a person may be wrong about it."""

STATE_VERSION: Final = 4


class Grid(Struct, frozen=True):
    """A listing with the numbers that guardrail arithmetic wants, so that they are worked out once."""

    listing: Listing
    tick: float
    lot: float
    fee_taker: float
    fee_maker: float
    notional_min: float
    notional_max: float
    in_base_currency: bool
    is_perpetual: bool = False


class Marked(Struct, array_like=True, gc=False):
    """The loss index at one UTC minute; `next_ns` is the minute of the mark after it, 0 for the last one."""

    minute_ns: int
    index: float
    next_ns: int = 0


class Earned(Struct, array_like=True, gc=False):
    """What the bot was worth less what flowed in, at the first mark of an hour; in base currency."""

    minute_ns: int
    amount: float


class TradeCounted(Struct, array_like=True, gc=False):
    """A trade as cooldown and trade rate count it: one for each intent, from the plan of its first order on."""

    pair: str
    at_ns: int


class Naked(Struct, array_like=True, gc=False):
    """A position without the stop order that it should have: since when, how often one was tried, when again."""

    since_ns: int
    tries: int
    next_ns: int


class Answered(Struct, array_like=True, gc=False):
    """The outcome of an outside command, and when it was given."""

    outcome: str
    at_ns: int


class Deferred(Struct, array_like=True):
    """An exit that waits until the protective orders that hold its goods are cancelled."""

    intent: Intent
    venue: str | None
    since_ns: int


class Flip(Struct, array_like=True):
    """An opinion that waits until what is held the other way is closed, by the intent that closes it."""

    intent_id: str
    bar_ns: int
    signal: SignalGiven
    since_ns: int


class Rejections(Struct, array_like=True):
    """How often in a row a venue rejected orders of one instrument with the very same words."""

    reason: str
    count: int


class State(Struct):
    """
    The state of one bot.

    `listed` says, by pair, under which instruments which venues trade it. `live` holds the client ids of orders that
    may still change something, in the order they were planned. `holds` are the reasons why the bot may not do
    everything, by cause; `control` is the tightest of them. The loss index is equity per unit: `day_open` and
    `index_peak` are values of it, `recent` and `peaks` those marks of the loss-rate and of the drawdown window that no
    later one exceeds, the highest first; `hours` are those of the last day; `marks` and `rates` are the last prices of
    what is held and of assets that do not count one for one. `trades` are the counted trades by intent, oldest first,
    `returned` those that were given back. `watermarks` is the highest mark of each position since it was opened.
    `reconciling` names the accounts that this session has not compared yet. `coin_fees` are those fees that came off a
    position instead of cash. `traded_venue_ns` is each venue's own time of our last trade there. `baselines` is what
    each account holds beside the bot's own, below zero where it lacks some of that; `doubts` what it held beyond every
    explanation while orders there were in motion, read at `weighed_venue_ns`, the venue's time. `others` are working
    orders of others on our accounts; `unswept` names the venues that a kill has not proven empty yet; `naked` the
    positions, by place, that lack their stop order; `deferred` the exits, by intent, that wait for a stop order to be
    cancelled. `answers` are the outcomes of outside commands by key, oldest first, `retired_keys` the marks of older
    keys; `changes` the settings changed at run time by path; `alerts` those that stand. `margins` is what positions in
    perpetuals lock, by asset; `liquidations` are the trades by which venues closed some by force; `retired_orders`
    counts the orders that left `orders`; `flips` are the opinions, by pair, that wait for the other side to be closed.
    """

    version: int = STATE_VERSION
    software: str = ""
    settings: BotSettings | None = None
    changes: dict[str, str] = field(default_factory=dict)
    grids: dict[str, dict[str, Grid]] = field(default_factory=dict)
    listed: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    venues: dict[str, VenueSettings] = field(default_factory=dict)
    session: str = ""
    epoch: int = 0
    released: bool = True
    stopping: bool = False
    at_ns: int = 0
    control: Control = Control.RUNNING
    control_reason: str = ""
    paused_until_ns: int = 0
    holds: dict[str, Hold] = field(default_factory=dict)
    kill_epoch: int = 0
    kill_raised: bool = False
    clock_steady_at_ns: int = 0
    cash: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    fees: dict[str, Decimal] = field(default_factory=dict)
    coin_fees: dict[str, Decimal] = field(default_factory=dict)
    funding: dict[str, Decimal] = field(default_factory=dict)
    funding_ids: dict[str, int] = field(default_factory=dict)
    flows: Decimal = ZERO
    reserved: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    positions: dict[str, dict[str, Position]] = field(default_factory=dict)
    watermarks: dict[str, dict[str, float]] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    live: dict[str, int] = field(default_factory=dict)
    fills: int = 0
    trades: dict[str, TradeCounted] = field(default_factory=dict)
    returned: dict[str, TradeCounted] = field(default_factory=dict)
    rejects: dict[str, Rejections] = field(default_factory=dict)
    executions: int = 0
    minute_ns: int = 0
    equity: float | None = None
    equity_open: float | None = None
    units: float = 0.0
    index: float = 1.0
    day_ns: int = -1
    day_open: float = 0.0
    day_totals: Totals | None = None
    index_peak: float = 0.0
    drawdown_max: float = 0.0
    recent: list[Marked] = field(default_factory=list)
    peaks: list[Marked] = field(default_factory=list)
    hours: list[Earned] = field(default_factory=list)
    rates: dict[str, float] = field(default_factory=dict)
    marks: dict[str, dict[str, float]] = field(default_factory=dict)
    last_bar_ns: int = -1
    reconciling: dict[str, bool] = field(default_factory=dict)
    baselines: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    unexplained: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    weighed_venue_ns: dict[str, int] = field(default_factory=dict)
    doubts: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    cursors: dict[str, int] = field(default_factory=dict)
    traded_venue_ns: dict[str, int] = field(default_factory=dict)
    strays: dict[str, str] = field(default_factory=dict)
    others: dict[str, tuple[OrderSeen, ...]] = field(default_factory=dict)
    unswept: dict[str, bool] = field(default_factory=dict)
    naked: dict[str, Naked] = field(default_factory=dict)
    deferred: dict[str, Deferred] = field(default_factory=dict)
    answers: dict[str, Answered] = field(default_factory=dict)
    retired_keys: dict[int, bool] = field(default_factory=dict)
    alerts: dict[str, str] = field(default_factory=dict)
    retired_through_ns: int = 0
    retired_orders: int = 0
    margins: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    liquidations: dict[str, int] = field(default_factory=dict)
    flips: dict[str, Flip] = field(default_factory=dict)

    def position(self, venue: str, instrument: str) -> Position:
        """Give the position of an instrument on a venue; flat where there is none."""
        held = self.positions.get(venue)
        return held.get(instrument, FLAT) if held else FLAT

    def free(self, venue: str, asset: str) -> Decimal:
        """
        Give what the bot may spend of its own cash in an asset on a venue.

        What living orders reserve, what positions lock as margin and what is not there is taken off.
        """
        cash = self.cash.get(venue, {}).get(asset, ZERO)
        free = subtract(cash, self.reserved.get(venue, {}).get(asset, ZERO))
        if self.margins:
            free = subtract(free, self.margins.get(venue, {}).get(asset, ZERO))
        lacking = self.lacking(venue, asset)
        return subtract(free, lacking) if lacking else free

    def is_answered(self, key: str) -> bool:
        """Tell whether a command was given under this key before, be it so long ago that its answer was put aside."""
        return key in self.answers or (bool(self.retired_keys) and mark_of(key) in self.retired_keys)

    def lacking(self, venue: str, asset: str) -> Decimal:
        """Give how much less an account held of an asset than the bot calls its own, when it was last compared."""
        beside = self.baselines.get(venue, {}).get(asset, ZERO)
        return beside.copy_negate() if beside < ZERO else ZERO

    def live_orders(self) -> list[Order]:
        """List the orders that may still change something, in the order they were planned."""
        if not self.live:
            return []
        orders = self.orders
        return [orders[client_id] for client_id in self.live]

    def moving_orders(self) -> list[Order]:
        """
        List the orders that may still change what we hold.

        They are the living, those with lots only inferred so far, and those whose end was concluded a moment ago.
        """
        return [
            order
            for order in self.orders.values()
            if order.client_id in self.live or order.inferred or self.was_just_concluded(order)
        ]

    def was_just_concluded(self, order: Order) -> bool:
        """Tell whether the end of an order was concluded so recently that news of its trades may be on the way."""
        return order.presumed and self.at_ns < order.ended_at_ns + CONCLUDED_FOR_NS

    def selling_lots(self, venue: str, instrument: str, *, over_resting: bool = False, side: Side = Side.SELL) -> int:
        """
        Count the lots that living orders of a side may still take off a position: sales, or buys of a short one.

        A stop order counts only with what it is known to have sold: it gives way to every other exit. So does a limit
        order that rests, for an exit that goes `over_resting` ones.
        """
        if not self.live:
            return 0
        return sum(
            max(order.reported_lots - order.booked_lots, 0)
            if order.state in ENDED
            or order.trigger_ticks is not None
            or (over_resting and order.limit_ticks is not None)
            else order.unbooked_lots
            for order in self.live_orders()
            if order.venue == venue and order.instrument == instrument and order.side is side
        )

    def pair_of(self, venue: str, instrument: str) -> str:
        """Give the pair that an instrument of a venue counts as."""
        return self.grids[venue][instrument].listing.pair_id

    def last_rate(self, quote: str) -> float:
        """Give what a unit of a quote asset was worth at the last mark; what counts one for one is not kept there."""
        return self.rates.get(quote, 1.0)

    def rejections(self, venue: str, instrument: str) -> Rejections | None:
        """Give the run of identical rejections of an instrument on a venue, None where the last order was taken."""
        return self.rejects.get(place_of(venue, instrument))

    def last_trade_ns(self, pair: str) -> int:
        """Give the instant of the last counted trade of a pair; 0 where no limit looks back far enough to care."""
        return max([trade.at_ns for trade in self.trades.values() if trade.pair == pair], default=0)

    def unknown_orders(self) -> list[Order]:
        """List the orders whose outcome is not known."""
        return [order for order in self.live_orders() if order.state is OrderState.UNKNOWN]


def place_of(venue: str, instrument: str) -> str:
    """Name an instrument on a venue, as `State.rejects` is keyed."""
    return f"{venue} {instrument}"


def mark_of(key: str) -> int:
    """Make a key so short that very many can be kept: 64 bits of its hash."""
    return int.from_bytes(sha256(key.encode()).digest()[:8])


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
    if state.version != STATE_VERSION:
        raise IntegrityError(f"the snapshot is of version {state.version}; this program reads version {STATE_VERSION}")
    return state


def state_hash(state: State) -> str:
    """Name a state by the hash of its encoding."""
    return sha256(encode_state(state)).hexdigest()
