"""Random histories of an exchange with every habit there is: spot, margin, a perpetual, late decisions, faults."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from random import Random

from hypothesis import strategies as st
from msgspec.structs import replace

from quarterdeck.domain import OrderKind, Side
from quarterdeck.exchange import (
    Event,
    Exchange,
    FundingPaid,
    InterestCharged,
    Liquidated,
    MarginRules,
    NewOrder,
    OrderStatus,
    PerpetualRules,
    Personality,
    RateLimits,
    Trade,
)
from tests.exchange.trading_floor import ACCOUNT, PAIR, listing, opened, quote_at

Step = Callable[[Exchange, int], list[Event]]
PERP = "BTC-USD:USD"
LOT = Decimal("0.01")
STEP_NS = 20 * 60 * 1_000_000_000  # three steps an hour, so that interest falls due

PERSONALITIES = st.builds(
    Personality,
    fee_conversion=st.just({"USD": Decimal("0.0025")}),
    client_id_scope=st.sampled_from(["ever", "open", "forgets", "answers_old"]),
    depth_share=st.sampled_from([0.1, 0.5, 1.0]),
    market_remainder=st.sampled_from(["expires", "rests"]),
    lag_ns=st.sampled_from([0, 2]),
    fills_lag_ns=st.sampled_from([0, STEP_NS]),
    history_max=st.sampled_from([4, 1000]),
    limits=st.sampled_from([None, RateLimits(requests_max=3, orders_max=2, window_ns=3 * STEP_NS, ban_after=2)]),
    acks=st.just("async"),
    ack_lag_ns=st.sampled_from([0, 1, STEP_NS + 1]),
    stops=st.booleans(),
    cancel_all_scope=st.sampled_from(["prefix", "account"]),
    self_trade=st.sampled_from(["allow", "cancel_newest", "cancel_oldest"]),
    margin=st.sampled_from([None, MarginRules("USD", 10, Decimal("0.0001"))]),
    perpetuals=st.just(PerpetualRules(leverage_default=15, maintenance=Decimal("0.01"))),
    position_mode=st.sampled_from(["one_way", "hedge"]),
) | st.builds(
    Personality,
    fee_conversion=st.just({"USD": Decimal("0.0025")}),
    client_id_scope=st.sampled_from(["ever", "open", "answers_old"]),
    depth_share=st.sampled_from([0.1, 0.5, 1.0]),
    market_remainder=st.sampled_from(["expires", "rests"]),
    history_max=st.sampled_from([4, 1000]),
    stops=st.just(value=True),
    margin=st.sampled_from([None, MarginRules("USD", 10, Decimal("0.0001"))]),
    perpetuals=st.just(PerpetualRules(leverage_default=15, maintenance=Decimal("0.01"))),
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
QUANTITIES = st.integers(1, 400).map(lambda lots: lots * LOT)
TICKS = st.integers(900, 1100)
PRICES = TICKS.map(lambda ticks: ticks * Decimal("0.1"))
INSTRUMENTS = st.sampled_from([PAIR, PERP])


@st.composite
def places(draw: st.DrawFn) -> Step:
    kind = draw(st.sampled_from(OrderKind))
    instrument = draw(INSTRUMENTS)
    order = NewOrder(
        client_id=draw(CLIENT_IDS),
        instrument=instrument,
        side=draw(SIDES),
        order_kind=kind,
        qty=draw(QUANTITIES),
        limit=draw(PRICES) if kind is OrderKind.LIMIT else None,
        trigger=draw(PRICES) if kind is OrderKind.STOP else None,
        reduce_only=draw(st.booleans()),
    )
    hedged = draw(st.sampled_from(["long", "short"]))

    def place(exchange: Exchange, now: int) -> list[Event]:
        is_hedged = exchange.setup.personality.position_mode == "hedge" and instrument == PERP
        sided = replace(order, position_side=hedged) if is_hedged else order
        return exchange.place(ACCOUNT, sided, signed_at_ns=now, at_ns=now)[1]

    return place


@st.composite
def quotes(draw: st.DrawFn) -> Step:
    bid_ticks, spread, qty = draw(TICKS), draw(st.integers(-2, 40)), draw(st.sampled_from([0.0, 0.07, 0.5, 3.0]))
    tradable, instrument = draw(st.booleans()), draw(INSTRUMENTS)
    bid, ask = bid_ticks / 10, (bid_ticks + spread) / 10
    return lambda exchange, now: exchange.quote(
        quote_at(now, bid, ask, qty=qty, instrument=instrument), tradable=tradable
    )


@st.composite
def bars(draw: st.DrawFn) -> Step:
    low, high = sorted((draw(TICKS) / 10, draw(TICKS) / 10))
    instrument = draw(INSTRUMENTS)
    return lambda exchange, now: exchange.trade_range(instrument, low, high, now)


def cancels() -> st.SearchStrategy[Step]:
    return CLIENT_IDS.map(lambda client_id: lambda exchange, now: exchange.cancel(ACCOUNT, client_id, now)[1])


def sweeps() -> st.SearchStrategy[Step]:
    return st.sampled_from(["c1", ""]).map(
        lambda prefix: lambda exchange, now: exchange.cancel_all(ACCOUNT, prefix, now)[1]
    )


def fundings() -> st.SearchStrategy[Step]:
    rates = st.sampled_from(["0.001", "-0.002", "0.04"]).map(Decimal)
    return rates.map(lambda rate: lambda exchange, now: exchange.fund(PERP, rate, now))


def leverages() -> st.SearchStrategy[Step]:
    return st.sampled_from([1, 3, 20]).map(
        lambda leverage: lambda exchange, now: exchange.set_leverage(ACCOUNT, PERP, leverage, now)[1]
    )


def switches() -> st.SearchStrategy[Step]:
    return st.sampled_from([0, 1, 3 * STEP_NS]).map(
        lambda timeout_ns: lambda exchange, now: exchange.cancel_all_after(ACCOUNT, timeout_ns, now)[1]
    )


@st.composite
def faults(draw: st.DrawFn) -> Step:
    client_id, lots = draw(CLIENT_IDS), draw(st.integers(0, 50))
    kind = draw(st.sampled_from(["overfill", "hide", "expire", "read", "consume"]))

    def strike(exchange: Exchange, now: int) -> list[Event]:
        match kind:
            case "overfill":
                exchange.inject_overfill(ACCOUNT, lots)
            case "hide":
                exchange.hide(ACCOUNT, client_id, now + lots * STEP_NS)
            case "expire":
                return exchange.expire(ACCOUNT, client_id, now)
            case "read":
                exchange.admit(ACCOUNT, now)
                exchange.query(ACCOUNT, client_id, now)
            case _:
                exchange.consume(ACCOUNT, lots, now)
        return exchange.advance(now)

    return strike


@st.composite
def halts(draw: st.DrawFn) -> Step:
    tradable, instrument = draw(st.booleans()), draw(INSTRUMENTS)

    def relist(exchange: Exchange, _now: int) -> list[Event]:
        exchange.relist(replace(exchange.setup.listings[instrument], tradable=tradable))
        return []

    return relist


TRADING = st.one_of(places(), quotes())
REQUESTS = st.one_of(
    TRADING,
    TRADING,
    TRADING,
    TRADING,
    st.one_of(bars(), cancels(), sweeps(), faults(), fundings(), leverages(), switches()),
)
STEPS = st.lists(REQUESTS, min_size=12, max_size=60)
STEPS_AND_HALTS = st.lists(st.one_of(REQUESTS, REQUESTS, REQUESTS, halts()), min_size=12, max_size=60)


def started(personality: Personality, terms: dict[str, object]) -> Exchange:
    exchange = opened(personality, usd="1200", btc="5")
    exchange.relist(replace(exchange.setup.listings[PAIR], **terms))
    exchange.relist(replace(listing(), instrument=PERP, **{**terms, "fee_asset": "quote"}))
    exchange.deposit(ACCOUNT, "BNB", Decimal("0.001"))
    return exchange


def moved_by(events: Iterable[Event]) -> dict[str, Decimal]:
    """What events alone say that happened to the money of the account, what it owes taken off."""
    moved: dict[str, Decimal] = defaultdict(Decimal)
    for event in events:
        match event:
            case Trade(instrument=instrument, fee=fee, fee_asset=fee_asset):
                moved[fee_asset] -= fee
                if instrument == PERP:
                    moved["USD"] += event.realised
                else:
                    qty = event.side.sign * event.lots * LOT
                    moved["BTC"] += qty
                    moved["USD"] -= qty * event.price
            case FundingPaid(asset=asset, amount=amount):
                moved[asset] += amount
            case InterestCharged(asset=asset, amount=amount):
                moved[asset] -= amount
            case Liquidated(instrument="", forgiven=forgiven):
                for asset, amount in forgiven.items():
                    moved[asset] += amount
            case _:
                pass
    return moved


def long_lived(rng: Random) -> Personality:
    """Draw habits for a long history: all of an account may be borrowed and lost."""
    return Personality(
        depth_share=rng.choice([0.2, 1.0]),
        market_remainder=rng.choice(["expires", "rests"]),
        acks=rng.choice(["direct", "direct", "async"]),
        stops=True,
        client_id_scope="open",
        margin=MarginRules("USD", 10, Decimal("0.0001")) if rng.random() < 0.7 else None,
        perpetuals=PerpetualRules(leverage_default=15, maintenance=Decimal("0.01")),
    )


def wander(rng: Random, exchange: Exchange, now: int) -> list[Event]:
    """Take one random step: mostly orders near a price that wanders, sometimes a shock, a funding or a mass cancel."""
    instrument = rng.choice([PAIR, PERP])
    book = exchange.state.books.get(instrument)
    last = book.quote.last if book is not None else 100.0
    match rng.choices(["quote", "place", "bar", "shock", "fund", "cancel"], [40, 45, 8, 1, 3, 3])[0]:
        case "quote":
            price = min(max(last * rng.uniform(0.985, 1.015), 20.0), 400.0)
            quote = quote_at(now, price - 0.5, price + 0.5, qty=rng.choice([0.5, 3.0, 50.0]), instrument=instrument)
            return exchange.quote(quote, tradable=rng.random() < 0.8)
        case "shock":
            price = min(max(last * rng.choice([0.6, 0.8, 1.25, 1.6]), 20.0), 400.0)
            return exchange.quote(quote_at(now, price, price, qty=5.0, instrument=instrument), tradable=True)
        case "place":
            order = _drawn(rng, instrument, last)
            return exchange.place(ACCOUNT, order, signed_at_ns=now, at_ns=now)[1]
        case "bar":
            low, high = sorted((last * rng.uniform(0.95, 1.0), last * rng.uniform(0.98, 1.05)))
            return exchange.trade_range(instrument, low, high, now)
        case "fund":
            return exchange.fund(PERP, Decimal(rng.choice(["0.001", "-0.001", "0.02"])), now)
        case _:
            return exchange.cancel_all(ACCOUNT, "", now)[1]


def _drawn(rng: Random, instrument: str, last: float) -> NewOrder:
    kind = rng.choice([OrderKind.MARKET, OrderKind.MARKET, OrderKind.LIMIT, OrderKind.STOP])
    price = round(last * 10 * rng.uniform(0.97, 1.03)) * Decimal("0.1")
    return NewOrder(
        client_id=f"c{rng.randrange(10**9)}",
        instrument=instrument,
        side=rng.choice(list(Side)),
        order_kind=kind,
        qty=rng.choice([10, 200, 1500]) * LOT,
        limit=price if kind is OrderKind.LIMIT else None,
        trigger=price if kind is OrderKind.STOP else None,
        reduce_only=rng.random() < 0.2,
    )


def words_in(event: Event) -> set[str]:
    """Name what an event shows to have happened."""
    words = {type(event).__name__}
    match event:
        case Trade():
            words |= {event.liquidity, "realised" if event.realised else ""}
        case OrderStatus():
            words.add(event.reason.partition(":")[0])
        case Liquidated(forgiven=forgiven):
            words.add("forgiven" if forgiven else "")
        case InterestCharged(asset=asset):
            words.add("borrowed cash" if asset == "USD" else "a short")
        case _:
            pass
    return words
