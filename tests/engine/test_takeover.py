"""From one session to the next: without a gap where the owner let go, after a wait where it did not. I32, R29, R37."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from quarterdeck.domain import CancelRequested, Control, ControlChanged, Evidence, Fact, Side, Stopping
from quarterdeck.engine import due
from tests.engine.covered import covered
from tests.engine.driving import BTC, ETH, VALIDITY_NS, Bot, kinds_in, planned_in
from tests.engine.scenes import answer_in, exits, opens, resume, wide

WAIT_NS = VALIDITY_NS + 500_000_000


def test_a_planned_handover_has_no_gap() -> None:
    bot = Bot()
    assert kinds_in(bot.let_go().start()) == ["SessionOpened"]
    assert (bot.state.control, bot.state.holds) == (Control.RUNNING, {})
    assert opens(bot)


def test_a_first_start_waits_for_nobody() -> None:
    bot = Bot(started=False)
    bot.start()
    assert bot.state.holds == {}


def test_a_session_that_takes_over_from_one_that_did_not_let_go_opens_nothing_for_a_while() -> None:
    """What the other signed with its last breath may still be honoured: so long nothing is opened, and exits pass."""
    bot = Bot()
    bot.bought()
    bot.later(61)
    began_ns = bot.at_ns
    (changed,) = [fact for fact in bot.start() if isinstance(fact, ControlChanged)]
    assert (changed.control, [hold.cause for hold in changed.holds]) == (Control.REDUCING, ["takeover"])
    assert due(bot.state) <= began_ns + WAIT_NS
    assert not opens(bot)
    assert exits(bot)
    bot.at_ns = began_ns + WAIT_NS - 1
    bot.wake()
    assert not opens(bot)
    bot.at_ns += 1
    bot.wake()
    assert (bot.level(), bot.state.holds) == (Control.RUNNING, {})
    assert opens(bot)


def test_one_that_was_asked_to_stop_and_died_before_it_let_go_did_not_let_go() -> None:
    bot = Bot()
    bot.take(Stopping(bot.at_ns, "SIGTERM"))
    bot.start()
    assert list(bot.state.holds) == ["takeover"]


@pytest.mark.parametrize("rebase", [False, True])
def test_a_person_cannot_shorten_the_wait(rebase: bool) -> None:
    bot = Bot()
    bot.start()
    answer = answer_in(resume(bot, rebase=rebase))
    assert answer.startswith("done: resume, but still reducing: takeover")
    assert "rebase" not in answer
    assert bot.level() is Control.REDUCING


def test_the_slowest_venue_and_the_clocks_decide_how_long_the_wait_is() -> None:
    slow = Bot().settings
    venues = (slow.venues[0], replace(slow.venues[1], validity_ns=60_000_000_000))
    bot = Bot(replace(slow, venues=venues, guardrails=wide(clock_skew_max_ms=2_000.0)))
    bot.start()
    assert bot.state.holds["takeover"].until_ns == bot.at_ns + 62_000_000_000


def test_a_second_crash_never_shortens_the_wait() -> None:
    bot = Bot()
    bot.start()
    bot.later(3).start()
    assert bot.state.holds["takeover"].until_ns == bot.at_ns + WAIT_NS
    venues = tuple(replace(venue, validity_ns=0) for venue in bot.settings.venues)
    until_ns = bot.state.holds["takeover"].until_ns
    bot.settings = replace(bot.settings, venues=venues)
    bot.start()
    assert bot.state.holds["takeover"].until_ns == until_ns


# --- what stays at the venue ------------------------------------------------------------------------------------------


def cancelled_in(facts: list[Fact]) -> set[str]:
    return {fact.client_id for fact in facts if isinstance(fact, CancelRequested)}


def test_stopping_cancels_entries_and_leaves_what_covers_a_position_at_its_venue() -> None:
    """S14, R37: a process that is gone leaves no naked position."""
    bot, stop = covered()
    (entry,) = planned_in(bot.later(61).ask("in", instrument=ETH, notional=Decimal(50)))
    assert cancelled_in(bot.take(Stopping(bot.at_ns, "SIGTERM"))) == {entry.client_id}
    assert stop.cancel.value == "none"


@pytest.mark.parametrize("command", ["kill", "halt"])
@pytest.mark.parametrize("stays", [False, True])
def test_a_halt_cancels_stop_orders_as_well_unless_they_may_stay(command: str, stays: bool) -> None:
    bot, stop = covered(protect_when_halted=stays)
    assert (stop.client_id in cancelled_in(bot.control(command))) is not stays


def test_a_stop_order_that_covers_nothing_any_more_is_cancelled_when_the_bot_stops() -> None:
    bot, stop = covered()
    assert planned_in(bot.later(61).ask("out", Side.SELL)) == [], "an exit waits for the stop order to give way"
    bot.fill(bot.state.orders[next(iter(bot.state.orders))], 1, fee=Decimal("0.02000001"), fee_asset="BTC")
    assert bot.state.position("a", BTC).qty == 0
    bot.report(stop, Evidence.CANCEL_REFUSED)
    assert stop.client_id in cancelled_in(bot.take(Stopping(bot.at_ns, "SIGTERM")))
