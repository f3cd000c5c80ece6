"""
A pure model of an exchange: accounts, books, matching, ids and the habits in which exchanges differ.

It stands under the paper venue, the simulator and the event backtest alike. It has no clock: every request says
when it arrives. Quotes given from outside are its liquidity.
"""

from quarterdeck.exchange.exchange import Exchange
from quarterdeck.exchange.messages import (
    Accepted,
    Event,
    NewOrder,
    OrderStatus,
    Received,
    Refusal,
    Refused,
    Reply,
    Trade,
)
from quarterdeck.exchange.personality import Personality
from quarterdeck.exchange.state import Book, ExchangeState, Head, Setup, VenueOrder

__all__ = [
    "Accepted",
    "Book",
    "Event",
    "Exchange",
    "ExchangeState",
    "Head",
    "NewOrder",
    "OrderStatus",
    "Personality",
    "Received",
    "Refusal",
    "Refused",
    "Reply",
    "Setup",
    "Trade",
    "VenueOrder",
]
