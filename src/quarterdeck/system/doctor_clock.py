"""
Whether the machine's clock can be trusted, without asking anyone outside.

It is held against what cannot lie for it: the kernel's stamp on a file made now, the instants that the bots left
behind, the boot clock, and what the kernel says of the service that disciplines the clock.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from quarterdeck.domain import SECOND_NS
from quarterdeck.journal import steady_ns

CLOCK_OFF_NS_MAX: Final = 2 * SECOND_NS
NTP_OFF_NS_MAX: Final = SECOND_NS // 2
STAT: Final = Path("/proc/stat")

# struct timex of 64-bit Linux as far as it is read: modes, offset, freq, maxerror, esterror, status.
_TIMEX: Final = struct.Struct("@i4xqqqqi")
_TIMEX_BYTES: Final = 256
_UNSYNCHRONISED: Final = 0x0040
_IN_NANOSECONDS: Final = 0x2000


class TimeService(Struct, frozen=True):
    """What the kernel says of the service that keeps the clock right: if there is one, and how far off it finds us."""

    is_synchronised: bool
    offset_ns: int


class ClockReading(Struct, frozen=True):
    """
    The clocks of a machine at one instant, in nanoseconds; None where one cannot be read.

    `kernel_ns` is the kernel's stamp on a file made now, `booted_ns` the UTC instant of the boot as the kernel tells
    it, `boot_ns` the time since then, suspension included.
    """

    wall_ns: int
    boot_ns: int
    kernel_ns: int | None = None
    booted_ns: int | None = None
    service: TimeService | None = None


class ClockDoubt(Struct, frozen=True):
    """A reason to doubt the clock; `is_certain` where it is off, and not only unproven."""

    text: str
    advice: str
    is_certain: bool = True


def read_clocks(folder: Path) -> ClockReading:
    """Read every clock; the folder is where a file is made, so that the kernel stamps it."""
    return ClockReading(
        wall_ns=time.time_ns(),
        boot_ns=steady_ns(),
        kernel_ns=_stamp(folder),
        booted_ns=_booted_ns(),
        service=_time_service(),
    )


def doubts(reading: ClockReading, written: Mapping[str, int], journaled: Mapping[str, int]) -> list[ClockDoubt]:
    """
    Say what speaks against the wall clock.

    Args:
        reading: The clocks.
        written: When files were last written by this machine's clock, by their names; nanoseconds UTC.
        journaled: The last instants of journals, by bot; a made-up or recorded market may be ahead of time.
    """
    found: list[ClockDoubt] = []
    stamp = reading.kernel_ns
    if stamp is not None and abs(stamp - reading.wall_ns) > CLOCK_OFF_NS_MAX:
        text = f"this program's clock is {_apart(reading.wall_ns - stamp)} the kernel's"
        found.append(ClockDoubt(text, "run without a faked time, and mend the clock"))
    newest = max(written, key=written.__getitem__, default="")
    if newest and written[newest] > reading.wall_ns + CLOCK_OFF_NS_MAX:
        text = f"{newest} was written {_apart(written[newest] - reading.wall_ns)} the clock: it was set back since"
        found.append(ClockDoubt(text, "set the clock right, by a time service"))
    service = reading.service
    if service is not None and service.is_synchronised and abs(service.offset_ns) > NTP_OFF_NS_MAX:
        text = f"the time service finds the clock {_apart(service.offset_ns)} true time"
        found.append(ClockDoubt(text, "wait until it has caught up, or set the clock"))
    for bot, at_ns in journaled.items():
        if at_ns > reading.wall_ns + CLOCK_OFF_NS_MAX:
            text = f"the journal of {bot} ends {_apart(at_ns - reading.wall_ns)} the clock"
            advice = "fine if its market ran faster than time; else the clock was set back"
            found.append(ClockDoubt(text, advice, is_certain=False))
    return [*found, *_unproven(reading)]


def _unproven(reading: ClockReading) -> list[ClockDoubt]:
    found = []
    if reading.booted_ns is not None:
        step_ns = reading.wall_ns - reading.boot_ns - reading.booted_ns
        if abs(step_ns) > CLOCK_OFF_NS_MAX:
            text = f"the clock is {_apart(step_ns)} the boot clock"
            found.append(ClockDoubt(text, "find out who set it", is_certain=False))
    if reading.service is None:
        text = "this system does not tell whether a time service keeps the clock right"
        found.append(ClockDoubt(text, "see that one runs before live trading", is_certain=False))
    elif not reading.service.is_synchronised:
        text = "no time service keeps the clock right"
        found.append(ClockDoubt(text, "run chrony or systemd-timesyncd before live trading", is_certain=False))
    return found


def _apart(difference_ns: int) -> str:
    side = "ahead of" if difference_ns > 0 else "behind"
    return f"{abs(difference_ns) / SECOND_NS:,.1f} s {side}"


def _stamp(folder: Path) -> int | None:
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"now")
            file.flush()
            return os.fstat(file.fileno()).st_mtime_ns
    except OSError:
        return None


def _booted_ns() -> int | None:
    try:
        lines = STAT.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    told = [line.split()[1] for line in lines if line.startswith("btime ")]
    return int(told[0]) * SECOND_NS if told else None


def _time_service() -> TimeService | None:
    """Ask the kernel; only 64-bit Linux has the layout that is read here."""
    if sys.platform != "linux" or sys.maxsize < 2**62:
        return None
    ask = getattr(ctypes.CDLL(None, use_errno=True), "adjtimex", None)
    buffer = ctypes.create_string_buffer(_TIMEX_BYTES)
    if ask is None or ask(buffer) < 0:
        return None
    _, offset, _, _, _, status = _TIMEX.unpack_from(buffer.raw)
    unit_ns = 1 if status & _IN_NANOSECONDS else 1_000
    return TimeService(is_synchronised=not status & _UNSYNCHRONISED, offset_ns=offset * unit_ns)
