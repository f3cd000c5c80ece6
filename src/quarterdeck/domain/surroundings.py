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


class Surroundings(Struct, frozen=True, array_like=True, gc=False):
    """The quotes that a decision may read, and the venues that do not answer at present."""

    quotes: tuple[Quote, ...] = ()
    venues_down: tuple[str, ...] = ()


NO_SURROUNDINGS = Surroundings()
