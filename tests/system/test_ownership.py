from collections.abc import Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from quarterdeck.config import BotFolder
from quarterdeck.domain import IntegrityError, NotOwner
from quarterdeck.journal import JournalSettings
from quarterdeck.system import take_bot

SPAWN = get_context("spawn")


def hold(folder: Path, lease_ms: int, pipe: Connection) -> None:
    """Own a bot until the other end of the pipe is gone, or say who does."""
    settings = JournalSettings(lease_ns=lease_ms * 1_000_000, renew_ns=1)
    try:
        owned = take_bot(BotFolder(folder), "b", standby=False, settings=settings)
    except NotOwner as error:
        pipe.send(str(error))
        return
    pipe.send(owned.journal.lease.epoch)
    pipe.poll(None)


class Holder:
    """Another process that owns a bot, or was turned away."""

    def __init__(self, folder: Path, lease_ms: int = 60_000) -> None:
        self._pipe, theirs = SPAWN.Pipe()
        self.process = SPAWN.Process(target=hold, args=(folder, lease_ms, theirs))
        self.process.start()
        assert self._pipe.poll(20.0), "the other process says nothing"
        self.said: int | str = self._pipe.recv()


@pytest.fixture
def holders() -> Iterator[list[Holder]]:
    kept: list[Holder] = []
    yield kept
    for holder in kept:
        holder.process.kill()
        holder.process.join()


def epoch_taken(folder: Path) -> int:
    owned = take_bot(BotFolder(folder), "b", standby=False)
    epoch = owned.journal.lease.epoch
    owned.journal.release()
    owned.journal.close()
    owned.lock.close()
    return epoch


def test_a_living_owner_is_named_and_left_alone(tmp_path: Path, holders: list[Holder]) -> None:
    holders.append(Holder(tmp_path))
    assert holders[0].said == 1
    with pytest.raises(NotOwner, match=f"is owned by process {holders[0].process.pid} on .* \\(epoch 1"):
        take_bot(BotFolder(tmp_path), "b", standby=False)


def test_the_lease_of_a_dead_owner_is_taken_at_once(tmp_path: Path, holders: list[Holder]) -> None:
    holders.append(Holder(tmp_path))
    holders[0].process.kill()
    holders[0].process.join()
    assert epoch_taken(tmp_path) == 2


def test_a_released_bot_is_taken_at_once(tmp_path: Path) -> None:
    assert [epoch_taken(tmp_path) for _ in range(3)] == [1, 2, 3]


def test_an_owner_that_lives_but_lost_its_lease_is_succeeded_and_not_taken_for_dead(
    tmp_path: Path, holders: list[Holder]
) -> None:
    holders.append(Holder(tmp_path, lease_ms=1))
    second = Holder(tmp_path)
    holders.append(second)
    assert second.said == 2
    third = Holder(tmp_path)
    holders.append(third)
    assert isinstance(third.said, str)
    assert f"process {second.process.pid}" in third.said
    # The end of the first, which holds the lock of its own epoch only, tells nothing about the second.
    holders[0].process.kill()
    holders[0].process.join()
    with pytest.raises(NotOwner):
        take_bot(BotFolder(tmp_path), "b", standby=False)


def test_a_folder_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(IntegrityError, match="must be writable"):
        take_bot(BotFolder(tmp_path / "file" / "b"), "b", standby=False)


def test_a_journal_of_another_bot_is_refused(tmp_path: Path) -> None:
    epoch_taken(tmp_path)
    with pytest.raises(IntegrityError, match="belongs to bot 'b'"):
        take_bot(BotFolder(tmp_path), "c", standby=False)
