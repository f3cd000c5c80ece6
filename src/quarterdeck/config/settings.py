"""A bot's configuration, checked: what `load_bot` returns and everything above reads."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct

from quarterdeck.domain import (
    MINUTE_NS,
    SECOND_NS,
    ZERO,
    BotSettings,
    GuardrailSettings,
    HoldingDeclared,
    Listing,
    OrderSettings,
    RiskSettings,
    RoutingSettings,
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
ORDER_TIMEOUT_MIN: Final = 10.0
NAKED_MAX_S: Final = 30.0
SEED: Final = (0, 2**31)
SPREAD_BPS: Final = 2.0
DEPTH_QUOTE: Final = 250_000.0
CASH_STEP: Final = Decimal("1e-8")


class FeeSettings(Struct, frozen=True):
    """
    What a venue charges, as fractions of notional, and in what.

    `asset` is quote, base, received (base on buys, quote on sells) or an asset by name; fees are rounded to `step`.
    """

    maker: Decimal = Decimal("0.004")
    taker: Decimal = Decimal("0.006")
    asset: str = "quote"
    step: Decimal = Decimal("1e-8")
    rounding: Literal["down", "up", "half_even"] = "down"


class GridSettings(Struct, frozen=True):
    """The grid on which a paper venue trades an instrument: tick in quote per base, lot in base, notional in quote."""

    tick: Decimal = Decimal("0.01")
    lot: Decimal = Decimal("0.00000001")
    lots_min: int = 1
    lots_max: int = 10**13
    notional_min: Decimal = Decimal(1)
    notional_max: Decimal | None = None


class ExchangeSettings(Struct, frozen=True):
    """
    One paper venue.

    `pairs` are the instruments that it lists; `counts_as` says as which of the bot's pairs an instrument counts, those
    without an entry are only looked at. `key` names the account's key. `balances` is what the account holds when it is
    opened: asset → amount; `holdings` are positions that the bot starts with beside that. Where `proves_absence` is off
    denials alone never settle an unknown order. `protective_orders` says who holds the stop of a position here.
    `spread_bps` and `depth_quote` (per side, in quote) make books of candles. `derivation`
    says how its prices differ from the recorded or synthetic ones, None for not at all. `funding` are the recordings
    of what perpetuals paid, by instrument. With `socket` the venue is a process of its own behind that socket.
    """

    name: str
    fees: FeeSettings
    balances: dict[str, Decimal]
    pairs: tuple[str, ...] = ()
    counts_as: dict[str, str] = {}
    kind: Literal["paper"] = "paper"
    key: str = ""
    spread_bps: float = SPREAD_BPS
    depth_quote: float = DEPTH_QUOTE
    derivation: Derivation | None = None
    socket: Path | None = None
    grids: dict[str, GridSettings] = {}
    personality: Personality = Personality()
    habits: str = "plain"
    proves_absence: bool = True
    protective_orders: Literal["bot", "venue"] = "bot"
    holdings: tuple[HoldingDeclared, ...] = ()
    funding: dict[str, Path] = {}

    @property
    def account(self) -> dict[str, Decimal]:
        """What the account holds when it is opened, the coins of the declared positions included."""
        held = dict(self.balances)
        for one in self.holdings:
            base = instrument_from(one.instrument).base
            held[base] = add(held.get(base, ZERO), one.qty)
        return held

    @property
    def listings(self) -> tuple[Listing, ...]:
        """Everything that this venue lists, traded by the bot or only looked at."""
        return tuple(self.listing(instrument) for instrument in self.pairs)

    @property
    def traded(self) -> tuple[Listing, ...]:
        """What of it counts as a pair of the bot."""
        return tuple(self.listing(instrument) for instrument in self.pairs if instrument in self.counts_as)

    def listing(self, instrument: str) -> Listing:
        """Say how this venue lists an instrument."""
        known, grid = instrument_from(instrument), self.grids.get(instrument, GridSettings())
        pair = self.counts_as.get(instrument, instrument)
        return Listing(
            venue=self.name,
            instrument=instrument,
            base=known.base,
            quote=known.quote,
            tick=grid.tick,
            lot=grid.lot,
            lots_min=grid.lots_min,
            lots_max=grid.lots_max,
            notional_min=grid.notional_min,
            notional_max=grid.notional_max,
            fee_maker=self.fees.maker,
            fee_taker=self.fees.taker,
            fee_asset=self.fees.asset,
            fee_step=self.fees.step,
            fee_rounding=self.fees.rounding,
            pair="" if pair == instrument else pair,
        )


class MarketSettings(Struct, frozen=True):
    """The synthetic market that runs where nothing is replayed: its seed, and where each instrument's price starts."""

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

    `pairs` are all that the bot knows, `approved` those of them that it may open (None for all). `watch` are
    instruments whose prices are only looked at. `lines` says where each setting stands in the file, `changes` what was
    set at run time, both by path.
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
    approved: tuple[str, ...] | None = None
    equivalent_quotes: tuple[tuple[str, ...], ...] = ()
    watch: tuple[str, ...] = ()
    routing: RoutingSettings = RoutingSettings()
    sizing: SizingSettings = SizingSettings()
    risk: RiskSettings = RiskSettings()
    guardrails: GuardrailSettings = GuardrailSettings()
    cancel_on_shutdown: bool = True
    orders: OrderSettings = OrderSettings()
    order_timeout_min: float = ORDER_TIMEOUT_MIN
    naked_max_s: float = NAKED_MAX_S
    lines: dict[str, int] = {}
    changes: dict[str, str] = {}

    @property
    def timeframe_ns(self) -> int:
        """The length of one bar."""
        return self.strategy.timeframe_ns

    @property
    def holdings(self) -> tuple[HoldingDeclared, ...]:
        """The positions that the bot starts with, on all its exchanges."""
        return tuple(holding for venue in self.exchanges for holding in venue.holdings)

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
        money = self.capital
        for holding in self.holdings:
            money = subtract(money, holding.cost)
        cash = split_capital(money, self.at_par, {venue.name: venue.balances for venue in self.exchanges})
        return BotSettings(
            bot=self.name,
            base_currency=self.base_currency,
            capital=self.capital,
            pairs=self.pairs,
            venues=tuple(
                VenueSettings(
                    name=venue.name,
                    validity_ns=venue.personality.validity_ns,
                    lag_ns=venue.personality.shown_after_ns,
                    cash=cash[venue.name],
                    holdings=venue.holdings,
                    proves_absence=venue.proves_absence,
                    stops=venue.protective_orders == "venue",
                )
                for venue in self.exchanges
            ),
            listings=tuple(listing for venue in self.exchanges for listing in venue.traded),
            sizing=self.sizing,
            risk=self.risk,
            guardrails=self.guardrails,
            routing=self.routing,
            approved=self.approved,
            watched=self.watch,
            price_age_ns_max=price_age_ns_max,
            cancel_on_shutdown=self.cancel_on_shutdown,
            order_timeout_ns=int(self.order_timeout_min * MINUTE_NS),
            naked_ns_max=int(self.naked_max_s * SECOND_NS),
            orders=self.orders,
        )


def split_capital(
    capital: Decimal, at_par: tuple[str, ...], balances: dict[str, dict[str, Decimal]]
) -> dict[str, dict[str, Decimal]]:
    """
    Split a bot's capital over what its accounts hold, in proportion, exactly adding up to it.

    Args:
        capital: What the bot may call its own in cash, in base currency; at most what the accounts hold.
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
    ensure(ZERO <= capital <= total, "the capital exceeds what the accounts hold; load_bot refuses that")
    if total == ZERO:
        return {venue: {} for venue in balances}
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
