"""What a backup is: a folder laid out like a workspace, and a manifest that names every file by its content."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from quarterdeck.domain import ConfigError, IntegrityError

MANIFEST: Final = "manifest.json"
FORMAT: Final = 1
BUSY_MS: Final = 2_000

_CHUNK_BYTES: Final = 1 << 20
_CLEAR_OF: Final = (".yaml", ".py", ".db", ".jsonl", ".parquet", ".msgpack", ".json")


class FileKept(Struct, frozen=True):
    """One file of a backup."""

    sha256: str
    bytes: int


class HeadKept(Struct, frozen=True):
    """The last row of the journal in a backup: number, hash in hex, and time."""

    seq: int
    hash: str
    at: str


class BackupManifest(Struct, frozen=True):
    """What a backup holds, by paths below its folder; `left_out` says in words what it does not."""

    format: int
    bot: str
    software: str
    made_at: str
    head: HeadKept
    files: dict[str, FileKept]
    left_out: tuple[str, ...] = ()


def copy_database(source: Path, target: Path) -> None:
    """
    Copy a SQLite database as of one moment, while others may be writing to it.

    Raises:
        IntegrityError: If it cannot be read, another process keeps it to itself, or the copy cannot be written.
    """
    with written_to(target), closing(_read_only(source)) as here, closing(sqlite3.connect(target)) as there:
        here.backup(there, progress=_give_up_after(BUSY_MS / 1000))
    for suffix in ("-wal", "-shm"):
        target.with_name(target.name + suffix).unlink(missing_ok=True)  # complete in itself without them
    sync(target)


def copy_file(source: Path, target: Path) -> None:
    """
    Copy one file, durably.

    Raises:
        IntegrityError: If it cannot be read, or the copy not be written.
    """
    with written_to(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        sync(target)


@contextmanager
def written_to(target: Path) -> Iterator[None]:
    """
    Say what to do where a copy cannot be made.

    Raises:
        IntegrityError: In place of what the system or SQLite raise.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield
    except (OSError, sqlite3.Error) as error:
        raise IntegrityError(f"{target}: could not be written: {error}; look at the source and at the disk") from error


def sync(path: Path) -> None:
    """Make a file or the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def kept(root: Path, names: Iterable[str]) -> dict[str, FileKept]:
    """Describe files below a folder."""
    return {name: FileKept(hash_of(root / name), (root / name).stat().st_size) for name in sorted(names)}


def hash_of(path: Path) -> str:
    """Name a file by its content: sha256 in hex."""
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def write_manifest(root: Path, manifest: BackupManifest) -> None:
    """Write the manifest in one move, once everything that it names is durable."""
    beside = root / f".{MANIFEST}"
    with written_to(beside):
        beside.write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
        sync(beside)
        beside.replace(root / MANIFEST)
        sync(root)


def read_manifest(root: Path) -> BackupManifest:
    """
    Read the manifest of a backup.

    Raises:
        ConfigError: If there is none: no backup, or one that was never finished.
        IntegrityError: If it cannot be understood.
    """
    try:
        raw = (root / MANIFEST).read_bytes()
    except OSError as error:
        raise ConfigError(
            f"{root}: holds no {MANIFEST}, so it is no complete backup; name the folder of one"
        ) from error
    try:
        manifest = msgspec.json.decode(raw, type=BackupManifest)
    except msgspec.MsgspecError as error:
        raise IntegrityError(f"{root / MANIFEST}: cannot be understood: {error}; take another backup") from error
    if manifest.format > FORMAT:
        raise IntegrityError(f"{root}: is a backup of format {manifest.format}; update quarterdeck to restore it")
    return manifest


def check_files(root: Path, manifest: BackupManifest) -> None:
    """
    Make sure that every file of a backup is there and is the one that was written.

    Raises:
        IntegrityError: At the first that is not.
    """
    for name, noted in manifest.files.items():
        path = root / name
        if ".." in Path(name).parts or Path(name).is_absolute() or path.suffix not in _CLEAR_OF:
            raise IntegrityError(f"{root / MANIFEST}: names {name!r}, which no backup holds; take another backup")
        if not path.is_file() or path.stat().st_size != noted.bytes or hash_of(path) != noted.sha256:
            raise IntegrityError(f"{path}: is missing, or not the file that was written; take another backup")


def _give_up_after(patience_s: float) -> Callable[[int, int, int], None]:
    """Make the end of a copy's patience: by itself it would wait for a locked database for ever."""
    until_s = time.monotonic() + patience_s

    def look(status: int, _remaining: int, _pages: int) -> None:
        if status in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED} and time.monotonic() > until_s:
            raise sqlite3.OperationalError("another process keeps it locked")

    return look


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_MS / 1000)
