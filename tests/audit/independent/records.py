"""
The lines of an exported journal as the reference documentation describes them, read by the auditor's own types.

Only the fields that a rule needs are named. Numbers that JSON cannot hold (infinite, or none at all) arrive as null.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

SECOND_NS: Final = 1_000_000_000
MINUTE_NS: Final = 60 * SECOND_NS
DAY_NS: Final = 24 * 60 * MINUTE_NS

Plain = dict[str, Any]
Number = float | None


class Line(Struct):
    """One exported row."""

    seq: int
    at_ns: int
    kind: str
    payload: Plain
    facts: list[Plain]
    prev: str
    hash: str


# --- settings ---------------------------------------------------------------------------------------------------------


class Listing(Struct, frozen=True):
    venue: str
    instrument: str
    base: str
    quote: str
    tick: Decimal
    lot: Decimal
    lots_min: int
    lots_max: int
    notional_min: Decimal
    fee_maker: Decimal
    fee_taker: Decimal
    pair: str = ""
    fee_asset: str = "quote"
    notional_max: Decimal | None = None
    tradable: bool = True

    @property
    def pair_id(self) -> str:
        return self.pair or self.instrument

    @property
    def is_perpetual(self) -> bool:
        return ":" in self.instrument


class Limits(Struct):
    order_value_max_quote: float = 500.0
    order_value_max_share: float = 0.02
    daily_loss_max: float = 0.05
    drawdown_max: float = 0.10
    drawdown_window_days: int = 7
    loss_rate_max: float = 0.02
    loss_rate_window_min: int = 30
    loss_rate_pause_min: int = 15
    concentration_max: float = 0.25
    cooldown_s: float = 60.0
    trades_max: int = 5
    trades_window_min: int = 5
    headroom_share: float = 0.01
    stablecoins: tuple[str, ...] = ("USDT", "USDC", "DAI", "BUSD")
    stablecoin_band: float = 0.01
    collar_max: float = 0.03
    collar_exit_max: float = 0.08
    book_walk_max: float = 0.01
    data_age_max_s: float = 10.0
    data_age_exit_max_s: float = 300.0
    qty_max: dict[str, float] = {}
    qty_value_multiple: float = 10.0
    open_orders_max: int = 20
    open_orders_pair_max: int = 5
    unexecuted_max: float = 0.10
    duplicate_window_s: float = 5.0
    clock_skew_max_ms: float = 500.0
    rejects_max: int = 3
    executions_max: int | None = None
    leverage_max: float = 3.0
    margin_mode: str = "isolated"
    liquidation_multiple_min: float = 2.0
    fleet_grant: bool = False
    grant_valid_s: float = 60.0
    strict_exits: bool = False
    protect_when_halted: bool = False


class Risk(Struct):
    stop_loss: float | None = None
    take_profit: float | None = None
    trailing_stop: float | None = None
    drawdown_max: float | None = None
    position_max: float | None = None
    short: bool = False
    leverage_max: float = 1.0


class VenueSettings(Struct):
    name: str
    stops: bool = False


class Settings(Struct):
    bot: str
    base_currency: str
    pairs: tuple[str, ...]
    venues: tuple[VenueSettings, ...]
    listings: tuple[Listing, ...]
    guardrails: Limits
    risk: Risk
    approved: tuple[str, ...] | None = None
    price_age_ns_max: int = 5 * MINUTE_NS
    mark_age_ns_max: int = 5 * MINUTE_NS
    mark_every_ns: int = MINUTE_NS


# --- what an input may read of the world ------------------------------------------------------------------------------


class Quote(Struct, array_like=True):
    venue: str
    instrument: str
    at_ns: int
    last: Number
    bids: tuple[tuple[Number, Number], ...]
    asks: tuple[tuple[Number, Number], ...]


class Skew(Struct, array_like=True):
    venue: str
    ms: Number


class MarginReading(Struct, array_like=True):
    venue: str
    instrument: str
    leverage: Number
    mode: str
    liquidation_price: Number
    maintenance: Number = 0.0


class Grant(Struct, array_like=True):
    exposure_max: Number
    at_ns: int


class Surroundings(Struct, array_like=True):
    quotes: tuple[Quote, ...] = ()
    venues_down: tuple[str, ...] = ()
    skews: tuple[Skew, ...] = ()
    margins: tuple[MarginReading, ...] = ()
    grant: Grant | None = None


# --- facts ------------------------------------------------------------------------------------------------------------


class Verdicts(Struct, array_like=True):
    evaluated: int
    failed: int
    exempt: int
    values: tuple[Number, ...]
    limits: tuple[Number, ...]


class SettingsAdopted(Struct):
    settings: Settings


class HoldingDeclared(Struct, array_like=True):
    venue: str
    instrument: str
    qty: Decimal
    cost: Decimal


class CapitalDeclared(Struct):
    at_ns: int
    cash: dict[str, dict[str, Decimal]]
    equity: float
    holdings: tuple[HoldingDeclared, ...] = ()


class Rate(Struct, array_like=True):
    asset: str
    rate: Number


class Mark(Struct, array_like=True):
    venue: str
    instrument: str
    price: Number


class MarksTaken(Struct):
    at_ns: int
    minute_ns: int
    equity: float | None = None
    index: float = 0.0
    day_ns: int = 0
    day_open: float = 0.0
    index_peak: float = 0.0
    drawdown_max: float = 0.0
    marks: tuple[Mark, ...] = ()
    rates: tuple[Rate, ...] = ()


class DayClosed(Struct):
    at_ns: int
    day_ns: int
    equity_open: Decimal
    equity: Decimal
    realised: Decimal
    unrealised: Decimal
    fees: Decimal
    funding: Decimal
    flows: Decimal
    revaluation: Decimal
    fills: int


class FundsBooked(Struct):
    at_ns: int
    venue: str
    asset: str
    amount: Decimal
    cash_after: Decimal
    units_after: float
    flows_after: Decimal


class FundingBooked(Struct):
    at_ns: int
    venue: str
    instrument: str
    asset: str
    amount: Decimal
    cash_after: Decimal
    margin_after: Decimal | None = None


class Intent(Struct):
    id: str
    source: str
    effect: str
    side: str
    instrument: str
    order_kind: str = "market"
    limit: Decimal | None = None
    cause: str = ""
    flips: str = ""


class IntentFormed(Struct):
    at_ns: int
    intent: Intent


class IntentRefused(Struct):
    at_ns: int
    intent_id: str
    instrument: str
    stage: str
    failed: tuple[str, ...] = ()
    verdicts: Verdicts | None = None
    venue: str = ""
    qty: Decimal | None = None
    price: float = 0.0


class OrderPlanned(Struct):
    at_ns: int
    client_id: str
    intent_id: str
    venue: str
    instrument: str
    side: str
    effect: str
    source: str
    order_kind: str
    qty_lots: int
    lot: Decimal
    tick: Decimal
    reference_price: float
    reserve_asset: str
    reserve_per_lot: Decimal
    verdicts: Verdicts
    limit_ticks: int | None = None
    trigger_ticks: int | None = None
    pair: str = ""
    rate: float = 1.0
    leverage: int = 0
    flips: str = ""


class OrderMoved(Struct):
    at_ns: int
    client_id: str
    evidence: str
    state: str
    reported_lots: int
    reserve: Decimal
    reason: str = ""
    returns_trade: bool = False
    rejects: int = 0


class HoldingsAfter(Struct, array_like=True):
    venue: str
    asset: str
    amount: Decimal


class InferredFill(Struct, array_like=True):
    trade_id: str
    lots: int
    price: Decimal
    fee: Decimal
    fee_asset: str


class FillBooked(Struct):
    at_ns: int
    client_id: str
    venue: str
    instrument: str
    side: str
    trade_id: str
    lots: int
    qty: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    realised: Decimal
    state: str
    booked_lots_after: int
    reported_lots_after: int
    reserve_after: Decimal
    qty_after: Decimal
    cost_after: Decimal
    cash_after: tuple[HoldingsAfter, ...]
    inferred_after: tuple[InferredFill, ...] = ()
    inferred: bool = False
    retired_lots: int = 0
    margin_after: Decimal | None = None


class LiquidationBooked(Struct):
    at_ns: int
    venue: str
    instrument: str
    trade_id: str
    side: str
    qty: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    realised: Decimal
    qty_after: Decimal
    cost_after: Decimal
    margin_after: Decimal
    cash_after: dict[str, Decimal]


class Hold(Struct, array_like=True):
    cause: str
    level: str
    reason: str
    until_ns: int = 0


class ControlChanged(Struct):
    at_ns: int
    control: str
    reason: str
    who: str
    kill_raised: bool = False
    window_emptied: bool = False
    holds: tuple[Hold, ...] = ()
    rebased: bool = False


class ListingsAdopted(Struct):
    venue: str
    listings: tuple[Listing, ...]


class VenueNamed(Struct):
    """A fact of which only the venue matters: a reconciled account."""

    at_ns: int
    venue: str


class ClockHeld(Struct):
    at_ns: int
    steady_at_ns: int


class OrdersRetired(Struct):
    client_ids: tuple[str, ...]


T = TypeVar("T")


def read(plain: object, kind: type[T]) -> T:
    """
    Read a decoded value as one of the types above; fields that no rule needs are passed over.

    Raises:
        msgspec.ValidationError: If it is not of that shape.
    """
    return msgspec.convert(plain, kind)
