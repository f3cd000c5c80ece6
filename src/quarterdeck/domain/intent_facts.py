"""What was wanted, and what came of it before it was an order: intents, refusals, exits that wait."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from quarterdeck.domain.inputs import SignalGiven
from quarterdeck.domain.words import Action, Effect, OrderKind, Side, Source


class Verdicts(Struct, frozen=True, array_like=True, gc=False):
    """
    What every guardrail said about one order, packed.

    Bit i of each mask speaks of the rule with bit i in `guardrails.RULES`. `values` and `limits` hold the compared
    numbers of the evaluated rules, lowest bit first; an exempt rule was evaluated and failed, but lets exits pass.
    """

    evaluated: int
    failed: int
    exempt: int
    values: tuple[float, ...]
    limits: tuple[float, ...]


class VenueQuote(Struct, frozen=True, array_like=True, gc=False):
    """
    What a venue would charge: effective price after fees, fee, and if depth suffices.

    Price and fee are in base currency. `instrument` is empty where it is the pair itself.
    """

    venue: str
    effective_price: float
    fee: float
    has_liquidity: bool
    instrument: str = ""


class Intent(Struct, frozen=True, omit_defaults=True):
    """
    A wanted change of position. `asked` is the notional (opening) or base quantity (reducing) before sizing.

    `instrument` is the pair; `listing` is set where only one venue's instrument of that pair is meant. `flips` names
    the intent that closed the opposite position, where this one opens what a single signal wanted of both.
    """

    id: str
    source: Source
    who: str
    effect: Effect
    side: Side
    instrument: str
    asked: Decimal
    asked_unit: str
    order_kind: OrderKind = OrderKind.MARKET
    limit: Decimal | None = None
    cause: str = ""
    action: Action | None = None
    confidence: float | None = None
    bar_ns: int | None = None
    listing: str = ""
    flips: str = ""


class IntentFormed(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """Somebody wanted a change of position, and it was taken up under this id."""

    at_ns: int
    intent: Intent


class IntentRefused(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """
    An intent ended without an order.

    `stage` is intent, size, route or guardrails; `failed` names the rules that refused, `reason` says it in words.
    `venue`, `qty` (base) and `price` (quote per base) are those of the order that would have been, `sized_by` names
    the rule that set its size.
    """

    at_ns: int
    intent_id: str
    instrument: str
    stage: str
    reason: str
    failed: tuple[str, ...] = ()
    verdicts: Verdicts | None = None
    routes: tuple[VenueQuote, ...] = ()
    venue: str = ""
    qty: Decimal | None = None
    price: float = 0.0
    sized_by: str = ""


class ExitDeferred(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """An exit waits until the protective orders that hold what it sells are cancelled; `venue` None is every venue."""

    at_ns: int
    intent: Intent
    venue: str | None = None


class ExitResumed(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """A deferred exit waits no more: what held its goods has ended. It goes through the door now."""

    at_ns: int
    intent_id: str


class FlipAwaited(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """
    An opinion wants the other side of what is held: once the intent that closes it left nothing, another opens.

    `intent_id` is the closing one, decided on the bar `bar_ns` for the opinion `signal`.
    """

    at_ns: int
    intent_id: str
    bar_ns: int
    signal: SignalGiven


class FlipEnded(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """A flip is awaited no more: its second half is taken up now, or, where there is a `reason`, never will be."""

    at_ns: int
    pair: str
    intent_id: str
    reason: str = ""
