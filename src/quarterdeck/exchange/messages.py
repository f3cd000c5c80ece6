"""What goes into the exchange and what comes out of it."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum, unique
from typing import Literal

from msgspec import Struct

from quarterdeck.domain import ZERO, OrderKind, OrderState, Side

RequestKind = Literal["order", "cancel", "read"]
PositionSide = Literal["both", "long", "short"]


@unique
class Refusal(StrEnum):
    """Why the exchange says no, or ended an order by itself."""

    EXPIRED_REQUEST = "expired_request"  # signed longer ago than the venue honours
    DUPLICATE_CLIENT_ID = "duplicate_client_id"
    UNKNOWN_ACCOUNT = "unknown_account"
    UNKNOWN_INSTRUMENT = "unknown_instrument"
    NOT_TRADABLE = "not_tradable"  # halted or delisted
    NOT_SUPPORTED = "not_supported"  # the exchange knows no such orders
    BAD_PRICE = "bad_price"  # a price that its kind of order must have is missing, not above zero, or one too many
    OFF_GRID = "off_grid"
    BELOW_MINIMUM = "below_minimum"
    ABOVE_MAXIMUM = "above_maximum"
    BELOW_MINIMUM_NOTIONAL = "below_minimum_notional"
    ABOVE_MAXIMUM_NOTIONAL = "above_maximum_notional"
    INSUFFICIENT_BALANCE = "insufficient_balance"
    WOULD_TRIGGER = "would_trigger"  # the market is beyond the trigger already
    BAD_POSITION_SIDE = "bad_position_side"  # it names a side where there is one position, or none where there are two
    REDUCE_ONLY = "reduce_only"  # there is nothing, or nothing more, to reduce
    BAD_LEVERAGE = "bad_leverage"
    ORDERS_OPEN = "orders_open"  # the leverage cannot change under working orders
    POSITION_OPEN = "position_open"  # nor under a position
    NO_LIQUIDITY = "no_liquidity"  # the book offered less than a market order wanted
    SELF_TRADE = "self_trade"
    LIQUIDATION = "liquidation"
    DEAD_MAN = "dead_man"  # the dead man's switch was not renewed in time
    UNKNOWN_ORDER = "unknown_order"
    ORDER_ENDED = "order_ended"
    RATE_LIMITED = "rate_limited"
    BANNED = "banned"


class NewOrder(Struct, frozen=True, gc=False):
    """
    An order as a customer words it: quantity in base units, prices in quote per base.

    A limit order has a `limit`, a stop order a `trigger` at which it becomes a market order. On a perpetual a
    `reduce_only` order never opens anything; `position_side` says which of two positions is meant.
    """

    client_id: str
    instrument: str
    side: Side
    order_kind: OrderKind
    qty: Decimal
    limit: Decimal | None = None
    trigger: Decimal | None = None
    reduce_only: bool = False
    position_side: PositionSide = "both"


class OrderStatus(Struct, frozen=True, tag=True, gc=False):
    """
    How an order stands: the answer to a query, and an event whenever it changes.

    `number` is the venue's own, rising with every accepted order; `price` is the average of what filled. An order that
    was received and not decided on yet is `planned`.
    """

    number: int
    account: str
    client_id: str
    instrument: str
    side: Side
    qty_lots: int
    filled_lots: int
    state: OrderState
    at_ns: int
    price: Decimal | None = None
    reason: str = ""
    limit: Decimal | None = None
    trigger: Decimal | None = None

    @property
    def venue_order_id(self) -> str:
        """The venue's id of the order."""
        return f"o{self.number}"


class Trade(Struct, frozen=True, tag=True, gc=False):
    """
    One execution. `cursor` numbers all trades of the exchange from 1 without gaps.

    `fee` is in units of `fee_asset`, above zero when paid; `liquidity` is maker, taker or liquidation. On a perpetual
    `realised` is what the trade brought to the cash of the account before its fee, below zero where it cost.
    """

    cursor: int
    order_number: int
    account: str
    client_id: str
    instrument: str
    side: Side
    lots: int
    price: Decimal
    fee: Decimal
    fee_asset: str
    liquidity: str
    at_ns: int
    realised: Decimal = ZERO

    @property
    def trade_id(self) -> str:
        """The venue's id of the trade."""
        return f"t{self.cursor}"


class FundingPaid(Struct, frozen=True, tag=True, gc=False):
    """
    A perpetual's funding; `amount` is what the account received, below zero where it paid.

    `from_margin` is as much of it as came out of the margin of the position, for cash was short.
    """

    funding_id: str
    account: str
    instrument: str
    asset: str
    amount: Decimal
    rate: Decimal
    mark: Decimal
    at_ns: int
    from_margin: Decimal = ZERO


class InterestCharged(Struct, frozen=True, tag=True, gc=False):
    """An hour's interest on what an account borrowed, above zero; `borrowed` is what it owes after it."""

    interest_id: str
    account: str
    asset: str
    amount: Decimal
    borrowed: Decimal
    at_ns: int


class Liquidated(Struct, frozen=True, tag=True, gc=False):
    """
    The exchange closed what an account could not carry any more; the trades were told before this.

    `instrument` is the perpetual, empty where a margin account was closed. What remained unpaid is `forgiven`, by
    asset.
    """

    account: str
    instrument: str
    forgiven: dict[str, Decimal]
    at_ns: int


class MarginState(Struct, frozen=True, gc=False):
    """
    How an account is margined on a perpetual.

    `lots` is the position, below zero for a short one; `liquidation_price` is 0 where there is none.
    """

    instrument: str
    leverage: int
    position_mode: Literal["one_way", "hedge"]
    lots: int = 0
    entry_price: Decimal = ZERO
    margin: Decimal = ZERO
    liquidation_price: Decimal = ZERO
    margin_mode: Literal["isolated"] = "isolated"


class Accepted(Struct, frozen=True, tag=True, gc=False):
    """The request was honoured; `status` is how the order stands after it."""

    status: OrderStatus


class Received(Struct, frozen=True, tag=True, gc=False):
    """
    The order was accepted under this number; how it stands is told by events and queries.

    Where it is `pending` it was not even decided on: a later event accepts or rejects it.
    """

    number: int
    client_id: str
    pending: bool = False

    @property
    def venue_order_id(self) -> str:
        """The venue's id of the order."""
        return f"o{self.number}"


class Refused(Struct, frozen=True, tag=True, gc=False):
    """The request was refused and changed nothing. For a rate limit it says after how long to ask again."""

    reason: Refusal
    detail: str = ""
    retry_after_ns: int = 0


Reply = Accepted | Received | Refused
Event = OrderStatus | Trade | FundingPaid | InterestCharged | Liquidated
