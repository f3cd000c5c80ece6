"""What an operator does to bots from outside: kill, pause, resume, cancel, read, verify. Every face shares them."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from msgspec import Struct

from quarterdeck.config import Workspace
from quarterdeck.domain import (
    CancelAsked,
    Control,
    ControlAsked,
    IntegrityError,
    NotAllowed,
    OrderState,
    ResolveAsked,
    Retryable,
)
from quarterdeck.engine import State
from quarterdeck.journal import (
    Page,
    VerifyReport,
    events,
    export,
    trades,
    verify,
    wake,
)
from quarterdeck.orders import ENDED, Order
from quarterdeck.system.asking import POLL_S, ask, is_running, new_key, put
from quarterdeck.system.explain import bots_that_ran
from quarterdeck.system.journals import journal_of
from quarterdeck.system.kill_file import BROKEN_EPOCH, raise_kill, read_epoch
from quarterdeck.system.recover import ReplayReport, recover, verify_replay
from quarterdeck.system.status import list_bots
from quarterdeck.system.unsettled import UnknownOrder, unknown_of


class KillOutcome(Struct, frozen=True):
    """What a kill did: the epoch it raised, and how each bot stands."""

    epoch: int
    bots: dict[str, str]


def kill(workspace: Workspace, bot: str | None, reason: str, who: str, wait_s: float) -> KillOutcome:
    """
    Raise the kill switch of a workspace, and wait a little for the bots that run to say that they halted.

    The switch binds every bot of the workspace at once, at its last hop; `bot` only says whose answer is wanted.

    Args:
        workspace: Whose switch.
        bot: The bot to report on, None for all.
        reason: Why, for the journal.
        who: Who asks.
        wait_s: How long to wait for answers.

    Raises:
        IntegrityError: If the switch could not be raised; stop the bots by hand then.
    """
    epoch = raise_kill(workspace.kill)
    names = [bot] if bot is not None else list(dict.fromkeys([*list_bots(workspace), *bots_that_ran(workspace)]))
    for name in names:
        if is_running(workspace, name):
            with suppress(IntegrityError, Retryable):  # only who and why would be lost: the switch itself is raised
                put(workspace, name, ControlAsked(time.time_ns(), f"kill:{epoch}", "kill", who, reason))
        else:
            wake(workspace.bot_folder(name).inbox)
    until_s = time.monotonic() + wait_s
    waiting = [name for name in names if is_running(workspace, name)]
    while waiting and time.monotonic() < until_s:
        time.sleep(POLL_S)
        waiting = [name for name in waiting if is_running(workspace, name) and not _has_halted(workspace, name)]
    return KillOutcome(epoch, {name: _standing(workspace, name) for name in names})


def resume(workspace: Workspace, bot: str, reason: str, who: str, wait_s: float, *, rebase: bool = False) -> str:
    """
    Lift a halt, a reduction or a pause of one bot, and accept the kill epoch as it is now.

    Args:
        workspace: Where the bot lives.
        bot: Its name.
        reason: Why, for the journal.
        who: Who asks.
        wait_s: How long to wait for its answer.
        rebase: Lift the loss limits as well: day-open and peaks begin anew at the present index.

    Returns:
        What came of it, in words.

    Raises:
        ConfigError: If the bot never ran.
        NotAllowed: If the bot said no, or the kill file is broken.
    """
    epoch = _kill_epoch(workspace, bot)
    asked = ControlAsked(time.time_ns(), new_key("resume"), "resume", who, reason, epoch, rebase)
    return ask(workspace, bot, asked, wait_s).in_words("it will resume when it next starts")


def lower(workspace: Workspace, bot: str, command: str, reason: str, who: str, wait_s: float) -> str:
    """
    Pause a bot, let it only reduce, or halt it; only `resume` loosens again.

    Args:
        workspace: Where the bot lives.
        bot: Its name.
        command: pause, reduce or halt.
        reason: Why, for the journal.
        who: Who asks.
        wait_s: How long to wait for its answer.

    Raises:
        ConfigError: If the bot never ran.
        NotAllowed: If the bot said no.
    """
    asked = ControlAsked(time.time_ns(), new_key(command), command, who, reason)
    return ask(workspace, bot, asked, wait_s).in_words(f"it will {command} when it next starts")


def cancel_order(workspace: Workspace, bot: str, client_id: str, who: str, wait_s: float) -> str:
    """
    Ask for the cancel of one order.

    Raises:
        ConfigError: If the bot never ran.
        NotAllowed: If there is no such order, or it has ended.
    """
    if not is_running(workspace, bot):  # one that runs answers for itself
        order = _known(recover(journal_of(workspace, bot)).state, bot, client_id)
        if order.state in ENDED:
            raise NotAllowed(f"order {client_id} has ended as {order.state.value}: there is nothing to cancel")
    asked = CancelAsked(time.time_ns(), new_key("cancel"), who, client_id)
    return ask(workspace, bot, asked, wait_s).in_words("it will cancel the order when it next starts")


def unresolved_order(workspace: Workspace, bot: str, client_id: str) -> UnknownOrder:
    """
    Look an order up that a person wants to resolve.

    Raises:
        ConfigError: If the bot never ran.
        NotAllowed: If there is no such order, or its outcome is known.
    """
    state = recover(journal_of(workspace, bot)).state
    order = _known(state, bot, client_id)
    if order.state is not OrderState.UNKNOWN:
        advice = f"; 'quarterdeck orders {bot} cancel {client_id}' cancels it" if order.state not in ENDED else ""
        raise NotAllowed(f"order {client_id} is {order.state.value}, not unknown: there is nothing to resolve{advice}")
    return unknown_of(state, order)


def _known(state: State, bot: str, client_id: str) -> Order:
    order = state.orders.get(client_id)
    if order is None:
        raise NotAllowed(
            f"there is no order {client_id!r}; 'quarterdeck orders {bot}' lists those that are not settled"
        )
    return order


def resolve_order(workspace: Workspace, asked: ResolveAsked, bot: str, wait_s: float) -> str:
    """
    Tell a bot that a person looked at the venue, and that an unknown order does not work there.

    Args: where the bot lives; what the person says, see `resolve_asked`; the bot's name; how long to wait.
    Returns: what came of it, in words.
    Raises: ConfigError if the bot never ran; NotAllowed if the bot said no.
    """
    return ask(workspace, bot, asked, wait_s).in_words("it will take the word for it when it next starts")


def resolve_asked(client_id: str, reason: str, who: str) -> ResolveAsked:
    """Make the request for `resolve_order`."""
    return ResolveAsked(time.time_ns(), new_key("resolve"), who, client_id, reason)


def _kill_epoch(workspace: Workspace, bot: str) -> int:
    """Read the epoch that a resume accepts: the one that the operator knows of, and no kill after it."""
    journal_of(workspace, bot)  # nobody that never ran was halted
    epoch = read_epoch(workspace.kill)
    if epoch == BROKEN_EPOCH:
        raise NotAllowed(f"{workspace.kill} is broken and counts as raised; run 'quarterdeck kill' to mend it first")
    return epoch


def read_trades(workspace: Workspace, bot: str, *, since_ns: int, limit: int, cursor: str | None = None) -> Page:
    """List a bot's fills; see `journal.trades`."""
    return trades(journal_of(workspace, bot), since_ns=since_ns, limit=limit, cursor=cursor)


def read_events(workspace: Workspace, bot: str, *, since_ns: int, limit: int, cursor: str | None = None) -> Page:
    """List a bot's events; see `journal.events`."""
    return events(journal_of(workspace, bot), since_ns=since_ns, limit=limit, cursor=cursor)


def verify_journal(path: Path) -> VerifyReport:
    """Check a journal file; see `journal.verify`."""
    return verify(path)


def export_journal(path: Path, out: IO[bytes]) -> int:
    """Write a journal as JSON lines; see `journal.export`."""
    return export(path, out)  # type: ignore[arg-type]  # any binary stream will do


def replay_journal(workspace: Workspace, bot: str) -> ReplayReport:
    """Fold and decide a bot's journal again; see `verify_replay`."""
    return verify_replay(journal_of(workspace, bot))


def _has_halted(workspace: Workspace, bot: str) -> bool:
    return recover(workspace.bot_folder(bot).journal).state.control is Control.HALTED


def _standing(workspace: Workspace, bot: str) -> str:
    if not workspace.bot_folder(bot).journal.exists():
        if not workspace.bot_file(bot).exists():
            return "there is no such bot here; all the others are halted"
        return "never ran; its first start will be halted"
    if _has_halted(workspace, bot):
        return "halted"
    if is_running(workspace, bot):
        return "no answer yet; it signs nothing any more"
    return "not running; it will not trade until it is resumed"
