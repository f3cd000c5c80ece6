"""The auditor's own look at a market: which books count, what money is worth, and where a pair stands."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median

from quarterdeck.domain import SECOND_NS, BotSettings, Input, Listing, Quote, Surroundings

PAR = 1.0


@dataclass(frozen=True)
class Market:
    """
    What an input showed of the world at one instant, under given settings.

    `remembered` are coins that stood off their peg when they were last seen: one that nobody shows now is not back.
    """

    at_ns: int
    shown: Surroundings
    rules: BotSettings
    remembered: Mapping[str, float] = field(default_factory=dict)

    @property
    def price_age_s(self) -> float:
        """How old a price may be that something is opened on: what the run prescribes, else what the limit says."""
        prescribed = self.rules.price_age_ns_max
        return prescribed / SECOND_NS if prescribed else self.rules.guardrails.data_age_max_s

    def book(self, venue: str, instrument: str) -> Quote | None:
        """The book of an instrument where its venue answers."""
        found = [q for q in self.shown.quotes if (q.venue, q.instrument) == (venue, instrument)]
        return found[0] if found and venue not in self.shown.venues_down else None

    def young(self, quote: Quote, seconds: float) -> bool:
        """Whether a book is at most so old, or so early."""
        return abs(self.at_ns - quote.at_ns) <= seconds * SECOND_NS + 1

    def valued_by(self, venue: str, instrument: str) -> float | None:
        """The price at which a holding may be valued, of a young and whole book; a venue may just have gone silent."""
        found = [q for q in self.shown.quotes if (q.venue, q.instrument) == (venue, instrument)]
        return found[0].last if found and self._values(found[0]) else None

    def _values(self, quote: Quote) -> bool:
        return whole(quote) and self.young(quote, self.rules.mark_age_ns_max / SECOND_NS)

    def rate(self, asset: str) -> float | None:
        """What one unit of an asset is worth in base currency; None where nobody can say."""
        base, limits = self.rules.base_currency, self.rules.guardrails
        if asset == base:
            return PAR
        seen = [q for q in self.shown.quotes if self._values(q) and q.venue not in self.shown.venues_down]
        direct = [q.last for q in seen if q.instrument == f"{asset}-{base}"]
        direct += [1.0 / q.last for q in seen if q.instrument == f"{base}-{asset}"]
        if asset not in limits.stablecoins:
            return median(direct) if direct else None
        found = direct or [self._through(q, seen) for q in seen if q.instrument.split("-")[1] == asset]
        known = [rate for rate in found if not math.isnan(rate)]
        if not known:
            return None if asset in self.remembered or self._was_off(asset) else PAR
        worth = median(known)
        return PAR if abs(worth - PAR) <= limits.stablecoin_band + 1e-9 else worth

    def _was_off(self, coin: str) -> bool:
        """Whether the last that anybody said of a coin, however long ago, was that it left its band."""
        told = [q for q in self.shown.quotes if q.instrument == f"{coin}-{self.rules.base_currency}"]
        told = [q for q in told if math.isfinite(q.last) and q.last > 0]
        if not told:
            return False
        latest = max(told, key=lambda quote: quote.at_ns)
        return abs(latest.last - PAR) > self.rules.guardrails.stablecoin_band + 1e-9

    def _through(self, quote: Quote, seen: list[Quote]) -> float:
        """What the quote money of a book is worth by the books of the same asset in base currency, the nearest one."""
        asset = quote.instrument.split("-")[0]
        others = [q for q in seen if q.instrument == f"{asset}-{self.rules.base_currency}"]
        if not others:
            return math.nan
        return min(others, key=lambda q: (abs(q.at_ns - quote.at_ns), q.venue != quote.venue)).last / quote.last

    def reference(self, pair: str, listings: dict[tuple[str, str], Listing], *, opening: bool) -> float:
        """Where a pair stands: the median of what its venues last traded at, in base currency; NaN if unknown."""
        limits = self.rules.guardrails
        age_s = self.price_age_s
        if not opening:
            age_s = max(age_s, limits.data_age_exit_max_s)
        lasts = []
        for (venue, instrument), listing in listings.items():
            quote = self.book(venue, instrument)
            if listing.pair_id != pair or quote is None or not self.young(quote, age_s):
                continue
            rate = self.rate(listing.quote)
            if rate is None and not opening:  # an exit goes by the last worth that was known
                rate = self.remembered.get(listing.quote, PAR)
            if rate is not None and 0 < quote.last < math.inf and (not opening or (whole(quote) and listing.tradable)):
                lasts.append(quote.last * rate)
        return median(lasts) if lasts else math.nan


def whole(quote: Quote) -> bool:
    """Whether a book has two sides that do not cross, and prices that are prices."""
    if not quote.bids or not quote.asks:
        return False
    bid, ask = quote.bids[0][0], quote.asks[0][0]
    return all(math.isfinite(p) and p > 0 for p in (bid, ask, quote.last)) and bid <= ask


def shown_by(news: Input | None) -> Surroundings:
    """What an input showed of the world; nothing where it is of a kind that shows nothing."""
    return getattr(news, "surroundings", Surroundings())
