"""Who owns a bot: a lock that dies with its process, and the lease in the journal that outlives a pause."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import Final

from quarterdeck.config import BotFolder
from quarterdeck.domain import ConfigError, IntegrityError, NotOwner
from quarterdeck.journal import JournalSettings, SqliteJournal, SqliteReader, this_process

STANDBY_POLL_S: Final = 0.2


class OwnerLock:
    """
    One file with one lockable byte for each epoch; an owner holds the byte of its epoch as long as it lives.

    Getting the byte of another epoch proves that its owner is dead: its lease may be taken at once. Not getting it
    proves nothing: that owner may be paused, and then its lease decides.
    """

    def __init__(self, path: Path) -> None:
        """
        Open the file.

        Raises:
            IntegrityError: If it cannot be opened.
        """
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise IntegrityError(f"{path}: cannot be opened: {error}; the bot's folder must be writable") from error

    def take(self, epoch: int) -> bool:
        """Try to lock the byte of an epoch, without waiting."""
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, epoch)
        except (BlockingIOError, PermissionError):  # POSIX lets a taken lock be told by either
            return False
        return True

    def close(self) -> None:
        """Give every lock up."""
        os.close(self._descriptor)


class Owned:
    """A bot that this process owns."""

    def __init__(self, lock: OwnerLock, journal: SqliteJournal) -> None:
        self.lock = lock
        self.journal = journal


def take_bot(folder: BotFolder, bot: str, *, standby: bool, settings: JournalSettings | None = None) -> Owned:
    """
    Become the owner of a bot under a new epoch.

    Raises:
        NotOwner: If another process owns it and we do not stand by; the message names the process.
        IntegrityError: If the journal cannot be opened.
    """
    try:
        folder.root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise IntegrityError(f"{folder.root}: cannot be made: {error}; the workspace must be writable") from error
    while True:
        try:
            owned = _try(folder, bot, settings)
        except NotOwner:
            if not standby:
                raise
            owned = None
        if owned is not None:
            return owned
        time.sleep(STANDBY_POLL_S)


def _try(folder: BotFolder, bot: str, settings: JournalSettings | None) -> Owned | None:
    """Try to take the bot once; None where another process took and left it at the same moment."""
    lock = OwnerLock(folder.root / "owner.lock")
    try:
        epoch = _epoch_of(folder.journal)
        gone_epoch = epoch if lock.take(epoch) else None
        # Our own byte comes before our lease, so that nobody can ever take us for dead.
        holds_next = lock.take(epoch + 1)
        journal = SqliteJournal(folder.journal, bot, this_process(), settings=settings, gone_epoch=gone_epoch)
        if holds_next and journal.lease.epoch == epoch + 1:
            return Owned(lock, journal)
        journal.release()
        journal.close()
    except BaseException:
        lock.close()
        raise
    lock.close()
    return None


def _epoch_of(journal: Path) -> int:
    try:
        with SqliteReader(journal) as reader:
            lease = reader.lease()
    except (ConfigError, IntegrityError):
        return 0  # not there, as blank as a crash left it while it was made, or damaged: opening it tells which
    return 0 if lease is None else lease.epoch
