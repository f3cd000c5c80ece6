"""The market as the bot knows it at this instant: the latest quote of each pair on each venue, and who answers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from quarterdeck.domain import InputError, Quote, Surroundings


class MarketView:
    """Latest quotes and venue health, outside the engine's state; digests go into inputs."""

    def __init__(self, venues: Sequence[str]) -> None:
        """Start with nothing quoted and every venue answering. The order of the venues is the order in digests."""
        self._venues = tuple(venues)
        self._quotes: dict[str, dict[str, Quote]] = {}
        self._down: dict[str, bool] = dict.fromkeys(self._venues, False)
        self._digests: dict[tuple[str, ...], Surroundings] = {}

    def observe(self, quote: Quote) -> bool:
        """
        Keep a quote if it is news: of a price, and no older than the one held.

        Returns: whether it was kept. A quote without a price (NaN, infinite, zero, negative) never replaces one.
        Raises: InputError for a venue that is not ours.
        """
        if quote.venue not in self._down:
            raise InputError(f"a quote from '{quote.venue}', but the venues are {', '.join(self._venues)}")
        if not 0.0 < quote.last < math.inf:
            return False
        by_venue = self._quotes.setdefault(quote.instrument, {})
        held = by_venue.get(quote.venue)
        if held is not None and quote.at_ns < held.at_ns:
            return False
        by_venue[quote.venue] = quote
        self._digests.clear()
        return True

    def set_health(self, venue: str, *, healthy: bool) -> None:
        """
        Note whether a venue answers.

        Raises: InputError for a venue that is not ours.
        """
        if venue not in self._down:
            raise InputError(f"no venue '{venue}'; the venues are {', '.join(self._venues)}")
        if self._down[venue] is healthy:
            self._down[venue] = not healthy
            self._digests.clear()

    def quote(self, venue: str, instrument: str) -> Quote | None:
        """Look up the latest quote; None where there never was one."""
        return self._quotes.get(instrument, {}).get(venue)

    def surroundings(self, instruments: tuple[str, ...]) -> Surroundings:
        """
        Digest what a decision about these instruments may read.

        Returns: their quotes, by instrument in the order given and then by venue, and the venues that are down. The
        same object while nothing has changed.
        """
        digest = self._digests.get(instruments)
        if digest is None:
            digest = self._digests[instruments] = self._digested(instruments)
        return digest

    def _digested(self, instruments: tuple[str, ...]) -> Surroundings:
        quotes = []
        for instrument in instruments:
            by_venue = self._quotes.get(instrument)
            if by_venue is not None:
                quotes += [by_venue[venue] for venue in self._venues if venue in by_venue]
        return Surroundings(tuple(quotes), tuple([venue for venue in self._venues if self._down[venue]]))
