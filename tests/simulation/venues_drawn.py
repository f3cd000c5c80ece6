"""Venues as a seed draws them: every habit in which exchanges differ, and what they list."""

from decimal import Decimal
from random import Random
from typing import Any, Literal

from quarterdeck.domain import SECOND_NS, Listing
from quarterdeck.exchange import Personality, RateLimits

COIN = "USDC"
COIN_MARKET = "USDC-USD"
Scope = Literal["ever", "open", "forgets", "answers_old"]
Streams = Literal["all", "orders", "none"]

GRIDS: dict[str, dict[str, Any]] = {
    "BTC-USD": {"tick": Decimal("0.1"), "lot": Decimal("0.00001")},
    "ETH-USD": {"tick": Decimal("0.01"), "lot": Decimal("0.0001")},
}


def draw_personality(rng: Random) -> Personality:
    """Draw the habits of a venue."""
    scope: Scope = rng.choice(("ever", "open", "forgets", "answers_old"))
    streams: Streams = rng.choice(("all", "all", "all", "orders", "none"))
    is_async, stops = rng.random() < 0.25, rng.random() < 0.6
    return Personality(
        validity_ns=rng.choice((1, 3, 5)) * SECOND_NS,
        lag_ns=rng.choice((0, SECOND_NS // 2, 3 * SECOND_NS)),
        fills_lag_ns=rng.choice((0, 0, SECOND_NS, 4 * SECOND_NS)),
        client_id_scope=scope,
        fee_conversion={"USD": Decimal(1), COIN: Decimal(1)},
        depth_share=rng.choice((0.2, 0.6, 1.0)),
        market_remainder=rng.choice(("expires", "rests")),
        reply_carries=rng.choice(("status", "id")),
        limits=_limits(rng),
        acks="async" if is_async else "direct",
        ack_lag_ns=rng.choice((50, 400, 2_000)) * (SECOND_NS // 1_000) if is_async else 0,
        pending_visible=rng.random() < 0.5,
        streams=streams,
        stops=stops,
        stops_refuse_crossed=stops and rng.random() < 0.5,
        self_trade=rng.choice(("allow", "cancel_newest", "cancel_oldest")),
    )


def _limits(rng: Random) -> RateLimits | None:
    if rng.random() < 0.7:
        return None
    return RateLimits(
        requests_max=rng.choice((30, 60, 200)),
        orders_max=rng.choice((None, 1, 5, 20)),
        window_ns=10 * SECOND_NS,
        ban_after=rng.choice((None, 3, 10)),
        ban_ns=rng.choice((15, 40)) * SECOND_NS,
        ban_lengthens=rng.random() < 0.3,
    )


def instruments_of(quote: str, *, perpetual: bool) -> dict[str, str]:
    """Say what a venue calls each pair that it trades in this money; the last one may be a perpetual."""
    names = {pair: f"{pair.partition('-')[0]}-{quote}" for pair in GRIDS}
    if perpetual:
        pair = list(GRIDS)[-1]
        names[pair] = f"{names[pair]}:{quote}"
    return names


def listing_of(venue: str, pair: str, instrument: str, quote: str, fee_asset: str) -> Listing:
    """Say how a venue lists a pair."""
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
        fee_asset="quote" if ":" in instrument else fee_asset,
        pair="" if instrument == pair else pair,
        **GRIDS[pair],
    )
