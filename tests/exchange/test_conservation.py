from collections import defaultdict
from decimal import Decimal
from random import Random

from hypothesis import given

from quarterdeck.exchange import Event, Exchange, OrderStatus, Personality, Trade
from tests.exchange.histories import (
    PERP,
    PERSONALITIES,
    STEP_NS,
    STEPS_AND_HALTS,
    TERMS,
    Step,
    long_lived,
    moved_by,
    started,
    wander,
    words_in,
)
from tests.exchange.trading_floor import ACCOUNT

HISTORIES = 24


@given(personality=PERSONALITIES, terms=TERMS, steps=STEPS_AND_HALTS)
def test_every_asset_is_conserved_and_explained_by_the_events(
    personality: Personality, terms: dict[str, object], steps: list[Step]
) -> None:
    """I19: cash, holdings, fees, interest and funding; nothing comes from nowhere."""
    exchange = started(personality, terms)
    before = exchange.totals(ACCOUNT)
    events: list[Event] = []
    for now, step in enumerate(steps, start=1):
        events += step(exchange, now * STEP_NS)
        exchange.check()
        moved = moved_by(events)
        assert exchange.totals(ACCOUNT) == {asset: amount + moved[asset] for asset, amount in before.items()}
        for free, locked in exchange.balances(ACCOUNT).values():
            assert free >= 0
            assert locked >= 0
    trades = [event for event in events if isinstance(event, Trade)]
    assert [trade.cursor for trade in trades] == list(range(1, len(trades) + 1))


@given(personality=PERSONALITIES, terms=TERMS, steps=STEPS_AND_HALTS)
def test_events_alone_tell_how_every_order_stands(
    personality: Personality, terms: dict[str, object], steps: list[Step]
) -> None:
    exchange = started(personality, terms)
    told: dict[int, OrderStatus] = {}
    filled: dict[int, int] = defaultdict(int)
    for now, step in enumerate(steps, start=1):
        for event in step(exchange, now * STEP_NS):
            if isinstance(event, Trade):
                filled[event.order_number] += event.lots
            elif isinstance(event, OrderStatus):
                earlier = told.get(event.number)
                assert earlier is None or earlier.filled_lots <= event.filled_lots
                told[event.number] = event
    for number, order in exchange.state.orders.items():
        assert exchange.status(order) == told[number]
        assert order.filled_lots == filled[number] <= order.qty_lots + order.overfill_lots


@given(personality=PERSONALITIES, terms=TERMS, steps=STEPS_AND_HALTS)
def test_positions_are_the_sum_of_their_trades(
    personality: Personality, terms: dict[str, object], steps: list[Step]
) -> None:
    exchange = started(personality, terms)
    lots = 0
    for now, step in enumerate(steps, start=1):
        trades = [event for event in step(exchange, now * STEP_NS) if isinstance(event, Trade)]
        lots += sum(trade.side.sign * trade.lots for trade in trades if trade.instrument == PERP)
        positions = exchange.state.head.positions.get(ACCOUNT, {})
        assert sum(position.lots for position in positions.values()) == lots
        if personality.position_mode == "hedge":
            assert all(position.lots * (1 if key.endswith("long") else -1) > 0 for key, position in positions.items())


@given(personality=PERSONALITIES, terms=TERMS, steps=STEPS_AND_HALTS)
def test_the_same_history_gives_the_same_bytes_with_and_without_restarts(
    personality: Personality, terms: dict[str, object], steps: list[Step]
) -> None:
    through, restarted = started(personality, terms), started(personality, terms)
    for now, step in enumerate(steps, start=1):
        events = step(through, now * STEP_NS)
        data = restarted.to_bytes()
        restarted = Exchange.from_bytes(data)
        assert restarted.to_bytes() == data
        assert step(restarted, now * STEP_NS) == events
    assert restarted.to_bytes() == through.to_bytes()


def test_long_histories_conserve_everything_and_reach_what_they_are_for() -> None:
    """A property that is never put to the test proves nothing."""
    reached: set[str] = set()
    for seed in range(HISTORIES):
        rng = Random(seed)
        exchange = started(long_lived(rng), {})
        before, moved = exchange.totals(ACCOUNT), defaultdict[str, Decimal](Decimal)
        for now in range(1, 201):
            events = wander(rng, exchange, now * STEP_NS)
            reached.update(*(words_in(event) for event in events))
            for asset, amount in moved_by(events).items():
                moved[asset] += amount
            exchange.check()
            assert exchange.totals(ACCOUNT) == {asset: amount + moved[asset] for asset, amount in before.items()}
        assert Exchange.from_bytes(exchange.to_bytes()).to_bytes() == exchange.to_bytes()
    assert reached >= {"InterestCharged", "FundingPaid", "Liquidated", "maker", "taker", "liquidation", "realised"}
    assert reached >= {"triggered", "reduce_only", "insufficient_balance", "forgiven", "borrowed cash", "a short"}
