"""What a decision may read besides the state: its instant, and the market around it."""

from __future__ import annotations

import math
from typing import Final

from msgspec import Struct, field

from quarterdeck.domain import SECOND_NS, BotSettings, Bug, Grant, MarginReading, Quote, Surroundings
from quarterdeck.engine.state import State
from quarterdeck.market import Par, asset_rates, shows

INF: Final = math.inf
NAN: Final = math.nan
NEVER_NS: Final = 2**63 - 1


class Moment(Struct, frozen=True):
    """
    The instant of a decision (UTC, never before the last fact) and its surroundings.

    `rates` keeps what assets were found to be worth at this instant, so that it is worked out once.
    """

    at_ns: int
    surroundings: Surroundings
    rates: dict[str, float] = field(default_factory=dict)

    def quote(self, venue: str, instrument: str) -> Quote | None:
        """Give the latest quote of an instrument, however old; None where its venue does not answer."""
        surroundings = self.surroundings
        if venue in surroundings.venues_down:
            return None
        for quote in surroundings.quotes:
            if quote.instrument == instrument and quote.venue == venue:
                return quote
        return None

    def is_fresh(self, quote: Quote, age_ns_max: int) -> bool:
        """Tell whether a quote may be traded on: its venue answers, and it is young, two-sided and uncrossed."""
        is_young = abs(self.at_ns - quote.at_ns) <= age_ns_max
        return is_young and is_sound(quote) and quote.venue not in self.surroundings.venues_down

    def age_s(self, quote: Quote) -> float:
        """Give how far a quote lies from now; one from the future counts as old as it is early."""
        return abs(self.at_ns - quote.at_ns) / SECOND_NS

    def skew_ms(self, venue: str) -> float:
        """Give how far a venue's clock lies from ours; NaN where it was never compared."""
        for skew in self.surroundings.skews:
            if skew.venue == venue:
                return abs(skew.ms)
        return NAN

    def margin(self, venue: str, instrument: str) -> MarginReading | None:
        """Give what a venue says of our margin on a perpetual; None where it was not read."""
        for reading in self.surroundings.margins:
            if reading.venue == venue and reading.instrument == instrument:
                return reading
        return None

    @property
    def grant(self) -> Grant | None:
        """What the fleet lets this bot be exposed to."""
        return self.surroundings.grant

    def mark_price(self, venue: str, instrument: str, age_ns_max: int) -> float | None:
        """Give the price to value a holding at: of a sound and young book, even of a venue just fallen silent."""
        for quote in self.surroundings.quotes:
            if quote.instrument == instrument and quote.venue == venue:
                return quote.last if abs(self.at_ns - quote.at_ns) <= age_ns_max and is_sound(quote) else None
        return None


def is_sound(quote: Quote) -> bool:
    """Tell whether a book can be traded on: two-sided, above zero, not crossed. NaN is never sound."""
    bids, asks = quote.bids, quote.asks
    if not (bids and asks and 0.0 < bids[0][0] <= asks[0][0] < INF):
        return False
    return 0.0 < quote.last < INF


def price_age_ns_max(settings: BotSettings) -> int:
    """Give the age up to which a price may open something: what the run prescribes, else the setting for streams."""
    return settings.price_age_ns_max or int(settings.guardrails.data_age_max_s * SECOND_NS)


def settings_of(state: State) -> BotSettings:
    """Give the settings; a bot that never started has none, and nothing may be decided for it."""
    settings = state.settings
    if settings is None:
        raise Bug("nothing can be decided before the bot has started")
    return settings


def rate_of(state: State, now: Moment, asset: str) -> float | None:
    """
    Give what one unit of an asset is worth in base currency at this instant.

    Returns:
        1.0 for the base currency and for a stablecoin within its band, the market's rate for everything else; None
        where an asset that is no stablecoin has no fresh price.
    """
    settings = settings_of(state)
    if asset == settings.base_currency:
        return 1.0
    known = now.rates.get(asset)
    if known is None:
        known = rate_within(state, now, asset, settings.guardrails.stablecoin_band)
        if known is not None:
            now.rates[asset] = known
    return known


def rate_within(state: State, now: Moment, asset: str, band: float) -> float | None:
    """Give what an asset is worth as `rate_of` does, a stablecoin counting 1.0 within the band given."""
    settings, quotes = settings_of(state), now.surroundings.quotes
    par = Par(settings.base_currency, settings.guardrails.stablecoins, band)

    def is_fresh(quote: Quote) -> bool:
        return now.is_fresh(quote, settings.mark_age_ns_max)

    rate = asset_rates(quotes, (asset,), par, is_fresh).get(asset)
    # Off its peg at the last mark: only a market that shows the coin may say that it is back, not the lack of one.
    if rate == 1.0 and asset in state.rates and not shows(quotes, asset, par, is_fresh):
        return None
    return rate
