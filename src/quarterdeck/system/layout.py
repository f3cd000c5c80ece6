"""Which instruments a session looks at: each venue has listings of its own, and several may count as one pair."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from quarterdeck.domain import BotSettings, ConfigError, Listing


class Layout(Struct, frozen=True):
    """
    Which instruments a session looks at, and where.

    `primary` names, by pair, venue and instrument of the bars that the strategy sees; `quoted` the instruments whose
    quotes a decision may read; `unlisted` the places, venue and instrument, where one is looked at but not listed.
    """

    primary: Mapping[str, tuple[str, str]]
    steps: Mapping[str, float]
    quoted: tuple[str, ...]
    unlisted: frozenset[tuple[str, str]]


def layout_of(settings: BotSettings) -> Layout:
    """
    Lay a session out: the strategy sees the first venue that lists a pair, under the pair's own name where it can.

    Raises:
        ConfigError: If no venue lists a pair.
    """
    primary: dict[str, Listing] = {}
    quoted: dict[str, None] = {}
    for pair in settings.pairs:
        listings = [listing for listing in settings.listings if listing.pair_id == pair]
        if not listings:
            raise ConfigError(f"bot {settings.bot!r}: no exchange lists {pair}; add it to the pairs of one, or drop it")
        first = [listing for listing in listings if listing.venue == listings[0].venue]
        primary[pair] = next((listing for listing in first if listing.instrument == pair), first[0])
        quoted |= dict.fromkeys(listing.instrument for listing in listings)
    listed = {(listing.venue, listing.instrument) for listing in settings.listings}
    looked_at = {(venue.name, instrument) for venue in settings.venues for instrument in settings.watched}
    return Layout(
        primary={pair: (listing.venue, listing.instrument) for pair, listing in primary.items()},
        steps={pair: float(listing.tick) for pair, listing in primary.items()},
        quoted=tuple(quoted | dict.fromkeys(settings.watched)),
        unlisted=frozenset(looked_at - listed),
    )
