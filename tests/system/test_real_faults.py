"""Faults of the machine, real ones, in a process that trades: each has one answer."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from quarterdeck.domain import OrderState
from quarterdeck.system import verify_journal, verify_replay
from tests.drill.stage import BotProcess, Stage
from tests.system.acting import at_sea, at_venues, planned, resting, sailing, small_disk
from tests.system.replaying import local, played


def assert_nothing_was_sent_unwritten(stage: Stage, bot: BotProcess) -> None:
    """The journal failed: the process ended with 5, cancelled what worked, and sent nothing that is not written."""
    assert bot.exit_code() == 5, bot.said()
    assert resting(stage) == set()
    again = stage.run(stage.plan(cycles=3, validity_ns=500_000_000))
    assert again.exit_code() == 0, again.said()
    assert verify_journal(stage.folder.journal).ok
    replayed = verify_replay(stage.folder.journal)
    assert replayed.ok, replayed.problems
    written = planned(stage)
    states = at_venues(stage)
    assert states.keys() <= written
    assert OrderState.OPEN not in states.values()


def test_a_file_size_limit_ends_the_bot_cleanly(tmp_path: Path) -> None:
    with at_sea(tmp_path) as stage:
        bot = sailing(stage, file_bytes_max=360_000)
        assert bot.exit_code() == 5, bot.said()
        assert "look at the disk" in bot.said() or "free space" in bot.said()
        assert_nothing_was_sent_unwritten(stage, bot)


def test_a_full_disk_ends_the_bot_cleanly(tmp_path: Path) -> None:
    with at_sea(tmp_path) as stage:
        stage.folder.root.mkdir(parents=True)
        with small_disk(stage.folder.root, 128 * 1_024):  # enough not to be low from the beginning
            bot = sailing(stage)
            filler = stage.folder.root / "filler"
            fill(filler)
            assert bot.exit_code() == 5, bot.said()
            assert "free space on the disk" in bot.said() or "look at the disk" in bot.said()
            filler.unlink()
            assert_nothing_was_sent_unwritten(stage, bot)


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with path.open("wb", buffering=0) as file:
        block = bytes(65_536)
        while block:
            try:
                file.write(block)
            except OSError:
                block = block[: len(block) // 2]


def test_a_full_disk_under_a_venue_in_process_ends_the_bot_cleanly(tmp_path: Path) -> None:
    with local(tmp_path, bars=20_000) as stage:
        stage.folder.root.mkdir(parents=True)
        with small_disk(stage.folder.root, 700):
            bot = stage.run(stage.plan())
            assert bot.exit_code() == 5, bot.said()
            assert "free space" in bot.said() or "look at the disk" in bot.said()


def test_a_read_only_folder_is_said_so(tmp_path: Path) -> None:
    with local(tmp_path, bars=60) as stage:
        played(stage, cycles=10)
        if os.geteuid() == 0:
            with small_disk(stage.folder.root, 4_096):
                mount = shutil.which("mount")
                assert mount is not None
                subprocess.run([mount, "-o", "remount,ro", stage.folder.root], check=True)
                bot = stage.run(stage.plan())
                assert bot.exit_code() == 5, bot.said()
        else:
            stage.folder.root.chmod(0o500)
            bot = stage.run(stage.plan())
            assert bot.exit_code() == 5, bot.said()
            stage.folder.root.chmod(0o700)
        assert "writable" in bot.said()


def test_a_damaged_journal_is_refused(tmp_path: Path) -> None:
    with local(tmp_path, bars=60) as stage:
        played(stage)
        body = bytearray(stage.folder.journal.read_bytes())
        for place in range(4_096, len(body), 64):
            body[place] ^= 0xFF
        stage.folder.journal.write_bytes(body)
        bot = stage.run(stage.plan())
        assert bot.exit_code() == 5
        assert "restore" in bot.said()


def test_a_journal_that_a_crash_left_blank_is_made_anew(tmp_path: Path) -> None:
    with local(tmp_path, bars=30) as stage:
        stage.folder.root.mkdir(parents=True)
        stage.folder.journal.touch()
        assert played(stage).exit_code == 0
        assert verify_journal(stage.folder.journal).ok


@pytest.mark.parametrize("is_replaced", [False, True], ids=["deleted", "replaced"])
def test_a_journal_that_is_taken_away_while_the_bot_runs_ends_it(tmp_path: Path, is_replaced: bool) -> None:
    with at_sea(tmp_path) as stage:
        bot = sailing(stage)
        kept = tmp_path / "kept.db"
        stage.folder.journal.rename(kept)
        if is_replaced:
            shutil.copyfile(kept, stage.folder.journal)
        assert bot.exit_code() == 5, bot.said()
        assert "put it back" in bot.said()
        assert resting(stage) == set()


def test_a_broken_inbox_never_stops_the_bot(tmp_path: Path) -> None:
    with local(tmp_path, bars=60) as stage:
        stage.folder.root.mkdir(parents=True)
        stage.folder.inbox.write_bytes(b"this is no database" * 400)
        summary = played(stage)
        assert summary.orders.planned > 0
        assert "nothing is heard from it" in stage.folder.log.read_text()


def test_an_inbox_that_breaks_while_the_bot_runs_never_stops_it(tmp_path: Path) -> None:
    with at_sea(tmp_path) as stage:
        bot = sailing(stage, cycles=25)
        for path in stage.folder.root.glob("inbox.db*"):
            # Written over and not cut: SQLite maps the side file, and a map that is cut away ends any process.
            with path.open("r+b") as file:
                file.write(b"no database" * max(1_000, path.stat().st_size // 11 + 1))
        before = len(planned(stage))
        assert bot.exit_code() == 0, bot.said()
        assert len(planned(stage)) > before
