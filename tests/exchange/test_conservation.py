from collections import defaultdict
from collections.abc import Callable, Sequence
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from quarterdeck.domain import Side
from quarterdeck.exchange import Event, Exchange, OrderStatus, Personality, Trade
from tests.exchange.trading_floor import ACCOUNT, PAIR, limit, market, opened, quote_at

Step = Callable[[Exchange, int], list[Event]]
LOT = Decimal("0.01")

PERSONALITIES = st.builds(
    Personality,
    fee_conversion=st.just({"USD": Decimal("0.0025")}),
    client_id_scope=st.sampled_from(["ever", "open", "answers_old"]),
    depth_share=st.sampled_from([0.1, 0.5, 1.0]),
    market_remainder=st.sampled_from(["expires", "rests"]),
    lag_ns=st.sampled_from([0, 2]),
    history_max=st.sampled_from([4, 1000]),
)
TERMS = st.fixed_dictionaries(
    {
        "fee_asset": st.sampled_from(["quote", "base", "received", "BNB"]),
        "fee_step": st.sampled_from([Decimal("1e-8"), Decimal("0.01"), Decimal("0.3")]),
        "fee_rounding": st.sampled_from(["down", "up", "half_even"]),
        "notional_max": st.sampled_from([None, Decimal(300)]),
    }
)
SIDES = st.sampled_from(Side)
CLIENT_IDS = st.integers(0, 30).map("c{}".format)
QUANTITIES = st.integers(1, 400).map(lambda lots: str(lots * LOT))
TICKS = st.integers(900, 1100)


@st.composite
def places(draw: st.DrawFn) -> Step:
    side, client_id, qty = draw(SIDES), draw(CLIENT_IDS), draw(QUANTITIES)
    price = draw(st.none() | TICKS.map(lambda ticks: str(ticks * Decimal("0.1"))))
    order = market(client_id, side, qty) if price is None else limit(client_id, side, qty, price)
    return lambda exchange, now: exchange.place(ACCOUNT, order, signed_at_ns=now, at_ns=now)[1]


@st.composite
def quotes(draw: st.DrawFn) -> Step:
    bid_ticks, spread, qty = draw(TICKS), draw(st.integers(-2, 40)), draw(st.sampled_from([0.0, 0.07, 0.5, 3.0]))
    tradable = draw(st.booleans())
    bid, ask = bid_ticks / 10, (bid_ticks + spread) / 10
    return lambda exchange, now: exchange.quote(quote_at(now, bid, ask, qty=qty), tradable=tradable)


@st.composite
def bars(draw: st.DrawFn) -> Step:
    low, high = sorted((draw(TICKS) / 10, draw(TICKS) / 10))
    return lambda exchange, now: exchange.trade_range(PAIR, low, high, now)


def cancels() -> st.SearchStrategy[Step]:
    return CLIENT_IDS.map(lambda client_id: lambda exchange, now: exchange.cancel(ACCOUNT, client_id, now)[1])


def sweeps() -> st.SearchStrategy[Step]:
    return st.sampled_from(["c1", ""]).map(
        lambda prefix: lambda exchange, now: exchange.cancel_all(ACCOUNT, prefix, now)
    )


@st.composite
def halts(draw: st.DrawFn) -> Step:
    tradable = draw(st.booleans())

    def relist(exchange: Exchange, _now: int) -> list[Event]:
        exchange.relist(replace(exchange.setup.listings[PAIR], tradable=tradable))
        return []

    return relist


REQUESTS = st.one_of(places(), places(), places(), quotes(), quotes(), bars(), cancels(), sweeps())
STEPS = st.lists(REQUESTS, min_size=12, max_size=60)
STEPS_AND_HALTS = st.lists(st.one_of(REQUESTS, halts()), min_size=12, max_size=60)


def started(personality: Personality, terms: dict[str, object]) -> Exchange:
    exchange = opened(personality, usd="1200", btc="5")
    exchange.relist(replace(exchange.setup.listings[PAIR], **terms))
    exchange.deposit(ACCOUNT, "BNB", Decimal("0.001"))
    return exchange


def totals(exchange: Exchange) -> dict[str, Decimal]:
    return {asset: free + locked for asset, (free, locked) in exchange.balances(ACCOUNT).items()}


def moved_by(trades: Sequence[Trade]) -> dict[str, Decimal]:
    """What the trades alone did to the account."""
    moved: dict[str, Decimal] = defaultdict(Decimal)
    for trade in trades:
        qty = trade.side.sign * trade.lots * LOT
        moved["BTC"] += qty
        moved["USD"] -= qty * trade.price
        moved[trade.fee_asset] -= trade.fee
    return moved


@given(personality=PERSONALITIES, terms=TERMS, steps=STEPS_AND_HALTS)
def test_every_asset_is_conserved_and_explained_by_the_trades(
    personality: Personality, terms: dict[str, object], steps: list[Step]
) -> None:
    exchange = started(personality, terms)
    before = totals(exchange)
    trades: list[Trade] = []
    for now, step in enumerate(steps, start=1):
        trades += [event for event in step(exchange, now) if isinstance(event, Trade)]
        exchange.check()
        moved = moved_by(trades)
        assert totals(exchange) == {asset: amount + moved[asset] for asset, amount in before.items()}
        for free, locked in exchange.balances(ACCOUNT).values():
            assert free >= 0
            assert locked >= 0
    assert [trade.cursor for trade in trades] == list(range(1, len(trades) + 1))


@given(personality=PERSONALITIES, terms=TERMS, steps=STEPS_AND_HALTS)
def test_events_alone_tell_how_every_order_stands(
    personality: Personality, terms: dict[str, object], steps: list[Step]
) -> None:
    exchange = started(personality, terms)
    told: dict[int, OrderStatus] = {}
    filled: dict[int, int] = defaultdict(int)
    for now, step in enumerate(steps, start=1):
        for event in step(exchange, now):
            if isinstance(event, Trade):
                filled[event.order_number] += event.lots
            else:
                earlier = told.get(event.number)
                assert earlier is None or earlier.filled_lots <= event.filled_lots <= event.qty_lots
                told[event.number] = event
    for number, order in exchange.state.orders.items():
        assert exchange.status(order) == told[number]
        assert order.filled_lots == filled[number]


@given(personality=PERSONALITIES, terms=TERMS, steps=STEPS_AND_HALTS)
def test_the_same_history_gives_the_same_bytes_with_and_without_restarts(
    personality: Personality, terms: dict[str, object], steps: list[Step]
) -> None:
    through, restarted = started(personality, terms), started(personality, terms)
    for now, step in enumerate(steps, start=1):
        events = step(through, now)
        data = restarted.to_bytes()
        restarted = Exchange.from_bytes(data)
        assert restarted.to_bytes() == data
        assert step(restarted, now) == events
    assert restarted.to_bytes() == through.to_bytes()
