"""What happens to an account past its bots: people trade and move money by hand, and the venue acts by itself."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Final

from msgspec.structs import replace

from quarterdeck.domain import InputError, Listing, OrderKind, Quote, Side, lots_down, multiply
from quarterdeck.exchange import Event, Exchange, NewOrder, VenueOrder
from quarterdeck.simulator.plan import Fault, FaultKind

_K: Final = FaultKind
HAND: Final = "hand-"
"""What the client ids of people's own orders begin with."""
_AWAY: Final = 0.003

ONCE: Final = frozenset(
    {
        _K.OVERFILL,
        _K.MANUAL_ORDER,
        _K.MANUAL_TRADE,
        _K.DEPOSIT,
        _K.WITHDRAW,
        _K.LIQUIDATE,
        _K.FUNDING_SPIKE,
    }
)
"""The kinds that happen once, at their beginning."""


class Deeds:
    """Acts on one account of an exchange. Every method gives what the exchange told; nothing is refused loudly."""

    def __init__(self, exchange: Exchange, account: str) -> None:
        self._exchange = exchange
        self._account = account
        self._numbers = 0

    def do(self, fault: Fault, at_ns: int) -> list[Event]:
        """Let one of the kinds in `ONCE` happen, but for money, which `move` brings and takes."""
        match fault.kind:
            case FaultKind.MANUAL_ORDER | FaultKind.MANUAL_TRADE:
                return self._by_hand(fault, at_ns)
            case FaultKind.LIQUIDATE:
                return self._crash(fault, at_ns)
            case FaultKind.FUNDING_SPIKE:
                return self._exchange.fund(fault.what, Decimal(str(fault.size)), at_ns)
            case FaultKind.OVERFILL:
                self._exchange.inject_overfill(self._account, round(fault.size))
            case _:
                raise InputError(f"{fault.kind} is nothing that happens once")
        return []

    def move(self, asset: str, amount: Decimal) -> bool:
        """Bring money or, below zero, take it away; False where that much is not free."""
        try:
            self._exchange.deposit(self._account, asset, amount)
        except InputError:
            return False
        return True

    def fill_before_cancel(self, client_id: str, at_ns: int) -> list[Event]:
        """Let the market trade through a resting order at the last moment."""
        order = self._working(client_id)
        if order is None or order.limit_ticks is None or order.placed_at_ns >= at_ns:
            return []
        price = float(self._listing(order).tick) * order.limit_ticks
        return self._exchange.trade_range(order.instrument, price * (1.0 - 1e-4), price * (1.0 + 1e-4), at_ns)

    def works_since_ns(self, client_id: str, at_ns: int) -> int:
        """Say since when an order works; the given instant where it does not."""
        order = self._working(client_id)
        return at_ns if order is None else order.placed_at_ns

    def end_one(self, rng: Random, at_ns: int) -> list[Event]:
        """Let the venue end one working order by itself."""
        working = [order for order in self._orders() if order.client_id]
        return self._exchange.expire(self._account, rng.choice(working).client_id, at_ns) if working else []

    def take_back(self, at_ns: int) -> list[Event]:
        """Cancel what people left resting."""
        left = [order.client_id for order in self._orders() if order.client_id.startswith(HAND)]
        return [event for one in left for event in self._exchange.expire(self._account, one, at_ns, "taken back")]

    def _by_hand(self, fault: Fault, at_ns: int) -> list[Event]:
        listing = self._exchange.setup.listings.get(fault.what)
        book = self._exchange.state.books.get(fault.what)
        if listing is None or book is None or not book.quote.last > 0.0:
            return []
        side = Side.BUY if fault.size > 0.0 else Side.SELL
        price = book.quote.last * (1.0 - side.sign * _AWAY)
        lots = lots_down(abs(fault.size) / price, float(listing.lot))
        rests = fault.kind is _K.MANUAL_ORDER
        ticks = max(1, round(price / float(listing.tick)))
        self._numbers += 1
        order = NewOrder(
            client_id=f"{HAND}{self._numbers}",
            instrument=fault.what,
            side=side,
            order_kind=OrderKind.LIMIT if rests else OrderKind.MARKET,
            qty=multiply(listing.lot, Decimal(lots)),
            limit=multiply(listing.tick, Decimal(ticks)) if rests else None,
        )
        _, events = self._exchange.place(self._account, order, signed_at_ns=at_ns, at_ns=at_ns)
        return events

    def _crash(self, fault: Fault, at_ns: int) -> list[Event]:
        """Let the price of an instrument jump, so that positions which cannot bear it are liquidated."""
        book = self._exchange.state.books.get(fault.what)
        if book is None:
            return []
        return self._exchange.quote(jumped(book.quote, fault.size, at_ns), tradable=True)

    def _working(self, client_id: str) -> VenueOrder | None:
        return next((order for order in self._orders() if order.client_id == client_id), None)

    def _orders(self) -> list[VenueOrder]:
        orders = self._exchange.state.orders.values()
        return [order for order in orders if order.is_working and order.account == self._account]

    def _listing(self, order: VenueOrder) -> Listing:
        return self._exchange.setup.listings[order.instrument]


def jumped(quote: Quote, share: float, at_ns: int) -> Quote:
    """Give a quote whose prices lie a share of themselves higher or, below zero, lower."""
    factor = 1.0 + share
    return replace(
        quote,
        at_ns=at_ns,
        last=quote.last * factor,
        bids=tuple((price * factor, qty) for price, qty in quote.bids),
        asks=tuple((price * factor, qty) for price, qty in quote.asks),
    )
