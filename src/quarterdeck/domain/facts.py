"""
Everything that can have happened. Facts are fat: they carry results, so `apply` only assigns and adds.

That keeps old journals foldable by new code: a changed rule changes which facts are made, never what a fact
that was once written down does to the state.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from quarterdeck.domain.instruments import Listing
from quarterdeck.domain.intent_facts import (
    ExitDeferred,
    ExitResumed,
    FlipAwaited,
    FlipEnded,
    IntentFormed,
    IntentRefused,
    VenueQuote,
    Verdicts,
)
from quarterdeck.domain.money_facts import (
    CapitalDeclared,
    DayClosed,
    FundingBooked,
    FundsBooked,
    LiquidationBooked,
    MarksTaken,
    WatermarkRaised,
)
from quarterdeck.domain.settings import BotSettings, SettingChange
from quarterdeck.domain.venue_facts import (
    AnswersRetired,
    KillVerified,
    OthersSeen,
    ProtectionSettled,
    ProtectionTried,
    StrayFound,
    TradesPulled,
)
from quarterdeck.domain.words import (
    Action,
    CancelState,
    Control,
    Effect,
    Evidence,
    OrderKind,
    OrderState,
    Side,
    Source,
)


class SessionOpened(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """A process took the bot over under a new, higher epoch."""

    at_ns: int
    session: str
    epoch: int
    software: str


class SessionClosed(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """A process stopped working on the bot; `released` when it drained and gave up its lease."""

    at_ns: int
    reason: str
    released: bool


class SettingsAdopted(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """
    The bot runs under these settings from here on.

    `who` is empty where they came with a start; `changes` are those made while it runs, which later starts keep.
    """

    at_ns: int
    settings: BotSettings
    who: str = ""
    reason: str = ""
    changes: tuple[SettingChange, ...] = ()


class CycleRan(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True, gc=False):
    """
    The strategy's opinions on one closed bar were worked through.

    `skipped` says, by pair, why an opinion to buy or sell became no intent.
    """

    at_ns: int
    bar_ns: int
    actions: dict[str, Action]
    skipped: dict[str, str] = {}


class OrderPlanned(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """
    An order passed the guardrails and may be sent from now on.

    `qty_lots` and `limit_ticks` count `lot` (base) and `tick` (quote), the grid as it was then; `reference_price` is
    what it was judged at.
    `reserve_per_lot` of `reserve_asset` stays set aside for every lot that may still fill. The last hop signs
    nothing after `send_by_ns`, nor once the kill file holds an epoch above `kill_epoch`. `pair` is empty where the
    instrument is its own; `rate` turns its quote into base currency. `trigger_ticks` is the price at which a stop
    order awakes. `protection` says of an entry how its position will be protected: by a stop order at the `venue`, by
    the `bot` itself, empty where no stop was wished. `leverage` is that of a perpetual, 0 on spot; `flips` names the
    intent whose trade this order is the second half of.
    """

    at_ns: int
    client_id: str
    intent_id: str
    venue: str
    instrument: str
    side: Side
    effect: Effect
    source: Source
    order_kind: OrderKind
    qty_lots: int
    lot: Decimal
    tick: Decimal
    reference_price: float
    reserve_asset: str
    reserve_per_lot: Decimal
    send_by_ns: int
    kill_epoch: int
    verdicts: Verdicts
    limit_ticks: int | None = None
    routes: tuple[VenueQuote, ...] = ()
    sized_by: str = ""
    pair: str = ""
    rate: float = 1.0
    trigger_ticks: int | None = None
    protection: str = ""
    leverage: int = 0
    flips: str = ""


class OrderMoved(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """
    The life cycle of an order went on, or more was learned about how much of it filled.

    `state`, `reported_lots`, `reserve` and `cancel` are the values after. `returns_trade` is set where an intent gives
    its place among the counted trades back, as none of its orders traded. `rejects` counts the identical rejections in
    a row of this pair on this venue, this one included.
    """

    at_ns: int
    client_id: str
    evidence: Evidence
    state: OrderState
    reported_lots: int
    reserve: Decimal
    cancel: CancelState
    venue_order_id: str = ""
    reason: str = ""
    venue_at_ns: int = 0
    price: Decimal | None = None
    absences: int = 0
    returns_trade: bool = False
    rejects: int = 0


class HoldingsAfter(Struct, frozen=True, array_like=True):
    """What the bot holds of one asset on one venue after a fill."""

    venue: str
    asset: str
    amount: Decimal


class InferredFill(Struct, frozen=True, array_like=True):
    """Lots that were booked on the strength of a status, until the real trades retire them, oldest first."""

    trade_id: str
    lots: int
    price: Decimal
    fee: Decimal
    fee_asset: str


class FillBooked(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """
    A trade moved a position. The only fact that does.

    `fee` is positive when paid, in units of `fee_asset`. The `…_after` fields are results: position quantity (base),
    its cost (quote), realised profit of the instrument on this venue so far (quote), and cash. `inferred` marks a
    fill deduced from a status; `retired_lots` says how many inferred lots this real fill replaced, oldest first.
    Fees are totals of the bot per asset, with an empty venue. `opened_at_ns` is when the position left zero, else 0;
    `margin_after` is what a position in a perpetual keeps locked, in quote; None on spot.
    """

    at_ns: int
    client_id: str
    intent_id: str
    venue: str
    instrument: str
    side: Side
    trade_id: str
    lots: int
    qty: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    liquidity: str
    venue_at_ns: int
    realised: Decimal
    state: OrderState
    booked_lots_after: int
    reported_lots_after: int
    reserve_after: Decimal
    qty_after: Decimal
    cost_after: Decimal
    realised_after: Decimal
    opened_at_ns: int
    entries_after: int
    cash_after: tuple[HoldingsAfter, ...]
    fees_after: tuple[HoldingsAfter, ...]
    inferred_after: tuple[InferredFill, ...] = ()
    cursor: int = 0
    inferred: bool = False
    retired_lots: int = 0
    margin_after: Decimal | None = None


class CancelRequested(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """An order is to be cancelled; sending the cancel again is always allowed."""

    at_ns: int
    client_id: str
    venue: str
    reason: str


class Hold(Struct, frozen=True, array_like=True):
    """
    One reason why a bot may not do everything: who or what holds it, at which level, why, and until when.

    `until_ns` is 0 for one that a person has to lift.
    """

    cause: str
    level: Control
    reason: str
    until_ns: int = 0


class ControlChanged(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """
    How far the bot may act changed.

    `holds` is all that holds it from here on; `control` is the tightest of them, and `reason` that one's.
    `window_emptied` forgets the marks that tripped the loss-rate rule, `differences_accepted` the balances that no
    trade explained, `rebased` makes the present index the open of the day and every peak: a person has looked.
    """

    at_ns: int
    control: Control
    reason: str
    who: str
    paused_until_ns: int = 0
    kill_epoch: int | None = None
    kill_raised: bool = False
    window_emptied: bool = False
    differences_accepted: bool = False
    holds: tuple[Hold, ...] = ()
    rebased: bool = False


class ListingsAdopted(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """A venue lists something otherwise than before: grids, minimums, fees, or whether it trades at all."""

    at_ns: int
    venue: str
    listings: tuple[Listing, ...]


class AccountReconciled(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """The account of a venue was compared with the books for the first time in this session; opening may begin."""

    at_ns: int
    venue: str


class StateUpgraded(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """
    Another version of the software took over the journal.

    `before_hash` is the state as the older software last recorded it, empty where it did not; `state_hash` is what the
    journal up to here folds into now.
    """

    at_ns: int
    software_before: str
    software: str
    before_hash: str
    state_hash: str


class AlertCleared(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """What a standing alert was about is over."""

    at_ns: int
    key: str
    text: str


class CommandAnswered(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """A command from outside got its one durable answer; asking again under the same key gets the same."""

    at_ns: int
    key: str
    outcome: str


class BalanceDiffered(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """
    A venue holds another amount of an asset than the bot's fills explain. The venue is the truth; it is recorded.

    `baseline` is what the account holds beside the bot's own from now on.
    """

    at_ns: int
    venue: str
    asset: str
    expected: Decimal
    actual: Decimal
    baseline: Decimal
    explained: bool


class AccountWeighed(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """
    An account was read while an order there was unknown, so that its balances may speak for or against the order.

    `doubts` holds, for every asset that only unknown orders can be moving, how much more there is than our trades
    explain; zero is no doubt. `venue_at_ns` is the venue's own time of the reading.
    """

    at_ns: int
    venue: str
    venue_at_ns: int
    doubts: dict[str, Decimal]


class OrdersRetired(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """Orders that ended long ago left the state; the journal keeps them."""

    at_ns: int
    client_ids: tuple[str, ...]


class AlertRaised(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """
    A person should know. Sending an alert again is always allowed.

    One with a `key` stands until an `AlertCleared` names it, and is not raised again meanwhile.
    """

    at_ns: int
    code: str
    text: str
    severity: str = "warning"
    key: str = ""


class ClockHeld(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """The wall clock jumped; nothing is opened until it has been steady for a while."""

    at_ns: int
    step_ns: int
    steady_at_ns: int


Fact = (
    SessionOpened
    | SessionClosed
    | SettingsAdopted
    | CapitalDeclared
    | MarksTaken
    | CycleRan
    | IntentFormed
    | IntentRefused
    | OrderPlanned
    | OrderMoved
    | FillBooked
    | CancelRequested
    | ControlChanged
    | CommandAnswered
    | BalanceDiffered
    | AccountWeighed
    | StrayFound
    | TradesPulled
    | OrdersRetired
    | AlertRaised
    | ClockHeld
    | WatermarkRaised
    | DayClosed
    | FundsBooked
    | FundingBooked
    | ListingsAdopted
    | AccountReconciled
    | StateUpgraded
    | AlertCleared
    | ExitDeferred
    | ExitResumed
    | ProtectionTried
    | ProtectionSettled
    | OthersSeen
    | KillVerified
    | AnswersRetired
    | FlipAwaited
    | FlipEnded
    | LiquidationBooked
)
