"""What waits in front of a venue, what goes first, and what a venue hears that asked for silence."""

from collections.abc import AsyncIterator

import pytest

from quarterdeck.domain import (
    SECOND_NS,
    CancelAsked,
    Evidence,
    OrderMoved,
    OrderState,
    RateLimited,
)
from quarterdeck.engine import PullFills, QueryOrder, ReadAccount
from quarterdeck.ports import RequestLimits
from quarterdeck.system.polled import PolledVenue
from tests.system.desk import ETH, Desk

TIGHT = RequestLimits(requests_max=4, orders_max=1, window_ns=10 * SECOND_NS)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """A bot on a venue that takes one order and four requests in ten seconds; one order was just sent."""
    made = await Desk(limits_of={"a": TIGHT}).start()
    made.offer(made.wish("w1"))
    await made.settle()
    assert made.venue.count("submit") == 1
    yield made
    await made.hands.stop()


def second(desk: Desk) -> str:
    return next(client_id for client_id in desk.state.orders if client_id != desk.venue.calls[0][1])


async def test_an_order_waits_until_the_venue_hears_it(desk: Desk) -> None:
    desk.offer(desk.wish("w2", ETH))
    await desk.settle()
    assert desk.venue.count("submit") == 1
    assert desk.state.orders[second(desk)].state is OrderState.PLANNED
    assert not desk.hands.busy
    due_ns = desk.hands.next_timer_ns()
    assert due_ns is not None
    assert due_ns - desk.clock.now_ns() <= 10 * SECOND_NS


async def test_an_order_that_waited_too_long_is_withdrawn_and_never_sent(desk: Desk) -> None:
    desk.offer(desk.wish("w2", ETH))
    await desk.settle()
    late = desk.state.orders[second(desk)]
    desk.clock.wall_ns = late.send_by_ns + 1
    await desk.turn()
    assert late.state is OrderState.WITHDRAWN
    assert "waited for its turn" in late.reason
    desk.clock.pass_s(60)
    await desk.turn()
    assert desk.venue.count("submit") == 1


async def test_a_cancel_takes_an_order_that_waits_out_of_the_queue_at_once(desk: Desk) -> None:
    """R13: it is never sent afterwards, and there is nothing to cancel at the venue."""
    desk.offer(desk.wish("w2", ETH))
    await desk.settle()
    unsent = desk.state.orders[second(desk)]
    desk.offer(CancelAsked(desk.clock.now_ns(), "c1", "test", unsent.client_id))
    await desk.settle()
    assert unsent.state is OrderState.WITHDRAWN
    assert "cancelled before it was sent" in unsent.reason
    desk.clock.pass_s(60)
    await desk.turn()
    assert desk.venue.count("submit") == 1
    assert desk.venue.count("cancel") == 0


async def test_cancels_have_room_that_polls_cannot_use_up(desk: Desk) -> None:
    for _ in range(9):
        desk.hands.do(PullFills("a"))
        await desk.settle()
    polls = desk.venue.count("fills")
    assert 1 + polls < TIGHT.requests_max
    desk.offer(CancelAsked(desk.clock.now_ns(), "c1", "test", desk.venue.calls[0][1]))
    await desk.settle()
    assert desk.venue.count("cancel") == 1
    assert desk.venue.count("fills") == polls


async def test_a_poll_of_the_rounds_keeps_within_the_same_budget(desk: Desk) -> None:
    polled = PolledVenue(desk.venue, desk.hands)
    await polled.account()
    with pytest.raises(RateLimited, match="more urgent"):
        await polled.listings()
    assert desk.venue.count("listings") == 0
    desk.clock.pass_s(11)
    assert len(await polled.listings()) == 2


async def test_a_poll_that_is_told_to_be_silent_silences_everything_else(desk: Desk) -> None:
    desk.venue.raises = RateLimited("418", 30 * SECOND_NS)
    with pytest.raises(RateLimited):
        await PolledVenue(desk.venue, desk.hands).account()
    desk.venue.raises = None
    before = len(desk.venue.calls)
    desk.hands.do(ReadAccount("a"))
    await desk.settle()
    assert len(desk.venue.calls) == before
    desk.clock.pass_s(30)
    await desk.turn()
    assert desk.venue.calls[before:] == [("account", "")]


async def test_an_order_that_is_refused_for_the_rate_pauses_its_venue_and_nothing_opens_there() -> None:
    """R50: even a venue of which no limit is known."""
    desk = await Desk().start()
    desk.venue.evidence["submit"], desk.venue.retry_after_ns = Evidence.REJECTED, 120 * SECOND_NS
    desk.offer(desk.wish("w1"))
    await desk.settle()
    assert desk.state.orders[desk.order].state is OrderState.REJECTED
    assert desk.health == [("a", False)]
    desk.hands.do(PullFills("a"))
    await desk.settle()
    assert desk.venue.count("fills") == 0
    desk.clock.pass_s(120)
    await desk.turn()
    assert desk.venue.count("fills") == 1
    assert desk.health[1] == ("a", True)
    assert any("hears no more for 120.0 s" in text for text in desk.complaints)


async def test_the_answer_to_what_was_asked_before_a_ban_does_not_end_it() -> None:
    desk = await Desk().start()
    desk.offer(desk.wish("w1"))
    await desk.settle()
    desk.hands.do(PullFills("a"))
    desk.hands._hush("a", 60 * SECOND_NS)  # noqa: SLF001 - as another answer would, while this one is under way
    await desk.settle()
    assert desk.venue.count("fills") == 1
    assert desk.health[-1] == ("a", False)


async def test_after_a_ban_cancels_go_first() -> None:
    desk = await Desk().start()
    desk.offer(desk.wish("w1"))
    await desk.settle()
    desk.venue.raises = RateLimited("429", 20 * SECOND_NS)
    desk.hands.do(QueryOrder(desk.order))
    await desk.settle()
    desk.venue.raises = None
    desk.offer(CancelAsked(desk.clock.now_ns(), "c1", "test", desk.order))
    await desk.settle()
    desk.hands.do(PullFills("a"))
    before = len(desk.venue.calls)
    desk.clock.pass_s(20)
    await desk.turn()
    assert [call for call, _ in desk.venue.calls[before:]] == ["cancel", "fills", "query"]


async def test_a_cancel_without_an_answer_is_in_the_journal_once_and_sent_again_in_its_own_time() -> None:
    desk = await Desk().start()
    desk.offer(desk.wish("w1"))
    await desk.settle()
    desk.venue.evidence["cancel"] = Evidence.CANCEL_AMBIGUOUS
    desk.offer(CancelAsked(desk.clock.now_ns(), "c1", "test", desk.order))
    await desk.settle()
    assert desk.venue.count("cancel") == 1
    for _ in range(3):
        desk.clock.pass_s(2)
        await desk.turn()
    assert desk.venue.count("cancel") == 4
    told = [fact for fact in desk.facts() if isinstance(fact, OrderMoved)]
    assert [fact.evidence for fact in told].count(Evidence.CANCEL_AMBIGUOUS) == 1


async def test_an_act_that_waits_to_be_tried_again_is_not_started_beside_itself() -> None:
    desk = await Desk().start()
    desk.offer(desk.wish("w1"))
    await desk.settle()
    desk.venue.evidence["query"] = Evidence.ABSENT
    for _ in range(5):
        desk.hands.do(QueryOrder(desk.order))
        await desk.settle()
    assert desk.venue.count("query") == 1
    desk.clock.pass_s(1.1)
    await desk.turn()
    assert desk.venue.count("query") == 2


async def test_nothing_that_waits_begins_once_the_hands_have_stopped(desk: Desk) -> None:
    desk.offer(desk.wish("w2", ETH))
    for _ in range(9):
        desk.hands.do(PullFills("a"))
    await desk.pump()
    before = len(desk.venue.calls)
    await desk.hands.stop()
    desk.clock.pass_s(60)
    await desk.turn()
    assert len(desk.venue.calls) == before
    assert not desk.hands.busy
