"""What goes into the exchange and what comes out of it."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum, unique

from msgspec import Struct

from quarterdeck.domain import OrderKind, OrderState, Side


@unique
class Refusal(StrEnum):
    """Why the exchange says no, or ended an order by itself."""

    EXPIRED_REQUEST = "expired_request"  # signed longer ago than the venue honours
    DUPLICATE_CLIENT_ID = "duplicate_client_id"
    UNKNOWN_ACCOUNT = "unknown_account"
    UNKNOWN_INSTRUMENT = "unknown_instrument"
    NOT_TRADABLE = "not_tradable"  # halted or delisted
    BAD_PRICE = "bad_price"  # a limit order without a price, a market order with one, or a price not above zero
    OFF_GRID = "off_grid"
    BELOW_MINIMUM = "below_minimum"
    ABOVE_MAXIMUM = "above_maximum"
    BELOW_MINIMUM_NOTIONAL = "below_minimum_notional"
    ABOVE_MAXIMUM_NOTIONAL = "above_maximum_notional"
    INSUFFICIENT_BALANCE = "insufficient_balance"
    NO_LIQUIDITY = "no_liquidity"  # the book offered less than a market order wanted
    UNKNOWN_ORDER = "unknown_order"
    ORDER_ENDED = "order_ended"


class NewOrder(Struct, frozen=True):
    """An order as a customer words it: quantity in base units, limit in quote per base (None for a market order)."""

    client_id: str
    instrument: str
    side: Side
    order_kind: OrderKind
    qty: Decimal
    limit: Decimal | None = None


class OrderStatus(Struct, frozen=True, tag=True, gc=False):
    """
    How an order stands: the answer to a query, and an event whenever it changes.

    `number` is the venue's own, rising with every accepted order; `price` is the average of what filled.
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

    @property
    def venue_order_id(self) -> str:
        """The venue's id of the order."""
        return f"o{self.number}"


class Trade(Struct, frozen=True, tag=True, gc=False):
    """
    One execution. `cursor` numbers all trades of the exchange from 1 without gaps.

    `fee` is in units of `fee_asset`, above zero when paid; `liquidity` is maker or taker.
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

    @property
    def trade_id(self) -> str:
        """The venue's id of the trade."""
        return f"t{self.cursor}"


class Accepted(Struct, frozen=True, tag=True, gc=False):
    """The request was honoured; `status` is how the order stands after it."""

    status: OrderStatus


class Received(Struct, frozen=True, tag=True, gc=False):
    """The order was accepted under this number; how it stands is told by events and queries."""

    number: int
    client_id: str

    @property
    def venue_order_id(self) -> str:
        """The venue's id of the order."""
        return f"o{self.number}"


class Refused(Struct, frozen=True, tag=True, gc=False):
    """The request was refused and changed nothing."""

    reason: Refusal
    detail: str = ""


Reply = Accepted | Received | Refused
Event = OrderStatus | Trade
