from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from quarterdeck.config import Workspace
from quarterdeck.domain import MINUTE_NS, ConfigError, IntegrityError, NotAllowed, NotOwner
from quarterdeck.engine import state_hash
from quarterdeck.journal import SqliteReader, verify
from quarterdeck.system import archive_bot, back_up, read_trades, recover, restore, take_bot
from quarterdeck.system.backup_files import read_manifest
from tests.drill.stage import BOT, Stage
from tests.system.replaying import local, played


def archived(stage: Stage) -> None:
    """Move the first half of what the bot did into the archive."""
    with SqliteReader(stage.folder.journal) as reader:
        head = reader.picked([reader.head()[0]])[0]
    archive_bot(stage.workspace, BOT, head.at_ns - 15 * MINUTE_NS)


def elsewhere(tmp_path: Path) -> Workspace:
    """An empty workspace on another machine."""
    root = tmp_path / "other"
    (root / "run").mkdir(parents=True)
    (root / "quarterdeck.yaml").write_text("")
    return Workspace(root)


def test_s19_a_backup_holds_all_that_is_needed_to_go_on_elsewhere(tmp_path: Path) -> None:
    with local(tmp_path / "here") as stage:
        played(stage, cycles=30)
        archived(stage)
        summary = played(stage, cycles=10)
        (stage.workspace.run / "secret.env").write_text("KEY=hush")
        done = back_up(stage.workspace, BOT, tmp_path / "copy")
        names = set(read_manifest(tmp_path / "copy").files)
        assert {f"run/{BOT}/{name}" for name in ("journal.db", "inbox.db", "heads.jsonl")} <= names
        assert f"bots/{BOT}.yaml" in names
        assert any(name.startswith("strategies/production/") for name in names)
        assert any(name.endswith("rows.parquet") for name in names)
        assert all("secret" not in str(path) for path in (tmp_path / "copy").rglob("*"))
        assert (done.head.seq, done.left_out) == (summary.journal_head.seq, ())
        there = elsewhere(tmp_path)
        outcome = restore(there, tmp_path / "copy")
        assert (outcome.put_aside, outcome.left) == ((), ())
        found = recover(there.bot_folder(BOT).journal)
        assert (found.seq, state_hash(found.state)) == (summary.journal_head.seq, summary.state_hash)
        fills = [read_trades(place, BOT, since_ns=0, limit=1000).items for place in (stage.workspace, there)]
        assert fills[0] == fills[1]
        report = verify(there.bot_folder(BOT).journal)
        assert report.ok
        assert report.anchors > 0


def test_a_running_bot_is_backed_up_as_of_one_moment(tmp_path: Path) -> None:
    with local(tmp_path / "here") as stage:
        played(stage, cycles=20)
        owned = take_bot(stage.folder, BOT, standby=False)
        done = back_up(stage.workspace, BOT, tmp_path / "copy")
        assert done.head.seq == owned.journal.head_seq
        owned.journal.release()
        owned.journal.close()
        owned.lock.close()


def test_the_account_of_an_open_paper_venue_is_left_out_and_said(tmp_path: Path) -> None:
    with local(tmp_path / "here") as stage:
        played(stage, cycles=20)
        path = next(iter(stage.folder.root.glob("paper-*.db")))
        with closing(sqlite3.connect(path, isolation_level=None)) as venue:
            venue.execute("PRAGMA locking_mode=EXCLUSIVE")
            venue.execute("BEGIN IMMEDIATE")  # and the lock stays after the transaction
            venue.execute("COMMIT")
            done = back_up(stage.workspace, BOT, tmp_path / "copy")
        assert [words.partition(":")[0] for words in done.left_out] == [path.name]
        assert f"run/{BOT}/{path.name}" not in read_manifest(tmp_path / "copy").files


def test_a_backup_that_changed_restores_nothing(tmp_path: Path) -> None:
    with local(tmp_path / "here") as stage:
        played(stage, cycles=10)
        back_up(stage.workspace, BOT, tmp_path / "copy")
    there = elsewhere(tmp_path)
    file = tmp_path / "copy" / "run" / BOT / "journal.db"
    raw = file.read_bytes()
    file.write_bytes(raw[:5000] + b"?" + raw[5001:])
    with pytest.raises(IntegrityError, match="not the file that was written"):
        restore(there, tmp_path / "copy")
    assert not there.bot_folder(BOT).root.exists()
    (tmp_path / "copy" / "manifest.json").unlink()
    with pytest.raises(ConfigError, match="no complete backup"):
        restore(there, tmp_path / "copy")


def test_a_manifest_that_points_elsewhere_is_refused(tmp_path: Path) -> None:
    with local(tmp_path / "here") as stage:
        played(stage, cycles=5)
        back_up(stage.workspace, BOT, tmp_path / "copy")
    manifest = tmp_path / "copy" / "manifest.json"
    manifest.write_text(manifest.read_text().replace(f"run/{BOT}/inbox.db", f"../run/{BOT}/inbox.db"))
    with pytest.raises(IntegrityError, match="which no backup holds"):
        restore(elsewhere(tmp_path), tmp_path / "copy")


def test_a_newer_journal_makes_way_only_when_forced_and_is_kept(tmp_path: Path) -> None:
    with local(tmp_path / "here") as stage:
        played(stage, cycles=10)
        done = back_up(stage.workspace, BOT, tmp_path / "copy")
        played(stage, cycles=10)
        newer = stage.folder.journal.read_bytes()
        with pytest.raises(NotAllowed, match=f"the backup ends at row {done.head.seq}"):
            restore(stage.workspace, tmp_path / "copy")
        assert stage.folder.journal.read_bytes() == newer
        outcome = restore(stage.workspace, tmp_path / "copy", force=True)
        assert [(Path(path) / "journal.db").read_bytes() for path in outcome.put_aside] == [newer]
        assert recover(stage.folder.journal).seq == done.head.seq


def test_an_older_journal_makes_way_by_itself(tmp_path: Path) -> None:
    with local(tmp_path / "here") as stage:
        played(stage, cycles=10)
        back_up(stage.workspace, BOT, tmp_path / "old")
        summary = played(stage, cycles=10)
        back_up(stage.workspace, BOT, tmp_path / "new")
        restore(stage.workspace, tmp_path / "old", force=True)
        outcome = restore(stage.workspace, tmp_path / "new")
        assert outcome.head.seq == summary.journal_head.seq
        assert state_hash(recover(stage.folder.journal).state) == summary.state_hash


def test_a_running_bot_is_never_restored_over(tmp_path: Path) -> None:
    with local(tmp_path / "here") as stage:
        played(stage, cycles=5)
        back_up(stage.workspace, BOT, tmp_path / "copy")
        owned = take_bot(stage.folder, BOT, standby=False)
        for force in (False, True):
            with pytest.raises(NotOwner, match="is running"):
                restore(stage.workspace, tmp_path / "copy", force=force)
        owned.journal.release()
        owned.journal.close()
        owned.lock.close()


def test_a_damaged_journal_makes_way_only_when_forced(tmp_path: Path) -> None:
    with local(tmp_path / "here") as stage:
        played(stage, cycles=5)
        back_up(stage.workspace, BOT, tmp_path / "copy")
        stage.folder.journal.write_bytes(b"nothing of a journal" * 300)
        with pytest.raises(NotAllowed, match="cannot be compared"):
            restore(stage.workspace, tmp_path / "copy")
        restore(stage.workspace, tmp_path / "copy", force=True)
        assert verify(stage.folder.journal).ok


def test_a_bot_file_that_was_changed_since_is_left_unless_forced(tmp_path: Path) -> None:
    with local(tmp_path / "here") as stage:
        played(stage, cycles=5)
        back_up(stage.workspace, BOT, tmp_path / "copy")
        file = stage.workspace.bot_file(BOT)
        mine = file.read_text() + "# mine\n"
        file.write_text(mine)
        outcome = restore(stage.workspace, tmp_path / "copy")
        assert "was left as it is" in outcome.left[0]
        assert file.read_text() == mine
        outcome = restore(stage.workspace, tmp_path / "copy", force=True)
        assert file.read_text() != mine
        assert any(Path(path).is_file() and Path(path).read_text() == mine for path in outcome.put_aside)


def test_a_bot_file_with_problems_is_left_out_and_said(tmp_path: Path) -> None:
    """It may hold anything, a secret too."""
    with local(tmp_path / "here") as stage:
        played(stage, cycles=5)
        file = stage.workspace.bot_file(BOT)
        file.write_text(file.read_text() + "api_secret: hush\n")
        done = back_up(stage.workspace, BOT, tmp_path / "copy")
        assert "the file has problems" in done.left_out[0]
        assert not (tmp_path / "copy" / "bots").exists()


def test_a_folder_that_holds_something_is_no_place_for_a_backup(tmp_path: Path) -> None:
    with local(tmp_path / "here") as stage:
        played(stage, cycles=5)
        (tmp_path / "full").mkdir()
        (tmp_path / "full" / "file").write_text("mine")
        with pytest.raises(ConfigError, match="is not empty"):
            back_up(stage.workspace, BOT, tmp_path / "full")
