"""A bot as a process beside its venues, with a resting order, for tests of what happens when something breaks."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from quarterdeck.domain import (
    Effect,
    Fact,
    IntentAsked,
    OrderKind,
    OrderPlanned,
    OrderState,
    SessionOpened,
    Side,
    Source,
)
from quarterdeck.exchange import Personality
from quarterdeck.journal import Inbox, SqliteReader, decode_facts
from tests.drill.stage import CHURN, BotProcess, Stage, staged

# Trades ETH only, so that an order for BTC can rest in peace: an exit of a pair cancels what would open it.
ETH_ONLY = CHURN.replace(
    "return Signals(", 'beat = beat if candles.instrument == "ETH-USD" else 0 * beat - 1\n        return Signals('
)
ETH_ONLY = ETH_ONLY.replace("np.where(beat % 2 == 0, 1, -1)", "np.where(beat < 0, 0, np.where(beat % 2 == 0, 1, -1))")
SPEED = 300.0
VALIDITY_NS = 500_000_000


@contextmanager
def at_sea(root: Path, *, delay_ms: int = 5, bars: int = 4_000) -> Iterator[Stage]:
    """A workspace with two venues in processes of their own, and a long recording."""
    with staged(root) as stage:
        stage.write_bot(remote=True, strategy=ETH_ONLY)
        stage.record(bars)
        habits = Personality(validity_ns=VALIDITY_NS, client_id_scope="open")
        stage.start_venues({"alpha": habits, "beta": habits}, delay_ms)
        yield stage


def sailing(stage: Stage, **changes: object) -> BotProcess:
    """Start the bot at a pace, and wait until it trades and an order of it rests."""
    ask_for_a_resting_order(stage)
    bot = stage.run(stage.plan(speed=SPEED, validity_ns=VALIDITY_NS, **changes))
    bot.until(lambda: len(resting(stage)) == 1 and len(planned(stage)) > 2, "trading with a resting order")
    return bot


def ask_for_a_resting_order(stage: Stage) -> None:
    """Wish for BTC far below its price."""
    asked = IntentAsked(
        at_ns=1,
        key=f"wish-{len(stage.bots)}",
        source=Source.MANUAL,
        who="test",
        instrument="BTC-USD",
        side=Side.BUY,
        effect=Effect.OPEN,
        order_kind=OrderKind.LIMIT,
        notional=Decimal(150),
        limit=Decimal(9_000),
    )
    stage.folder.root.mkdir(parents=True, exist_ok=True)
    inbox = Inbox(stage.folder.inbox)
    try:
        inbox.put(asked.key, "intent", msgspec.msgpack.encode(asked), 1)
    finally:
        inbox.close()


def facts_now(stage: Stage) -> list[Fact]:
    """Read the facts that are durable now; none while the journal is still being made."""
    if not stage.folder.state.exists():
        return []
    with SqliteReader(stage.folder.journal) as reader:
        return [fact for row in reader.rows() for fact in decode_facts(row.body)]


def planned(stage: Stage) -> set[str]:
    """Name the orders that the journal holds."""
    return {fact.client_id for fact in facts_now(stage) if isinstance(fact, OrderPlanned)}


def epoch_of(stage: Stage) -> int:
    """Say how many sessions there were."""
    return max((fact.epoch for fact in facts_now(stage) if isinstance(fact, SessionOpened)), default=0)


def resting(stage: Stage) -> set[str]:
    """Name the orders for BTC that work at a venue."""
    return {
        order.client_id
        for venue in stage.venues.values()
        for order in asyncio.run(venue.working())
        if order.instrument == "BTC-USD"
    }


def at_venues(stage: Stage) -> dict[str, OrderState]:
    """End the venues, and read every order that they ever took."""
    found: dict[str, OrderState] = {}
    for venue in stage.venues.values():
        venue.stop()
        found |= {order.client_id: order.state for order in venue.state().orders.values()}
    return found


def pause(bot: BotProcess, stage: Stage) -> None:
    """Stop a process, but not in the middle of a commit: then it holds the file, and nobody could take over."""
    for _ in range(200):
        bot.signal(signal.SIGSTOP)
        if is_unlocked(stage.folder.journal):
            return
        bot.signal(signal.SIGCONT)
        bot.has_ended(0.01)
    raise AssertionError("the bot is always in a commit")


def is_unlocked(path: Path) -> bool:
    """Tell whether nobody is writing to a database at this moment."""
    connection = sqlite3.connect(path, timeout=0.01, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError:
        return False
    finally:
        connection.close()
    return True


@contextmanager
def small_disk(folder: Path, size_kib: int) -> Iterator[None]:
    """Put a small file system of its own under a folder, with what the folder holds."""
    mount = shutil.which("mount")
    kept = folder.with_name(folder.name + ".kept")
    if mount is None:
        pytest.skip("there is no mount command here")
    shutil.copytree(folder, kept)
    done = subprocess.run([mount, "-t", "tmpfs", "-o", f"size={size_kib}k", "none", folder], check=False)
    if done.returncode != 0:
        pytest.skip("this user may not mount a file system; the limit on file sizes is tested all the same")
    try:
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        yield
    finally:
        umount = shutil.which("umount")
        assert umount is not None
        subprocess.run([umount, "-l", folder], check=True)
