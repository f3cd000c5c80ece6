"""Bots as a seed draws them: what each may do, what it owns at first, and how its strategy behaves."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from quarterdeck.domain import (
    MINUTE_NS,
    SECOND_NS,
    BotSettings,
    HoldingDeclared,
    Listing,
    SizingSettings,
    VenueSettings,
)
from quarterdeck.exchange import Personality
from tests.simulation.limits import draw_guardrails, draw_risk
from tests.simulation.venues_drawn import COIN, COIN_MARKET, GRIDS, listing_of
from tests.simulation.whims import Temper, draw_temper

CASH = Decimal(6_000)
TOKENS = Decimal(40)
BARS_AGE_MAX = 2
HOLDINGS_SHARE = 0.2
WORTH = {"BTC-USD": Decimal(30_000), "ETH-USD": Decimal(2_000)}


@dataclass(frozen=True)
class BotDraw:
    """One bot: its file's settings and its strategy."""

    name: str
    settings: BotSettings
    temper: Temper


@dataclass(frozen=True)
class Places:
    """Where bots trade: the venues with their habits, the money of each, and what each calls every pair."""

    personalities: Mapping[str, Personality]
    quotes: Mapping[str, str]
    instruments: Mapping[str, Mapping[str, str]]


def draw_bot(rng: Random, name: str, places: Places) -> BotDraw:
    """Draw one bot on all venues of a world."""
    personalities, quotes = places.personalities, places.quotes
    pairs = tuple(WORTH)
    fee_assets = {venue: rng.choice(("quote", "base", "received", COIN)) for venue in personalities}
    listings = [
        listing_of(venue, pair, instrument, quotes[venue], fee_assets[venue])
        for venue, names in places.instruments.items()
        for pair, instrument in names.items()
    ]
    venues = tuple(_venue(rng, venue, found, quotes[venue], listings) for venue, found in personalities.items())
    cost = sum((held.cost for venue in venues for held in venue.holdings), Decimal(0))
    age_ns_max = BARS_AGE_MAX * MINUTE_NS
    settings = BotSettings(
        bot=name,
        base_currency="USD",
        capital=(CASH + TOKENS) * len(venues) + cost,
        pairs=pairs,
        venues=venues,
        listings=tuple(listings),
        sizing=SizingSettings(value=Decimal(rng.choice((60, 150, 400))), entries_max=rng.choice((1, 3))),
        risk=draw_risk(rng),
        guardrails=draw_guardrails(rng),
        watched=(COIN_MARKET,),
        send_within_ns=rng.choice((2, 5, 15)) * SECOND_NS,
        price_age_ns_max=age_ns_max,
        mark_age_ns_max=rng.choice((age_ns_max, 5 * MINUTE_NS)),
        cancel_on_shutdown=rng.random() < 0.7,
        order_timeout_ns=rng.choice((0, 20 * SECOND_NS, 90 * SECOND_NS, 10 * MINUTE_NS)),
        naked_ns_max=rng.choice((5, 30)) * SECOND_NS,
    )
    return BotDraw(name, settings, draw_temper(rng))


def _venue(rng: Random, name: str, found: Personality, quote: str, listings: list[Listing]) -> VenueSettings:
    return VenueSettings(
        name,
        found.validity_ns,
        found.shown_after_ns,
        {quote: CASH, COIN if quote == "USD" else "USD": TOKENS},
        holdings=_holdings(rng, [one for one in listings if one.venue == name and not one.is_perpetual]),
        proves_absence=rng.random() < 0.9,
        stops=found.stops,
    )


def _holdings(rng: Random, listings: list[Listing]) -> tuple[HoldingDeclared, ...]:
    """Draw what lay on the account before the first start and is the bot's to trade; mostly nothing."""
    if rng.random() >= HOLDINGS_SHARE:
        return ()
    listing = rng.choice(listings)
    qty = GRIDS[listing.pair_id]["lot"] * rng.randrange(10, 800)
    return (HoldingDeclared(listing.venue, listing.instrument, qty, qty * WORTH[listing.pair_id]),)
