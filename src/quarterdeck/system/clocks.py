"""The clocks of a running bot. Only this room reads the machine's; everything below is told the time."""

from __future__ import annotations

import time
from collections.abc import Callable

from quarterdeck.journal import steady_ns


class WallClock:
    """The machine's clocks: UTC, and the steady one that counts time since boot, suspension included."""

    def now_ns(self) -> int:
        """Read UTC; it may step."""
        return time.time_ns()

    def steady_ns(self) -> int:
        """Read the steady clock; it never steps."""
        return steady_ns()


class TapeClock:
    """
    The time of a recorded or made-up market.

    At full speed it stands where the driver set it. At a pace it runs by itself from there, `speed` times as fast
    as the steady clock. Leases always use the true steady clock.
    """

    def __init__(self, start_ns: int, speed: float | None, steady: Callable[[], int] = steady_ns) -> None:
        """Start at an instant; `speed` None stands still until set."""
        self._steady = steady
        self._speed = speed
        self._origin_ns = start_ns
        self._since_ns = steady()

    def now_ns(self) -> int:
        """Read the time of the market."""
        if self._speed is None:
            return self._origin_ns
        return self._origin_ns + int((self._steady() - self._since_ns) * self._speed)

    def steady_ns(self) -> int:
        """Read the machine's steady clock."""
        return self._steady()

    def set(self, at_ns: int) -> None:
        """Move a standing clock on; one that runs by itself is left alone, and none goes back."""
        if self._speed is None and at_ns > self._origin_ns:
            self._origin_ns = at_ns

    def wait_s(self, at_ns: int) -> float:
        """Say how many true seconds are left until an instant; 0 where time is set and not waited for."""
        if self._speed is None:
            return 0.0
        return max(0.0, (at_ns - self.now_ns()) / self._speed / 1e9)
