"""The scene that the benchmarks of engine and journal share: two venues, two pairs, books of five levels."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from quarterdeck.domain import (
    MINUTE_NS,
    AccountReported,
    Action,
    BotSettings,
    Bug,
    CycleDue,
    Evidence,
    Fact,
    FillReported,
    Listing,
    OrderPlanned,
    OrderReported,
    Quote,
    SignalGiven,
    Skew,
    Started,
    Surroundings,
    VenueSettings,
    Woke,
)
from quarterdeck.engine import State, step

VENUES: Final = ("alpha", "beta")
PRICES: Final = {"BTC-USD": 30_000.0, "ETH-USD": 2_000.0}
PAIRS: Final = tuple(PRICES)
LEVELS: Final = 5
FIRST_NS: Final = 1_700_000_040_000_000_000  # a whole minute
CASH: Final = Decimal(1_000_000)


def listing(venue: str, instrument: str) -> Listing:
    base, quote = instrument.split("-")
    return Listing(
        venue=venue,
        instrument=instrument,
        base=base,
        quote=quote,
        tick=Decimal("0.01"),
        lot=Decimal("0.00000001"),
        lots_min=1,
        lots_max=10**13,
        notional_min=Decimal(1),
        fee_maker=Decimal("0.004"),
        fee_taker=Decimal("0.006"),
    )


def settings() -> BotSettings:
    return BotSettings(
        bot="bench",
        base_currency="USD",
        capital=CASH * len(VENUES),
        pairs=PAIRS,
        venues=tuple(VenueSettings(venue, 5_000_000_000, 1_000_000_000, {"USD": CASH}) for venue in VENUES),
        listings=tuple(listing(venue, pair) for venue in VENUES for pair in PAIRS),
    )


def surroundings(at_ns: int) -> Surroundings:
    quotes = tuple(_quote(venue, pair, at_ns) for pair in PAIRS for venue in VENUES)
    return Surroundings(quotes, skews=tuple(Skew(venue, 0.0) for venue in VENUES))


def _quote(venue: str, pair: str, at_ns: int) -> Quote:
    price = PRICES[pair]
    bids = tuple((price * (1.0 - 1e-4 * level), 0.5) for level in range(1, LEVELS + 1))
    asks = tuple((price * (1.0 + 1e-4 * level), 0.5) for level in range(1, LEVELS + 1))
    return Quote(venue, pair, at_ns, price, bids, asks)


def opened() -> State:
    """Give the state of a bot that has just started and been marked."""
    state = State()
    step(state, Started(FIRST_NS, "bench-1", 1, "bench", settings(), 0))
    for venue in VENUES:
        step(state, AccountReported(FIRST_NS, venue, {"USD": CASH}, (), venue_at_ns=FIRST_NS))
    step(state, Woke(FIRST_NS, surroundings(FIRST_NS)))
    return state


def cycles(count: int) -> list[CycleDue]:
    """
    Make one cycle for each minute that asks for exactly one order.

    Both pairs in turn are bought and, two minutes later, sold again.
    """
    made = []
    for number in range(count):
        at_ns = FIRST_NS + (number + 1) * MINUTE_NS
        action = Action.BUY if number % 4 < len(PAIRS) else Action.SELL
        signal = SignalGiven(PAIRS[number % len(PAIRS)], action)
        made.append(CycleDue(at_ns, at_ns - MINUTE_NS, (signal,), surroundings(at_ns)))
    return made


def planned_of(facts: list[Fact]) -> OrderPlanned:
    """Give the one order that a cycle of this scene must have planned."""
    planned = [fact for fact in facts if isinstance(fact, OrderPlanned)]
    if len(planned) != 1:  # not `ensure`: its message would be made for every cycle
        raise Bug(f"a cycle of the scene planned {len(planned)} orders: {facts}")
    return planned[0]


def answers(order: OrderPlanned) -> tuple[OrderReported, FillReported]:
    """Give what a venue would say of an order: that it has it, and that all of it traded."""
    fill = FillReported(
        at_ns=order.at_ns + 2,
        venue=order.venue,
        client_id=order.client_id,
        trade_id=f"t{order.client_id}",
        lots=order.qty_lots,
        price=Decimal(repr(PRICES[order.instrument])),
        fee=Decimal("0.30"),
        fee_asset="USD",
        liquidity="taker",
        venue_at_ns=order.at_ns,
    )
    return OrderReported(order.at_ns + 1, order.venue, order.client_id, Evidence.ACKNOWLEDGED, "o1"), fill
