from __future__ import annotations

from pathlib import Path

import pytest

from quarterdeck.domain import MINUTE_NS, ConfigError, NotOwner
from quarterdeck.engine import state_hash
from quarterdeck.journal import Holder, SqliteJournal, SqliteReader, boot_id, trades
from quarterdeck.system import archive_bot, recover, replay_journal, verify_journal
from tests.drill.stage import BOT, Stage
from tests.system.replaying import local, played


def last_ns(stage: Stage) -> int:
    with SqliteReader(stage.folder.journal) as reader:
        return reader.picked([reader.head()[0]])[0].at_ns


def test_a_stopped_bot_is_archived_and_goes_on(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        played(stage, cycles=40)
        before = recover(stage.folder.journal)
        fills = trades(stage.folder.journal, limit=1000).items
        done = archive_bot(stage.workspace, BOT, last_ns(stage) - 20 * MINUTE_NS)
        assert done.moved > 50
        assert done.moved + done.kept == before.seq
        assert done.segments[0].folder.startswith(str(stage.workspace.root / "archive" / BOT))
        assert trades(stage.folder.journal, limit=1000).items == fills
        after = recover(stage.folder.journal)
        assert (after.seq, state_hash(after.state)) == (before.seq, state_hash(before.state))
        summary = played(stage, cycles=20)
        assert summary.exit_code == 0
        assert verify_journal(stage.folder.journal).ok
        replayed = replay_journal(stage.workspace, BOT)  # from zero, across the archive
        assert (replayed.ok, replayed.state_hash) == (True, summary.state_hash)
        assert replayed.rows == summary.journal_head.seq


def test_what_is_not_a_week_old_stays(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        played(stage, cycles=20)
        done = archive_bot(stage.workspace, BOT)
        assert (done.moved, done.segments) == (0, ())
        assert played(stage, cycles=5).exit_code == 0


def test_a_running_bot_is_left_alone(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        played(stage, cycles=5)
        owner = SqliteJournal(stage.folder.journal, BOT, Holder(pid=77, host="elsewhere", boot_id=boot_id()))
        with pytest.raises(NotOwner, match="is owned by process 77 on elsewhere"):
            archive_bot(stage.workspace, BOT)
        owner.release()
        owner.close()


def test_a_bot_that_never_ran_has_nothing_to_archive(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        with pytest.raises(ConfigError, match="has never run"):
            archive_bot(stage.workspace, BOT)
        assert not stage.folder.journal.exists()
