"""What one seed draws before it begins: how the venues are, how often what goes wrong, and what the bot may do."""

from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any

from quarterdeck.domain import (
    MINUTE_NS,
    SECOND_NS,
    BotSettings,
    GuardrailSettings,
    Listing,
    RiskSettings,
    SizingSettings,
    VenueSettings,
)
from quarterdeck.exchange import Personality
from quarterdeck.market import QuoteShape, quote_shape

BOT = "drill"
PAIRS = ("BTC-USD", "ETH-USD")
VENUES = ("alfa", "bravo")
START_PRICE = {"BTC-USD": 30_000.0, "ETH-USD": 2_000.0}
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
class Scenario:
    """The draw of one seed."""

    start_ns: int
    safety_min: int
    jitter_share: float
    commit_s: float
    faults: dict[str, Faults]
    personalities: dict[str, Personality]
    shapes: dict[str, QuoteShape]
    settings: BotSettings
    whims: tuple[float, float]


NO_FAULTS = Faults(0, 0, 0, 0, 0, 0, 0, 0.02, 0)


def draw_scenario(rng: Random) -> Scenario:
    """Draw everything that stays fixed for one seed; each fault is absent from many seeds."""
    faults = {venue: _faults(rng) for venue in VENUES}
    personalities = {venue: _personality(rng) for venue in VENUES}
    shapes = {
        venue: quote_shape(rng.choice((2.0, 6.0)), rng.choice((60.0, 300.0, 3_000.0)), levels=3) for venue in VENUES
    }
    return Scenario(
        # Some worlds run across midnight.
        start_ns=MIDNIGHT_NS - rng.randrange(0, 60) * MINUTE_NS + rng.randrange(0, 60) * SECOND_NS,
        safety_min=rng.randrange(30, 41),
        jitter_share=rng.choice((0.0, 0.05, 0.3)),
        commit_s=rng.choice((0.0, 0.002, 0.05)),
        faults=faults,
        personalities=personalities,
        shapes=shapes,
        settings=_settings(rng, personalities),
        whims=(rng.uniform(0.25, 0.6), rng.uniform(0.1, 0.35)),
    )


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
    return Personality(
        validity_ns=rng.choice((1, 3, 5)) * SECOND_NS,
        lag_ns=rng.choice((0, SECOND_NS // 2, 3 * SECOND_NS)),
        client_id_scope=rng.choice(("ever", "open", "answers_old")),
        fee_asset=rng.choice(("quote", "base", "received", "USDC")),
        fee_conversion={"USD": Decimal(1)},
        depth_share=rng.choice((0.2, 0.6, 1.0)),
        market_remainder=rng.choice(("expires", "rests")),
        reply_carries=rng.choice(("status", "id")),
    )


def _settings(rng: Random, personalities: dict[str, Personality]) -> BotSettings:
    return BotSettings(
        bot=BOT,
        base_currency="USD",
        capital=(CASH + TOKENS) * len(VENUES),
        pairs=PAIRS,
        venues=tuple(
            VenueSettings(name, found.validity_ns, found.lag_ns, {"USD": CASH, "USDC": TOKENS})
            for name, found in personalities.items()
        ),
        listings=tuple(_listing(venue, pair) for venue in VENUES for pair in PAIRS),
        sizing=SizingSettings(value=Decimal(rng.choice((60, 150, 400))), entries_max=rng.choice((1, 3))),
        risk=RiskSettings(stop_loss=rng.choice((None, 0.003)), take_profit=rng.choice((None, 0.003))),
        guardrails=GuardrailSettings(
            order_value_max_share=0.05,
            loss_rate_max=0.2,
            cooldown_s=rng.choice((0.0, 30.0, 60.0)),
            protect_when_halted=rng.random() < 0.3,
        ),
        send_within_ns=rng.choice((2, 5, 15)) * SECOND_NS,
        price_age_ns_max=BARS_AGE_MAX * MINUTE_NS,
        cancel_on_shutdown=rng.random() < 0.7,
    )


def _listing(venue: str, pair: str) -> Listing:
    grids: dict[str, Any] = {
        "BTC-USD": {"tick": Decimal("0.1"), "lot": Decimal("0.00001")},
        "ETH-USD": {"tick": Decimal("0.01"), "lot": Decimal("0.0001")},
    }
    return Listing(
        venue=venue,
        instrument=pair,
        base=pair[:3],
        quote="USD",
        lots_min=5,
        lots_max=10**9,
        notional_min=Decimal(5),
        fee_maker=Decimal("0.001"),
        fee_taker=Decimal("0.002"),
        **grids[pair],
    )
