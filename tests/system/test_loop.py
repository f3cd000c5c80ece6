import asyncio

import pytest

from quarterdeck.domain import ControlAsked, IntegrityError, OrderPlanned, Woke
from quarterdeck.journal import decode_body
from quarterdeck.system.loop import BATCH_MAX
from tests.system.desk import ETH, Desk, nothing_to_decide


async def test_nothing_is_sent_before_the_commit_returns() -> None:
    desk = await Desk().start()
    desk.journal.gate = asyncio.Event()
    desk.offer(desk.wish("w1"))
    working = asyncio.create_task(desk.loop.pump())
    for _ in range(20):
        await asyncio.sleep(0)
    assert desk.order in desk.state.orders  # the state has run ahead
    assert desk.venue.calls == []
    assert not any(isinstance(fact, OrderPlanned) for fact in desk.facts())
    desk.journal.gate.set()
    await working
    await desk.settle()
    assert desk.venue.calls == [("submit", desk.order)]


async def test_a_failed_commit_sends_nothing_and_tells_nobody() -> None:
    desk = await Desk().start()
    desk.journal.fails = True
    told = len(desk.happened)
    desk.offer(desk.wish("w1"))
    with pytest.raises(IntegrityError, match="free space"):
        await desk.loop.pump()
    await desk.hands.settle()
    assert desk.venue.calls == []
    assert len(desk.happened) == told


async def test_an_input_that_changes_nothing_leaves_no_row() -> None:
    desk = await Desk().start()
    before = desk.loop.seq
    desk.offer(nothing_to_decide(desk.clock.now_ns()))
    assert await desk.loop.pump() == 1
    assert desk.loop.seq == before


async def test_waiting_inputs_share_one_commit_up_to_the_batch() -> None:
    desk = await Desk().start()
    before = len(desk.journal.commits)
    for number in range(BATCH_MAX + 3):
        desk.offer(ControlAsked(desk.clock.now_ns(), f"k{number}", "pause", "test"))
    assert await desk.loop.pump() == BATCH_MAX
    assert [len(commit) for commit in desk.journal.commits[before:]] == [BATCH_MAX]
    assert await desk.loop.pump() == 3


async def test_a_row_holds_its_input_as_it_was_decided_and_its_facts() -> None:
    desk = await Desk().start()
    desk.offer(desk.wish("w1"))
    await desk.loop.pump()
    (entry,) = desk.journal.commits[-1]
    news, facts = decode_body(entry.body)
    assert news == desk.happened[-1].news
    assert facts == desk.happened[-1].facts
    assert news.surroundings == desk.surroundings()  # type: ignore[union-attr]  # a wish carries them
    assert desk.happened[-1].seq == desk.loop.seq


async def test_rows_that_ask_for_no_act_may_wait_for_a_later_commit() -> None:
    desk = await Desk(shares_commits=True).start()
    commits = len(desk.journal.commits)
    desk.clock.pass_s(60)
    desk.offer(Woke(desk.clock.now_ns()))
    await desk.loop.pump()
    assert len(desk.journal.commits) == commits
    assert desk.journal.left_for_later
    desk.offer(desk.wish("w1"))
    desk.offer(desk.wish("w2", ETH))
    await desk.loop.pump()
    assert len(desk.journal.commits) == commits + 1


async def test_the_state_is_kept_now_and_then() -> None:
    desk = await Desk(snapshot_rows=3).start()
    for number in range(8):
        desk.offer(ControlAsked(desk.clock.now_ns(), f"k{number}", "pause", "test"))
        await desk.loop.pump()
    assert desk.journal.snapshots == [4, 7, 10]


async def test_waiting_for_news_ends_with_the_news_or_with_the_time() -> None:
    desk = await Desk().start()
    await desk.loop.wait_for_news(0.0)
    waiting = asyncio.create_task(desk.loop.wait_for_news(None))
    await asyncio.sleep(0)
    assert not waiting.done()
    desk.offer(Woke(desk.clock.now_ns()))
    await asyncio.wait_for(waiting, 5.0)
    assert desk.loop.has_news


async def test_a_nudge_ends_the_wait_or_the_one_that_follows() -> None:
    desk = await Desk().start()
    async with asyncio.timeout(5.0):
        waiting = asyncio.create_task(desk.loop.wait_for_news(None))
        await asyncio.sleep(0)
        desk.loop.nudge()
        await waiting
        desk.loop.nudge()  # while nobody waits
        await desk.loop.wait_for_news(None)
    await desk.loop.wait_for_news(0.0)
    assert not desk.loop.has_news
