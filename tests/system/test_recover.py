import sqlite3
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from quarterdeck.domain import IntegrityError, MarksTaken, Woke
from quarterdeck.engine import State, encode_state, state_hash
from quarterdeck.journal import SqliteJournal, SqliteReader, decode_body, encode_body, this_process
from quarterdeck.ports import Entry
from quarterdeck.system import RunOptions, recover, run_bot, verify_journal, verify_replay
from quarterdeck.system.recover import state_at
from tests.drill.stage import BOT, Stage
from tests.system.replaying import local, played


def reopened(stage: Stage) -> SqliteJournal:
    return SqliteJournal(stage.folder.journal, BOT, this_process())


def test_recovering_gives_the_state_that_the_run_ended_with(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        summary = played(stage)
        found = recover(stage.folder.journal)
        assert state_hash(found.state) == summary.state_hash
        assert (found.seq, found.head_hash.hex()) == (summary.journal_head.seq, summary.journal_head.hash)


def test_every_snapshot_and_zero_lead_to_the_same_state(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        for cycles in (20, 15, 30):
            played(stage, cycles=cycles)
        with_snapshots = recover(stage.folder.journal)
        replayed = verify_replay(stage.folder.journal)
        assert (replayed.ok, replayed.snapshots) == (True, 3)
        with sqlite3.connect(stage.folder.journal) as raw:
            raw.execute("DELETE FROM snapshots")
        from_zero = recover(stage.folder.journal)
        assert encode_state(from_zero.state) == encode_state(with_snapshots.state)


def test_a_damaged_snapshot_is_passed_over_and_named(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        played(stage, cycles=20)
        summary = played(stage, cycles=20)
        with sqlite3.connect(stage.folder.journal) as raw:
            raw.execute("UPDATE snapshots SET body = zeroblob(100) WHERE seq = (SELECT max(seq) FROM snapshots)")
        found = recover(stage.folder.journal)
        assert state_hash(found.state) == summary.state_hash
        assert len(found.skipped) == 1
        assert not verify_journal(stage.folder.journal).ok
        assert played(stage, cycles=5).exit_code == 0
        assert found.skipped[0] in stage.folder.log.read_text()


def test_a_journal_of_this_software_says_nothing_of_an_older_one(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        played(stage, cycles=5)
        found = recover(stage.folder.journal)
        assert found.recorded_hash == ""
        assert found.software.startswith("quarterdeck ")
        assert verify_replay(stage.folder.journal).folded_rows == 0


def test_a_snapshot_of_other_software_is_passed_over_and_its_hash_told(tmp_path: Path) -> None:
    """It lacks a field that today's state has, and has one that today's state lacks."""
    with local(tmp_path) as stage:
        summary = played(stage, cycles=20)
        plain = msgspec.msgpack.decode(encode_state(recover(stage.folder.journal).state))
        del plain["alerts"]
        body = msgspec.msgpack.encode(plain | {"peak": 1.5})
        journal = reopened(stage)
        journal.save_snapshot(journal.head_seq, sha256(body).digest(), body)
        journal.close()
        found = recover(stage.folder.journal)
        assert state_hash(found.state) == summary.state_hash
        assert (found.recorded_hash, found.skipped) == (sha256(body).hexdigest(), ())


def test_the_state_at_any_row_is_the_fold_of_the_rows_up_to_it(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        played(stage, cycles=10)
        middle = recover(stage.folder.journal)
        played(stage, cycles=10)
        assert state_hash(state_at(stage.folder.journal, middle.seq)) == state_hash(middle.state)
        assert state_hash(state_at(stage.folder.journal, 0)) == state_hash(State())


def test_a_snapshot_of_another_state_is_found(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        played(stage, cycles=20)
        journal = reopened(stage)
        wrong = State(equity=1.0)
        journal.save_snapshot(journal.head_seq, bytes.fromhex(state_hash(wrong)), encode_state(wrong))
        journal.close()
        replayed = verify_replay(stage.folder.journal)
        assert not replayed.ok
        assert "do not fold into the snapshot's state" in replayed.problems[0]


def test_a_row_whose_facts_do_not_follow_from_its_input_is_found(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        played(stage, cycles=20)
        at_ns = recover(stage.folder.journal).state.at_ns + 60_000_000_000
        journal = reopened(stage)
        lie = MarksTaken(at_ns=at_ns, minute_ns=at_ns - at_ns % 60_000_000_000, equity=1e9, index=1e5)
        journal.append([Entry(at_ns, "Woke", encode_body(Woke(at_ns), [lie]))])
        journal.close()
        assert verify_journal(stage.folder.journal).ok  # the chain is sound; it is the decision that is not
        replayed = verify_replay(stage.folder.journal)
        assert not replayed.ok
        assert replayed.problems[0].startswith(f"row {replayed.rows}: Woke was decided as")


def test_a_missing_row_is_never_folded_over(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        played(stage, cycles=20)
        with sqlite3.connect(stage.folder.journal) as raw:
            raw.execute("DELETE FROM snapshots")
            raw.execute("DELETE FROM rows WHERE seq = 5")
        with pytest.raises(IntegrityError, match="row 5 is missing"):
            recover(stage.folder.journal)
        with pytest.raises(IntegrityError):
            run_bot(stage.workspace, stage.config, RunOptions(replay=stage.tapes, speed=None))


def test_every_row_can_be_read_back_as_input_and_facts(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        played(stage, cycles=40)
        with SqliteReader(stage.folder.journal) as reader:
            for row in reader.rows():
                news, facts = decode_body(row.body)
                assert type(news).__name__ == row.kind
                assert facts
                assert facts[0].at_ns == row.at_ns
