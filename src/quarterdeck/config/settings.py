"""A bot's configuration, checked: what `load_bot` returns and everything above reads."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct

from quarterdeck.domain import (
    MINUTE_NS,
    ZERO,
    BotSettings,
    GuardrailSettings,
    Listing,
    RiskSettings,
    SizingSettings,
    VenueSettings,
    add,
    ensure,
    instrument_from,
    quantize,
    share_of,
    subtract,
)
from quarterdeck.exchange import Personality
from quarterdeck.feeds import Derivation

TIMEFRAMES_NS: Final = {
    "1m": MINUTE_NS,
    "5m": 5 * MINUTE_NS,
    "15m": 15 * MINUTE_NS,
    "1h": 60 * MINUTE_NS,
    "4h": 240 * MINUTE_NS,
    "1d": 1440 * MINUTE_NS,
}
CASH_STEP: Final = Decimal("1e-8")


class FeeSettings(Struct, frozen=True):
    """What a venue charges, as fractions of notional."""

    maker: Decimal = Decimal("0.004")
    taker: Decimal = Decimal("0.006")


class GridSettings(Struct, frozen=True):
    """The grid on which a paper venue trades an instrument: tick in quote per base, lot in base, notional in quote."""

    tick: Decimal = Decimal("0.01")
    lot: Decimal = Decimal("0.00000001")
    lots_min: int = 1
    lots_max: int = 10**13
    notional_min: Decimal = Decimal(1)


class ExchangeSettings(Struct, frozen=True):
    """
    One paper venue.

    `balances` is what the account holds when it is opened: asset → amount. `spread_bps` and `depth_quote` (per side,
    in quote) make books of candles. `derivation` says how its prices differ from the recorded or synthetic ones,
    None for not at all. With `socket` the venue is a process of its own behind that socket.
    """

    name: str
    fees: FeeSettings
    balances: dict[str, Decimal]
    kind: Literal["paper"] = "paper"
    spread_bps: float = 2.0
    depth_quote: float = 250_000.0
    derivation: Derivation | None = None
    socket: Path | None = None
    grids: dict[str, GridSettings] = {}
    personality: Personality = Personality()

    def listing(self, pair: str) -> Listing:
        """Say how this venue lists a pair."""
        instrument, grid = instrument_from(pair), self.grids.get(pair, GridSettings())
        return Listing(
            venue=self.name,
            instrument=pair,
            base=instrument.base,
            quote=instrument.quote,
            tick=grid.tick,
            lot=grid.lot,
            lots_min=grid.lots_min,
            lots_max=grid.lots_max,
            notional_min=grid.notional_min,
            fee_maker=self.fees.maker,
            fee_taker=self.fees.taker,
        )


class MarketSettings(Struct, frozen=True):
    """The synthetic market that runs where nothing is replayed: its seed, and where each pair's price starts."""

    source: Literal["synthetic"] = "synthetic"
    seed: int = 7
    start: dict[str, float] = {}


class StrategySettings(Struct, frozen=True):
    """
    Which strategy decides, on which bars, with which parameters.

    `file` is None for one that comes with the house; `hash` pins the source that was read (sha256, hexadecimal).
    """

    name: str
    timeframe: str
    timeframe_ns: int
    parameters: dict[str, object]
    hash: str
    file: Path | None = None


class BotConfig(Struct, frozen=True):
    """
    Everything one bot's file says, checked and with defaults filled in.

    `not_enforced` names keys of the file whose rule this version does not have yet.
    """

    path: Path
    name: str
    mode: Literal["paper"]
    base_currency: str
    capital: Decimal
    exchanges: tuple[ExchangeSettings, ...]
    strategy: StrategySettings
    pairs: tuple[str, ...]
    market: MarketSettings
    sizing: SizingSettings = SizingSettings()
    risk: RiskSettings = RiskSettings()
    guardrails: GuardrailSettings = GuardrailSettings()
    cancel_on_shutdown: bool = True
    not_enforced: tuple[str, ...] = ()

    @property
    def timeframe_ns(self) -> int:
        """The length of one bar."""
        return self.strategy.timeframe_ns

    @property
    def at_par(self) -> tuple[str, ...]:
        """The assets that count one for one: the base currency, then the stablecoins."""
        others = (coin for coin in self.guardrails.stablecoins if coin != self.base_currency)
        return (self.base_currency, *others)

    def engine_settings(self, price_age_ns_max: int) -> BotSettings:
        """
        Say what the engine needs of all this.

        Args: the age up to which a price still counts; it depends on where prices come from.
        """
        cash = split_capital(self.capital, self.at_par, {venue.name: venue.balances for venue in self.exchanges})
        return BotSettings(
            bot=self.name,
            base_currency=self.base_currency,
            capital=self.capital,
            pairs=self.pairs,
            venues=tuple(
                VenueSettings(
                    name=venue.name,
                    validity_ns=venue.personality.validity_ns,
                    lag_ns=venue.personality.lag_ns,
                    cash=cash[venue.name],
                )
                for venue in self.exchanges
            ),
            listings=tuple(venue.listing(pair) for venue in self.exchanges for pair in self.pairs),
            sizing=self.sizing,
            risk=self.risk,
            guardrails=self.guardrails,
            price_age_ns_max=price_age_ns_max,
            cancel_on_shutdown=self.cancel_on_shutdown,
        )


def split_capital(
    capital: Decimal, at_par: tuple[str, ...], balances: dict[str, dict[str, Decimal]]
) -> dict[str, dict[str, Decimal]]:
    """
    Split a bot's capital over what its accounts hold, in proportion, exactly adding up to it.

    Args:
        capital: What the bot may call its own, in base currency; at most what the accounts hold.
        at_par: The assets that count as base currency, one for one.
        balances: Venue → asset → amount.

    Returns:
        Venue → asset → amount, nowhere more than the account holds.
    """
    held = [
        (venue, asset, holdings[asset])
        for venue, holdings in balances.items()
        for asset in at_par
        if holdings.get(asset, ZERO) > 0
    ]
    total = ZERO
    for _, _, amount in held:
        total = add(total, amount)
    ensure(ZERO < capital <= total, "the capital exceeds what the accounts hold; load_bot refuses that")
    shares = [quantize(share_of(capital, amount, total), CASH_STEP, ROUND_DOWN) for _, _, amount in held]
    rest = capital
    for share in shares:
        rest = subtract(rest, share)
    split: dict[str, dict[str, Decimal]] = {venue: {} for venue in balances}
    for (venue, asset, amount), share in zip(held, shares, strict=True):
        # What rounding left over goes where there is room, first come first served.
        extra = min(rest, subtract(amount, share))
        rest = subtract(rest, extra)
        split[venue][asset] = add(share, extra)
    ensure(rest == ZERO, "the shares of the capital do not add up to it")
    return split
