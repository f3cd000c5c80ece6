"""The one place where a trade is written down."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple, Protocol

from quarterdeck.domain import ZERO, Bug, Listing, multiply
from quarterdeck.exchange.grid import Level
from quarterdeck.exchange.messages import Trade
from quarterdeck.exchange.state import ExchangeState, VenueOrder

TAKER = "taker"
MAKER = "maker"
LIQUIDATION = "liquidation"


class Desk(Protocol):
    """What pays for the trades of one kind of instrument. Every method leaves the ledger balanced."""

    def need(self, order: VenueOrder, levels: list[Level]) -> Decimal:
        """Tell what an order must hold of its lock asset to fill at these levels, the dearer fee included."""
        ...

    def available(self, order: VenueOrder) -> Decimal:
        """Tell what the order could hold at most."""
        ...

    def hold(self, order: VenueOrder, amount: Decimal) -> None:
        """Make the order hold exactly this much of its lock asset."""
        ...

    def trade(self, order: VenueOrder, ticks: int, lots: int, liquidity: str) -> Trade:
        """Execute a part of an order at a price."""
        ...


class Part(NamedTuple):
    """One execution: whole ticks and lots, maker or taker, what it paid, and what it brought."""

    ticks: int
    lots: int
    liquidity: str
    fee: Decimal
    fee_asset: str
    realised: Decimal = ZERO


def record(state: ExchangeState, order: VenueOrder, part: Part) -> Trade:
    """Write a trade down: in its order, and at the end of all trades."""
    if not 0 < part.lots <= order.left_lots:
        raise Bug(f"order o{order.number}: would fill beyond its quantity")
    head = state.head
    order.filled_lots += part.lots
    order.filled_tick_lots += part.ticks * part.lots
    head.trade_number += 1
    trade = Trade(
        cursor=head.trade_number,
        order_number=order.number,
        account=order.account,
        client_id=order.client_id,
        instrument=order.instrument,
        side=order.side,
        lots=part.lots,
        price=multiply(Decimal(part.ticks), state.setup.listings[order.instrument].tick),
        fee=part.fee,
        fee_asset=part.fee_asset,
        liquidity=part.liquidity,
        at_ns=head.now_ns,
        realised=part.realised,
    )
    state.trades.append(trade)
    return trade


def sizes(listing: Listing, ticks: int, lots: int) -> tuple[Decimal, Decimal]:
    """Give the quantity in base units and the notional in quote of so many lots at so many ticks."""
    qty = multiply(Decimal(lots), listing.lot)
    return qty, multiply(qty, multiply(Decimal(ticks), listing.tick))
