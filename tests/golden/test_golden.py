"""Journals that earlier releases wrote: they open, verify, fold, and go on under the present code."""

from __future__ import annotations

import gzip
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Final

import pytest
from msgspec import Struct

from quarterdeck.domain import (
    MINUTE_NS,
    BotSettings,
    ControlAsked,
    Fact,
    Input,
    IntegrityError,
    MarksTaken,
    Released,
    SessionOpened,
    Started,
    StateUpgraded,
    Stopping,
    Woke,
)
from quarterdeck.engine import State, encode_state, state_hash, step
from quarterdeck.journal import (
    Projector,
    SqliteJournal,
    SqliteReader,
    cycle_row,
    encode_body,
    events,
    intent_rows,
    last_intent,
    orders,
    this_process,
    trades,
    verify,
)
from quarterdeck.journal.schema import FORMAT_VERSION
from quarterdeck.ports import Entry
from quarterdeck.system import Recovered, recover, verify_replay

HERE: Final = Path(__file__).parent


class Golden(Struct, frozen=True):
    """One journal, and what is known of it."""

    name: str
    bot: str
    software: str
    rows: int
    recorded_hash: str
    fills: int
    last_intent: str
    cancelled: int = 0


JOURNALS: Final = (
    Golden(
        name="0.1.0-keel",
        bot="demo",
        software="quarterdeck 0.1.0",
        rows=489,
        recorded_hash="3e148620f44d2237c81ea5023b93ddfb2641de44d56cf019b9287a2a342c149c",
        fills=36,
        last_intent="demo:ETH-USD:1767246660000000000:BUY",
    ),
    Golden(
        name="0.2.0-door",
        bot="demo",
        software="quarterdeck 0.2.0",
        rows=587,
        recorded_hash="c090ba993c68fbcffe90178199f8f52856e23a25d96d04ed3cc49a166b7276ab",
        fills=45,
        last_intent="demo:ETH-USD:1767250560000000000:SELL",
    ),
    Golden(
        name="0.3.0-life",
        bot="demo",
        software="quarterdeck 0.3.0",
        rows=647,
        recorded_hash="efbcacd0646601dead888709d46227907df88750534b5b79a0a87bac183d5745",
        fills=45,
        last_intent="demo:ETH-USD:1767250560000000000:SELL",
        cancelled=15,
    ),
)


@pytest.fixture(params=JOURNALS, ids=lambda golden: golden.name)
def golden(request: pytest.FixtureRequest) -> Golden:
    chosen: Golden = request.param
    return chosen


@pytest.fixture
def path(golden: Golden, tmp_path: Path) -> Path:
    place = tmp_path / "run" / golden.bot / "journal.db"
    place.parent.mkdir(parents=True)
    place.write_bytes(gzip.decompress((HERE / golden.name / "journal.db.gz").read_bytes()))
    return place


class Owner:
    """Owns the journal under the present code, and goes on with it."""

    def __init__(self, path: Path, golden: Golden) -> None:
        self.journal = SqliteJournal(path, golden.bot, this_process())
        self.found: Recovered = recover(path)
        self.state: State = self.found.state

    def take(self, news: Input) -> list[Fact]:
        facts = step(self.state, news)
        if facts:
            self.journal.append([Entry(facts[0].at_ns, type(news).__name__, encode_body(news, facts))])
        return facts

    def settings(self) -> BotSettings:
        assert self.state.settings is not None
        return self.state.settings

    def go_on(self, software: str) -> list[Fact]:
        """Start, wake, be paused and stop, as a session does; give the facts of the start."""
        at_ns = self.state.at_ns + MINUTE_NS
        epoch = self.journal.lease.epoch
        started = Started(
            at_ns,
            f"demo-{epoch}",
            epoch,
            software,
            self.settings(),
            self.state.kill_epoch,
            recorded_hash=self.found.recorded_hash,
        )
        facts = self.take(started)
        self.take(Woke(at_ns + MINUTE_NS))
        self.take(ControlAsked(at_ns + 2 * MINUTE_NS, "pause-new", "pause", "ada", "tea"))
        self.take(Stopping(at_ns + 3 * MINUTE_NS, "the test is over"))
        self.take(Released(at_ns + 4 * MINUTE_NS))
        body = encode_state(self.state)
        self.journal.save_snapshot(self.journal.head_seq, bytes.fromhex(state_hash(self.state)), body)
        self.journal.release()
        self.journal.close()
        return facts


def test_it_verifies_as_it_was_written(path: Path, golden: Golden) -> None:
    report = verify(path)
    assert report.ok, report.problems
    assert report.rows == golden.rows


def test_it_can_be_read_before_it_is_brought_up(path: Path, golden: Golden) -> None:
    raw = path.read_bytes()
    assert len(trades(path, limit=1000).items) == golden.fills
    states = Counter(item["state"] for item in orders(path, limit=1000).items)
    assert (states["filled"], states["cancelled"]) == (golden.fills, golden.cancelled)
    assert states.total() == golden.fills + golden.cancelled
    assert {"trade_executed", "kill_switch", "guardrail_triggered"} <= {
        str(item["type"]) for item in events(path, limit=1000).items
    }
    assert last_intent(path) == golden.last_intent
    rows = intent_rows(path, golden.last_intent)
    assert rows[0] == cycle_row(path, int(golden.last_intent.split(":")[2]))
    assert path.read_bytes() == raw


def test_it_folds_and_says_what_the_older_software_recorded(path: Path, golden: Golden) -> None:
    found = recover(path)
    assert (found.seq, found.skipped) == (golden.rows, ())
    assert (found.recorded_hash, found.software) == (golden.recorded_hash, golden.software)


def test_its_snapshots_are_passed_over_and_not_believed(path: Path) -> None:
    with_snapshots = recover(path)
    with sqlite3.connect(path) as raw:
        raw.execute("DELETE FROM snapshots")
    from_zero = recover(path)
    assert encode_state(from_zero.state) == encode_state(with_snapshots.state)
    assert from_zero.recorded_hash == ""


def test_it_goes_on_with_a_fact_that_says_so(path: Path, golden: Golden) -> None:
    owner = Owner(path, golden)
    folded_hash = state_hash(owner.state)
    facts = owner.go_on("quarterdeck 999.0")
    upgraded = facts[0]
    assert isinstance(upgraded, StateUpgraded)
    assert (upgraded.software_before, upgraded.software) == (golden.software, "quarterdeck 999.0")
    assert (upgraded.before_hash, upgraded.state_hash) == (golden.recorded_hash, folded_hash)
    assert any(isinstance(fact, SessionOpened) for fact in facts)
    assert verify(path).ok


def test_what_was_decided_before_is_folded_and_what_came_after_is_decided_again(path: Path, golden: Golden) -> None:
    Owner(path, golden).go_on("another software")
    report = verify_replay(path)
    assert report.problems == ()
    assert (report.folded_rows, report.snapshots) == (golden.rows, 1)
    again = recover(path)
    assert (again.recorded_hash, again.software) == ("", "another software")
    assert state_hash(again.state) == report.state_hash


def test_a_decision_of_the_new_software_that_does_not_follow_is_found(path: Path, golden: Golden) -> None:
    owner = Owner(path, golden)
    owner.go_on("another software")
    at_ns = owner.state.at_ns + MINUTE_NS
    lie = MarksTaken(at_ns=at_ns, minute_ns=at_ns - at_ns % MINUTE_NS, equity=1e9, index=1e5)
    again = SqliteJournal(path, golden.bot, this_process())
    again.append([Entry(at_ns, "Woke", encode_body(Woke(at_ns), [lie]))])
    again.close()
    assert not verify_replay(path).ok


def test_a_replay_before_the_first_start_only_folds(path: Path, golden: Golden) -> None:
    report = verify_replay(path)
    if report.folded_rows:
        assert (report.ok, report.folded_rows) == (True, golden.rows)
    else:  # this is still the release that wrote it
        assert recover(path).software == golden.software


def test_its_tables_are_folded_anew_at_the_first_start(path: Path, golden: Golden) -> None:
    before = [view(path, limit=1000).items for view in (trades, orders, events)]
    journal = SqliteJournal(path, golden.bot, this_process())
    projector = Projector(path)
    assert [view(path, limit=1000).items for view in (trades, orders, events)] == before
    while projector.step():
        pass
    projector.close()
    with SqliteReader(path) as reader:
        assert reader.format == FORMAT_VERSION
    assert [view(path, limit=1000).items for view in (trades, orders, events)] == before
    assert verify(path).ok
    assert journal.head_seq == golden.rows
    journal.close()


@pytest.mark.parametrize("is_brought_up", [False, True])
def test_a_table_that_was_moved_in_its_catalogue_is_found(path: Path, golden: Golden, *, is_brought_up: bool) -> None:
    if is_brought_up:
        SqliteJournal(path, golden.bot, this_process()).close()
    raw = sqlite3.connect(path, isolation_level=None)
    raw.execute("PRAGMA writable_schema = ON")
    raw.execute("UPDATE sqlite_schema SET rootpage = 3 WHERE name = 'fills'")
    raw.close()
    assert not verify(path).ok
    with pytest.raises(IntegrityError, match="not those of a journal"):
        SqliteReader(path)
