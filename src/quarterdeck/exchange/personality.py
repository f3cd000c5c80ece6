"""How one exchange differs from the next."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from msgspec import Struct

from quarterdeck.domain import MINUTE_NS, SECOND_NS, InputError


class RateLimits(Struct, frozen=True):
    """
    How many requests an account may send.

    Attributes:
        requests_max: Requests of any kind in one window; None for no bound.
        orders_max: New orders in one window; None for no bound.
        window_ns: The length of a window; windows lie end to end from the epoch on.
        ban_after: The account is banned once so many requests in a row were refused for the limits; None for never.
        ban_ns: How long a ban lasts.
        ban_lengthens: A request that comes during a ban lets it begin anew.
    """

    requests_max: int | None = None
    orders_max: int | None = None
    window_ns: int = 10 * SECOND_NS
    ban_after: int | None = None
    ban_ns: int = 2 * MINUTE_NS
    ban_lengthens: bool = False

    def __post_init__(self) -> None:
        if self.window_ns <= 0 or self.ban_ns <= 0:
            raise InputError("rate limits: window and ban must be above zero")
        if any(bound is not None and bound < 1 for bound in (self.requests_max, self.orders_max, self.ban_after)):
            raise InputError("rate limits: a bound must be at least 1, or none at all")


class MarginRules(Struct, frozen=True):
    """
    How spot accounts may borrow.

    Attributes:
        asset: In this asset everything is valued; only listings quoted in it are traded on margin.
        leverage_max: What an account holds may be worth up to so many times its equity.
        interest_per_hour: Fraction of what is borrowed, charged at each whole hour.
        maintenance: The account is liquidated once its equity is not above this fraction of what it borrowed.
    """

    asset: str
    leverage_max: int = 3
    interest_per_hour: Decimal = Decimal("0.00001")
    maintenance: Decimal = Decimal("0.1")

    def __post_init__(self) -> None:
        if not self.asset or self.leverage_max < 1:
            raise InputError("margin: name the asset; the leverage must be at least 1")
        if not 0 <= self.interest_per_hour < 1:
            raise InputError("margin: interest must lie in [0, 1)")
        if not 0 < self.maintenance * max(1, self.leverage_max - 1) < 1:
            raise InputError("margin: maintenance must be above zero and below the equity at the highest leverage")


class PerpetualRules(Struct, frozen=True):
    """
    How perpetuals are margined; each position stands alone with its own margin.

    Attributes:
        leverage_default: The leverage of an instrument before an account sets another.
        leverage_max: The highest that can be set.
        maintenance: A position is liquidated once its margin and its profit at the mark together are not above this
            fraction of its value.
    """

    leverage_default: int = 1
    leverage_max: int = 20
    maintenance: Decimal = Decimal("0.005")

    def __post_init__(self) -> None:
        if not 1 <= self.leverage_default <= self.leverage_max:
            raise InputError("perpetuals: the default leverage must lie from 1 to the highest")
        if not 0 < self.maintenance * self.leverage_max < 1:
            raise InputError("perpetuals: maintenance must be above zero and below the margin at the highest leverage")


class Personality(Struct, frozen=True):
    """
    The habits of an exchange. The defaults are those of a plain, forgiving spot exchange.

    Attributes:
        validity_ns: A request is honoured up to this long after it was signed.
        lag_ns: Queries and lists do not show an accepted order before this has passed.
        fills_lag_ns: Lists of trades do not show a trade before this has passed; the stream tells it at once.
        client_id_scope: A client id is unique `ever`, or only among `open` orders; one that `forgets` is as `open`, and
            an ended order cannot be found by its client id any more; or a second use `answers_old`: it is accepted,
            returns the first order, and places nothing.
        fee_conversion: For listings that take their fee in an asset by name: how many of its units one unit of each
            quote asset counts for. An account that is short of it, or a quote without conversion, pays in quote.
        depth_share: The share of each level's quantity that one quote gives away; below 1, orders fill in parts.
        market_remainder: What the book did not offer to a market order `expires`, or `rests` for the next quote.
        reply_carries: The reply to an order carries its `status` with what filled at once, or only its `id`.
        history_max: So many orders and trades stay known; then the oldest ended ones are forgotten, ids included.
        limits: What bounds the requests of each account; None for nothing.
        acks: An order is decided on at once (`direct`); or the reply says only that it was received, and acceptance or
            refusal is an event (`async`).
        ack_lag_ns: How long an asynchronous decision takes.
        pending_visible: A query shows an order that was received and not decided on; otherwise it is not known yet.
        streams: The news of an account carry `all`, statuses of `orders` without trades, or nothing (`none`).
        stops: Stop orders may rest here.
        stops_refuse_crossed: A stop order that would trigger at once is refused; otherwise it triggers at once.
        cancel_all_scope: A mass cancel takes the orders whose client id has the `prefix`, or all of the `account`.
        self_trade: What becomes of an order that would meet one of the same account: `allow`, `cancel_newest` cancels
            the new order, `cancel_oldest` those that it would meet.
        margin: How spot accounts may borrow; None for not at all.
        perpetuals: How perpetuals are margined.
        position_mode: A perpetual has one position (`one_way`), or one in each direction (`hedge`); then orders say
            which they mean.
    """

    validity_ns: int = 5 * SECOND_NS
    lag_ns: int = 0
    client_id_scope: Literal["ever", "open", "forgets", "answers_old"] = "ever"
    fee_conversion: dict[str, Decimal] = {}
    depth_share: float = 1.0
    market_remainder: Literal["expires", "rests"] = "expires"
    reply_carries: Literal["status", "id"] = "status"
    history_max: int = 100_000
    fills_lag_ns: int = 0
    limits: RateLimits | None = None
    acks: Literal["direct", "async"] = "direct"
    ack_lag_ns: int = 0
    pending_visible: bool = False
    streams: Literal["all", "orders", "none"] = "all"
    stops: bool = False
    stops_refuse_crossed: bool = False
    cancel_all_scope: Literal["prefix", "account"] = "prefix"
    self_trade: Literal["allow", "cancel_newest", "cancel_oldest"] = "allow"
    margin: MarginRules | None = None
    perpetuals: PerpetualRules = PerpetualRules()
    position_mode: Literal["one_way", "hedge"] = "one_way"

    @property
    def shown_after_ns(self) -> int:
        """How long after its arrival an accepted order is shown at the latest."""
        return self.ack_lag_ns + self.lag_ns

    def __post_init__(self) -> None:
        if self.validity_ns <= 0 or min(self.lag_ns, self.fills_lag_ns) < 0 or self.history_max < 1:
            raise InputError("personality: validity and history must be above zero, lags not below")
        if self.ack_lag_ns < 0 or (self.acks == "direct" and self.ack_lag_ns):
            raise InputError('personality: ack_lag_ns must not lie below zero, and needs acks: "async"')
        if self.stops_refuse_crossed and not self.stops:
            raise InputError("personality: stops_refuse_crossed needs stops")
        if not 0.0 < self.depth_share <= 1.0:
            raise InputError(f"personality: depth_share {self.depth_share} must lie in (0, 1]")
        if any(not amount > 0 for amount in self.fee_conversion.values()):
            raise InputError("personality: every fee_conversion must be above zero")
