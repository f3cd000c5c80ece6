"""R40 to R65 as far as today's system has the matter: books, feeds, thin markets, logs, memory, strategies, alerts."""

import asyncio
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from quarterdeck.domain import Action, OrderKind, OrderPlanned, Quote, Side, SignalGiven, Surroundings
from quarterdeck.engine import encode_state
from quarterdeck.feeds import BarBatch
from quarterdeck.market import Bar, Candles
from quarterdeck.strategies import Signals, Strategy
from quarterdeck.system import Opinions, opinions
from quarterdeck.system.log import FileLog
from tests.engine.driving import BTC, ETH, Bot, planned_in, settings_with
from tests.engine.scenes import failed_in, wide
from tests.failures.stage import World, staged

MINUTE_S = 60.0


def with_book(bot: Bot, bids: tuple[float, ...], asks: tuple[float, ...], depth: float = 0.5) -> Surroundings:
    """Give the market with another book for BTC on both venues."""
    books = tuple(
        Quote(
            venue,
            BTC,
            bot.at_ns,
            bot.prices[BTC],
            tuple((price, depth) for price in bids),
            tuple((price, depth) for price in asks),
        )
        for venue in "ab"
    )
    market = bot.market()
    return replace(market, quotes=(*books, *(quote for quote in market.quotes if quote.instrument == ETH)))


# --- R40, R41, R61: books and feeds -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bids", "asks"),
    [((30_050.0,), (30_001.0,)), ((), (30_001.0,)), ((29_999.0,), ())],
    ids=["crossed", "no bids", "no asks"],
)
def test_r40_on_a_book_of_which_one_side_stands_still_nothing_is_opened(
    bids: tuple[float, ...], asks: tuple[float, ...]
) -> None:
    """Guards the sound book: elsewhere one side was updated only, the book crossed, and orders expired for hours."""
    bot = Bot(settings_with(guardrails=wide()))
    facts = bot.ask("k", notional=Decimal(50), surroundings=with_book(bot, bids, asks))
    assert planned_in(facts) == []
    assert planned_in(bot.later(61).ask("good", notional=Decimal(50)))


def test_r41_a_feed_that_falls_silent_without_an_error_opens_nothing_though_the_venue_answers(tmp_path: Path) -> None:
    """Guards the age of prices: answers to questions are no proof that the stream lives."""
    with staged(tmp_path) as world:
        assert world.opens("fresh", limit=Decimal(29_500), order_kind=OrderKind.LIMIT)
        world.quoted.discard("a")
        world.pass_s(MINUTE_S * 6)
        assert world.a.count("account") >= 5
        assert not world.opens("stale")
        world.quoted.add("a")
        world.pass_s(2)
        assert world.opens("fresh again", instrument=ETH)


@pytest.mark.parametrize(("depth", "passes"), [(0.5, True), (0.0001, False)])
def test_r61_an_order_that_would_eat_far_into_a_thin_book_is_refused(depth: float, passes: bool) -> None:
    """Guards the walk through the book: a market order in a thin book filled far off the price elsewhere."""
    bot = Bot(settings_with(guardrails=wide()))
    book = with_book(bot, (29_999.0, 20_000.0), (30_001.0, 60_000.0), depth)
    facts = bot.ask("k", qty=Decimal("0.01"), surroundings=book)
    assert bool(planned_in(facts)) is passes
    if not passes:
        assert "E1" in failed_in(facts) or planned_in(facts) == []


# --- R62, R63: what must not matter -----------------------------------------------------------------------------------


def test_r62_a_log_that_takes_no_line_stops_nobody(tmp_path: Path) -> None:
    """Guards that telling is optional: an outage of the messenger kept a bot from starting elsewhere."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with staged(tmp_path, starts=False) as world:
        log = FileLog(full)
        world.notes.complain = log.complain  # type: ignore[method-assign]
        world.notes.say = log.say  # type: ignore[method-assign]
        world.tell = lambda alert: log.complain(alert.code, alert.text)
        world.start()
        world.buy()
        world.a.exchange.deposit("ours", "USD", Decimal(-5))
        world.pass_s(310)
        assert "balance_sync" in world.alerts()
        world.ask("out", Side.SELL, pass_s=2.0)
        assert world.held() == Decimal(0)
        log.close()


def test_r63_the_state_of_a_bot_that_trades_for_days_does_not_grow() -> None:
    """Guards the retirement of what ended: memory grew until the process was killed elsewhere."""
    bot = Bot(settings_with(guardrails=wide()))
    bot.auditor.take = lambda _news, _facts: None  # type: ignore[assignment,method-assign]  # it remembers everything
    sizes: list[int] = []
    for _ in range(12):
        for _ in range(24):
            bot.later(1_800).bought()
            (leaving,) = planned_in(bot.later(1_800).sell())
            order = bot.state.orders[leaving.client_id]
            bot.fill(order, order.qty_lots, price=Decimal(30_000), fee=Decimal(0))
        sizes.append(len(encode_state(bot.state)))
    settled = sizes[8:]
    assert max(settled) - min(settled) < 0.02 * settled[0], sizes
    assert len(bot.state.orders) < 150


# --- R64: strategies and lag ------------------------------------------------------------------------------------------


class Slow(Strategy):
    """Thinks until it is told to stop."""

    window_bars = 1

    def __init__(self) -> None:
        super().__init__()
        self.enough = threading.Event()

    def signals(self, candles: Candles) -> Signals:
        """Wait, then buy."""
        self.enough.wait(5.0)
        return Signals(np.ones(len(candles), dtype=np.int8))


@pytest.fixture
def slow() -> Iterator[Slow]:
    strategy = Slow()
    yield strategy
    strategy.enough.set()


async def test_r64_a_strategy_that_does_not_answer_in_time_holds_and_holds_nobody_up(
    slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards the thread of its own and the deadline: the loop starved elsewhere, twelve seconds for each order."""
    monkeypatch.setattr(opinions, "DEADLINE_S", 0.1)
    complaints: list[str] = []
    made = Opinions(slow, {BTC: 0.01}, 60_000_000_000, complaints.append, inline=False)
    made.take(0, BTC, Bar("a", BTC, 1.0, 1.0, 1.0, 1.0, 1.0))
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.005)
            beats += 1

    heart = asyncio.create_task(beat())
    (signal,) = await made.ask([BTC])
    heart.cancel()
    assert signal == SignalGiven(BTC, Action.HOLD, 0.0)
    assert complaints
    assert beats > 3


class Keen(Strategy):
    """Buys on every bar."""

    window_bars = 1

    def signals(self, candles: Candles) -> Signals:
        """Buy."""
        return Signals(np.ones(len(candles), dtype=np.int8))


@pytest.mark.parametrize(("lag_s", "opens"), [(0.0, True), (5.0, False)])
def test_r64_after_the_loop_was_held_up_nothing_is_opened(tmp_path: Path, lag_s: float, opens: bool) -> None:
    """Guards the watch over the loop itself: a bar that closed while nobody looked opens nothing."""
    with staged(tmp_path, starts=False) as world:
        world.strategy = Keen()
        world.lag_s = lambda: lag_s
        world.batches = bars(world, 1)
        world.start(pass_s=70.0)
        asked = [fact for fact in world.facts() if isinstance(fact, OrderPlanned)]
        assert bool(asked) is opens
        if not opens:
            assert any("the event loop was held up for 5.0 s" in text for text in world.notes.complaints)


def test_r64_a_bar_that_is_worked_through_too_late_opens_nothing(tmp_path: Path) -> None:
    """Guards the age of a bar: an analysis of 178 s decided on prices of another time elsewhere."""
    with staged(tmp_path, starts=False) as world:
        world.strategy = Keen()
        world.late_ns_max = 10_000_000_000
        world.batches = bars(world, 1, began_s=-180.0)
        world.start(pass_s=5.0)
        assert world.planned() == []
        assert any("worked through" in text for text in world.notes.complaints)


def bars(world: World, count: int, began_s: float = 0.0) -> list[BarBatch]:
    """Make bars of a market that stands still, the first of which opens now."""
    begin_ns = world.machine.now_ns() + round(began_s * 1e9)
    made = []
    for number in range(count):
        price = world.prices[BTC]
        bar = Bar("a", BTC, price, price, price, price, 1.0)
        made.append(BarBatch(begin_ns + number * 60_000_000_000, [bar]))
    return made


# --- R65: alerts that are told again ----------------------------------------------------------------------------------


def test_r65_a_wish_that_is_told_again_is_one_order_whoever_lived_in_between(tmp_path: Path) -> None:
    """Guards the key of every wish: old alerts were replayed as orders elsewhere."""
    with staged(tmp_path) as world:
        for _ in range(3):
            world.wish("alert 17", qty=Decimal("0.01"), pass_s=1.0)
            world.restart(pass_s=10.0)
        assert [plan.intent_id for plan in world.planned()] == ["alert 17"]
        assert world.held() == Decimal("0.01")


def test_r65_a_wish_that_is_told_again_when_everything_about_it_was_put_aside_brings_no_second_order() -> None:
    """Guards that an answer outlives the order that it speaks of, however many came after it."""
    bot = Bot(settings_with(guardrails=wide()))
    facts = bot.ask("alert 17", qty=Decimal("0.001"))
    (first,) = planned_in(facts)
    order = bot.state.orders[first.client_id]
    bot.fill(order, order.qty_lots, price=Decimal(30_000), fee=Decimal(0))
    for number in range(1_100):
        bot.ask(f"other {number}", Side.SELL, qty=Decimal("1e-20"))
    bot.later(2 * 86_400).wake()
    bot.later(3_700).wake()
    assert first.client_id not in bot.state.orders
    assert planned_in(bot.ask("alert 17", qty=Decimal("0.001"))) == []
