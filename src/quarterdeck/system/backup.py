"""
Backing up one bot, running or not: journal, inbox, anchors, archive, bot file and strategy; never a secret.

What is copied is a fixed list of names, and a bot file only if it reads without a problem: such a one names the key of
an account, and holds none.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from msgspec import Struct

from quarterdeck.config import BotFolder, Workspace, load_bot
from quarterdeck.domain import ConfigError, IntegrityError
from quarterdeck.journal import SqliteReader, anchors_of, verify
from quarterdeck.ports import iso
from quarterdeck.system.backup_files import (
    FORMAT,
    BackupManifest,
    HeadKept,
    check_files,
    copy_database,
    copy_file,
    kept,
    read_manifest,
    write_manifest,
)
from quarterdeck.system.journals import journal_of
from quarterdeck.system.recover import SOFTWARE


class BackupOutcome(Struct, frozen=True):
    """What a backup holds, and where; it was read back and verified."""

    bot: str
    folder: str
    head: HeadKept
    files: int
    bytes: int
    left_out: tuple[str, ...]


def back_up(workspace: Workspace, bot: str, target: Path) -> BackupOutcome:
    """
    Copy all that is needed to go on elsewhere into a folder, and verify what was written.

    The journal is copied as of one moment; the bot may run. A folder without a manifest is no backup.

    Args:
        workspace: Where the bot's files lie.
        bot: Which one.
        target: A folder that does not exist yet, or is empty.

    Raises:
        ConfigError: If the bot never ran, or the folder is not empty.
        IntegrityError: If something could not be read or written, or the copy does not verify.
    """
    journal_of(workspace, bot)
    _make_empty(target)
    names, left_out = _copy(workspace, bot, target)
    copy = Workspace(target.absolute())
    manifest = BackupManifest(
        format=FORMAT,
        bot=bot,
        software=SOFTWARE,
        made_at=iso(time.time_ns()),
        head=head_of(copy.bot_folder(bot).journal),
        files=kept(target, names),
        left_out=tuple(left_out),
    )
    write_manifest(target, manifest)
    prove(target, bot)
    return BackupOutcome(
        bot=bot,
        folder=str(target),
        head=manifest.head,
        files=len(manifest.files),
        bytes=sum(file.bytes for file in manifest.files.values()),
        left_out=manifest.left_out,
    )


def prove(root: Path, bot: str) -> BackupManifest:
    """
    Verify a backup: every file by its hash, the journal with its archive as `journal verify` does.

    Raises:
        ConfigError: If it is none.
        IntegrityError: If anything is not as it was written.
    """
    manifest = read_manifest(root)
    check_files(root, manifest)
    journal = Workspace(root.absolute()).bot_folder(manifest.bot).journal
    if manifest.bot != bot:
        raise IntegrityError(f"{root}: is a backup of bot {manifest.bot!r}, not of {bot!r}")
    report = verify(journal)
    if not report.ok:
        raise IntegrityError(f"{root}: does not verify: {report.problems[0].what}; take another backup")
    if report.head_hash != manifest.head.hash:
        raise IntegrityError(f"{journal}: does not end with the row that the manifest names; take another backup")
    return manifest


def head_of(journal: Path) -> HeadKept:
    """
    Read the last row of a journal.

    Raises:
        IntegrityError: If it cannot be read.
    """
    with SqliteReader(journal) as reader:
        seq, mark = reader.head()
        rows = reader.picked([seq]) if seq else []
    return HeadKept(seq, mark.hex(), iso(rows[0].at_ns) if rows else "")


def _make_empty(target: Path) -> None:
    try:
        target.mkdir(parents=True, exist_ok=True)
        os.chmod(target, 0o700)  # noqa: PTH101 - a bot's books are nobody else's business
        is_empty = not any(target.iterdir())
    except OSError as error:
        raise ConfigError(f"{target}: cannot be made a backup's folder: {error}; name another") from error
    if not is_empty:
        raise ConfigError(f"{target}: is not empty; name a folder that does not exist yet")


def _copy(workspace: Workspace, bot: str, target: Path) -> tuple[list[str], list[str]]:
    """Copy everything; give the names of the files, and what is left out."""
    folder, root = workspace.bot_folder(bot), workspace.root
    there = Workspace(target.absolute()).bot_folder(bot)
    names: list[Path] = []
    anchors = anchors_of(folder.journal)
    if anchors.is_file():  # before the journal, so that they never run ahead of it
        copy_file(anchors, anchors_of(there.journal))
        names.append(anchors)
    copy_database(folder.journal, there.journal)
    names.append(folder.journal)
    if folder.inbox.is_file():
        copy_database(folder.inbox, there.inbox)
        names.append(folder.inbox)
    for path in _segment_files(there.journal, workspace.root, target):
        copy_file(path, target / path.relative_to(root))
        names.append(path)
    left_out = _copy_settings(workspace, bot, target, names)
    left_out += _copy_paper(folder, there, names)
    return [str(path.relative_to(root)) for path in names], left_out


def _segment_files(copy: Path, root: Path, target: Path) -> list[Path]:
    """List the files of the segments that the copied journal knows, where they lie in the workspace."""
    with SqliteReader(copy) as reader:
        places = [segment.folder(copy) for segment in reader.segments()]
    found: list[Path] = []
    for place in places:
        if not place.is_relative_to(target.absolute()):
            raise IntegrityError(f"{place}: the archive lies outside the workspace; move it to archive/ and try again")
        source = root / place.relative_to(target.absolute())
        found += sorted(path for path in source.iterdir() if path.is_file()) if source.is_dir() else [source]
    return found


def _copy_settings(workspace: Workspace, bot: str, target: Path, names: list[Path]) -> list[str]:
    file = workspace.bot_file(bot)
    try:
        strategy = load_bot(file, workspace).strategy
    except ConfigError as error:
        return [f"{file.name} and the strategy: the file has problems ({str(error).splitlines()[0]})"]
    for path in (file, strategy.file):
        if path is not None and path.is_relative_to(workspace.root):
            copy_file(path, target / path.relative_to(workspace.root))
            names.append(path)
    return []


def _copy_paper(folder: BotFolder, there: BotFolder, names: list[Path]) -> list[str]:
    """Copy what paper venues remember; one that is open belongs to its process alone."""
    left_out = []
    for path in sorted(folder.root.glob("paper-*.db")):
        try:
            copy_database(path, there.root / path.name)
        except IntegrityError:
            (there.root / path.name).unlink(missing_ok=True)
            left_out.append(f"{path.name}: the paper venue is open; stop the bot to back its account up as well")
        else:
            names.append(path)
    return left_out
