"""How one exchange differs from the next."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from msgspec import Struct

from quarterdeck.domain import SECOND_NS, InputError
from quarterdeck.fills import FEE_STEP


class Personality(Struct, frozen=True):
    """
    The habits of an exchange.

    Attributes:
        validity_ns: A request is honoured up to this long after it was signed.
        lag_ns: Queries and lists do not show an accepted order before this has passed.
        client_id_scope: A client id is unique `ever`, only among `open` orders, or a second use `answers_old`: it
            is accepted and returns the first order.
        fee_asset: `quote`, `base`, `received` (base on buys, quote on sells), or an asset by name. An account that
            is short of a named asset pays in quote.
        fee_conversion: For a named fee asset: how many of its units one unit of each quote asset counts for.
        fee_step: Fees are cut to this step.
        depth_share: The share of each level's quantity that one quote gives away; below 1, orders fill in parts.
        market_remainder: What the book did not offer to a market order `expires`, or `rests` for the next quote.
        reply_carries: The reply to an order carries its `status` with what filled at once, or only its `id`.
        history_max: So many orders and trades stay known; then the oldest ended ones are forgotten, ids included.
    """

    validity_ns: int = 5 * SECOND_NS
    lag_ns: int = 0
    client_id_scope: Literal["ever", "open", "answers_old"] = "ever"
    fee_asset: str = "quote"
    fee_conversion: dict[str, Decimal] = {}
    fee_step: Decimal = FEE_STEP
    depth_share: float = 1.0
    market_remainder: Literal["expires", "rests"] = "expires"
    reply_carries: Literal["status", "id"] = "status"
    history_max: int = 100_000

    def __post_init__(self) -> None:
        if self.validity_ns <= 0 or self.lag_ns < 0 or self.fee_step <= 0 or self.history_max < 1:
            raise InputError("personality: validity, fee step and history must be above zero, lag not below")
        if not 0.0 < self.depth_share <= 1.0:
            raise InputError(f"personality: depth_share {self.depth_share} must lie in (0, 1]")
        if any(not amount > 0 for amount in self.fee_conversion.values()):
            raise InputError("personality: every fee_conversion must be above zero")
