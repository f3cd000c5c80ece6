"""A kill leaves nothing of ours at any venue: what is known and what is not, with and without a journal."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from quarterdeck.domain import (
    SECOND_NS,
    ControlAsked,
    Evidence,
    IntegrityError,
    KillVerified,
    OrderSeen,
    OrderState,
    RateLimited,
    Side,
    StrayFound,
)
from quarterdeck.engine import SweepVenue
from quarterdeck.orders import client_prefix
from quarterdeck.system.sweep import to_sweep
from tests.system.desk import BTC, OUTAGE, Desk

STRAY = f"{client_prefix('b')}000000000stray"[:18]
OTHERS = "somebodyelses00001"


def seen(client_id: str, lots: int = 3) -> OrderSeen:
    return OrderSeen(client_id, f"v-{client_id}", BTC, Side.BUY, lots, 0)


def kill(desk: Desk) -> None:
    desk.offer(ControlAsked(desk.clock.now_ns(), "kill-1", "kill", "test", "drill"))


def verified(desk: Desk) -> list[str]:
    return [fact.venue for fact in desk.facts() if isinstance(fact, KillVerified)]


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """A started bot with one resting order, which its venue lists beside a stray of ours and an order of others."""
    made = await Desk().start()
    made.offer(made.wish("w1"))
    await made.settle()
    made.venue.working = [seen(made.order, made.state.orders[made.order].qty_lots), seen(STRAY), seen(OTHERS)]
    yield made
    await made.hands.stop()


async def test_a_kill_cancels_all_that_carries_our_mark_and_nothing_else(desk: Desk) -> None:
    kill(desk)
    await desk.settle()
    assert [one.client_id for one in desk.venue.working] == [OTHERS]
    assert desk.state.orders[desk.order].state is OrderState.CANCELLED
    assert [fact.key for fact in desk.facts() if isinstance(fact, StrayFound)] == [f"a:{STRAY}"]
    assert desk.venue.calls.count(("cancel", STRAY)) == 1
    assert desk.venue.calls.count(("cancel", desk.order)) == 1  # its own cancel was under way already
    assert verified(desk) == ["b"]  # at the other, what was sent last could still appear


async def test_a_venue_is_searched_until_it_lists_nothing_of_ours_late_enough(desk: Desk) -> None:
    kill(desk)
    await desk.settle()
    desk.venue.working.append(seen(STRAY))  # it appears late
    for _ in range(60):
        desk.clock.pass_s(1)
        await desk.turn()
    assert [one.client_id for one in desk.venue.working] == [OTHERS]
    assert sorted(verified(desk)) == ["a", "b"]
    assert desk.state.unswept == {}
    assert desk.hands.next_timer_ns() is None
    asked = desk.venue.count("account")
    desk.clock.pass_s(100)
    await desk.turn()
    assert desk.venue.count("account") == asked


async def test_a_venue_that_does_not_answer_is_searched_when_it_does(desk: Desk) -> None:
    desk.venue.raises = OUTAGE
    desk.venue.evidence["cancel"] = Evidence.CANCEL_AMBIGUOUS
    kill(desk)
    await desk.settle()
    for _ in range(30):
        desk.clock.pass_s(10)
        await desk.turn()
    assert verified(desk) == ["b"]
    assert len(desk.venue.working) == 3
    desk.venue.raises = None
    desk.venue.evidence["cancel"] = Evidence.CANCELLED
    for _ in range(4):
        desk.clock.pass_s(10)
        await desk.turn()
    assert [one.client_id for one in desk.venue.working] == [OTHERS]
    assert verified(desk) == ["b", "a"]


async def test_a_venue_that_bans_us_is_searched_as_soon_as_the_ban_ends(desk: Desk) -> None:
    desk.venue.raises = RateLimited("too many requests", 60 * SECOND_NS)
    desk.venue.evidence["cancel"] = Evidence.CANCEL_AMBIGUOUS
    desk.venue.retry_after_ns = 60 * SECOND_NS
    kill(desk)
    await desk.settle()
    before = len(desk.venue.calls)
    for _ in range(59):
        desk.clock.pass_s(1)
        await desk.turn()
    assert len(desk.venue.calls) == before  # not a single request while it lasts
    assert desk.health[-1] == ("a", False)
    desk.venue.raises, desk.venue.retry_after_ns = None, 0
    desk.venue.evidence["cancel"] = Evidence.CANCELLED
    desk.clock.pass_s(1.1)
    await desk.turn()
    assert [one.client_id for one in desk.venue.working] == [OTHERS]
    assert desk.venue.calls[before][0] == "cancel"
    assert desk.health[-1] == ("a", True)


async def test_a_new_session_goes_on_searching(desk: Desk) -> None:
    desk.hands.do(SweepVenue("a"))
    await desk.settle()
    assert [one.client_id for one in desk.venue.working] == [desk.order, STRAY, OTHERS]  # nobody killed it
    kill(desk)
    await desk.loop.pump()
    await desk.hands.stop()
    assert set(desk.state.unswept) == {"a", "b"}


async def test_stop_orders_stay_during_a_halt_where_the_settings_say_so(desk: Desk) -> None:
    settings = desk.state.settings
    assert settings is not None
    listed = (seen(desk.order), seen(STRAY), seen(OTHERS))
    desk.state.orders[desk.order].order_kind = type(desk.state.orders[desk.order].order_kind).STOP
    assert [one.client_id for one in to_sweep(desk.state, listed)] == [desk.order, STRAY]
    guardrails = msgspec.structs.replace(settings.guardrails, protect_when_halted=True)
    desk.state.settings = msgspec.structs.replace(settings, guardrails=guardrails)
    assert [one.client_id for one in to_sweep(desk.state, listed)] == [STRAY]


async def test_with_the_journal_dead_what_the_state_knows_and_what_the_venue_lists_is_cancelled(desk: Desk) -> None:
    desk.journal.fails = True
    kill(desk)
    with pytest.raises(IntegrityError):
        await desk.loop.pump()
    before = len(desk.facts())
    await desk.hands.cancel_without_journal()
    assert [one.client_id for one in desk.venue.working] == [OTHERS]
    assert desk.venue.count("submit") == 1  # the one from before
    assert len(desk.facts()) == before


async def test_a_venue_that_is_down_does_not_keep_the_others_from_being_swept_without_a_journal(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quarterdeck.system.sweep.LAST_SWEEP_S", 0.2)
    monkeypatch.setattr("quarterdeck.system.sweep.LAST_SWEEP_PAUSE_S", 0.01)
    desk.venues["b"].raises = OUTAGE
    await asyncio.wait_for(desk.hands.cancel_without_journal(), 5)
    assert [one.client_id for one in desk.venue.working] == [OTHERS]


async def test_without_a_kill_a_dying_bot_leaves_stop_orders_to_watch_over_what_it_holds(desk: Desk) -> None:
    order = desk.state.orders[desk.order]
    order.order_kind = type(order.order_kind).STOP
    await desk.hands.cancel_without_journal()
    assert [one.client_id for one in desk.venue.working] == [desk.order, OTHERS]


async def test_after_a_kill_a_dying_bot_leaves_nothing(desk: Desk) -> None:
    order = desk.state.orders[desk.order]
    order.order_kind = type(order.order_kind).STOP
    desk.journal.fails = True
    kill(desk)
    with pytest.raises(IntegrityError):
        await desk.loop.pump()
    await desk.hands.cancel_without_journal()
    assert [one.client_id for one in desk.venue.working] == [OTHERS]


async def test_a_venue_that_bans_a_dying_bot_is_not_asked_again_before_the_ban_ends(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quarterdeck.system.sweep.LAST_SWEEP_S", 0.1)
    monkeypatch.setattr("quarterdeck.system.sweep.LAST_SWEEP_PAUSE_S", 0.001)
    desk.venue.raises = RateLimited("418", 3_600 * SECOND_NS)
    before = desk.venue.count("account")
    await asyncio.wait_for(desk.hands.cancel_without_journal(), 5)
    assert desk.venue.count("account") == before + 1
    assert desk.state.orders[desk.order].client_id not in {one.client_id for one in desk.venue.working}
