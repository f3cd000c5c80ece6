"""What the second judge looks at: one order as it stood before the guardrails, the market, and the auditor's books."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from quarterdeck.domain import (
    MINUTE_NS,
    Effect,
    FillBooked,
    GuardrailSettings,
    Intent,
    IntentRefused,
    Listing,
    OrderKind,
    OrderPlanned,
    Quote,
    Side,
    Source,
    Verdicts,
)
from tests.engine.audited_books import ALIVE, Watched
from tests.engine.audited_market import Market
from tests.engine.auditor import Auditor


class Remembering(Auditor):
    """The auditor, which also remembers what positions cost, and when stops began to trade."""

    def __init__(self) -> None:
        super().__init__()
        self.costs: dict[tuple[str, str], Fraction] = {}
        self.awoken: dict[str, tuple[int, str]] = {}

    def _filled(self, fact: FillBooked) -> None:
        super()._filled(fact)
        self.costs[fact.venue, fact.instrument] = Fraction(fact.cost_after)
        order = self.books.orders[fact.client_id]
        if is_protective(order.plan):
            self.awoken.setdefault(fact.client_id, (fact.at_ns, order.listing.pair_id))


@dataclass(frozen=True)
class Judged:
    """
    An order as the guardrails saw it, whether it may go or not.

    `price` is in quote per base; `limit` is None for one that takes any price, and `rate` turns quote into base money.
    """

    at_ns: int
    intent_id: str
    listing: Listing
    side: Side
    effect: Effect
    source: Source
    price: float
    qty: Fraction
    limit: float | None
    rate: float
    protective: bool
    verdicts: Verdicts

    @property
    def opening(self) -> bool:
        """Whether it opens or adds to a position."""
        return self.effect is Effect.OPEN

    @property
    def worth(self) -> float:
        """What it is worth in base currency."""
        return float(self.qty) * self.price * self.rate


@dataclass(frozen=True)
class Look:
    """One order, the market around it, and the auditor's books before it."""

    order: Judged
    market: Market
    audit: Remembering

    @property
    def limits(self) -> GuardrailSettings:
        """The thresholds that bind now."""
        return self.market.rules.guardrails

    @property
    def strict(self) -> bool:
        """Whether it is held to what openings are held to."""
        return self.order.opening or self.limits.strict_exits

    @property
    def equity(self) -> float:
        """The equity of the last minute's mark; not a number where there was none."""
        losses = self.audit.losses
        known = losses.equity is not None and self.order.at_ns - losses.minute_ns < 2 * MINUTE_NS
        return losses.equity if known and losses.equity is not None else math.nan

    @property
    def value_max(self) -> float:
        """What one order may be worth."""
        if math.isnan(self.equity):
            return math.nan
        return min(self.limits.order_value_max_quote, self.limits.order_value_max_share * self.equity)

    @property
    def reference(self) -> float:
        """Where the pair stands, in base currency."""
        return self.market.reference(self.order.listing.pair_id, self.audit.listings, opening=self.order.opening)

    @property
    def quote(self) -> Quote | None:
        """The book that it meets."""
        return self.market.book(self.order.listing.venue, self.order.listing.instrument)

    def alive(self) -> Iterator[Watched]:
        """List the living orders, those that stand at a venue to protect a position apart."""
        for order in self.audit.books.orders.values():
            if order.state in ALIVE and not is_protective(order.plan):
                yield order


def is_protective(plan: OrderPlanned) -> bool:
    """Whether an order is a stop that rests at the venue: no trade, and no order that waits, before it trades."""
    return plan.source is Source.PROTECTION and plan.trigger_ticks is not None


def planned_as(fact: OrderPlanned, listing: Listing) -> Judged:
    """Read a planned order."""
    limit = None if fact.limit_ticks is None else float(fact.limit_ticks * Fraction(fact.tick))
    return Judged(
        fact.at_ns,
        fact.intent_id,
        listing,
        fact.side,
        fact.effect,
        fact.source,
        fact.reference_price,
        fact.qty_lots * Fraction(fact.lot),
        limit,
        fact.rate,
        is_protective(fact),
        fact.verdicts,
    )


def refused_as(fact: IntentRefused, intent: Intent, listing: Listing, rate: float) -> Judged | None:
    """Read the order that a refused intent would have become; None where the guardrails never saw one."""
    if fact.verdicts is None or fact.qty is None:
        return None
    limit = fact.price if intent.order_kind is OrderKind.LIMIT else None
    return Judged(
        fact.at_ns,
        fact.intent_id,
        listing,
        intent.side,
        intent.effect,
        intent.source,
        fact.price,
        Fraction(fact.qty),
        limit,
        rate,
        intent.order_kind is OrderKind.STOP,
        fact.verdicts,
    )
