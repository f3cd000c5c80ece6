"""What one seed draws before it begins: how the venues are, how often what goes wrong, and what the bot may do."""

from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any, Literal

from quarterdeck.domain import (
    MINUTE_NS,
    SECOND_NS,
    BotSettings,
    Listing,
    SizingSettings,
    VenueSettings,
)
from quarterdeck.exchange import Personality
from quarterdeck.market import QuoteShape, quote_shape
from tests.simulation.limits import draw_guardrails, draw_risk

BOT = "drill"
PAIRS = ("BTC-USD", "ETH-USD")
VENUES = ("alfa", "bravo")
START_PRICE = {"BTC-USD": 30_000.0, "ETH-USD": 2_000.0}
COIN = "USDC"
COIN_MARKET = "USDC-USD"
CASH = Decimal(6_000)
TOKENS = Decimal(40)
DAY_NS = 24 * 60 * MINUTE_NS
MIDNIGHT_NS = 19_700 * DAY_NS
BARS_AGE_MAX = 2


@dataclass(frozen=True)
class Faults:
    """How often one venue does what, as shares of requests or news; latencies in seconds."""

    lost_request: float
    lost_reply: float
    late_reply: float
    stalled_send: float
    dropped_news: float
    delayed_news: float
    repeated_news: float
    latency_s: float
    closed_book: float


@dataclass(frozen=True)
class Weather:
    """
    What befalls the market of one seed, in minutes since its first bar: (from, to), equal where it does not.

    `dark` are the minutes without any price, by venue; `off_peg` those in which the stablecoin is worth `coin_worth`.
    """

    dark: dict[str, tuple[int, int]]
    off_peg: tuple[int, int]
    coin_worth: float


@dataclass(frozen=True)
class Scenario:
    """The draw of one seed. `quotes` is the money in which each venue trades."""

    start_ns: int
    safety_min: int
    jitter_share: float
    commit_s: float
    upgrade_share: float
    faults: dict[str, Faults]
    personalities: dict[str, Personality]
    shapes: dict[str, QuoteShape]
    quotes: dict[str, str]
    weather: Weather
    settings: BotSettings
    whims: tuple[float, float]


NO_FAULTS = Faults(0, 0, 0, 0, 0, 0, 0, 0.02, 0)


def draw_scenario(rng: Random) -> Scenario:
    """Draw everything that stays fixed for one seed; each fault is absent from many seeds."""
    faults = {venue: _faults(rng) for venue in VENUES}
    personalities = {venue: _personality(rng) for venue in VENUES}
    quotes = {"alfa": "USD", "bravo": rng.choice(("USD", "USD", COIN))}
    shapes = {
        venue: quote_shape(rng.choice((2.0, 6.0)), rng.choice((90.0, 300.0, 900.0, 6_000.0)), levels=3)
        for venue in VENUES
    }
    # Some worlds run across midnight.
    to_midnight_min = rng.randrange(0, 60)
    return Scenario(
        start_ns=MIDNIGHT_NS - to_midnight_min * MINUTE_NS + rng.randrange(0, 60) * SECOND_NS,
        safety_min=rng.randrange(30, 41),
        jitter_share=rng.choice((0.0, 0.05, 0.3)),
        commit_s=rng.choice((0.0, 0.002, 0.05)),
        upgrade_share=rng.choice((0.0, 0.0, 0.0, 0.2)),
        faults=faults,
        personalities=personalities,
        shapes=shapes,
        quotes=quotes,
        weather=_weather(rng, to_midnight_min),
        settings=_settings(rng, personalities, quotes),
        whims=(rng.uniform(0.25, 0.6), rng.uniform(0.1, 0.35)),
    )


def cash_of(quote: str) -> dict[str, Decimal]:
    """What the bot has on a venue to begin with: money to trade with, and some to pay fees."""
    return {quote: CASH, COIN if quote == "USD" else "USD": TOKENS}


def instrument_of(pair: str, quote: str) -> str:
    """What a venue calls a pair that it trades in this money."""
    return f"{pair.partition('-')[0]}-{quote}"


def _weather(rng: Random, to_midnight_min: int) -> Weather:
    dark = dict.fromkeys(VENUES, (0, 0))
    chance = rng.random()
    if chance < 0.25:  # nobody shows a price when one day ends and the next begins
        first = max(to_midnight_min - rng.randrange(1, 4), 1)
        dark = dict.fromkeys(VENUES, (first, first + rng.randrange(3, 9)))
    elif chance < 0.5:
        first = rng.randrange(2, 30)
        dark[rng.choice(VENUES)] = (first, first + rng.randrange(1, 9))
    first = rng.randrange(3, 25)
    off_peg = (first, first + rng.randrange(3, 15)) if rng.random() < 0.4 else (0, 0)
    return Weather(dark, off_peg, rng.choice((0.86, 0.97, 0.985, 1.04)))


def _faults(rng: Random) -> Faults:
    def share(most: float) -> float:
        return rng.choice((0.0, rng.uniform(0.0, most), rng.uniform(0.0, most)))

    return Faults(
        lost_request=share(0.15),
        lost_reply=share(0.15),
        late_reply=share(0.15),
        stalled_send=share(0.1),
        dropped_news=share(0.4),
        delayed_news=share(0.6),
        repeated_news=share(0.4),
        latency_s=rng.choice((0.01, 0.1, 0.6)),
        closed_book=share(0.4),
    )


def _personality(rng: Random) -> Personality:
    """Draw the habits of a venue."""
    scope: Literal["ever", "open", "answers_old"] = rng.choice(("ever", "open", "answers_old"))
    return Personality(
        validity_ns=rng.choice((1, 3, 5)) * SECOND_NS,
        lag_ns=rng.choice((0, SECOND_NS // 2, 3 * SECOND_NS)),
        client_id_scope=scope,
        fee_conversion={"USD": Decimal(1), COIN: Decimal(1)},
        depth_share=rng.choice((0.2, 0.6, 1.0)),
        market_remainder=rng.choice(("expires", "rests")),
        reply_carries=rng.choice(("status", "id")),
    )


def _settings(rng: Random, personalities: dict[str, Personality], quotes: dict[str, str]) -> BotSettings:
    fee_assets = {venue: rng.choice(("quote", "base", "received", COIN)) for venue in VENUES}
    age_ns_max = BARS_AGE_MAX * MINUTE_NS
    return BotSettings(
        bot=BOT,
        base_currency="USD",
        capital=(CASH + TOKENS) * len(VENUES),
        pairs=PAIRS,
        venues=tuple(
            VenueSettings(name, found.validity_ns, found.lag_ns, cash_of(quotes[name]))
            for name, found in personalities.items()
        ),
        listings=tuple(_listing(venue, pair, quotes[venue], fee_assets[venue]) for venue in VENUES for pair in PAIRS),
        sizing=SizingSettings(value=Decimal(rng.choice((60, 150, 400))), entries_max=rng.choice((1, 3))),
        risk=draw_risk(rng),
        guardrails=draw_guardrails(rng),
        watched=(COIN_MARKET,),
        send_within_ns=rng.choice((2, 5, 15)) * SECOND_NS,
        price_age_ns_max=age_ns_max,
        mark_age_ns_max=rng.choice((age_ns_max, 5 * MINUTE_NS)),
        cancel_on_shutdown=rng.random() < 0.7,
    )


def _listing(venue: str, pair: str, quote: str, fee_asset: str) -> Listing:
    grids: dict[str, Any] = {
        "BTC-USD": {"tick": Decimal("0.1"), "lot": Decimal("0.00001")},
        "ETH-USD": {"tick": Decimal("0.01"), "lot": Decimal("0.0001")},
    }
    instrument = instrument_of(pair, quote)
    return Listing(
        venue=venue,
        instrument=instrument,
        base=pair[:3],
        quote=quote,
        lots_min=5,
        lots_max=10**9,
        notional_min=Decimal(5),
        fee_maker=Decimal("0.001"),
        fee_taker=Decimal("0.002"),
        fee_asset=fee_asset,
        pair="" if instrument == pair else pair,
        **grids[pair],
    )
