"""Who follows on whom, with real processes: at once where the bot was given up, with patience where its owner died."""

import signal
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from quarterdeck.domain import (
    SECOND_NS,
    CancelAsked,
    CancelRequested,
    ControlAsked,
    ControlChanged,
    Effect,
    Fact,
    OrderPlanned,
    SessionClosed,
    SessionOpened,
    Source,
)
from quarterdeck.exchange import Personality
from quarterdeck.journal import Inbox, SqliteReader
from tests.drill.stage import BotProcess, Stage, staged
from tests.system.acting import ask_for_a_resting_order, epoch_of, facts_now, pause, planned, resting
from tests.system.replaying import ALWAYS_LONG, local

# Long in the time of the tape, which runs 300 times as fast; nothing is signed that would outlive the lease.
VALIDITY_NS = 240 * SECOND_NS
SKEW_NS = SECOND_NS // 2
SPEED = 300.0


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with staged(tmp_path) as made:
        made.write_bot(remote=True, strategy=ALWAYS_LONG)
        made.record(4_000)
        habits = Personality(validity_ns=VALIDITY_NS, client_id_scope="open")
        made.start_venues({"alpha": habits, "beta": habits}, 5)
        yield made


def started(stage: Stage, **changes: object) -> BotProcess:
    return stage.run(stage.plan(speed=SPEED, validity_ns=VALIDITY_NS, lease_s=900.0, **changes))


def put(stage: Stage, kind: str, asked: ControlAsked | CancelAsked) -> None:
    inbox = Inbox(stage.folder.inbox)
    try:
        inbox.put(asked.key, kind, msgspec.msgpack.encode(asked), 1)
    finally:
        inbox.close()


def since(facts: list[Fact], epoch: int) -> tuple[SessionOpened, list[Fact]]:
    """Give the facts of a session, and the one that opened it."""
    for place, fact in enumerate(facts):
        if isinstance(fact, SessionOpened) and fact.epoch == epoch:
            return fact, facts[place:]
    raise AssertionError(f"there is no session {epoch}")


def test_after_a_good_end_the_one_that_stands_by_goes_on_at_once_and_may_open(stage: Stage) -> None:
    first = started(stage)
    first.until(lambda: len(planned(stage)) >= 1, "an order")
    second = started(stage, standby=True)
    second.has_ended(1.0)
    first.signal(signal.SIGTERM)
    second.until(lambda: epoch_of(stage) == 2, "the handover", 5.0)
    put(stage, "control", ControlAsked(1, "sell", "flatten", "test", "drill"))
    before = len(planned(stage))
    second.until(lambda: len(planned(stage)) > before + 1, "an exit and a new entry")
    assert first.exit_code(5.0) == 143, first.said()
    facts = facts_now(stage)
    opened, later = since(facts, 2)
    assert any(isinstance(fact, SessionClosed) and fact.released for fact in facts)
    assert not [fact for fact in later if isinstance(fact, ControlChanged)], "nothing held it"
    # It polls a few times a second, in a machine that may be busy.
    assert opened.at_ns - _released_ns(facts) < 3 * int(SPEED) * SECOND_NS


def _released_ns(facts: list[Fact]) -> int:
    return max(fact.at_ns for fact in facts if isinstance(fact, SessionClosed) and fact.released)


def test_after_a_death_the_successor_cancels_and_sells_at_once_and_opens_only_when_nothing_old_can_arrive(
    stage: Stage,
) -> None:
    ask_for_a_resting_order(stage)
    first = started(stage)
    first.until(lambda: len(resting(stage)) == 1 and len(planned(stage)) >= 2, "a resting order and a position")
    (rests,) = resting(stage)
    second = started(stage, standby=True)
    second.has_ended(1.0)
    first.kill()
    put(stage, "cancel", CancelAsked(1, "cancel", "test", rests))
    put(stage, "control", ControlAsked(1, "sell", "flatten", "test", "drill"))
    second.until(lambda: epoch_of(stage) == 2, "the takeover", 5.0)

    def later() -> tuple[SessionOpened, list[Fact]]:
        return since(facts_now(stage), 2)

    def entries() -> list[OrderPlanned]:
        return [fact for fact in later()[1] if isinstance(fact, OrderPlanned) and fact.effect is Effect.OPEN]

    second.until(lambda: bool(entries()), "an entry, in the end")
    opened, facts = later()
    free_ns = opened.at_ns + VALIDITY_NS + SKEW_NS
    assert min(plan.at_ns for plan in entries()) >= free_ns
    cancels = [fact for fact in facts if isinstance(fact, CancelRequested) and fact.client_id == rests]
    exits = [fact for fact in facts if isinstance(fact, OrderPlanned) and fact.source is Source.MANUAL]
    assert cancels
    assert exits
    assert max(fact.at_ns for fact in cancels) < free_ns
    assert max(fact.at_ns for fact in exits) < free_ns


def test_one_that_stands_by_waits_for_the_files_of_a_frozen_owner_and_goes_on_when_it_wakes(tmp_path: Path) -> None:
    with local(tmp_path / "b", bars=6_000) as made:
        plan = made.plan(speed=SPEED, validity_ns=400_000_000, lease_s=1.5, standby=True)
        first = made.run(plan)
        first.until(lambda: len(planned(made)) >= 1, "an order")
        second = made.run(plan)
        second.has_ended(1.0)
        pause(first, made)
        second.until(lambda: _holder_of(made) == second.pid, "the lease", 10.0)
        assert not second.has_ended(2.0)  # longer than a lease: it is kept up
        first.signal(signal.SIGCONT)
        assert first.exit_code(10.0) == 4, first.said()
        second.until(lambda: epoch_of(made) == 2, "the session", 10.0)
        assert "does not let go of it yet" in made.folder.log.read_text()


def _holder_of(stage: Stage) -> int:
    with SqliteReader(stage.folder.journal) as reader:
        lease = reader.lease()
    return 0 if lease is None else lease.pid
