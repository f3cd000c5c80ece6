"""The digest of the market that one decision may read, attached to its input when it enters decide."""

from __future__ import annotations

from msgspec import Struct


class Quote(Struct, frozen=True, array_like=True, gc=False):
    """
    The latest book of one instrument on one venue.

    `bids` and `asks` are (price, quantity) pairs, best first; prices in quote per base, quantities in base units.
    `at_ns` is when the venue said so. `last` is the price to mark at.
    """

    venue: str
    instrument: str
    at_ns: int
    last: float
    bids: tuple[tuple[float, float], ...]
    asks: tuple[tuple[float, float], ...]


class Skew(Struct, frozen=True, array_like=True, gc=False):
    """How far a venue's clock is ahead of ours, in milliseconds; negative where it is behind."""

    venue: str
    ms: float


class MarginReading(Struct, frozen=True, array_like=True, gc=False):
    """
    What a venue says of our margin on one perpetual, read back.

    `mode` is isolated or cross; `liquidation_price` is in quote per base, 0 where the venue states none;
    `maintenance` is the share of a position's worth at which it is liquidated, 0 where the venue does not say it.
    """

    venue: str
    instrument: str
    leverage: float
    mode: str
    liquidation_price: float
    maintenance: float = 0.0


class Grant(Struct, frozen=True, array_like=True, gc=False):
    """What the fleet lets this bot be exposed to, in base currency, and when it said so."""

    exposure_max: float
    at_ns: int


class Surroundings(Struct, frozen=True, array_like=True, gc=False):
    """
    What a decision may read of the world: quotes, venues that do not answer, clock skews, margin, the fleet's grant.

    A venue without a skew is one whose clock was never compared.
    """

    quotes: tuple[Quote, ...] = ()
    venues_down: tuple[str, ...] = ()
    skews: tuple[Skew, ...] = ()
    margins: tuple[MarginReading, ...] = ()
    grant: Grant | None = None


NO_SURROUNDINGS = Surroundings()
