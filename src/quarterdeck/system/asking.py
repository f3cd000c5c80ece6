"""Asking a bot for something: a request in its inbox, and the durable answer in its journal."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from quarterdeck.config import Workspace
from quarterdeck.domain import (
    CancelAsked,
    CommandAnswered,
    ControlAsked,
    Fact,
    FundsAsked,
    FundsBooked,
    NotAllowed,
    ResolveAsked,
    Retryable,
    SettingsAsked,
)
from quarterdeck.journal import Inbox, SqliteReader, boot_id, decode_facts, steady_ns
from quarterdeck.system.journals import journal_of

POLL_S: Final = 0.05
REFUSED: Final = "refused"

Request = ControlAsked | CancelAsked | ResolveAsked | SettingsAsked | FundsAsked
KINDS: Final[dict[type[Request], str]] = {
    ControlAsked: "control",
    CancelAsked: "cancel",
    ResolveAsked: "resolve",
    SettingsAsked: "settings",
    FundsAsked: "funds",
}


class Answer(Struct, frozen=True):
    """
    What came of a request.

    `outcome` is the bot's own answer; it is empty where none came yet, and `is_running` tells whether one can.
    """

    key: str
    is_running: bool
    outcome: str = ""

    def in_words(self, later: str) -> str:
        """
        Word it; `later` says what a bot that does not run will do when it next starts.

        Raises:
            NotAllowed: If the bot said no.
        """
        if self.outcome.startswith(REFUSED):
            raise NotAllowed(self.outcome)
        if self.outcome:
            return self.outcome
        return "asked; no answer yet" if self.is_running else f"not running; {later}"


def new_key(command: str) -> str:
    """Name a request, so that asking twice is asking once, and no other request has its name."""
    return f"{command}:{uuid.uuid4()}"


def ask(workspace: Workspace, bot: str, request: Request, wait_s: float) -> Answer:
    """
    Put a request into a bot's inbox, and wait for its answer if the bot runs.

    Raises:
        ConfigError: If the bot never ran, so that nobody would ever answer.
        Retryable, IntegrityError: If the inbox cannot be written.
    """
    journal = journal_of(workspace, bot)
    with SqliteReader(journal) as reader:
        head_seq, _ = reader.head()
    put(workspace, bot, request)
    is_up = is_running(workspace, bot)
    until_s = time.monotonic() + (wait_s if is_up else 0.0)
    while True:
        head_seq, outcome = _answer_after(journal, head_seq, request.key)
        if outcome or time.monotonic() >= until_s:
            return Answer(request.key, is_up, outcome)
        time.sleep(POLL_S)


def put(workspace: Workspace, bot: str, request: Request) -> None:
    """Put a request into a bot's inbox and wake it; see `Inbox.put`."""
    inbox = Inbox(workspace.bot_folder(bot).inbox)
    try:
        inbox.put(request.key, KINDS[type(request)], msgspec.msgpack.encode(request), request.at_ns)
    finally:
        inbox.close()


def waiting_settings(workspace: Workspace, bot: str, answered: Iterable[str]) -> list[SettingsAsked]:
    """Read the changes of settings that a bot has not heard of yet, oldest first."""
    path = workspace.bot_folder(bot).inbox
    if not path.exists():
        return []
    known = set(answered)
    inbox = Inbox(path)
    try:
        items = [item for item in inbox.pending() if item.kind == KINDS[SettingsAsked] and item.key not in known]
    finally:
        inbox.close()
    try:
        return [msgspec.msgpack.decode(item.payload, type=SettingsAsked) for item in items]
    except msgspec.MsgspecError as error:
        raise Retryable(
            f"{path}: a request there cannot be read: {error}; run the bot once, which answers it"
        ) from error


def is_running(workspace: Workspace, bot: str) -> bool:
    """Tell whether a process owns the bot."""
    journal = workspace.bot_folder(bot).journal
    if not journal.exists():
        return False
    with SqliteReader(journal) as reader:
        lease = reader.lease()
    return lease is not None and not lease.is_free(boot_id(), steady_ns())


def _answer_after(journal: Path, seq: int, key: str) -> tuple[int, str]:
    """Look through the rows after one; give the last row that was seen, and the answer if it came."""
    with SqliteReader(journal) as reader:
        for row in reader.rows(after_seq=seq):
            seq = row.seq
            for fact in decode_facts(row.body):
                if _answers(fact, key):
                    return seq, _outcome(fact)
    return seq, ""


def _answers(fact: Fact, key: str) -> bool:
    return isinstance(fact, CommandAnswered | FundsBooked) and fact.key == key


def _outcome(fact: Fact) -> str:
    if isinstance(fact, CommandAnswered):
        return fact.outcome
    assert isinstance(fact, FundsBooked)
    return f"done: {fact.amount:f} {fact.asset} on {fact.venue}"
