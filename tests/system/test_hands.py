import asyncio

import pytest

from quarterdeck.domain import Bug, CancelAsked, CancelState, Evidence, OrderKind, OrderState
from quarterdeck.engine import CancelOrder, PullFills, QueryOrder, ReadAccount, SendOrder
from tests.system.desk import OUTAGE, Desk


async def placed(desk: Desk) -> str:
    desk.offer(desk.wish("w1"))
    await desk.settle()
    return desk.order


async def test_a_cancel_never_overtakes_the_create() -> None:
    desk = await Desk().start()
    desk.venue.gate = asyncio.Event()
    desk.offer(desk.wish("w1"))
    await desk.pump()
    desk.offer(CancelAsked(desk.clock.now_ns(), "c1", "test", desk.order))
    for _ in range(20):
        await desk.pump()
    assert desk.venue.calls == [("submit", desk.order)]
    desk.venue.gate.set()
    await desk.settle()
    assert desk.venue.calls == [("submit", desk.order), ("cancel", desk.order)]
    assert desk.state.orders[desk.order].state is OrderState.CANCELLED


async def test_an_order_that_is_cancelled_before_it_was_sent_is_withdrawn() -> None:
    desk = await Desk().start()
    desk.offer(desk.wish("w1"))
    await desk.loop.pump()  # planned and durable; its task has not had its turn yet
    desk.offer(CancelAsked(desk.clock.now_ns(), "c1", "test", desk.order))
    await desk.loop.pump()
    await desk.settle()
    assert desk.venue.calls == []
    assert desk.state.orders[desk.order].state is OrderState.WITHDRAWN


async def test_a_create_without_an_answer_is_asked_after_and_never_sent_again() -> None:
    desk = await Desk().start()
    desk.venue.evidence["submit"] = Evidence.AMBIGUOUS
    desk.venue.raises = OUTAGE
    order = await placed(desk)
    assert desk.state.orders[order].state is OrderState.UNKNOWN
    for _ in range(12):
        desk.clock.pass_s(30)
        await desk.turn()
    assert desk.venue.count("submit") == 1
    assert desk.venue.count("query") == 13
    desk.venue.raises = None
    desk.clock.pass_s(30)
    await desk.turn()
    assert desk.state.orders[order].state is OrderState.OPEN
    assert desk.hands.next_timer_ns() is None


async def test_questions_back_off() -> None:
    desk = await Desk().start()
    desk.venue.evidence["submit"] = Evidence.AMBIGUOUS
    desk.venue.raises = OUTAGE
    await placed(desk)
    waits = []
    for _ in range(9):
        timer_ns = desk.hands.next_timer_ns()
        assert timer_ns is not None
        waits.append((timer_ns - desk.clock.now_ns()) / 1e9)
        desk.clock.wall_ns = timer_ns
        await desk.turn()
    assert waits == [1.05, 1.05, 1.05, 1.05, 2.1, 4.2, 8.4, 10.0, 10.0]


async def test_an_act_that_waits_is_not_doubled() -> None:
    desk = await Desk().start()
    desk.venue.raises = OUTAGE
    for _ in range(3):
        desk.hands.do(PullFills("a"))
    await desk.settle()
    desk.venue.calls.clear()
    desk.clock.pass_s(2)
    await desk.turn()
    assert desk.venue.count("fills") == 1


async def test_a_send_is_never_put_off() -> None:
    desk = await Desk().start()
    with pytest.raises(Bug, match="sent once"):
        desk.hands._later(SendOrder("x"))  # noqa: SLF001 - the promise that everything else rests on


async def test_a_send_of_an_order_that_is_planned_no_more_is_dropped() -> None:
    desk = await Desk().start()
    order = await placed(desk)
    desk.hands.do(SendOrder(order))
    await desk.settle()
    assert desk.venue.count("submit") == 1


async def test_a_cancel_without_an_answer_is_sent_again_until_there_is_one() -> None:
    desk = await Desk().start()
    order = await placed(desk)
    desk.venue.evidence["cancel"] = Evidence.CANCEL_AMBIGUOUS
    desk.offer(CancelAsked(desk.clock.now_ns(), "c1", "test", order))
    await desk.settle()
    for _ in range(3):
        desk.clock.pass_s(2)
        await desk.turn()
    assert desk.venue.count("cancel") == 4
    assert desk.state.orders[order].cancel is CancelState.UNKNOWN  # it may have arrived, and the journal says so
    desk.venue.evidence["cancel"] = Evidence.CANCELLED
    desk.clock.pass_s(20)
    await desk.turn()
    assert desk.state.orders[order].state is OrderState.CANCELLED
    desk.hands.do(CancelOrder(order))
    desk.hands.do(QueryOrder(order))
    await desk.settle()
    assert desk.venue.count("cancel") == 5  # it has ended: nothing more to cancel or to ask
    assert desk.venue.count("query") == 0


async def test_trades_are_pulled_from_the_last_cursor_on() -> None:
    desk = await Desk().start()
    desk.state.cursors["a"] = 7
    desk.hands.do(PullFills("a"))
    await desk.settle()
    assert desk.venue.cursors == [7]


async def test_an_adapter_that_breaks_its_promise_ends_the_process() -> None:
    desk = await Desk().start()
    desk.venue.raises = ZeroDivisionError("a bug in an adapter")
    desk.hands.do(PullFills("a"))
    with pytest.raises(ZeroDivisionError):
        await desk.settle()
    with pytest.raises(ZeroDivisionError):
        desk.hands.check()


async def test_stopping_drops_what_is_under_way() -> None:
    desk = await Desk().start()
    desk.venue.gate = asyncio.Event()
    desk.offer(desk.wish("w1"))
    await desk.pump()
    desk.hands.do(CancelOrder(desk.order))
    assert desk.hands.busy
    await desk.hands.stop()
    assert not desk.hands.busy
    assert desk.venue.calls == [("submit", desk.order)]


async def test_a_venue_that_does_not_answer_is_told_of_and_so_is_its_return() -> None:
    """A-66: trades route around it until it answers again."""
    desk = await Desk().start()
    desk.venue.evidence["submit"] = Evidence.AMBIGUOUS
    desk.venue.raises = OUTAGE
    await placed(desk)
    assert desk.health
    assert not any(healthy for _, healthy in desk.health)
    desk.venue.raises = None
    desk.clock.pass_s(30)
    await desk.turn()
    assert desk.health[-1] == ("a", True)


async def test_an_order_that_was_never_signed_says_nothing_of_its_venue() -> None:
    desk = await Desk().start()
    desk.venue.evidence["submit"] = Evidence.WITHDRAWN
    await placed(desk)
    assert desk.health == []


async def test_a_stop_order_is_sent_with_its_trigger_and_may_open_nothing() -> None:
    desk = await Desk().start()
    order = desk.state.orders[await placed(desk)]
    assert (desk.venue.requests[-1].trigger, desk.venue.requests[-1].reduce_only) == (None, False)
    order.state, order.order_kind = OrderState.PLANNED, OrderKind.STOP
    order.limit_ticks, order.trigger_ticks = None, 2_850_000
    desk.hands.do(SendOrder(order.client_id))
    await desk.settle()
    sent = desk.venue.requests[-1]
    assert (sent.order_kind, sent.trigger, sent.limit, sent.reduce_only) == (
        OrderKind.STOP,
        order.tick * 2_850_000,
        None,
        True,
    )


async def test_a_venue_that_was_marked_down_is_asked_within_seconds_whether_it_is_back() -> None:
    """Nothing else may be asked there for minutes, while exits wait for its prices."""
    desk = await Desk().start()
    desk.venue.raises = OUTAGE
    desk.hands.do(ReadAccount("a"))
    await desk.settle()
    assert desk.health == [("a", False)]
    desk.clock.pass_s(2)
    await desk.turn()
    desk.venue.raises = None
    desk.clock.pass_s(2)
    await desk.turn()
    assert desk.health[-1] == ("a", True)
    assert [text.split(":")[0] for text in desk.complaints] == ["account"]  # told once
    assert desk.hands.next_timer_ns() is None


async def test_a_question_that_is_answered_without_an_answer_is_asked_again() -> None:
    """A venue that decides later may show an order that it has not decided on."""
    desk = await Desk().start()
    desk.venue.evidence["submit"] = desk.venue.evidence["query"] = Evidence.AMBIGUOUS
    order = await placed(desk)
    desk.clock.pass_s(2)
    await desk.turn()
    desk.venue.evidence["query"] = Evidence.ACKNOWLEDGED
    desk.clock.pass_s(2)
    await desk.turn()
    assert desk.state.orders[order].state is OrderState.OPEN
