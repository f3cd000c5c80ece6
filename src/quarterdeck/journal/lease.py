"""
Who owns a bot: one row in its journal, changed only in transactions, so that there is never more than one owner.

The epoch grows by one with every owner. Time is the machine's boot clock, which no one can set and which counts
suspended time; a lease from another boot is worth nothing.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from quarterdeck.domain import ConfigError, IntegrityError, NotOwner
from quarterdeck.journal.chain import seal

LEASE_NS: Final = 10_000_000_000
RENEW_NS: Final = 3_000_000_000

_LINUX_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class Holder(Struct, frozen=True):
    """A process that may own a bot."""

    pid: int
    host: str
    boot_id: str


class Lease(Struct, frozen=True):
    """The claim of one process on one bot, until an instant of the boot clock in nanoseconds."""

    bot: str
    epoch: int
    pid: int
    host: str
    boot_id: str
    until_boot_ns: int
    released: bool = False

    def is_free(self, boot_id: str, now_ns: int) -> bool:
        """Tell whether another process may take the bot."""
        return self.released or self.boot_id != boot_id or now_ns >= self.until_boot_ns


def steady_ns() -> int:
    """Read the boot clock, which counts suspended time; where there is none, the monotonic one."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def boot_id() -> str:
    """
    Name this boot of this machine.

    Raises:
        ConfigError: If the system does not tell.
    """
    if sys.platform == "darwin":
        told = subprocess.run(["/usr/sbin/sysctl", "-n", "kern.boottime"], capture_output=True, text=True, check=False)
        name = told.stdout.strip()
    else:
        name = _LINUX_BOOT_ID.read_text().strip() if _LINUX_BOOT_ID.exists() else ""
    if not name:
        raise ConfigError("this system does not tell its boot id, so a lease cannot be trusted; use Linux or macOS")
    return name


def this_process() -> Holder:
    """Describe the process that runs this."""
    return Holder(pid=os.getpid(), host=socket.gethostname(), boot_id=boot_id())


def taken(current: Lease | None, claim: Lease, now_ns: int, *, gone_epoch: int | None = None) -> Lease:
    """
    Give the lease with which a holder takes a bot over: its claim, under the next epoch.

    Args:
        current: The lease as it stands, None where nobody ever owned the bot.
        claim: Bot, holder and end of the new lease.
        now_ns: The boot clock.
        gone_epoch: It is proved that the process of this machine which owned the bot under this epoch is dead.

    Raises:
        NotOwner: If another process owns it; the message names it.
    """
    is_orphaned = current is not None and current.epoch == gone_epoch and current.host == claim.host
    if current is not None and not current.is_free(claim.boot_id, now_ns) and not is_orphaned:
        left_s = (current.until_boot_ns - now_ns) / 1e9
        raise NotOwner(
            f"bot {claim.bot!r} is owned by process {current.pid} on {current.host} (epoch {current.epoch}, "
            f"{left_s:.1f} s left); stop that process, or wait with --standby"
        )
    epoch = 1 if current is None else current.epoch + 1
    return replace(claim, epoch=epoch)


def check_held(found: Lease | None, ours: Lease, now_ns: int) -> None:
    """
    Make sure that the lease in the journal still is ours and has not run out.

    Raises:
        NotOwner: If it is not.
    """
    if found is None or found.epoch != ours.epoch:
        owner = "nobody" if found is None else f"process {found.pid} (epoch {found.epoch})"
        raise NotOwner(f"bot {ours.bot!r} is now owned by {owner}, ours was epoch {ours.epoch}; this process must end")
    if found.is_free(ours.boot_id, now_ns):
        why = "was given up" if found.released else f"ran out {(now_ns - found.until_boot_ns) / 1e9:.1f} s ago"
        raise NotOwner(f"the lease on bot {ours.bot!r} (epoch {ours.epoch}) {why}; this process must end")


def read_lease(connection: sqlite3.Connection) -> Lease | None:
    """
    Read the lease; None where nobody ever owned the bot.

    Raises:
        IntegrityError: If the row does not carry its seal.
    """
    found = connection.execute(
        "SELECT bot, epoch, pid, host, boot_id, until_boot_ns, released, seal FROM lease"
    ).fetchall()
    if not found:
        return None
    *fields, mark = found[0]
    if len(found) > 1 or not _are_typed(fields) or mark != seal(*fields):
        raise IntegrityError("the lease in the journal is damaged; make sure that no bot runs, then restore a backup")
    bot, epoch, pid, host, boot, until_boot_ns, released = fields
    return Lease(bot, epoch, pid, host, boot, until_boot_ns, released=released == 1)


def write_lease(connection: sqlite3.Connection, lease: Lease) -> None:
    """Write the lease inside the caller's transaction."""
    fields = (lease.bot, lease.epoch, lease.pid, lease.host, lease.boot_id, lease.until_boot_ns, int(lease.released))
    connection.execute("INSERT OR REPLACE INTO lease VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)", (*fields, seal(*fields)))


def renewed(lease: Lease, until_boot_ns: int) -> Lease:
    """Give the same lease with a later end."""
    return replace(lease, until_boot_ns=until_boot_ns)


def given_up(lease: Lease) -> Lease:
    """Give the same lease as released, which the next owner need not wait for."""
    return replace(lease, released=True)


def _are_typed(fields: list[object]) -> bool:
    return tuple(map(type, fields)) == (str, int, int, str, str, int, int)
