"""What a decision may read besides the state: its instant, and the market around it."""

from __future__ import annotations

import math

from msgspec import Struct

from quarterdeck.domain import BotSettings, Bug, Quote, Surroundings
from quarterdeck.engine.state import State


class Moment(Struct, frozen=True, gc=False):
    """The instant of a decision (UTC, never before the last fact) and its surroundings."""

    at_ns: int
    surroundings: Surroundings

    def fresh_quote(self, venue: str, instrument: str, age_ns_max: int) -> Quote | None:
        """Give the quote of an instrument if its venue answers and the quote is two-sided, uncrossed and fresh."""
        if venue in self.surroundings.venues_down:
            return None
        for quote in self.surroundings.quotes:
            if quote.instrument == instrument and quote.venue == venue:
                return quote if self.at_ns - quote.at_ns <= age_ns_max and is_sound(quote) else None
        return None


def is_sound(quote: Quote) -> bool:
    """Tell whether a book can be traded on: two-sided, above zero, not crossed. NaN is never sound."""
    if not (quote.bids and quote.asks):
        return False
    bid, ask = quote.bids[0][0], quote.asks[0][0]
    return 0.0 < bid <= ask < math.inf and 0.0 < quote.last < math.inf


def settings_of(state: State) -> BotSettings:
    """Give the settings; a bot that never started has none, and nothing may be decided for it."""
    settings = state.settings
    if settings is None:
        raise Bug("nothing can be decided before the bot has started")
    return settings
