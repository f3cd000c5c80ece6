"""What a bot was told to do, as the engine sees it: frozen, validated by `config`, journaled when it changes."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from msgspec import Struct

from quarterdeck.domain.instruments import Listing
from quarterdeck.domain.money_facts import HoldingDeclared

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
DAY_NS = 24 * 60 * MINUTE_NS


class SizingSettings(Struct, frozen=True):
    """
    How large an opening intent asks to be.

    `quote`: value is an amount of base currency; `equity_share`: a fraction of equity; `base`: a base quantity.
    `entries_max` 1 means that a position is never added to.
    """

    kind: Literal["quote", "equity_share", "base"] = "quote"
    value: Decimal = Decimal(50)
    entries_max: int = 1
    confidence_min: float = 0.0


class RiskSettings(Struct, frozen=True):
    """
    A bot's own limits beside the guardrails; of two that speak of one thing the stricter wins.

    `stop_loss`, `take_profit` (fractions of a position's average cost) and `trailing_stop` (a fraction of its highest
    mark) are protective exits. `drawdown_max` counts from the highest index ever, `position_max` is the share of
    equity in one pair. None switches one off. `short` lets a SELL open a short position, on perpetuals only;
    `leverage_max` is the leverage that perpetuals are traded with, a whole number.
    """

    stop_loss: float | None = None
    take_profit: float | None = None
    trailing_stop: float | None = None
    drawdown_max: float | None = None
    position_max: float | None = None
    short: bool = False
    leverage_max: float = 1.0


class OrderSettings(Struct, frozen=True):
    """
    How what a strategy wants is sent: entries at the market, or as limit orders `entry_offset` better than the price.

    The offset is a fraction of the price that the decision saw, 0 for that price itself. Exits go at the market.
    """

    entry: Literal["market", "limit"] = "market"
    entry_offset: float = 0.0


class GuardrailSettings(Struct, frozen=True):
    """
    The thresholds of the guardrails; which rules exist is fixed in code.

    Shares are fractions of equity, the unit of everything else stands last in its name. `collar_…` are distances from
    the reference price, `book_walk_max` that of the average price of a market order from the best level, both as
    fractions. `qty_max` caps base quantities by pair; without an entry it is `qty_value_multiple` times what G4 allows
    at the reference price. `executions_max` None means that no count of executions calls for a person.
    """

    order_value_max_quote: float = 500.0
    order_value_max_share: float = 0.02
    daily_loss_max: float = 0.05
    drawdown_max: float = 0.10
    drawdown_window_days: int = 7
    loss_rate_max: float = 0.02
    loss_rate_window_min: int = 30
    loss_rate_pause_min: int = 15
    concentration_max: float = 0.25
    cooldown_s: float = 60.0
    trades_max: int = 5
    trades_window_min: int = 5
    headroom_share: float = 0.01
    stablecoins: tuple[str, ...] = ("USDT", "USDC", "DAI", "BUSD")
    stablecoin_band: float = 0.01
    collar_max: float = 0.03
    collar_exit_max: float = 0.08
    book_walk_max: float = 0.01
    data_age_max_s: float = 10.0
    data_age_exit_max_s: float = 300.0
    qty_max: dict[str, float] = {}
    qty_value_multiple: float = 10.0
    open_orders_max: int = 20
    open_orders_pair_max: int = 5
    unexecuted_max: float = 0.10
    duplicate_window_s: float = 5.0
    clock_skew_max_ms: float = 500.0
    rejects_max: int = 3
    executions_max: int | None = None
    leverage_max: float = 3.0
    margin_mode: Literal["isolated", "cross"] = "isolated"
    liquidation_multiple_min: float = 2.0
    fleet_grant: bool = False
    grant_valid_s: float = 60.0
    strict_exits: bool = False
    protect_when_halted: bool = False


class RoutingSettings(Struct, frozen=True):
    """
    How the venue of an opening order is chosen.

    `best_price`: the cheapest after depth and fee. `symbol_map`: the venue that `symbols` names for the pair, else
    `venue`. `fixed`: always `venue`.
    """

    policy: Literal["best_price", "symbol_map", "fixed"] = "best_price"
    venue: str = ""
    symbols: dict[str, str] = {}


class VenueSettings(Struct, frozen=True):
    """
    What the engine must know of one venue.

    `validity_ns` is how long after signing a request the venue still honours it, `lag_ns` how late an accepted
    order may become visible, and `cash` what the bot may call its own there when it first starts, beside the positions
    in `holdings`. Where `proves_absence` is off the venue enforces no such bound: then only positive evidence or a
    person ends an unknown order. `stops`: protective orders may rest at the venue.
    """

    name: str
    validity_ns: int
    lag_ns: int
    cash: dict[str, Decimal]
    holdings: tuple[HoldingDeclared, ...] = ()
    proves_absence: bool = True
    stops: bool = False


class BotSettings(Struct, frozen=True):
    """
    Everything the engine reads besides its own state, its input and the surroundings of that input.

    `pairs` are all the pairs that the bot knows and has prices of; `approved` those of them that it may open, None for
    all. `watched` are instruments whose prices are only looked at, to value what they price. `price_age_ns_max` is
    the age up to which a price may open something (E2): two bars in replays, 0 for the setting `data_age_max_s` where
    prices stream; `mark_age_ns_max` that up to which it may value what is held: five minutes, or two bars. What has
    not filled `order_timeout_ns` after its plan is cancelled, 0 for never; protective orders stay. A position whose
    stop order cannot be placed at its venue for `naked_ns_max` is sold at the market. `mark_every_ns` is how often the
    bot is marked to market: once a minute, in replays of longer bars once a bar.
    """

    bot: str
    base_currency: str
    capital: Decimal
    pairs: tuple[str, ...]
    venues: tuple[VenueSettings, ...]
    listings: tuple[Listing, ...]
    sizing: SizingSettings = SizingSettings()
    risk: RiskSettings = RiskSettings()
    guardrails: GuardrailSettings = GuardrailSettings()
    routing: RoutingSettings = RoutingSettings()
    approved: tuple[str, ...] | None = None
    watched: tuple[str, ...] = ()
    send_within_ns: int = 5 * SECOND_NS
    price_age_ns_max: int = 5 * MINUTE_NS
    mark_age_ns_max: int = 5 * MINUTE_NS
    absences_min: int = 3
    cancel_on_shutdown: bool = True
    order_timeout_ns: int = 10 * MINUTE_NS
    naked_ns_max: int = 30 * SECOND_NS
    orders: OrderSettings = OrderSettings()
    mark_every_ns: int = MINUTE_NS


class SettingChange(Struct, frozen=True, array_like=True):
    """One setting by its path in the bot file, with its value before and after, as a file would spell them."""

    path: str
    before: str
    after: str
