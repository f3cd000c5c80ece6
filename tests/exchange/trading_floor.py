"""Builders that the tests of the exchange and of the paper venue share."""

from decimal import Decimal

from msgspec.structs import replace

from quarterdeck.domain import Listing, OrderKind, OrderState, Quote, Side
from quarterdeck.exchange import Accepted, Event, Exchange, NewOrder, OrderStatus, Personality, Refusal, Refused, Trade

PAIR = "BTC-USD"
ACCOUNT = "main"
SECOND = 1_000_000_000


def listing(instrument: str = PAIR, venue: str = "alpha", **changes: object) -> Listing:
    base, quote = instrument.split("-")
    plain = Listing(
        venue=venue,
        instrument=instrument,
        base=base,
        quote=quote,
        tick=Decimal("0.1"),
        lot=Decimal("0.01"),
        lots_min=1,
        lots_max=100_000,
        notional_min=Decimal(5),
        fee_maker=Decimal("0.001"),
        fee_taker=Decimal("0.002"),
    )
    return replace(plain, **changes)


def quote_at(
    at_ns: int, bid: float = 99.0, ask: float = 101.0, *, qty: float = 1.0, instrument: str = PAIR, levels: int = 3
) -> Quote:
    bids = tuple((bid - step, qty) for step in range(levels))
    asks = tuple((ask + step, qty) for step in range(levels))
    return Quote("alpha", instrument, at_ns, (bid + ask) / 2, bids, asks)


def opened(personality: Personality | None = None, usd: str = "10000", btc: str = "10", **changes: object) -> Exchange:
    """An exchange with one listing, changed as named, and one account."""
    exchange = Exchange.opened("alpha", [replace(listing(), **changes)], personality)
    exchange.deposit(ACCOUNT, "USD", Decimal(usd))
    exchange.deposit(ACCOUNT, "BTC", Decimal(btc))
    return exchange


def market(client_id: str, side: Side, qty: str, instrument: str = PAIR) -> NewOrder:
    return NewOrder(client_id, instrument, side, OrderKind.MARKET, Decimal(qty))


def limit(client_id: str, side: Side, qty: str, price: str, instrument: str = PAIR) -> NewOrder:
    return NewOrder(client_id, instrument, side, OrderKind.LIMIT, Decimal(qty), Decimal(price))


def place(
    exchange: Exchange, order: NewOrder, at_ns: int = 1, account: str = ACCOUNT
) -> tuple[OrderStatus, list[Event]]:
    """Place an order that must be accepted, and check the books after it."""
    reply, events = exchange.place(account, order, signed_at_ns=at_ns, at_ns=at_ns)
    assert isinstance(reply, Accepted), reply
    exchange.check()
    return reply.status, events


def refusal(
    exchange: Exchange, order: NewOrder, *, signed_at_ns: int = 1, at_ns: int = 1, account: str = ACCOUNT
) -> Refusal:
    """Place an order that must be refused without a trace."""
    before = exchange.balances(ACCOUNT)
    reply, events = exchange.place(account, order, signed_at_ns=signed_at_ns, at_ns=at_ns)
    assert isinstance(reply, Refused), reply
    assert events == []
    assert exchange.balances(ACCOUNT) == before
    exchange.check()
    return reply.reason


def state_of(exchange: Exchange, client_id: str) -> OrderState | None:
    status = exchange.query(ACCOUNT, client_id, 0)
    return None if status is None else status.state


def trades_in(events: list[Event]) -> list[Trade]:
    return [event for event in events if isinstance(event, Trade)]


def statuses_in(events: list[Event]) -> list[OrderStatus]:
    return [event for event in events if isinstance(event, OrderStatus)]


def free(exchange: Exchange, asset: str) -> Decimal:
    return exchange.balances(ACCOUNT)[asset][0]


def locked(exchange: Exchange, asset: str) -> Decimal:
    return exchange.balances(ACCOUNT)[asset][1]
