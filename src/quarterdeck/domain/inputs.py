"""
Everything that can reach the engine. An input carries its own time; the engine has no clock.

Prices of trades are exact Decimals in quote per base; order quantities are whole lots of the instrument's listing.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from quarterdeck.domain.instruments import Listing
from quarterdeck.domain.settings import BotSettings, SettingChange
from quarterdeck.domain.surroundings import NO_SURROUNDINGS, Surroundings
from quarterdeck.domain.words import Action, Effect, Evidence, OrderKind, Side, Source


class Started(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """
    A process became the owner of the bot. Crash recovery and a first start are this same input.

    `recorded_hash` is the hash of the state as the software before this one recorded it, empty where it is the same.
    """

    at_ns: int
    session: str
    epoch: int
    software: str
    settings: BotSettings
    kill_epoch: int
    recorded_hash: str = ""


class Stopping(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """The process was asked to end."""

    at_ns: int
    reason: str


class Released(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """The process drained and gives up the bot."""

    at_ns: int


class SignalGiven(Struct, frozen=True, omit_defaults=True, gc=False):
    """What the strategy said about one pair on the bar that closed."""

    instrument: str
    action: Action
    confidence: float = 1.0
    source: Source = Source.STRATEGY


class CycleDue(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """A bar closed and the strategy has spoken. `bar_ns` is the opening time of that bar."""

    at_ns: int
    bar_ns: int
    signals: tuple[SignalGiven, ...]
    surroundings: Surroundings = NO_SURROUNDINGS


class Woke(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """
    The instant named by `engine.due` has come; there is no other news.

    `within_bar`: a bar is being worked through whose close is not known yet. What waits for orders goes on, but no mark
    is taken and no time-out ends anything.
    """

    at_ns: int
    surroundings: Surroundings = NO_SURROUNDINGS
    within_bar: bool = False


class TriggerFired(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """A price crossed a level named by `engine.watch`."""

    at_ns: int
    venue: str
    instrument: str
    cause: str
    price: float
    surroundings: Surroundings = NO_SURROUNDINGS


class IntentAsked(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """
    Somebody outside the strategy wants a change of position. `key` makes asking twice the same as asking once.

    Exactly one of `qty` (base units) and `notional` (quote) is given, or neither to close the whole position.
    """

    at_ns: int
    key: str
    source: Source
    who: str
    instrument: str
    side: Side
    effect: Effect
    order_kind: OrderKind = OrderKind.MARKET
    qty: Decimal | None = None
    notional: Decimal | None = None
    limit: Decimal | None = None
    venue: str | None = None
    surroundings: Surroundings = NO_SURROUNDINGS


class CancelAsked(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """Somebody wants one open order cancelled."""

    at_ns: int
    key: str
    who: str
    client_id: str


class ResolveAsked(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """
    A person looked at the venue and says that an unknown order lives no more.

    What filled of it is told by trades all the same; the word of a person ends only what waits to be proven.
    """

    at_ns: int
    key: str
    who: str
    client_id: str
    reason: str = ""


class OrderReported(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """
    Something was learned about an order: the reply to a send, to a cancel or to a query, or a stream message.

    `reported_lots` is the highest cumulative filled quantity this source states, None where it states none;
    `price` is the average price it states for them. `venue_at_ns` is the venue's own clock, 0 where unknown. A venue
    that refused for its rate limit says after how long it listens again: `retry_after_ns`.
    """

    at_ns: int
    venue: str
    client_id: str
    evidence: Evidence
    venue_order_id: str = ""
    reported_lots: int | None = None
    price: Decimal | None = None
    reason: str = ""
    venue_at_ns: int = 0
    retry_after_ns: int = 0


class FillReported(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """
    A trade of one of our orders. `fee` is positive when paid and in units of `fee_asset`.

    `cursor` says how far a pull has come with this trade. It is 0 for one that was pushed: a stream may have lost
    the trade before it, which only a pull from further back can find. `realised` is what a trade on a perpetual brought
    to the cash before its fee, where the venue says so: it may forgive what a loss exceeds all that was there.
    """

    at_ns: int
    venue: str
    client_id: str
    trade_id: str
    lots: int
    price: Decimal
    fee: Decimal
    fee_asset: str
    liquidity: str
    venue_at_ns: int
    cursor: int = 0
    realised: Decimal | None = None


class OrderSeen(Struct, frozen=True, omit_defaults=True):
    """One working order as a venue's account lists it."""

    client_id: str
    venue_order_id: str
    instrument: str
    side: Side
    lots: int
    filled_lots: int


class AccountReported(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """
    A venue's whole account: what it holds (free plus locked, per asset) and which orders are working.

    `positions` are those in perpetuals, by instrument, in base units with their sign; None where they were not read.
    """

    at_ns: int
    venue: str
    totals: dict[str, Decimal]
    orders: tuple[OrderSeen, ...]
    venue_at_ns: int = 0
    positions: dict[str, Decimal] | None = None


class VenueSwept(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """
    While the bot is killed, a venue was searched for working orders that carry our mark, and cancels were sent.

    `left` are those that it still listed; none, read late enough by the venue's own clock, proves the venue empty.
    """

    at_ns: int
    venue: str
    venue_at_ns: int
    left: tuple[str, ...] = ()


class ControlAsked(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """
    An operator, or the kill file, changes how far the bot may act.

    `command` is pause, reduce, halt, kill, resume or flatten. `kill_epoch` is the epoch in the kill file as read
    by the loop; a resume accepts exactly that epoch. With `rebase` a resume also lifts the loss limits: day-open and
    peaks begin anew at the present index.
    """

    at_ns: int
    key: str
    command: str
    who: str
    reason: str = ""
    kill_epoch: int = 0
    rebase: bool = False
    surroundings: Surroundings = NO_SURROUNDINGS


class SettingsAsked(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """An operator changes settings of the running bot. `settings` is the whole, `changes` what differs, for people."""

    at_ns: int
    key: str
    who: str
    settings: BotSettings
    changes: tuple[SettingChange, ...]
    reason: str = ""


class FundsAsked(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """
    An operator says that money at a venue became the bot's own (amount above zero), or is the bot's no more (below).

    It moves nothing at the venue; it says whose the money is, and is neither profit nor loss. With `external` it was
    never the bot's: somebody moved it in or out of the account, which explains a difference that no trade does.
    """

    at_ns: int
    key: str
    who: str
    venue: str
    asset: str
    amount: Decimal
    reason: str = ""
    external: bool = False
    surroundings: Surroundings = NO_SURROUNDINGS


class FundingReported(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """
    A funding payment on a perpetual; `amount` is what the bot received, below zero where it paid.

    `from_margin` is as much of a payment as came out of the margin of the position, None for nothing.
    """

    at_ns: int
    venue: str
    instrument: str
    funding_id: str
    asset: str
    amount: Decimal
    venue_at_ns: int
    from_margin: Decimal | None = None


class PositionLiquidated(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """
    A venue closed a position in a perpetual, or a part of it, by force: a trade of no order of ours.

    `side` is that of the trade. `fee` is positive when paid; `realised` is what the trade brought to the cash before
    the fee, None where the venue does not say it: then it follows from the price, and is no worse than the margin.
    `cursor` is as that of `FillReported`.
    """

    at_ns: int
    venue: str
    instrument: str
    trade_id: str
    side: Side
    lots: int
    price: Decimal
    fee: Decimal
    fee_asset: str
    venue_at_ns: int
    cursor: int = 0
    realised: Decimal | None = None


class ListingsReported(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """What a venue lists now, as pair discovery found it. Nothing at all counts as a failed discovery."""

    at_ns: int
    venue: str
    listings: tuple[Listing, ...]


class ClockStepped(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """The wall clock jumped against the machine's own steady clock, by so many nanoseconds."""

    at_ns: int
    step_ns: int


Input = (
    Started
    | Stopping
    | Released
    | CycleDue
    | Woke
    | TriggerFired
    | IntentAsked
    | CancelAsked
    | ResolveAsked
    | OrderReported
    | FillReported
    | AccountReported
    | VenueSwept
    | ControlAsked
    | ClockStepped
    | SettingsAsked
    | FundsAsked
    | FundingReported
    | ListingsReported
    | PositionLiquidated
)
