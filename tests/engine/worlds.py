"""The worlds that random lives are lived in: settings of all kinds, and a market that lies."""

import math
import random
from decimal import Decimal
from typing import Any

import msgspec

from quarterdeck.domain import (
    SECOND_NS,
    BotSettings,
    GuardrailSettings,
    Quote,
    RiskSettings,
    SizingSettings,
    Skew,
    Surroundings,
)
from tests.engine.driving import BTC, ETH, Bot, listing_of, quote_at, settings_with
from tests.engine.scenes import PEG, venue_with


def settings_for(rng: random.Random) -> BotSettings:
    """Settings of one life: much or little capital, one or two kinds of dollars, now this limit and now that."""
    cash = rng.choice([Decimal(1_000_000), Decimal(2_500), Decimal(60)])
    other = rng.choice(["USD", "USD", "USDC"])
    sizes = (
        SizingSettings("quote", Decimal(50)),
        SizingSettings("quote", Decimal(900), entries_max=2),
        SizingSettings("equity_share", Decimal("0.3")),
        SizingSettings("base", Decimal("0.02")),
    )
    risks = (
        RiskSettings(),
        RiskSettings(stop_loss=0.02, take_profit=0.03),
        RiskSettings(trailing_stop=0.02, drawdown_max=0.15, position_max=0.2),
    )
    grids: dict[str, dict[str, object]] = {}
    for pair in (BTC, ETH):
        grids[pair] = {"lot": rng.choice([Decimal("1e-8"), Decimal("1e-5")]), "lots_min": rng.choice([1, 10, 30])}
    fees = rng.choice(["quote", "received", "base"])
    listings = [listing_of("a", pair, fee_asset=fees, **grids[pair]) for pair in (BTC, ETH)]
    for pair in (BTC, ETH):
        if other == "USD":
            listings.append(listing_of("b", pair, **grids[pair]))
        else:
            listings.append(listing_of("b", f"{pair}C", quote=other, pair=pair, **grids[pair]))
    return settings_with(
        capital=2 * cash,
        venues=(venue_with("a", USD=str(cash)), venue_with("b", **{other: str(cash)})),
        listings=tuple(listings),
        watched=(PEG,) if other == "USDC" else (),
        sizing=rng.choice(sizes),
        risk=rng.choice(risks),
        guardrails=GuardrailSettings(
            order_value_max_quote=rng.choice([500.0, 2_000.0]),
            order_value_max_share=rng.choice([0.02, 0.5]),
            cooldown_s=rng.choice([60.0, 60.0, 1.0]),
            unexecuted_max=rng.choice([0.1, 1.0]),
            concentration_max=rng.choice([0.25, 1.0]),
            strict_exits=rng.random() < 0.1,
            protect_when_halted=rng.random() < 0.2,
        ),
    )


class WildBot(Bot):
    """A bot in a market that lies: venues are down, books are spoilt, clocks drift, and a coin leaves its peg."""

    peg: float | None = 1.0
    peg_age_s: float = 0.0
    down: tuple[str, ...] = ()
    skews: tuple[Skew, ...] = tuple(Skew(venue, 0.0) for venue in "ab")
    spoilt: tuple[str, str] = ("", "")

    def market(self, down: tuple[str, ...] = ()) -> Surroundings:
        """Every listed book, as it stands or as it is spoilt, and the market of the coin."""
        quotes = []
        for listing in self.settings.listings:
            if listing.venue in self.quoted:
                price = self.prices[listing.pair_id] / (1.0 if listing.quote == "USD" else self.peg or 1.0)
                quotes.append(self._spoil(quote_at(self.at_ns, listing.venue, listing.instrument, price)))
        if PEG in self.settings.watched and self.peg is not None:
            at_ns = self.at_ns - round(self.peg_age_s * SECOND_NS)
            quotes.append(Quote("a", PEG, at_ns, self.peg, ((self.peg - 1e-4, 1e6),), ((self.peg + 1e-4, 1e6),)))
        return Surroundings(tuple(quotes), down or self.down, self.skews)

    def _spoil(self, quote: Quote) -> Quote:
        venue, how = self.spoilt
        if venue != quote.venue:
            return quote
        bid, ask = quote.bids[0][0], quote.asks[0][0]
        spoils: dict[str, dict[str, object]] = {
            "nan": {"last": math.nan},
            "nan asks": {"asks": ((math.nan, 0.5),)},
            "zero": {"last": 0.0, "bids": ((0.0, 1.0),)},
            "crossed": {"bids": ((ask + 5, 0.5),)},
            "one-sided": {"bids": ()},
            "thin": {"asks": ((ask, 1e-5),), "bids": ((bid, 1e-5),)},
            "old": {"at_ns": quote.at_ns - 200 * SECOND_NS},
            "older": {"at_ns": quote.at_ns - 900 * SECOND_NS},
            "ahead": {"at_ns": quote.at_ns + 2 * SECOND_NS},
            "far off": {"last": quote.last * 1.2},
        }
        return msgspec.structs.replace(quote, **spoils[how])


SPOILS = ("nan", "nan asks", "zero", "crossed", "one-sided", "thin", "old", "older", "ahead", "far off")
LIMITS: dict[str, tuple[Any, ...]] = {
    "order_value_max_quote": (20.0, 500.0, 2_000.0),
    "order_value_max_share": (0.02, 0.5),
    "daily_loss_max": (0.01, 0.05, 0.5),
    "drawdown_max": (0.02, 0.1, 0.5),
    "loss_rate_max": (0.005, 0.02, 1.0),
    "concentration_max": (0.05, 0.25, 1.0),
    "cooldown_s": (0.0, 60.0, 300.0),
    "trades_max": (1, 5, 50),
    "trades_window_min": (1, 5, 20),
    "collar_max": (0.0001, 0.03),
    "open_orders_max": (1, 20),
    "open_orders_pair_max": (1, 5),
    "unexecuted_max": (0.001, 0.1, 1.0),
    "duplicate_window_s": (0.0, 5.0, 90.0),
    "rejects_max": (1, 3),
    "executions_max": (None, 3, 20),
    "fleet_grant": (False, False, True),
    "strict_exits": (False, False, True),
    "protect_when_halted": (False, True),
}
