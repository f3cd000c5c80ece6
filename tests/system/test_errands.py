import asyncio
import signal
import sqlite3
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from quarterdeck.domain import (
    CancelAsked,
    ClockHeld,
    ConfigError,
    Control,
    ControlAsked,
    Effect,
    Evidence,
    FundsAsked,
    Input,
    IntegrityError,
    IntentAsked,
    IntentRefused,
    OrderState,
    ResolveAsked,
    SettingChange,
    SettingsAsked,
    Side,
    Stopping,
)
from quarterdeck.engine import State
from quarterdeck.journal import Inbox, InboxListener
from quarterdeck.system import Errands, KillFile, Outside, raise_kill
from tests.system.desk import BTC, ETH, OUTAGE, Desk, HandClock


class Notes:
    """A log that a test reads."""

    def __init__(self) -> None:
        self.complaints: list[str] = []

    def say(self, event: str, text: str) -> None:
        """Nobody listens."""

    def complain(self, event: str, text: str) -> None:
        self.complaints.append(f"{event}: {text}")


class Office:
    """A desk with errands: a real kill file, a real inbox, and a wall clock that is set by hand."""

    def __init__(self, folder: Path) -> None:
        self.desk = Desk()
        self.wall = HandClock()
        self.notes = Notes()
        self.kill_path = folder / "kill"
        self.kill = KillFile(self.kill_path)
        self.inbox_path = folder / "inbox.db"
        self.inbox = Inbox(self.inbox_path)
        self.errands = self.renewed()

    def renewed(self, inbox: Inbox | None = None) -> Errands:
        self.outside = Outside(
            kill=self.kill,
            inbox=inbox or self.inbox,
            venues=self.desk.venues,
            act=self.desk.hands.do,
            clock=self.desk.clock,
            wall=self.wall,
            log=self.notes,
        )
        return Errands(self.outside, self.desk.loop, paced=True)

    async def opened(self) -> "Office":
        await self.desk.start()
        return self

    def pass_s(self, seconds: float) -> None:
        self.desk.clock.pass_s(seconds)
        self.wall.pass_s(seconds)

    async def look(self) -> None:
        await self.errands.look_around()
        await self.desk.settle()

    def put(self, key: str, kind: str, request: Input) -> None:
        self.inbox.put(key, kind, msgspec.msgpack.encode(request), 1)

    def close(self) -> None:
        self.inbox.close()
        self.kill.close()


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    made = await Office(tmp_path).opened()
    yield made
    made.close()


@pytest.mark.parametrize("step_s", [-3_600.0, -0.6, 0.6, 86_400.0])
async def test_after_a_step_of_the_wall_clock_nothing_opens_for_a_minute(office: Office, step_s: float) -> None:
    desk = office.desk
    at_ns = desk.state.at_ns
    office.wall.wall_ns += round(step_s * 1e9)
    await office.look()
    held = [fact for fact in desk.facts() if isinstance(fact, ClockHeld)]
    assert [fact.step_ns for fact in held] == [round(step_s * 1e9)]
    assert desk.state.at_ns >= at_ns  # time never goes back in the journal
    office.pass_s(59.9)
    desk.offer(desk.wish("too-soon"))
    await desk.settle()
    assert desk.state.answers["too-soon"].outcome.startswith("refused")
    assert [fact.failed for fact in desk.facts() if isinstance(fact, IntentRefused)] == [("E8",)]
    office.pass_s(0.2)
    await office.look()
    desk.offer(desk.wish("in-time"))
    await desk.settle()
    assert desk.venue.count("submit") == 1


async def test_an_exit_passes_while_the_clock_is_held(office: Office) -> None:
    desk = office.desk
    desk.venue.evidence["submit"] = desk.venue.evidence["query"]
    desk.offer(desk.wish("entry"))
    await desk.settle()
    office.wall.wall_ns -= 10**10
    await office.look()
    asked = IntentAsked(
        at_ns=desk.clock.now_ns(),
        key="exit",
        source=desk.wish("x").source,
        who="test",
        instrument=BTC,
        side=Side.SELL,
        effect=Effect.REDUCE,
    )
    desk.offer(asked)
    await desk.settle()
    refused = [fact for fact in desk.facts() if isinstance(fact, IntentRefused)]
    assert [fact.stage for fact in refused] == ["route"]  # there is nothing to sell; no guardrail stood in the way


async def test_small_steps_and_drift_are_nothing(office: Office) -> None:
    await office.look()
    seq = office.desk.loop.seq
    for step_ns in (90_000_000, -90_000_000, 400_000_000, -450_000_000):
        office.wall.wall_ns += step_ns
        await office.look()
    assert office.desk.loop.seq == seq


async def test_a_raised_kill_file_halts_once(office: Office) -> None:
    desk = office.desk
    desk.offer(desk.wish("w1"))
    await desk.settle()
    raise_kill(office.kill_path)
    for _ in range(3):
        await office.look()
    assert desk.state.control is Control.HALTED
    assert desk.state.kill_raised
    assert desk.venue.count("cancel") == 1
    assert sum(isinstance(one.news, ControlAsked) for one in desk.happened) == 1


async def test_a_second_kill_after_a_resume_is_seen(office: Office) -> None:
    desk = office.desk
    epoch = raise_kill(office.kill_path)
    await office.look()
    desk.offer(ControlAsked(desk.clock.now_ns(), "r", "resume", "test", kill_epoch=epoch))
    await office.look()
    controls = [desk.state.control]
    raise_kill(office.kill_path)
    await office.look()
    controls.append(desk.state.control)
    assert controls == [Control.RUNNING, Control.HALTED]


async def test_requests_are_taken_once_and_marked_when_they_are_answered(office: Office) -> None:
    office.put("p", "control", ControlAsked(1, "p", "pause", "face"))
    office.put("w", "intent", office.desk.wish("w", ETH))
    office.put("c", "cancel", CancelAsked(1, "c", "face", "nobody"))
    for _ in range(3):
        office.pass_s(0.3)
        await office.look()
    answers = {key: answered.outcome for key, answered in office.desk.state.answers.items()}
    assert answers["p"] == "done: pause"
    assert answers["w"].startswith("refused")  # paused
    assert answers["c"] == "refused: no order nobody"
    assert office.inbox.pending() == []


async def test_a_request_under_another_key_than_its_own_counts_under_the_key_of_the_inbox(office: Office) -> None:
    office.put("outer", "control", ControlAsked(1, "inner", "pause", "face"))
    office.pass_s(0.3)
    await office.look()
    assert "outer" in office.desk.state.answers
    assert "inner" not in office.desk.state.answers


@pytest.mark.parametrize(("kind", "payload"), [("control", b"\xc1nonsense"), ("dance", b"\x80"), ("intent", b"\x80")])
async def test_a_request_that_makes_no_sense_is_answered_and_asked_no_more(
    office: Office, kind: str, payload: bytes
) -> None:
    office.inbox.put("x", kind, payload, 1)
    for _ in range(2):
        office.pass_s(0.3)
        await office.look()
    assert office.desk.state.answers["x"].outcome.startswith("refused: no command")
    assert office.inbox.pending() == []
    assert office.notes.complaints


def asked_for(key: str, changes: tuple[SettingChange, ...], desk: Desk) -> SettingsAsked:
    settings = desk.state.settings
    assert settings is not None
    return SettingsAsked(0, key, "ann", settings, changes)


async def test_settings_that_waited_are_taken_before_everything_else_and_one_after_the_other(office: Office) -> None:
    desk = office.desk
    seen: list[tuple[str, list[str]]] = []

    def renew(asked: SettingsAsked, _state: State, earlier: Sequence[SettingsAsked]) -> SettingsAsked:
        seen.append((asked.key, [one.key for one in earlier]))
        return asked

    office.errands = Errands(msgspec.structs.replace(office.outside, renew=renew), desk.loop, paced=True)
    office.put("r", "control", ControlAsked(0, "r", "pause", "ann"))
    for number in (1, 2):
        change = SettingChange(f"risk.{number}", "", str(number))
        office.put(f"s{number}", "settings", asked_for(f"s{number}", (change,), desk))
    office.errands.take_settings()
    await desk.settle()
    assert seen == [("s1", []), ("s2", ["s1"])]
    assert desk.state.changes == {"risk.1": "1", "risk.2": "2"}
    assert list(desk.state.holds) == []
    office.pass_s(1)
    await office.look()
    assert list(desk.state.holds) == ["operator"]
    assert len(seen) == 2


async def test_settings_that_no_longer_fit_the_file_are_refused_and_complained_of(office: Office) -> None:
    def renew(_asked: SettingsAsked, _state: State, _earlier: Sequence[SettingsAsked]) -> SettingsAsked:
        raise ConfigError("the pair is gone")

    desk = office.desk
    office.errands = Errands(msgspec.structs.replace(office.outside, renew=renew), desk.loop, paced=True)
    office.put("s", "settings", asked_for("s", (), desk))
    office.pass_s(1)
    await office.look()
    assert desk.state.answers["s"].outcome.startswith("refused")
    assert office.notes.complaints == ["inbox: request s: the pair is gone"]


async def test_funds_are_declared_through_the_inbox(office: Office) -> None:
    cash = office.desk.state.cash["a"]["USD"]
    office.put("f", "funds", FundsAsked(0, "f", "ann", "a", "USD", Decimal(-100)))
    office.pass_s(1)
    await office.look()
    assert office.desk.state.cash["a"]["USD"] == cash - 100


async def test_an_inbox_that_breaks_is_complained_of_and_nothing_else(office: Office) -> None:
    office.inbox.close()
    office.pass_s(0.3)
    await office.look()
    assert office.notes.complaints
    office.desk.offer(office.desk.wish("w1"))
    await office.desk.settle()
    assert office.desk.venue.count("submit") == 1


async def test_a_venue_that_is_down_does_not_hold_up_the_comparison_of_others(office: Office) -> None:
    office.desk.venues["a"].raises = OUTAGE
    office.pass_s(301)
    await office.look()
    assert [text for text in office.desk.complaints if text.startswith("account: a")]
    assert office.desk.venues["b"].count("account") == 1
    assert office.desk.state.baselines["b"] == {"USD": Decimal(0)}


async def test_trades_are_pulled_now_and_then_where_orders_work(office: Office) -> None:
    office.desk.offer(office.desk.wish("w1"))
    await office.desk.settle()
    before = office.desk.venue.count("fills")
    office.pass_s(31)
    await office.look()
    assert office.desk.venue.count("fills") == before + 1
    assert office.desk.venues["b"].count("fills") == 0


async def test_working_orders_are_asked_after_now_and_then(office: Office) -> None:
    office.desk.offer(office.desk.wish("w1"))
    await office.desk.settle()
    (order,) = office.desk.state.live_orders()
    assert order.state is OrderState.OPEN
    before = office.desk.venue.count("query")
    office.pass_s(31)
    await office.look()
    assert office.desk.venue.count("query") == before + 1


async def test_it_stops_once_and_for_the_first_reason(office: Office) -> None:
    office.errands.stop("one")
    office.errands.stop("two")
    assert office.errands.is_stopping
    assert not office.errands.was_signalled
    await office.desk.settle()
    stops = [one.news for one in office.desk.happened if isinstance(one.news, Stopping)]
    assert [stop.reason for stop in stops] == ["one"]


async def test_sigterm_asks_it_to_stop(office: Office) -> None:
    office.errands.listen_to_signals()
    loop = asyncio.get_running_loop()
    try:
        signal.raise_signal(signal.SIGTERM)
        await asyncio.wait_for(office.desk.loop.wait_for_news(None), 5.0)
        assert office.errands.is_stopping
        assert office.errands.was_signalled
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        loop.remove_signal_handler(signal.SIGINT)


async def test_a_journal_that_died_unnoticed_is_raised_at_the_next_look(office: Office) -> None:
    office.errands.fail(IntegrityError("gone"))
    with pytest.raises(IntegrityError, match="gone"):
        await office.errands.look_around()


async def test_a_command_is_heard_at_once_and_not_when_the_next_look_is_due(office: Office) -> None:
    await office.look()  # the inbox was just looked into, and its time stands still from here on
    listener = InboxListener(office.inbox_path, office.errands.hear)
    waiting = asyncio.create_task(office.desk.loop.wait_for_news(60.0))
    await asyncio.sleep(0)
    face = Inbox(office.inbox_path)
    face.put("p", "control", msgspec.msgpack.encode(ControlAsked(1, "p", "pause", "test")), 1)
    async with asyncio.timeout(5.0):
        await waiting
    await office.look()
    assert office.desk.state.answers["p"].outcome == "done: pause"
    face.close()
    listener.close()


async def test_a_person_may_say_that_an_unknown_order_lives_no_more(office: Office) -> None:
    desk = office.desk
    desk.venue.evidence["submit"], desk.venue.raises = Evidence.AMBIGUOUS, OUTAGE
    desk.offer(desk.wish("w1"))
    await desk.settle()
    office.put("r", "resolve", ResolveAsked(1, "r", "test", desk.order, "seen to"))
    office.pass_s(1)
    await office.look()
    assert desk.state.orders[desk.order].state is OrderState.NOT_PLACED


async def test_an_inbox_that_a_face_holds_for_a_moment_is_no_cause_for_complaint(office: Office) -> None:
    office.inbox.close()
    office.inbox = Inbox(office.inbox_path, lock_timeout_ms=0)
    office.errands = office.renewed()
    holding = sqlite3.connect(office.inbox_path, isolation_level=None)
    holding.execute("BEGIN EXCLUSIVE")
    office.pass_s(1)
    await office.look()
    assert office.notes.complaints == []
    office.pass_s(5)
    await office.look()
    assert ["another process holds the inbox" in text for text in office.notes.complaints] == [True]
    holding.close()
