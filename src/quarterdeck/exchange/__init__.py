"""
A pure model of an exchange: accounts, books, matching, ids and the habits in which exchanges differ.

It stands under the paper venue, the simulator and the event backtest alike. It has no clock: every request says
when it arrives. Quotes given from outside are its liquidity.
"""

from quarterdeck.exchange.exchange import Exchange
from quarterdeck.exchange.messages import (
    Accepted,
    Event,
    FundingPaid,
    InterestCharged,
    Liquidated,
    MarginState,
    NewOrder,
    OrderStatus,
    PositionSide,
    Received,
    Refusal,
    Refused,
    Reply,
    RequestKind,
    Trade,
)
from quarterdeck.exchange.personality import MarginRules, PerpetualRules, Personality, RateLimits
from quarterdeck.exchange.state import Book, ExchangeState, Head, Position, Setup, VenueOrder

__all__ = [
    "Accepted",
    "Book",
    "Event",
    "Exchange",
    "ExchangeState",
    "FundingPaid",
    "Head",
    "InterestCharged",
    "Liquidated",
    "MarginRules",
    "MarginState",
    "NewOrder",
    "OrderStatus",
    "PerpetualRules",
    "Personality",
    "Position",
    "PositionSide",
    "RateLimits",
    "Received",
    "Refusal",
    "Refused",
    "Reply",
    "RequestKind",
    "Setup",
    "Trade",
    "VenueOrder",
]
