"""Restoring one bot from a backup: proved before and after, and nothing that was there is deleted."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

from msgspec import Struct

from quarterdeck.config import Workspace, checked_name
from quarterdeck.domain import ConfigError, IntegrityError, NotAllowed, NotOwner
from quarterdeck.journal import SqliteReader, verify
from quarterdeck.system.asking import is_running
from quarterdeck.system.backup import prove
from quarterdeck.system.backup_files import BackupManifest, HeadKept, copy_file, hash_of, read_manifest

LOCK: Final = "owner.lock"


class RestoreOutcome(Struct, frozen=True):
    """What a restore did; `put_aside` is where what stood there went, `left` which files of yours were kept."""

    bot: str
    head: HeadKept
    files: int
    put_aside: tuple[str, ...]
    left: tuple[str, ...]
    next: tuple[str, ...]


def restore(workspace: Workspace, source: Path, *, force: bool = False) -> RestoreOutcome:
    """
    Put a bot back as it was when it was backed up.

    A running bot is never touched. What stands there is moved aside; a journal that goes further than the backup, or
    cannot be compared with it, only with `force`. A bot file or a strategy that is another by now is left, or, with
    `force`, moved aside as well.

    Args:
        workspace: Where to restore to.
        source: The folder of the backup.
        force: Whether a newer journal, and changed files, may make way.

    Raises:
        ConfigError: If the folder is no backup.
        NotOwner: If the bot runs.
        NotAllowed: If what is there goes further than the backup, and `force` is not given.
        IntegrityError: If the backup, or what was restored, does not verify.
    """
    manifest = prove(source, checked_name(read_manifest(source).bot))
    bot = manifest.bot
    folder = workspace.bot_folder(bot)
    with _nobody_runs(workspace, bot):
        if folder.journal.exists() and not force:
            _refuse_newer(folder.journal, Workspace(source.absolute()).bot_folder(bot).journal, manifest)
        fresh = _unused(workspace.run / f".restoring-{bot}")
        left, aside = _copy_in(workspace, source, manifest, fresh, force=force)
        if folder.root.exists():
            aside.append(_move_aside(folder.root, workspace.run / f".before-restore-{bot}"))
        fresh.rename(folder.root)
    report = verify(folder.journal)
    if not report.ok or report.head_hash != manifest.head.hash:
        what = report.problems[0].what if report.problems else "it ends with another row"
        raise IntegrityError(f"{folder.journal}: was restored, but does not verify: {what}; restore it once more")
    return RestoreOutcome(
        bot=bot,
        head=manifest.head,
        files=len(manifest.files),
        put_aside=tuple(aside),
        left=tuple(left),
        next=_advice(bot, manifest),
    )


@contextmanager
def _nobody_runs(workspace: Workspace, bot: str) -> Iterator[None]:
    """
    Hold every byte of the bot's lock, so that no process owns the bot now, and none takes it meanwhile.

    Raises:
        NotOwner: If one owns it.
    """
    path = workspace.bot_folder(bot).root / LOCK
    refusal = NotOwner(f"bot {bot!r} is running, or was a moment ago; stop it before you restore it")
    if _seems_running(workspace, bot):
        raise refusal
    if not path.exists():
        yield
        return
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except (BlockingIOError, PermissionError) as error:
        raise refusal from error
    finally:
        os.close(descriptor)


def _seems_running(workspace: Workspace, bot: str) -> bool:
    try:
        return is_running(workspace, bot)
    except IntegrityError:
        return False  # a journal that cannot be read is what backups are for


def _refuse_newer(there: Path, copy: Path, manifest: BackupManifest) -> None:
    """
    Let only a journal make way that the backup continues.

    Raises:
        NotAllowed: If it goes further than the backup, is another one, or cannot be read.
    """
    try:
        with SqliteReader(there) as reader, SqliteReader(copy) as backup:
            seq, mark = reader.head()
            known = backup.picked([seq])[0].hash if 0 < seq <= manifest.head.seq else mark if seq == 0 else b""
    except IntegrityError as error:
        raise NotAllowed(f"{there}: cannot be compared with the backup ({error}); --force moves it aside") from error
    if seq > manifest.head.seq:
        raise NotAllowed(
            f"{there}: goes on to row {seq}, the backup ends at row {manifest.head.seq} of {manifest.head.at}; "
            "--force moves it aside"
        )
    if known != mark:
        raise NotAllowed(f"{there}: is not an earlier part of the journal in the backup; --force moves it aside")


def _copy_in(
    workspace: Workspace, source: Path, manifest: BackupManifest, fresh: Path, *, force: bool
) -> tuple[list[str], list[str]]:
    """Copy every file to where it belongs, those of the bot's own folder to `fresh`; say what was left and moved."""
    own = Path("run") / manifest.bot
    left: list[str] = []
    aside: list[str] = []
    for name in manifest.files:
        if Path(name).is_relative_to(own):
            copy_file(source / name, fresh / Path(name).relative_to(own))
            os.chmod(fresh / Path(name).relative_to(own), 0o600)  # noqa: PTH101 - as the bot makes them
            continue
        target = workspace.root / name
        if target.is_file() and hash_of(target) == manifest.files[name].sha256:
            continue
        if target.exists():
            is_archived = Path(name).is_relative_to("archive")
            if not force and not is_archived:
                left.append(f"{target} is another than in the backup, and was left as it is")
                continue
            aside.append(_move_aside(target, target.with_name(f"{target.name}.before-restore")))
        copy_file(source / name, target)
    return left, aside


def _move_aside(path: Path, wanted: Path) -> str:
    aside = _unused(wanted)
    try:
        path.rename(aside)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be moved aside: {error}; the workspace must be writable") from error
    return str(aside)


def _unused(wanted: Path) -> Path:
    """Find a name that nothing has; what an earlier attempt left half done may go."""
    if wanted.name.startswith(".restoring-"):
        shutil.rmtree(wanted, ignore_errors=True)
    names = (wanted.with_name(f"{wanted.name}-{number}") for number in count(1))
    return wanted if not wanted.exists() else next(name for name in names if not name.exists())


def _advice(bot: str, manifest: BackupManifest) -> tuple[str, ...]:
    return (
        (
            f"rows after {manifest.head.seq} ({manifest.head.at}) are not in it: what the bot did since then it does "
            "not know, and it will find orders and balances at the venues that it cannot explain"
        ),
        f"quarterdeck journal verify {bot}",
        f"quarterdeck status {bot}",
        f"quarterdeck run {bot}: it compares every account with its books before it opens anything",
        *(f"not in the backup: {what}" for what in manifest.left_out),
    )
