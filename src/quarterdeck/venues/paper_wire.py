"""What travels between a bot and a paper venue in its own process: frames of msgpack behind their length."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Final, Literal

import msgspec
from msgspec import Struct

from quarterdeck.domain import Listing, Quote
from quarterdeck.exchange import (
    Accepted,
    Event,
    MarginState,
    NewOrder,
    OrderStatus,
    Personality,
    Received,
    Refused,
    Trade,
)

PAPER_PROCESS: Final = "quarterdeck.venues.paper_process"
FRAME_BYTES_MAX: Final = 16 * 1024 * 1024
_LENGTH_BYTES: Final = 4


class PaperConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """
    How a paper venue in its own process is set up the first time it starts.

    `accounts` says what each account holds then: account → asset → amount. `clock` is the machine's (`wall`), or
    the highest instant that a customer or the market told (`told`), for markets in recorded time.
    """

    venue: str
    listings: tuple[Listing, ...]
    accounts: dict[str, dict[str, Decimal]]
    personality: Personality = Personality()
    clock: Literal["wall", "told"] = "wall"


class Hello(Struct, frozen=True, tag=True):
    """The first frame of a connection: whose account it speaks for."""

    account: str


class Place(Struct, frozen=True, tag=True):
    """An order, signed."""

    order: NewOrder
    signed_at_ns: int


class Cancel(Struct, frozen=True, tag=True):
    """A cancel by client id."""

    client_id: str


class Query(Struct, frozen=True, tag=True):
    """A question about one order."""

    client_id: str


class FillsAfter(Struct, frozen=True, tag=True):
    """A question for trades beyond a cursor."""

    cursor: int
    client_prefix: str


class ReadAccount(Struct, frozen=True, tag=True):
    """A question for balances and working orders."""


class ReadListings(Struct, frozen=True, tag=True):
    """A question for everything that the venue lists."""


class PushQuote(Struct, frozen=True, tag=True):
    """
    Market data; it closes by force what it makes unbearable, unless it `liquidates` nothing.

    A price of a bar fills resting limit orders only where it lies beyond them: it went `through` them.
    """

    quote: Quote
    tradable: bool
    liquidates: bool = True
    through: bool = False


class PushRange(Struct, frozen=True, tag=True):
    """The range of a bar that ended."""

    instrument: str
    low: float
    high: float
    at_ns: int


class PushFunding(Struct, frozen=True, tag=True):
    """The settlement of a perpetual: longs pay this fraction of their worth to shorts."""

    instrument: str
    rate: Decimal
    at_ns: int


class ReadMargin(Struct, frozen=True, tag=True):
    """A question for how the account is margined on a perpetual."""

    instrument: str


class SetLeverage(Struct, frozen=True, tag=True):
    """A wish for another leverage on a perpetual."""

    instrument: str
    leverage: int


Request = (
    Hello
    | Place
    | Cancel
    | Query
    | FillsAfter
    | ReadAccount
    | ReadListings
    | ReadMargin
    | SetLeverage
    | PushQuote
    | PushRange
    | PushFunding
)


class Call(Struct, frozen=True):
    """A request with the customer's clock. Number 0 wants no answer."""

    number: int
    at_ns: int
    body: Request


class Welcome(Struct, frozen=True, tag=True):
    """The answer to Hello."""

    venue: str
    validity_ns: int
    lag_ns: int
    stops: bool = False


class Found(Struct, frozen=True, tag=True):
    """The answer to Query; None where the order is not known or not visible."""

    status: OrderStatus | None


class Trades(Struct, frozen=True, tag=True):
    """The answer to FillsAfter."""

    trades: tuple[Trade, ...]


class Holdings(Struct, frozen=True, tag=True):
    """
    The answer to ReadAccount: what the account has, less what it borrowed, and its working orders.

    `positions` are those in perpetuals, in base units with their sign, None where the venue lists none.
    """

    totals: dict[str, Decimal]
    orders: tuple[OrderStatus, ...]
    positions: dict[str, Decimal] | None = None


class Listed(Struct, frozen=True, tag=True):
    """The answer to ReadListings."""

    listings: tuple[Listing, ...]


class Margined(Struct, frozen=True, tag=True):
    """The answer to ReadMargin and, where it was not refused, to SetLeverage."""

    state: MarginState
    maintenance: Decimal


class Failed(Struct, frozen=True, tag=True):
    """The request makes no sense to the venue; nothing was done."""

    text: str


Body = Welcome | Accepted | Received | Refused | Found | Trades | Holdings | Listed | Margined | Failed


class Answer(Struct, frozen=True, tag=True):
    """The answer to the call of this number, with the venue's clock."""

    number: int
    venue_at_ns: int
    body: Body


class News(Struct, frozen=True, tag=True):
    """Something happened to an order of the account."""

    event: Event


Frame = Answer | News

CALLS: Final = msgspec.msgpack.Decoder(Call)
FRAMES: Final[msgspec.msgpack.Decoder[Answer | News]] = msgspec.msgpack.Decoder(Answer | News)
_ENCODER: Final = msgspec.msgpack.Encoder()


class GarbledError(Exception):
    """What arrived is no frame of ours; the connection cannot be used any more."""


def frame_of(message: Call | Frame) -> bytes:
    """Encode a message behind its length, 4 bytes big-endian."""
    body = _ENCODER.encode(message)
    return len(body).to_bytes(_LENGTH_BYTES, "big") + body


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """
    Read one whole frame.

    Raises:
        GarbledError: If the length is absurd.
        IncompleteReadError: If the connection ended.
    """
    length = int.from_bytes(await reader.readexactly(_LENGTH_BYTES), "big")
    if length > FRAME_BYTES_MAX:
        raise GarbledError(f"a frame of {length} bytes, at most {FRAME_BYTES_MAX}")
    return await reader.readexactly(length)
