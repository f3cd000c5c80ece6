"""What one input could see of the market: quotes, ages, and what the assets were worth in base currency."""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import median
from typing import Final

from tests.audit.independent.records import SECOND_NS, Grant, MarginReading, Number, Quote, Settings, Surroundings

NOTHING: Final = Surroundings()


def number(value: Number) -> float:
    """Read a number that JSON may have lost: what is null there is no number."""
    return math.nan if value is None else value


def is_price(value: Number) -> bool:
    return value is not None and 0.0 < value < math.inf


def is_sound(quote: Quote) -> bool:
    """A book that can be believed has two sides, above zero, that do not cross, and a last price."""
    if not (quote.bids and quote.asks and is_price(quote.last)):
        return False
    bid, ask = quote.bids[0][0], quote.asks[0][0]
    return is_price(bid) and is_price(ask) and number(bid) <= number(ask)


class Market:
    """The surroundings of one input, at the instant of its decision."""

    def __init__(self, surroundings: Surroundings, at_ns: int, settings: Settings, fallen: frozenset[str]) -> None:
        """`fallen` are the stablecoins that were off their peg at the last mark."""
        self.at_ns = at_ns
        self.settings = settings
        self.surroundings = surroundings
        self.fallen = fallen
        self._rates: dict[str, float | None] = {}

    def quote(self, venue: str, instrument: str) -> Quote | None:
        """The latest quote, however old; a venue that is down shows none."""
        return None if venue in self.surroundings.venues_down else self.latest(venue, instrument)

    def latest(self, venue: str, instrument: str) -> Quote | None:
        """The latest quote, whether its venue still answers or not."""
        for quote in self.surroundings.quotes:
            if quote.venue == venue and quote.instrument == instrument:
                return quote
        return None

    def age_s(self, quote: Quote) -> float:
        return (self.at_ns - quote.at_ns) / SECOND_NS

    def mark(self, venue: str, instrument: str) -> float | None:
        """The price to value a holding at: sound, no older than marks may be, even if its venue just fell silent."""
        quote = self.latest(venue, instrument)
        return quote.last if quote is not None and self._is_young(quote) and is_sound(quote) else None

    def skew_ms(self, venue: str) -> float:
        for skew in self.surroundings.skews:
            if skew.venue == venue:
                return abs(number(skew.ms))
        return math.nan

    def margin(self, venue: str, instrument: str) -> MarginReading | None:
        for reading in self.surroundings.margins:
            if (reading.venue, reading.instrument) == (venue, instrument):
                return reading
        return None

    @property
    def grant(self) -> Grant | None:
        return self.surroundings.grant

    # --- rates --------------------------------------------------------------------------------------------------------

    def rate(self, asset: str) -> float | None:
        """
        What one unit of an asset is worth in base currency: a listed stablecoin counts 1.00 while its market lies
        within the band, and at its market beyond; one whose market nobody shows counts 1.00, unless it was off its
        peg when it was last seen: then nothing is known of it.
        """
        if asset == self.settings.base_currency:
            return 1.0
        if asset not in self._rates:
            self._rates[asset] = None  # two assets that are only priced in each other have no price
            self._rates[asset] = self._find_rate(asset)
        return self._rates[asset]

    def is_off_peg(self, coin: str) -> bool:
        """Tell whether a stablecoin left its band."""
        return coin in self.settings.guardrails.stablecoins and self.rate(coin) != 1.0

    def _find_rate(self, asset: str) -> float | None:
        limits = self.settings.guardrails
        if asset not in limits.stablecoins:
            return self._market_rate(asset)
        found = self._direct(asset) or self._implied(asset)
        if found is None:
            return 1.0 if self._was_at_peg(asset) else None
        return 1.0 if self._is_within_band(found) else found

    def _is_within_band(self, rate: float) -> bool:
        return abs(rate - 1.0) <= self.settings.guardrails.stablecoin_band + 1e-9

    def _was_at_peg(self, coin: str) -> bool:
        """
        Tell whether a coin that no fresh market shows was at its peg when it was last seen.

        Neither the last mark nor the last price of its own market, however old, may say that it was off.
        """
        seen = [
            (quote.at_ns, number(quote.last) if quote.instrument.startswith(coin) else 1.0 / number(quote.last))
            for quote in self.surroundings.quotes
            if quote.instrument in self._own_markets(coin) and is_price(quote.last)
        ]
        return coin not in self.fallen and (not seen or self._is_within_band(max(seen)[1]))

    def _own_markets(self, coin: str) -> tuple[str, str]:
        base = self.settings.base_currency
        return f"{coin}-{base}", f"{base}-{coin}"

    def _direct(self, coin: str) -> float | None:
        straight, inverted = self._own_markets(coin)
        lasts = self._lasts()
        found = [last for quote, last in lasts if quote.instrument == straight]
        return _middle(found + [1.0 / last for quote, last in lasts if quote.instrument == inverted])

    def _implied(self, coin: str) -> float | None:
        """
        How dear everything is in base currency against how dear it is in the coin.

        Two prices are compared that were seen as close together as there are, on one venue rather than on two.
        """
        shared = []
        for quote, in_coin in self._lasts():
            asset, _, money = quote.instrument.partition("-")
            others = [one for one in self._lasts() if one[0].instrument == f"{asset}-{self.settings.base_currency}"]
            if money == coin and others:
                near = min(others, key=lambda one: (abs(one[0].at_ns - quote.at_ns), one[0].venue != quote.venue))
                shared.append(near[1] / in_coin)
        return _middle(shared)

    def _market_rate(self, asset: str) -> float | None:
        found = []
        for quote, last in self._lasts():
            base, _, money = quote.instrument.partition("-")
            worth = self.rate(money) if base == asset and ":" not in money else None
            if worth is not None:
                found.append(last * worth)
        return _middle(found)

    def _lasts(self) -> list[tuple[Quote, float]]:
        return [(quote, number(quote.last)) for quote in self.surroundings.quotes if self._counts(quote)]

    def _counts(self, quote: Quote) -> bool:
        return self._is_young(quote) and is_sound(quote) and quote.venue not in self.surroundings.venues_down

    def _is_young(self, quote: Quote) -> bool:
        return -SECOND_NS <= self.at_ns - quote.at_ns <= self.settings.mark_age_ns_max


def _middle(found: Iterable[float]) -> float | None:
    rates = list(found)
    return median(rates) if rates else None
