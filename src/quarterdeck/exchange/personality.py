"""How one exchange differs from the next."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from msgspec import Struct

from quarterdeck.domain import SECOND_NS, InputError


class Personality(Struct, frozen=True):
    """
    The habits of an exchange.

    Attributes:
        validity_ns: A request is honoured up to this long after it was signed.
        lag_ns: Queries and lists do not show an accepted order before this has passed.
        client_id_scope: A client id is unique `ever`, only among `open` orders, or a second use `answers_old`: it
            is accepted and returns the first order.
        fee_conversion: For listings that take their fee in an asset by name: how many of its units one unit of each
            quote asset counts for. An account that is short of it, or a quote without conversion, pays in quote.
        depth_share: The share of each level's quantity that one quote gives away; below 1, orders fill in parts.
        market_remainder: What the book did not offer to a market order `expires`, or `rests` for the next quote.
        reply_carries: The reply to an order carries its `status` with what filled at once, or only its `id`.
        history_max: So many orders and trades stay known; then the oldest ended ones are forgotten, ids included.
    """

    validity_ns: int = 5 * SECOND_NS
    lag_ns: int = 0
    client_id_scope: Literal["ever", "open", "answers_old"] = "ever"
    fee_conversion: dict[str, Decimal] = {}
    depth_share: float = 1.0
    market_remainder: Literal["expires", "rests"] = "expires"
    reply_carries: Literal["status", "id"] = "status"
    history_max: int = 100_000

    def __post_init__(self) -> None:
        if self.validity_ns <= 0 or self.lag_ns < 0 or self.history_max < 1:
            raise InputError("personality: validity and history must be above zero, lag not below")
        if not 0.0 < self.depth_share <= 1.0:
            raise InputError(f"personality: depth_share {self.depth_share} must lie in (0, 1]")
        if any(not amount > 0 for amount in self.fee_conversion.values()):
            raise InputError("personality: every fee_conversion must be above zero")
