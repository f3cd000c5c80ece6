"""An asyncio loop whose time skips to the next timer, so that a minute of market costs milliseconds."""

import asyncio
import selectors


class NothingScheduled(AssertionError):
    """Nothing is ready and no timer is set, so nothing will ever happen again."""


class _Skipping(selectors.SelectSelector):
    """Waits for nobody: it moves the clock on by the time that the loop wanted to wait."""

    now_ns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise NothingScheduled("nothing is ready and no timer is set")
        if timeout > 0:
            self.now_ns += max(1, round(timeout * 1e9))
        return []


class SkippingLoop(asyncio.SelectorEventLoop):
    """A loop without sockets and threads; its `time` is the machine's steady clock."""

    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)

    def steady_ns(self) -> int:
        """Read the time since the loop was made, in nanoseconds."""
        return self._skipping.now_ns

    def time(self) -> float:
        """Read the same in seconds, as asyncio wants it."""
        return self._skipping.now_ns / 1e9


class StageClock:
    """UTC, which somebody may set, and the machine's steady clock."""

    def __init__(self, loop: SkippingLoop, start_ns: int) -> None:
        self._loop = loop
        self._start_ns = start_ns
        self.step_ns = 0

    def now_ns(self) -> int:
        """Read UTC."""
        return self._start_ns + self.step_ns + self._loop.steady_ns()

    def steady_ns(self) -> int:
        """Read the steady clock."""
        return self._loop.steady_ns()
