from __future__ import annotations

import asyncio
import sqlite3
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest

from quarterdeck.domain import ConfigError, IntegrityError, NotAllowed, Retryable
from quarterdeck.journal import Inbox, InboxListener, wake
from quarterdeck.journal.inbox import KEY_CHARS_MAX, PAYLOAD_BYTES_MAX
from tests.journal.making import entry, opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "inbox.db"


def test_requests_wait_in_the_order_in_which_they_came(path: Path) -> None:
    face, bot = Inbox(path), Inbox(path, lock_timeout_ms=0)
    assert face.put("b", "kill", b"1", at_ns=5)
    assert face.put("a", "resume", b"2", at_ns=6)
    assert [(item.key, item.kind, item.payload, item.put_at_ns) for item in bot.pending()] == [
        ("b", "kill", b"1", 5),
        ("a", "resume", b"2", 6),
    ]
    assert [item.key for item in bot.pending(1)] == ["b"]


def test_asking_twice_is_asking_once_even_after_it_was_done(path: Path) -> None:
    face, bot = Inbox(path), Inbox(path, lock_timeout_ms=0)
    assert face.put("k", "kill", b"1", at_ns=5)
    assert not face.put("k", "kill", b"1", at_ns=9)
    bot.done(["k"])
    bot.done(["k", "unknown"])
    assert not face.put("k", "kill", b"1", at_ns=9)
    assert bot.pending() == []


@pytest.mark.parametrize(("kind", "payload"), [("kill", b"2"), ("resume", b"1")])
def test_something_else_under_the_same_key_is_refused(path: Path, kind: str, payload: bytes) -> None:
    face = Inbox(path)
    face.put("k", "kill", b"1", at_ns=5)
    with pytest.raises(NotAllowed, match="use a new key"):
        face.put("k", kind, payload, at_ns=5)
    assert [item.payload for item in face.pending()] == [b"1"]


def test_keys_and_payloads_have_bounds(path: Path) -> None:
    face = Inbox(path)
    for key, payload in (("", b""), ("k" * (KEY_CHARS_MAX + 1), b""), ("k", bytes(PAYLOAD_BYTES_MAX + 1))):
        with pytest.raises(ConfigError):
            face.put(key, "kill", payload, at_ns=1)
    assert face.put("k" * KEY_CHARS_MAX, "kill", bytes(PAYLOAD_BYTES_MAX), at_ns=1)


def test_requests_survive_a_restart(path: Path) -> None:
    first = Inbox(path)
    first.put("k", "kill", b"1", at_ns=5)
    first.close()
    assert [item.key for item in Inbox(path).pending()] == ["k"]


def test_a_locked_inbox_is_told_to_the_writer_and_holds_up_neither_bot_nor_journal(path: Path) -> None:
    bot, face = Inbox(path, lock_timeout_ms=0), Inbox(path, lock_timeout_ms=10)
    face.put("k", "kill", b"1", at_ns=5)
    holding = sqlite3.connect(path, isolation_level=None)
    holding.execute("BEGIN EXCLUSIVE")
    with pytest.raises(Retryable, match="another process holds the inbox; try again"):
        face.put("l", "kill", b"1", at_ns=5)
    with pytest.raises(Retryable):
        bot.done(["k"])
    with pytest.raises(Retryable):
        bot.pending()
    assert opened(path.with_name("journal.db")).append([entry(1)]) == 1
    holding.close()
    assert [item.key for item in bot.pending()] == ["k"]
    bot.done(["k"])


def test_no_file_beside_the_inbox_is_mapped_into_memory_so_that_none_can_be_cut_away_under_the_bot(path: Path) -> None:
    """A side file of a WAL that is cut short in place ends whoever reads it with SIGBUS."""
    bot, face = Inbox(path, lock_timeout_ms=0), Inbox(path)
    face.put("k", "kill", b"1", at_ns=5)
    assert [item.key for item in bot.pending()] == ["k"]
    beside = sorted(one.name for one in path.parent.glob("inbox.db*"))
    assert beside in (["inbox.db"], ["inbox.db", "inbox.db-journal"])
    for name in beside:
        with path.with_name(name).open("r+b") as file:
            file.truncate(0)
    with pytest.raises(IntegrityError):
        bot.pending()


def test_an_inbox_of_an_older_release_is_taken_out_of_wal_mode_with_what_waits_in_it(path: Path) -> None:
    face = Inbox(path)
    face.put("k", "kill", b"1", at_ns=5)
    face.close()
    old = sqlite3.connect(path, isolation_level=None)
    assert old.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
    old.execute("UPDATE inbox SET is_done = 0")
    beside = Inbox(path)  # while somebody has it open in the other mode, it works as it is
    assert [item.key for item in beside.pending()] == ["k"]
    beside.close()
    old.close()
    assert [item.key for item in Inbox(path).pending()] == ["k"]
    assert not path.with_name("inbox.db-wal").exists()


def test_faces_and_bot_share_the_inbox_without_losing_a_request(path: Path) -> None:
    bot = Inbox(path, lock_timeout_ms=0)
    faces = [Thread(target=_put_many, args=(path, number)) for number in range(4)]
    for face in faces:
        face.start()
    heard: set[str] = set()
    while any(face.is_alive() for face in faces):
        with suppress(Retryable):
            waiting = [item.key for item in bot.pending()]
            heard.update(waiting)
            bot.done(waiting)
    for face in faces:
        face.join()
    heard |= {item.key for item in bot.pending()}
    assert heard == {f"{number}-{nth}" for number in range(4) for nth in range(12)}


def _put_many(path: Path, number: int) -> None:
    face = Inbox(path)
    for nth in range(12):
        _put_with_patience(face, f"{number}-{nth}")
    face.close()


def _put_with_patience(face: Inbox, key: str) -> None:
    """A disk that is slow for others holds a face up beyond its two seconds: it asks again, under the same key."""
    for _ in range(30):
        with suppress(Retryable):
            face.put(key, "kill", b"1", at_ns=5)
            return
    raise AssertionError(f"{key} was never taken")


def test_a_broken_inbox_is_a_clear_error_and_the_journal_goes_on(path: Path) -> None:
    path.write_bytes(b"nothing that SQLite knows" * 300)
    with pytest.raises(IntegrityError, match=r"inbox\.db: opening failed"):
        Inbox(path)
    assert opened(path.with_name("journal.db")).append([entry(1)]) == 1


def test_a_database_that_is_no_inbox_is_refused(path: Path) -> None:
    journal = opened(path)
    journal.close()
    with pytest.raises(IntegrityError, match="this is no inbox"):
        Inbox(path)


@pytest.mark.parametrize("change", ["payload = x'00'", "put_at_ns = 'noon'", "kind = 'resume'"])
def test_a_changed_request_is_never_carried_out(path: Path, change: str) -> None:
    face = Inbox(path)
    face.put("k", "kill", b"1", at_ns=5)
    foreign = sqlite3.connect(path, isolation_level=None)
    foreign.execute(f"UPDATE inbox SET {change}")  # noqa: S608 - from the list above
    foreign.close()
    with pytest.raises(IntegrityError, match="is damaged"):
        face.pending()


class Bell:
    """Counts how often it rang."""

    def __init__(self) -> None:
        self.rings = asyncio.Event()

    def __call__(self) -> None:
        self.rings.set()

    async def rang(self) -> bool:
        """Wait for the next ring."""
        async with asyncio.timeout(5):
            await self.rings.wait()
        self.rings.clear()
        return True


async def test_a_request_wakes_the_bot(path: Path) -> None:
    bell = Bell()
    listener = InboxListener(path, bell)
    face = Inbox(path)
    for number in range(3):
        face.put(f"k{number}", "kill", b"", at_ns=1)
        assert await bell.rang()
    wake(path)
    wake(path)
    assert await bell.rang()
    listener.close()
    assert not path.with_suffix(".sock").exists()
    assert face.put("later", "kill", b"", at_ns=1)


async def test_a_socket_left_behind_by_a_killed_bot_is_replaced(path: Path) -> None:
    bell = Bell()
    left = InboxListener(path, lambda: None)
    listener = InboxListener(path, bell)
    wake(path)
    assert await bell.rang()
    left.close()  # what stands there now is not its own
    wake(path)
    assert await bell.rang()
    listener.close()


async def test_where_no_socket_can_be_made_the_inbox_works_all_the_same(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    listener = InboxListener(deep / "inbox.db", lambda: None)
    assert Inbox(deep / "inbox.db").put("k", "kill", b"", at_ns=1)
    assert not list(deep.glob("*.sock"))
    listener.close()
