"""R16 to R26: trades that are late, doubled, lost or inferred, and what is left of an order."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from quarterdeck.domain import (
    DAY_NS,
    SECOND_NS,
    Action,
    AlertRaised,
    CancelAsked,
    Evidence,
    FillBooked,
    FillReported,
    OrderState,
    Side,
)
from quarterdeck.engine import watch
from quarterdeck.exchange import OrderStatus, Trade
from quarterdeck.ports import OrderRequest, Venue, VenueNews
from quarterdeck.venues.paper_wire import CALLS, Answer, FillsAfter, News, Place, Trades, Welcome, frame_of, read_frame
from quarterdeck.venues.reports import Reporter
from tests.engine.driving import BTC, ETH, Bot, alerts_in, listing_of
from tests.failures.network import ACCOUNT, LOST_REQUEST, WELL, FarSide
from tests.failures.stage import HABITS, World, staged, usual_settings
from tests.venues.bench_side import START, remote, request

PULLED_WITHIN_S = 32.0
INFERRED_WITHIN_S = 5.0
PART = "0.8"
"""The book offers 0.5 at each price, so that a quote which touches the limit of such an order fills a part of it."""


NO_TRADES = WELL._replace(says=lambda _fills: [])
"""Has trades be pulled in vain."""


def trades_of(world: World) -> list[FillReported]:
    """List every trade of ours, as the venue tells it."""
    reporter, now_ns = Reporter("a"), world.machine.now_ns()
    return [reporter.fill(trade, now_ns) for trade in world.a.exchange.fills_after(ACCOUNT, 0)]


def booked_in(world: World) -> list[FillBooked]:
    return [fact for fact in world.facts() if isinstance(fact, FillBooked)]


def true_cash(world: World) -> Decimal:
    """Say how far our cash at the venue truly moved."""
    return world.held("USD") - Decimal(1_000_000)


# --- R16: a fill that is never delivered ------------------------------------------------------------------------------


def test_r16_fills_that_no_stream_told_of_are_pulled_from_the_cursor_on(tmp_path: Path) -> None:
    """Guards the pull on a timer, and the cursor that it goes on from: parts fill while nobody listens."""
    with staged(tmp_path) as world:
        order = world.bid(qty=PART)
        world.a.pushes = False
        cursors: list[int] = []
        for expected in (Decimal("0.5"), Decimal("0.8")):
            world.touch(BTC, 29_499.0)
            assert world.booked() < expected
            world.pass_s(PULLED_WITHIN_S)
            assert world.booked() == expected
            cursors.append(world.state.cursors["a"])
        assert world.order(order.client_id).state is OrderState.FILLED
        assert cursors == sorted(set(cursors))
        assert [fill.cursor for fill in booked_in(world)] == sorted({fill.cursor for fill in booked_in(world)})
        assert world.state.cash["a"]["USD"] - Decimal(1_000_000) == true_cash(world)


def test_r16_an_order_that_the_venue_forgot_is_not_believed_open_for_ever(tmp_path: Path) -> None:
    """Guards OPEN × ABSENT: spaced negatives make it lost, the proof ends it, and a late fill still counts."""
    with staged(tmp_path, habits={"a": replace(HABITS, client_id_scope="forgets")}) as world:
        order = world.bid()
        world.a.pushes = False
        world.a.exchange.cancel(ACCOUNT, order.client_id, world.machine.now_ns())
        world.pass_s(150)
        assert world.states_of(order.client_id) == ["open", "unknown", "cancelled"]
        assert world.state.free("a", "USD") == world.state.cash["a"]["USD"]
        filled = world.bid("filled", limit="29400")
        world.touch(BTC, 29_300.0)
        world.pass_s(150)
        assert world.order(filled.client_id).state is OrderState.FILLED, "its trade is told, though it is forgotten"
        assert world.booked() == world.held() == Decimal("0.01")


async def test_r16_after_each_reconnect_the_adapter_asks_for_the_trades_that_it_missed(tmp_path: Path) -> None:
    """Guards the catching up over a real socket: a trade is made between two connections."""
    asked: list[int] = []
    connections: list[asyncio.StreamWriter] = []
    heard: asyncio.Queue[VenueNews] = asyncio.Queue()
    told, missed = (_trade(cursor) for cursor in (1, 2))

    async def venue(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        hello = CALLS.decode(await read_frame(reader))
        writer.write(frame_of(Answer(hello.number, START, Welcome("alpha", 5_000_000_000, 0))))
        if len(connections) == 1:
            writer.write(frame_of(News(told)))
            return
        call = CALLS.decode(await read_frame(reader))
        assert isinstance(call.body, FillsAfter)
        asked.append(call.body.cursor)
        writer.write(frame_of(Answer(call.number, START, Trades((missed,)))))

    server = await asyncio.start_unix_server(venue, tmp_path / "s")
    async with remote(tmp_path) as client, asyncio.timeout(10):
        client.subscribe(heard.put_nowait)
        await client.connect()
        first = await heard.get()
        connections[0].close()
        second = await heard.get()
    server.close()
    for connection in connections:
        connection.close()
        await connection.wait_closed()
    assert asked == [1]
    assert [one.trade_id for one in (first, second) if isinstance(one, FillReported)] == ["t1", "t2"]


def _trade(cursor: int) -> Trade:
    price, fee = Decimal(100), Decimal(0)
    return Trade(cursor, 1, "ours", "id", "BTC-USD", Side.BUY, 1, price, fee, "USD", "taker", START)


# --- R17, R18, R19: doubled, inferred, late ---------------------------------------------------------------------------


def test_r17_a_trade_counts_once_however_often_and_whenever_it_is_told(tmp_path: Path) -> None:
    """Guards the dedup by venue, account and trade id, which is part of the state: it forgets nothing at a restart."""
    with staged(tmp_path) as world:
        world.a.repeats = 4
        world.buy()
        world.pass_s(2)
        world.bid("part", qty=PART)
        world.touch(BTC, 29_499.0)
        world.pass_s(2)
        world.snapshot_rows = 1
        for _ in range(3):
            for fill in trades_of(world):
                world.bot.wires["a"].hear(replace(fill, cursor=0))
                world.bot.wires["a"].hear(fill)
            world.pass_s(35)
            world.restart()
        fills = booked_in(world)
        assert len(fills) == len({fill.trade_id for fill in fills}) == len(trades_of(world)) == 2
        assert world.booked() == world.held() == Decimal("0.51")
        assert world.state.cash["a"]["USD"] - Decimal(1_000_000) == true_cash(world)


def test_r17_a_trade_of_an_order_that_was_put_aside_long_ago_is_set_aside_too() -> None:
    """Guards that retired orders stay known to be none: their trades are strays, and nothing is booked again."""
    bot = Bot()
    order = bot.bought()
    (fill,) = [news for news, _ in bot.taken if isinstance(news, FillReported)]
    held = bot.state.position(order.venue, BTC)
    bot.later(2 * DAY_NS / SECOND_NS).wake()
    bot.later(3_600).wake()
    assert order.client_id not in bot.state.orders
    told = bot.take(replace(fill, at_ns=bot.at_ns))
    assert alerts_in(told) == ["stray_trade"]
    assert bot.state.position(order.venue, BTC) == held
    assert bot.take(replace(fill, at_ns=bot.at_ns)) == []


@pytest.mark.parametrize("restarts", [False, True])
def test_r18_a_real_fill_takes_the_place_of_the_inferred_one(tmp_path: Path, restarts: bool) -> None:
    """Guards the retirement of inferred fills: quantity, cash and fees end as the venue has them, not twice."""
    with staged(tmp_path) as world:
        world.a.pushes = False
        world.a.always("fills", NO_TRADES)
        order = world.buy(qty="0.7")
        world.until(lambda: world.booked() == Decimal("0.7"), INFERRED_WITHIN_S)
        assert [fill.inferred for fill in booked_in(world)] == [True]
        assert world.order(order.client_id).inferred
        if restarts:
            world.restart()
        world.a.calm()
        world.pass_s(PULLED_WITHIN_S)
        real = [fill for fill in booked_in(world) if not fill.inferred]
        assert [fill.trade_id for fill in real] == [fill.trade_id for fill in trades_of(world)]
        assert len(real) == 2
        assert world.order(order.client_id).inferred == ()
        assert world.booked() == world.held() == Decimal("0.7")
        assert world.state.cash["a"]["USD"] - Decimal(1_000_000) == true_cash(world)
        assert sum(world.state.fees.values()) == sum((fill.fee for fill in trades_of(world)), Decimal(0))


def test_r19_a_trade_after_the_confirmed_cancel_is_booked(tmp_path: Path) -> None:
    """Guards that an end is provisional: the cancel was confirmed, and told nothing of the part that had filled."""
    with staged(tmp_path) as world:
        order = world.bid(qty=PART)
        world.a.pushes = False
        world.touch(BTC, 29_499.0)
        world.a.next("cancel", WELL._replace(says=lambda report: replace(report, reported_lots=0, price=None)))
        world.bot.offer(CancelAsked(world.bot.clock.now_ns(), "no", "tester", order.client_id))
        world.pass_s(0.5)
        assert world.order(order.client_id).state is OrderState.CANCELLED
        assert world.booked() == 0
        for fill in trades_of(world):
            world.bot.wires["a"].hear(fill)
        world.pass_s(1)
        assert world.order(order.client_id).state is OrderState.CANCELLED
        assert world.booked() == world.held() == Decimal("0.5")
        world.wish("out", Side.SELL, pass_s=35.0)
        assert world.booked() == world.held() == Decimal(0)


def test_r19_what_a_venue_fills_beyond_the_order_is_booked_and_told_and_no_panic() -> None:
    """Guards filled × fill → same, with an alert: the venue is the truth about what we hold."""
    bot = Bot()
    order = bot.bought()
    facts = bot.fill(order, 7, price=Decimal(30_000))
    assert alerts_in(facts) == ["order"]
    assert order.booked_lots == order.qty_lots + 7
    assert order.state is OrderState.FILLED
    assert bot.state.position(order.venue, BTC).qty == order.booked_lots * order.lot


# --- R20, R21, R24: modifying, leaving, waiting for money -------------------------------------------------------------


def test_r20_no_order_is_ever_modified_and_no_race_fills_beyond_its_quantity(tmp_path: Path) -> None:
    """Guards cancel-then-new: the port has no modify, and an entry that may still fill keeps its place meanwhile."""
    verbs = {name for name in dir(Venue) if not name.startswith("_")}
    assert not verbs & {"amend", "edit", "modify", "replace", "update"}
    with staged(tmp_path) as world:
        order = world.bid(qty=PART)
        world.a.next("cancel", LOST_REQUEST, LOST_REQUEST)
        world.touch(BTC, 29_499.0)
        world.bot.offer(CancelAsked(world.bot.clock.now_ns(), "cheaper", "tester", order.client_id))
        world.pass_s(1)
        world.cycle(BTC=Action.BUY)
        world.pass_s(1)
        world.cycle(BTC=Action.BUY)
        world.touch(BTC, 29_499.0)
        world.pass_s(PULLED_WITHIN_S)
        assert [one.client_id for one in world.planned()] == [order.client_id]
        assert world.order(order.client_id).booked_lots == order.qty_lots
        assert world.booked() == world.held() == Decimal(PART)


@pytest.mark.parametrize("raced", [False, True])
def test_r21_an_exit_sells_what_is_held_and_never_what_was_once_ordered(tmp_path: Path, raced: bool) -> None:
    """Guards the size of exits: of the position by fills, less what is being sold; the entry is cancelled first."""
    with staged(tmp_path) as world:
        entry = world.bid(qty=PART)
        world.touch(BTC, 29_499.0)
        world.pass_s(1)
        if raced:
            world.a.next("cancel", LOST_REQUEST, LOST_REQUEST)
        world.cycle(BTC=Action.SELL)
        if raced:
            world.touch(BTC, 29_499.0)
        world.pass_s(70)
        world.cycle(BTC=Action.SELL)
        world.pass_s(5)
        sold = [plan for plan in world.planned() if plan.side is Side.SELL]
        total = sum((plan.qty_lots * plan.lot for plan in sold), Decimal(0))
        assert total == (Decimal(PART) if raced else Decimal("0.5"))
        assert world.order(entry.client_id).state is (OrderState.FILLED if raced else OrderState.CANCELLED)
        assert {world.order(plan.client_id).state for plan in sold} == {OrderState.FILLED}
        assert world.booked() == world.held() == Decimal(0)


def test_r22_with_the_fee_taken_in_the_coin_the_whole_position_can_be_sold(tmp_path: Path) -> None:
    """Guards the net quantity of fills, floored to the lot: a venue that holds less than was bought takes the exit."""
    listings = tuple(
        listing_of(name, pair, fee_asset="received", lot=Decimal("0.00001"), lots_min=1)
        for name in ("a", "b")
        for pair in (BTC, ETH)
    )
    with staged(tmp_path, usual_settings(listings=listings)) as world:
        world.buy(qty="0.01")
        world.pass_s(2)
        assert world.booked() == world.held() == Decimal("0.01") * Decimal("0.994")
        out = world.ask("out", Side.SELL, pass_s=3.0)
        assert world.order(out.client_id).state is OrderState.FILLED
        assert world.booked() == world.held() < Decimal("0.00001")
        assert watch(world.state) == ()


def test_r24_money_that_a_venue_frees_late_brings_the_same_wish_again_and_never_a_larger_one(tmp_path: Path) -> None:
    """Guards that a rejection reads the account, that each new attempt is a new decision, and that it stays bounded."""
    with staged(tmp_path) as world:
        world.buy(qty="0.01")
        world.pass_s(2)
        for number in range(2):
            _reject_next(world.a)
            world.pass_s(70)
            reads = world.a.count("account")
            world.cycle(BTC=Action.SELL)
            world.pass_s(2)
            assert world.a.count("account") > reads
            assert world.booked() == world.held() == Decimal("0.01"), number
        world.pass_s(70)
        world.cycle(BTC=Action.SELL)
        world.pass_s(2)
        sells = [plan for plan in world.planned() if plan.side is Side.SELL]
        assert [plan.qty_lots * plan.lot for plan in sells] == [Decimal("0.01")] * 3
        assert len({plan.intent_id for plan in sells}) == 3
        assert world.booked() == world.held() == Decimal(0)


def _reject_next(side: FarSide) -> None:
    """Have the venue, which still locks what a cancel freed, refuse the next order."""

    def refuse(_request: OrderRequest) -> str:
        side.refuses = lambda _request: ""
        return "insufficient_balance: not free yet"

    side.refuses = refuse


# --- R26: words that nobody knows -------------------------------------------------------------------------------------


def test_r26_a_status_without_a_meaning_ends_no_order_and_is_told(tmp_path: Path) -> None:
    """Guards unknown status → non-terminal, with an alert: a word of the venue was not mapped elsewhere."""
    with staged(tmp_path) as world:
        order = world.bid()
        strange = replace(_status(order.client_id), state=OrderState.NOT_PLACED)
        world.bot.wires["a"].hear(Reporter("a").status(strange, world.machine.now_ns(), world.machine.now_ns()))
        world.pass_s(1)
        assert world.order(order.client_id).state is OrderState.OPEN
        assert [
            fact for fact in world.facts() if isinstance(fact, AlertRaised) and "no status of an order" in fact.text
        ]


async def test_r26_a_status_that_nobody_knows_ends_no_order(tmp_path: Path) -> None:
    """Guards that an unknown word is no end: the message is dropped with its connection, and the order is asked for."""
    heard: list[VenueNews] = []
    connections: list[asyncio.StreamWriter] = []
    again = asyncio.Event()

    async def venue(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        hello = CALLS.decode(await read_frame(reader))
        writer.write(frame_of(Answer(hello.number, START, Welcome("alpha", 5_000_000_000, 0))))
        if len(connections) > 1:
            again.set()
            return
        call = CALLS.decode(await read_frame(reader))
        assert isinstance(call.body, Place)
        good = frame_of(News(_status(call.body.order.client_id)))
        assert b"expired" in good
        writer.write(good.replace(b"expired", b"pending"))

    server = await asyncio.start_unix_server(venue, tmp_path / "s")
    async with remote(tmp_path) as client, asyncio.timeout(10):
        client.subscribe(heard.append)
        report = await client.submit(request("id"))
        await again.wait()
    server.close()
    for connection in connections:
        connection.close()
        await connection.wait_closed()
    assert report.evidence is Evidence.AMBIGUOUS
    assert "garbage" in report.reason
    assert heard == []


def _status(client_id: str) -> OrderStatus:
    return OrderStatus(1, "ours", client_id, "BTC-USD", Side.BUY, 10, 0, OrderState.EXPIRED, START)
