"""R1 to R15: a request was sent, and what came of it is not known."""

import asyncio
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Literal

import pytest
from msgspec.structs import replace

from quarterdeck.domain import (
    SECOND_NS,
    AccountReported,
    Action,
    CancelAsked,
    CancelState,
    CycleRan,
    Evidence,
    OrderKind,
    OrderPlanned,
    OrderReported,
    OrderState,
    Side,
)
from quarterdeck.engine import recovery_acts
from quarterdeck.engine.acts import SendOrder
from quarterdeck.exchange import Received, Refusal, Refused
from quarterdeck.journal import SqliteReader, decode_facts
from quarterdeck.orders import client_id, client_prefix
from quarterdeck.venues.paper_wire import CALLS, Answer, Body, Failed, Found, Place, Welcome, frame_of, read_frame
from quarterdeck.venues.reports import Reporter
from tests.engine.driving import BTC, ETH
from tests.failures.network import (
    ACCOUNT,
    LOST_REPLY,
    LOST_REQUEST,
    OVERLOADED,
    OVERLOADED_AFTERWARDS,
    TWICE,
    WELL,
    FarSide,
    Fate,
    knows_nothing,
    late_reply,
    late_request,
)
from tests.failures.stage import HABITS, World, staged
from tests.venues.bench_side import START, remote, request

READS = ("query", "fills", "account")
FOUND_WITHIN_S = 40.0
PROVEN_WITHIN_S = 60.0


def deaf(side: FarSide) -> None:
    """Let no read of a venue be answered, and nothing be pushed."""
    side.pushes = False
    for call in READS:
        side.always(call, LOST_REPLY)


def is_settled(world: World, client_id: str) -> bool:
    return world.order(client_id).state not in (OrderState.PLANNED, OrderState.UNKNOWN)


# --- R1, R2, R3: timeouts, resends, ids -------------------------------------------------------------------------------


def test_r01_a_timeout_is_unknown_and_brings_no_second_order_for_the_intent(tmp_path: Path) -> None:
    """Guards AMBIGUOUS → unknown, and that an unknown order takes the place of the entry that it may be."""
    with staged(tmp_path) as world:
        deaf(world.a)
        world.a.next("submit", LOST_REPLY)
        world.cycle(BTC=Action.BUY)
        (planned,) = world.planned()
        world.pass_s(3)
        order = world.order(planned.client_id)
        assert order.state is OrderState.UNKNOWN
        assert order.reserve > 0
        for _ in range(5):
            world.pass_s(60)
            world.cycle(BTC=Action.BUY)
        assert len(world.planned()) == 1
        skips = [fact.skipped for fact in world.facts() if isinstance(fact, CycleRan)][1:]
        assert all("held or on their way" in skip[BTC] for skip in skips)
        world.a.calm()
        world.until(lambda: world.order(order.client_id).state is OrderState.FILLED, FOUND_WITHIN_S)
        assert world.booked() == world.held() > 0


@pytest.mark.parametrize("fate", [LOST_REQUEST, LOST_REPLY, OVERLOADED], ids=["lost", "reply lost", "503"])
def test_r02_nothing_sends_an_order_again_neither_time_nor_news_nor_a_restart(tmp_path: Path, fate: Fate) -> None:
    """Guards that a create is sent by the process that planned it, once: no act of recovery is a send."""
    with staged(tmp_path) as world:
        deaf(world.a)
        world.a.always("submit", fate)
        order = world.buy(pass_s=0.05)
        world.restart(pass_s=0.5)
        assert world.bot.wires["a"].submitted == [], "the moment would still have been good"
        for _ in range(2):
            world.pass_s(40)
            assert world.bot.wires["a"].submitted == []
            assert not [act for act in recovery_acts(world.state) if isinstance(act, SendOrder)]
            world.restart()
        assert world.order(order.client_id).state is OrderState.UNKNOWN
        assert world.a.count("submit") == (1 if fate is LOST_REPLY else 0)


def test_r03_an_order_that_arrives_is_in_the_journal_already_and_is_found_by_its_id(tmp_path: Path) -> None:
    """Guards commit before act: at the instant of the arrival another process reads the plan from the file."""
    with staged(tmp_path) as world:
        durable: list[str] = []

        def look(report: OrderReported) -> OrderReported:
            with SqliteReader(world.path) as reader:
                facts = [fact for row in reader.rows() for fact in decode_facts(row.body)]
            durable.extend(fact.client_id for fact in facts if isinstance(fact, OrderPlanned))
            return report

        world.a.pushes = False
        world.a.next("submit", LOST_REPLY._replace(answered_s=60.0, says=look))
        world.wish("bid", qty=Decimal("0.01"), limit=Decimal(29_500), order_kind=OrderKind.LIMIT, pass_s=0.015)
        (there,) = world.a.exchange.open_orders(ACCOUNT, world.a.exchange.now_ns + 2_000_000_000)
        assert durable == [there.client_id]
        world.restart(pass_s=10.0)
        assert world.order(there.client_id).state is OrderState.OPEN
        assert len(world.planned()) == 1


# --- R4: filled before anybody looked ---------------------------------------------------------------------------------


def test_r04_an_order_that_filled_before_the_check_is_found_in_the_trades(tmp_path: Path) -> None:
    """Guards the pull of trades: queries and the list of open orders know nothing of it any more."""
    with staged(tmp_path) as world:
        world.a.pushes = False
        world.a.next("submit", LOST_REPLY)
        world.a.always("query", knows_nothing())
        order = world.buy()
        world.until(lambda: is_settled(world, order.client_id), FOUND_WITHIN_S)
        assert world.order(order.client_id).state is OrderState.FILLED
        assert world.booked() == world.held() == Decimal("0.01")


def test_r04_where_trades_are_late_too_the_balance_alone_keeps_the_order_from_being_taken_for_never_placed(
    tmp_path: Path,
) -> None:
    """Guards the weighing of the account: a balance that moved and that nothing explains may be the order itself."""
    with staged(tmp_path) as world:
        world.a.pushes = False
        world.a.next("submit", LOST_REPLY)
        world.a.always("query", knows_nothing())
        world.a.always("fills", WELL._replace(says=lambda _fills: []))
        order = world.buy()
        world.pass_s(300)
        assert world.order(order.client_id).state is OrderState.UNKNOWN
        assert world.order(order.client_id).absences >= 3
        assert not world.opens("another")
        world.a.calm()
        world.until(lambda: is_settled(world, order.client_id), FOUND_WITHIN_S)
        assert world.order(order.client_id).state is OrderState.FILLED
        assert world.booked() == world.held() == Decimal("0.01")


# --- R5, R6, R7: what a reply means -----------------------------------------------------------------------------------


def test_r05_an_overload_is_neither_a_rejection_nor_an_order(tmp_path: Path) -> None:
    """Guards AMBIGUOUS for what a venue may have done or not, and REJECTED for what it says that it did not."""
    with staged(tmp_path) as world:
        world.a.pushes = False
        world.a.next("submit", OVERLOADED, OVERLOADED_AFTERWARDS)
        lost = world.bid("lost")
        placed = world.bid("placed", instrument=ETH, limit="1970")
        world.b.exchange.deposit(ACCOUNT, "USD", Decimal(-999_990))
        poor = world.bid("poor", venue="b", instrument=ETH, limit="1971")
        world.pass_s(PROVEN_WITHIN_S)
        assert world.states_of(lost.client_id) == ["unknown", "not_placed"]
        assert world.states_of(placed.client_id) == ["unknown", "open"]
        assert world.states_of(poor.client_id) == ["rejected"]


@pytest.mark.parametrize("refusal", list(Refusal))
def test_r05_every_refusal_of_a_venue_is_definite_but_for_an_id_that_it_knows(refusal: Refusal) -> None:
    """Guards the table of replies, and that a refusal for the rate says when the venue listens again."""
    report = Reporter("a").submit(request("id"), Refused(refusal, retry_after_ns=7), 1, 1)
    is_known = refusal is Refusal.DUPLICATE_CLIENT_ID
    assert report.evidence is (Evidence.AMBIGUOUS if is_known else Evidence.REJECTED)
    assert report.retry_after_ns == (0 if is_known else 7)


@pytest.mark.parametrize("scope", ["ever", "open", "answers_old"])
def test_r06_a_duplicate_id_says_that_the_order_exists_and_rejects_nothing(
    tmp_path: Path, scope: Literal["ever", "open", "answers_old"]
) -> None:
    """Guards duplicate id → AMBIGUOUS: the network carried the create twice, and only the second answer came."""
    with staged(tmp_path, habits={"a": replace(HABITS, client_id_scope=scope)}) as world:
        world.a.next("submit", TWICE)
        order = world.bid()
        world.until(lambda: is_settled(world, order.client_id), FOUND_WITHIN_S)
        assert world.a.count("submit") == 2
        assert "rejected" not in world.states_of(order.client_id)
        assert world.order(order.client_id).state is OrderState.OPEN
        world.price(BTC, 29_000.0)
        world.pass_s(2)
        assert world.order(order.client_id).state is OrderState.FILLED
        assert world.booked() == world.held() == Decimal("0.01")


def test_r06_an_acceptance_that_was_pushed_outlives_the_timeout_of_its_reply(tmp_path: Path) -> None:
    """Guards working × AMBIGUOUS → same: any evidence beats a missing reply, and nothing is done about it."""
    with staged(tmp_path) as world:
        world.a.next("submit", LOST_REPLY)
        order = world.buy(pass_s=5.0)
        assert world.states_of(order.client_id) == ["partially_filled", "filled"] or world.states_of(
            order.client_id
        ) == ["filled"]
        assert world.a.count("submit") == 1


@pytest.mark.parametrize("after_s", [0.5, 2.5, 4.9])
def test_r07_an_in_flight_timeout_never_becomes_rejected(tmp_path: Path, after_s: float) -> None:
    """Guards that only a venue rejects: the create is slow, and arrives when the bot has long stopped waiting."""
    with staged(tmp_path) as world:
        deaf(world.a)
        world.a.next("submit", late_request(after_s))
        order = world.buy(pass_s=120.0)
        assert world.states_of(order.client_id) == ["unknown"]
        assert world.held() == Decimal("0.01"), "there is the orphan of the others"
        world.a.calm()
        world.until(lambda: is_settled(world, order.client_id), FOUND_WITHIN_S)
        assert world.states_of(order.client_id) == ["unknown", "filled"]
        assert world.booked() == Decimal("0.01")


# --- R8, R9, R10, R11: asking -----------------------------------------------------------------------------------------


def test_r08_a_request_that_never_arrived_ends_as_not_placed_and_is_asked_for_no_more(tmp_path: Path) -> None:
    """Guards the proof of absence: after the venue's bound it ends the questions, and what was reserved is free."""
    with staged(tmp_path) as world:
        world.a.next("submit", LOST_REQUEST)
        free = world.state.free("a", "USD")
        order = world.buy()
        assert world.state.free("a", "USD") < free
        bound_s = (order.send_by_ns - order.planned_at_ns + HABITS.validity_ns + HABITS.lag_ns) / 1e9
        world.pass_s(bound_s)
        assert world.order(order.client_id).state is OrderState.UNKNOWN
        world.until(lambda: is_settled(world, order.client_id), PROVEN_WITHIN_S)
        assert world.states_of(order.client_id) == ["unknown", "not_placed"]
        assert world.state.free("a", "USD") == free
        asked = world.a.count("query")
        assert asked < 20
        world.pass_s(120)
        assert world.a.count("query") == asked
        assert world.opens("a new decision")


def test_r09_that_an_order_does_not_exist_right_after_its_create_proves_nothing(tmp_path: Path) -> None:
    """Guards the lag allowance: negatives before the bound do not count, however many there are."""
    with staged(tmp_path, habits={"a": replace(HABITS, lag_ns=30 * SECOND_NS)}) as world:
        world.a.pushes = False
        world.a.next("submit", LOST_REPLY)
        order = world.bid(pass_s=29.0)
        assert world.a.count("query", order.client_id) > 5
        assert world.order(order.client_id).state is OrderState.UNKNOWN
        assert world.order(order.client_id).absences == 0
        world.until(lambda: is_settled(world, order.client_id), FOUND_WITHIN_S)
        assert world.states_of(order.client_id) == ["unknown", "open"]


def test_r09_an_acknowledged_order_is_not_dropped_because_a_query_does_not_find_it(tmp_path: Path) -> None:
    """Guards N spaced negatives after the bound, and that an order that had lived is asked for on, not dropped."""
    with staged(tmp_path) as world:
        order = world.bid()
        assert world.order(order.client_id).state is OrderState.OPEN
        world.a.always("query", knows_nothing())
        world.pass_s(300)
        state = world.order(order.client_id).state
        assert state in (OrderState.OPEN, OrderState.UNKNOWN), "the list of open orders has it all the time"
        assert world.order(order.client_id).reserve > 0
        world.a.calm()
        world.until(lambda: world.order(order.client_id).state is OrderState.OPEN, FOUND_WITHIN_S)
        world.price(BTC, 29_000.0)
        world.pass_s(2)
        assert world.booked() == world.held() == Decimal("0.01")


def test_r10_an_outage_is_no_evidence_about_any_order(tmp_path: Path) -> None:
    """Guards that a read that failed says nothing: six sells are accepted, the names do not resolve, all six live."""
    with staged(tmp_path) as world:
        world.buy(qty="0.06")
        world.pass_s(2)
        sells = [
            world.ask(f"s{n}", Side.SELL, qty=Decimal("0.01"), limit=Decimal(30_300 + n), order_kind=OrderKind.LIMIT)
            for n in range(6)
        ]
        world.pass_s(2)
        world.a.is_down = True
        world.pass_s(600)
        for sell in sells:
            order = world.order(sell.client_id)
            assert (order.state, order.absences) == (OrderState.OPEN, 0)
        world.wish("seventh", Side.SELL, qty=Decimal("0.01"))
        assert len(world.planned()) == 7
        world.a.calm()
        world.price(BTC, 30_400.0)
        world.pass_s(60)
        assert {world.order(sell.client_id).state for sell in sells} == {OrderState.FILLED}
        assert world.booked() == world.held() == Decimal(0)


@pytest.mark.parametrize("restarts", [False, True])
def test_r11_an_acknowledgement_that_comes_much_too_late_is_still_that_order(tmp_path: Path, restarts: bool) -> None:
    """Guards that a late reply is news of a journaled order, whoever waits for it."""
    with staged(tmp_path) as world:
        deaf(world.a)
        world.a.next("submit", late_reply(45.0))
        order = world.bid(pass_s=30.0)
        assert world.order(order.client_id).state is OrderState.UNKNOWN
        if restarts:
            world.restart()
            reply = Reporter("a").query(
                order.client_id, world.a.exchange.query(ACCOUNT, order.client_id, 0), 0, world.venue_clock.now_ns()
            )
            world.bot.wires["a"].hear(reply)
        world.pass_s(20)
        assert world.states_of(order.client_id) == ["unknown", "open"]
        world.a.calm()
        world.price(BTC, 29_000.0)
        world.pass_s(2)
        assert world.booked() == world.held() == Decimal("0.01")


def test_r11_an_order_that_was_proven_absent_and_lives_after_all_is_told_and_booked(tmp_path: Path) -> None:
    """Guards never lived × fill → by fill: what a venue accepts beyond its own bound is no zombie of ours."""
    with staged(tmp_path, habits={"a": HABITS}) as world:
        world.a.habits = HABITS
        world.a.next("submit", late_request(0.01))
        world.a.pushes = False
        world.a.always("query", knows_nothing())
        hidden = world.a.exchange.balances(ACCOUNT)["USD"]
        says = partial(_as_before, usd=hidden[0] + hidden[1])
        world.a.always("account", WELL._replace(says=says))
        world.a.always("fills", WELL._replace(says=lambda _fills: []))
        order = world.buy()
        world.until(lambda: is_settled(world, order.client_id), PROVEN_WITHIN_S)
        assert world.order(order.client_id).state is OrderState.NOT_PLACED
        world.a.calm()
        world.a.pushes = False
        for trade in world.a.exchange.fills_after(ACCOUNT, 0):
            world.bot.wires["a"].hear(Reporter("a").fill(trade, world.machine.now_ns()))
        world.pass_s(2)
        assert world.order(order.client_id).state is OrderState.FILLED
        assert "order" in world.alerts()
        assert world.booked() == world.held() == Decimal("0.01")


def _as_before(found: AccountReported, usd: Decimal) -> AccountReported:
    return replace(found, totals={"USD": usd}, orders=())


# --- R12, R13: cancels ------------------------------------------------------------------------------------------------


def test_r12_a_sell_and_its_cancel_that_both_timed_out_reserve_both_outcomes(tmp_path: Path) -> None:
    """Guards that what an unknown sell may still take is not for sale: sold twice, below the reserve, elsewhere."""
    with staged(tmp_path, habits={"a": replace(HABITS, lag_ns=60 * SECOND_NS)}) as world:
        world.buy(pass_s=70.0)
        world.a.pushes = False
        world.a.next("submit", LOST_REPLY)
        world.a.always("cancel", LOST_REQUEST)
        sell = world.ask("sell", Side.SELL, qty=Decimal("0.01"), limit=Decimal(30_300), order_kind=OrderKind.LIMIT)
        world.pass_s(3)
        world.bot.offer(CancelAsked(world.bot.clock.now_ns(), "stop it", "tester", sell.client_id))
        world.pass_s(30)
        order = world.order(sell.client_id)
        assert order.state is OrderState.UNKNOWN
        assert order.cancel in (CancelState.REQUESTED, CancelState.UNKNOWN)
        for number in range(3):
            world.wish(f"again {number}", Side.SELL)
            assert world.why_not().endswith("no venue holds BTC-USD that is not being sold")
            world.cycle(BTC=Action.SELL)
        assert len(world.planned()) == 2
        world.a.calm()
        world.until(lambda: is_settled(world, sell.client_id), FOUND_WITHIN_S)
        world.until(lambda: world.order(sell.client_id).state is OrderState.CANCELLED, FOUND_WITHIN_S)
        assert world.held() == world.booked() == Decimal("0.01")
        world.wish("at last", Side.SELL, pass_s=3.0)
        assert world.held() == world.booked() == Decimal(0)


def test_r13_a_cancel_of_an_order_that_was_not_sent_yet_removes_it(tmp_path: Path) -> None:
    """Guards that the sender looks for a cancel in the instant before it signs."""
    with staged(tmp_path) as world:
        theirs = client_id(client_prefix("b"), "bid", 0)
        world.wish("bid", qty=Decimal("0.01"), limit=Decimal(29_500), order_kind=OrderKind.LIMIT, pass_s=0.0)
        world.bot.offer(CancelAsked(world.bot.clock.now_ns(), "no", "tester", theirs))
        world.pass_s(5.0)
        assert world.states_of(theirs) == ["withdrawn"]
        assert world.bot.wires["a"].submitted == []
        assert world.a.count("submit") == world.a.count("cancel") == 0
        assert world.state.free("a", "USD") == world.state.cash["a"]["USD"]


def test_r13_a_cancel_that_overtook_its_create_is_asked_for_again(tmp_path: Path) -> None:
    """Guards that a cancel once wanted stays wanted: the venue knew no such order, and the create came afterwards."""
    with staged(tmp_path) as world:
        world.a.pushes = False
        world.a.next("submit", late_request(4.0))
        order = world.bid(pass_s=2.5)
        assert world.order(order.client_id).state is OrderState.UNKNOWN
        world.bot.offer(CancelAsked(world.bot.clock.now_ns(), "no", "tester", order.client_id))
        world.pass_s(0.5)
        assert world.a.got[-1] == ("cancel", order.client_id) or ("cancel", order.client_id) in world.a.got
        assert world.a.count("submit") == 0
        world.until(lambda: world.order(order.client_id).state is OrderState.CANCELLED, FOUND_WITHIN_S)
        assert world.a.count("cancel", order.client_id) > 1
        assert world.a.exchange.open_orders(ACCOUNT, world.a.exchange.now_ns + 10**9) == []


# --- R14, R15: streams and bodies -------------------------------------------------------------------------------------


@pytest.mark.parametrize("replied", [True, False])
def test_r14_without_any_stream_the_position_is_known_all_the_same(tmp_path: Path, replied: bool) -> None:
    """Guards the questions on a timer: nothing is ever pushed, and the order fills a minute after it was placed."""
    with staged(tmp_path) as world:
        world.a.pushes = False
        if not replied:
            world.a.next("submit", LOST_REPLY)
        order = world.bid(pass_s=60.0)
        world.price(BTC, 29_000.0)
        world.pass_s(FOUND_WITHIN_S)
        assert world.order(order.client_id).state is OrderState.FILLED
        assert world.booked() == world.held() == Decimal("0.01")


ANSWERS: dict[str, Body | bytes] = {
    "an error in a good frame": Failed("error 204"),
    "an answer to another question": Found(None),
    "nothing in a frame": b"\x00\x00\x00\x00",
    "no message": b"\x00\x00\x00\x03abc",
    "a status nobody knows": b"status",
    "a cut": b"cut",
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_r15_an_answer_that_is_no_answer_leaves_the_order_ambiguous(tmp_path: Path, answer: Body | bytes) -> None:
    """Guards the adapter over a real socket: only a body that says so accepts or rejects an order."""

    async def venue(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello = CALLS.decode(await read_frame(reader))
        writer.write(frame_of(Answer(hello.number, START, Welcome("alpha", 5_000_000_000, 0))))
        while True:
            try:
                call = CALLS.decode(await read_frame(reader))
            except asyncio.IncompleteReadError:
                break
            if isinstance(call.body, Place):
                writer.write(answer if isinstance(answer, bytes) else frame_of(Answer(call.number, START, answer)))
                if answer == b"cut":
                    break
        writer.close()

    server = await asyncio.start_unix_server(venue, tmp_path / "s")
    async with remote(tmp_path) as client:
        report = await client.submit(request("a"))
    server.close()
    assert report.evidence is Evidence.AMBIGUOUS
    assert report.reason


def test_r15_an_order_that_was_only_received_is_not_accepted_yet() -> None:
    """Guards that a reply is judged by what it says, not by having come: acceptance may still be refused."""
    pending = Reporter("a").submit(request("id"), Received(1, "id", pending=True), 1, 1)
    assert pending.evidence is Evidence.AMBIGUOUS
    taken = Reporter("a").submit(request("id"), Received(1, "id"), 1, 1)
    assert taken.evidence is Evidence.ACKNOWLEDGED
