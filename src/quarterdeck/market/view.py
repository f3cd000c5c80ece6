"""The market as the bot knows it at this instant: latest quotes, who answers, clocks, margin, the fleet's grant."""

from __future__ import annotations

import math
from collections.abc import Sequence

from quarterdeck.domain import Grant, InputError, MarginReading, Quote, Skew, Surroundings


class MarketView:
    """The latest of everything outside the engine's state that decisions may read; digests of it go into inputs."""

    def __init__(self, venues: Sequence[str]) -> None:
        """Start with nothing quoted and every venue answering. The order of the venues is the order in digests."""
        self._venues = tuple(venues)
        self._quotes: dict[str, dict[str, Quote]] = {}
        self._down: dict[str, bool] = dict.fromkeys(self._venues, False)
        self._skews: dict[str, Skew] = {}
        self._margins: dict[tuple[str, str], MarginReading] = {}
        self._grant: Grant | None = None
        self._digests: dict[tuple[str, ...], Surroundings] = {}

    def observe(self, quote: Quote) -> bool:
        """
        Keep a quote if it is news: of a price, and no older than the one held.

        Returns: whether it was kept. A quote without a price (NaN, infinite, zero, negative) never replaces one.
        Raises: InputError for a venue that is not ours.
        """
        self._require_ours(quote.venue)
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
        self._require_ours(venue)
        if self._down[venue] is healthy:
            self._down[venue] = not healthy
            self._digests.clear()

    def set_skew(self, venue: str, ms: float) -> None:
        """
        Note how far a venue's clock is ahead of ours, in milliseconds; NaN or infinite: it could not be compared.

        Raises: InputError for a venue that is not ours.
        """
        self._require_ours(venue)
        skew = Skew(venue, ms) if math.isfinite(ms) else None
        if self._skews.get(venue) == skew:
            return
        self._skews.pop(venue, None)
        if skew is not None:
            self._skews[venue] = skew
        self._digests.clear()

    def set_margin(self, reading: MarginReading) -> None:
        """
        Note what a venue says of our margin on one perpetual; digests about this instrument carry it.

        Raises: InputError for a venue that is not ours.
        """
        self._require_ours(reading.venue)
        key = (reading.venue, reading.instrument)
        if self._margins.get(key) != reading:
            self._margins[key] = reading
            self._digests.clear()

    def set_grant(self, grant: Grant | None) -> None:
        """Note what the fleet lets this bot be exposed to; None where it grants nothing any more."""
        if grant != self._grant:
            self._grant = grant
            self._digests.clear()

    def quote(self, venue: str, instrument: str) -> Quote | None:
        """Look up the latest quote; None where there never was one."""
        return self._quotes.get(instrument, {}).get(venue)

    def surroundings(self, instruments: tuple[str, ...]) -> Surroundings:
        """
        Digest what a decision about these instruments may read.

        Returns: their quotes and margin, by instrument in the order given and then by venue, the venues that are down,
        the clocks that were compared, and the grant. The same object while nothing has changed.
        """
        digest = self._digests.get(instruments)
        if digest is None:
            digest = self._digests[instruments] = self._digested(instruments)
        return digest

    def _digested(self, instruments: tuple[str, ...]) -> Surroundings:
        quotes: list[Quote] = []
        margins: list[MarginReading] = []
        for instrument in instruments:
            by_venue = self._quotes.get(instrument)
            if by_venue is not None:
                quotes += [by_venue[venue] for venue in self._venues if venue in by_venue]
            if self._margins:
                margins += [
                    self._margins[venue, instrument] for venue in self._venues if (venue, instrument) in self._margins
                ]
        return Surroundings(
            quotes=tuple(quotes),
            venues_down=tuple([venue for venue in self._venues if self._down[venue]]),
            skews=tuple([self._skews[venue] for venue in self._venues if venue in self._skews]),
            margins=tuple(margins),
            grant=self._grant,
        )

    def _require_ours(self, venue: str) -> None:
        if venue not in self._down:
            raise InputError(f"no venue '{venue}'; the venues are {', '.join(self._venues)}")
