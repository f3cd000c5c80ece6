"""How fast the exchange model takes orders: market orders that fill at once, and limit orders that are cancelled."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from bench.measuring import Effort, Measure, Spent
from bench.scene import FIRST_NS, PRICES, VENUES, listing
from quarterdeck.domain import OrderKind, Quote, Side, ensure
from quarterdeck.exchange import (
    Accepted,
    Exchange,
    MarginRules,
    NewOrder,
    OrderStatus,
    Personality,
    RateLimits,
    Received,
)

ORDERS_PER_S_MIN: Final = 20_000
ACCOUNT: Final = "bench"
VENUE: Final = VENUES[0]
SPOT: Final = next(iter(PRICES))
PERPETUAL: Final = f"{SPOT}:{SPOT.partition('-')[2]}"
QTY: Final = Decimal("0.001")
ASIDE: Final = Decimal(20_000)  # rests far from the market
MONEY: Final = {"USD": Decimal(10**9), "BTC": Decimal(10**6)}
RESTING: Final = 500
BUSY: Final = Personality(
    acks="async",
    stops=True,
    margin=MarginRules("USD"),
    limits=RateLimits(requests_max=10**9, orders_max=10**9),
    fills_lag_ns=1,
)

Round = Callable[[Exchange, int], Spent]


def exchange_orders(effort: Effort) -> list[Measure]:
    """Time the pure model by itself: every check, every lock, and the events included."""
    count = effort.of(4_000, 400)
    return [
        *_measured("exchange model, market orders placed and filled", _plain, _fill(SPOT), effort, count),
        *_measured("exchange model, limit orders placed and cancelled", _plain, _place_and_cancel, effort, count),
        *_measured("  the same beside 500 that rest", _crowded, _place_and_cancel, effort, count),
        *_measured("  market orders of a perpetual", _plain, _fill(PERPETUAL), effort, count, has_bound=False),
        *_measured("  decided later, with margin and limits", _busy, _decide_later, effort, count, has_bound=False),
    ]


def _measured(
    name: str, build: Callable[[], Exchange], turn: Round, effort: Effort, count: int, *, has_bound: bool = True
) -> list[Measure]:
    bound = ORDERS_PER_S_MIN if has_bound else None
    wall, cpu = [], []
    turn(build(), count // 4)
    for _ in range(effort.rounds):
        spent = turn(build(), count)
        wall.append(count / spent.wall_s)
        cpu.append(count / spent.cpu_s)
    return [
        Measure(name, "/s", wall, at_least=bound),
        Measure("  the same, by CPU time", "/s", cpu, at_least=bound),
    ]


def _plain() -> Exchange:
    return _opened(Personality())


def _busy() -> Exchange:
    return _opened(BUSY)


def _crowded() -> Exchange:
    exchange = _plain()
    for number in range(RESTING):
        exchange.place(ACCOUNT, _resting(f"r{number}"), signed_at_ns=FIRST_NS, at_ns=FIRST_NS)
    return exchange


def _opened(personality: Personality) -> Exchange:
    spot = listing(VENUE, SPOT)
    exchange = Exchange.opened(VENUE, [spot, replace(spot, instrument=PERPETUAL)], personality)
    for asset, amount in MONEY.items():
        exchange.deposit(ACCOUNT, asset, amount)
    for instrument in (SPOT, PERPETUAL):
        exchange.quote(_quote(instrument, FIRST_NS), tradable=True)
    return exchange


def _fill(instrument: str) -> Round:
    def turn(exchange: Exchange, count: int) -> Spent:
        orders = [
            NewOrder(f"c{number:017d}", instrument, _side(number), OrderKind.MARKET, QTY) for number in range(count)
        ]
        spent = Spent()
        with spent.measured():
            for number, order in enumerate(orders):
                if number % 100 == 0:  # fresh depth in between, or the book would run dry
                    exchange.quote(_quote(instrument, FIRST_NS + 1 + number), tradable=True)
                reply, events = exchange.place(ACCOUNT, order, signed_at_ns=FIRST_NS, at_ns=FIRST_NS)
                ensure(isinstance(reply, Accepted) and len(events) > 1, f"order {number} did not fill: {reply}")
        exchange.check()
        return spent

    return turn


def _place_and_cancel(exchange: Exchange, count: int) -> Spent:
    orders = [_resting(f"c{number:017d}") for number in range(count)]
    spent = Spent()
    with spent.measured():
        for order in orders:
            exchange.place(ACCOUNT, order, signed_at_ns=FIRST_NS, at_ns=FIRST_NS)
            reply, _ = exchange.cancel(ACCOUNT, order.client_id, FIRST_NS)
            ensure(isinstance(reply, Accepted), f"{order.client_id} was not cancelled: {reply}")
    exchange.check()
    return spent


def _decide_later(exchange: Exchange, count: int) -> Spent:
    orders = [_resting(f"c{number:017d}") for number in range(count)]
    spent = Spent()
    with spent.measured():
        for number, order in enumerate(orders):
            at_ns = FIRST_NS + 2 * number
            reply, _ = exchange.place(ACCOUNT, order, signed_at_ns=at_ns, at_ns=at_ns)
            told = exchange.advance(at_ns + 1)
            ensure(isinstance(reply, Received) and isinstance(told[0], OrderStatus), f"{reply} led to {told}")
            exchange.cancel(ACCOUNT, order.client_id, at_ns + 1)
    exchange.check()
    return spent


def _resting(client_id: str) -> NewOrder:
    return NewOrder(client_id, SPOT, Side.BUY, OrderKind.LIMIT, QTY, ASIDE)


def _quote(instrument: str, at_ns: int) -> Quote:
    price = PRICES[SPOT]
    levels = tuple(range(1, 6))
    bids = tuple((price - step, 1.0) for step in levels)
    asks = tuple((price + step, 1.0) for step in levels)
    return Quote(VENUE, instrument, at_ns, price, bids, asks)


def _side(number: int) -> Side:
    return Side.BUY if number % 2 == 0 else Side.SELL
