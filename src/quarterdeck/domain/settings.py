"""What a bot was told to do, as the engine sees it: frozen, validated by `config`, journaled when it changes."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from msgspec import Struct

from quarterdeck.domain.instruments import Listing

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS


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
    """The protective exits of every position, as fractions of its average cost; None switches one off."""

    stop_loss: float | None = None
    take_profit: float | None = None


class GuardrailSettings(Struct, frozen=True):
    """The thresholds of the guardrails; which rules exist is fixed in code."""

    order_value_max_quote: float = 500.0
    order_value_max_share: float = 0.02
    loss_rate_max: float = 0.02
    loss_rate_window_min: int = 30
    loss_rate_pause_min: int = 15
    cooldown_s: float = 60.0
    headroom_share: float = 0.01
    stablecoins: tuple[str, ...] = ("USDT", "USDC", "DAI", "BUSD")
    strict_exits: bool = False
    protect_when_halted: bool = False


class VenueSettings(Struct, frozen=True):
    """
    What the engine must know of one venue.

    `validity_ns` is how long after signing a request the venue still honours it, `lag_ns` how late an accepted
    order may become visible, and `cash` what the bot may call its own there when it first starts.
    """

    name: str
    validity_ns: int
    lag_ns: int
    cash: dict[str, Decimal]


class BotSettings(Struct, frozen=True):
    """Everything the engine reads besides its own state, its input and the surroundings of that input."""

    bot: str
    base_currency: str
    capital: Decimal
    pairs: tuple[str, ...]
    venues: tuple[VenueSettings, ...]
    listings: tuple[Listing, ...]
    sizing: SizingSettings = SizingSettings()
    risk: RiskSettings = RiskSettings()
    guardrails: GuardrailSettings = GuardrailSettings()
    send_within_ns: int = 5 * SECOND_NS
    price_age_ns_max: int = 5 * MINUTE_NS
    absences_min: int = 3
    cancel_on_shutdown: bool = True
