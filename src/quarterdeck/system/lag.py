"""Whether the event loop keeps up: a beat that comes late shows that something held it, and everything else with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

BEAT_S: Final = 0.25


class Timer(Protocol):
    """A call that is still to come."""

    def cancel(self) -> None:
        """Call it off."""
        ...


class Timers(Protocol):
    """What the watch needs of an event loop."""

    def time(self) -> float:
        """Read the loop's clock, in seconds."""
        ...

    def call_at(self, when: float, callback: Callable[[], None], /) -> Timer:
        """Call back at an instant of that clock, or as soon after it as the loop comes to it."""
        ...


class LagWatch:
    """Lets a timer beat on a loop, and remembers by how much the latest beat of a span was late."""

    def __init__(self, loop: Timers) -> None:
        """Begin to watch."""
        self._loop = loop
        self._worst_s = 0.0
        self._due_s = loop.time() + BEAT_S
        self._timer = loop.call_at(self._due_s, self._beat)

    def worst_s(self) -> float:
        """Say by how many seconds the loop was late at most since this was last asked; it begins anew with that."""
        # The beat that should have come by now may stand in line behind whoever asks.
        worst_s, self._worst_s = max(self._worst_s, self._loop.time() - self._due_s), 0.0
        return max(worst_s, 0.0)

    def close(self) -> None:
        """Stop watching."""
        self._timer.cancel()

    def _beat(self) -> None:
        now_s = self._loop.time()
        self._worst_s = max(self._worst_s, now_s - self._due_s)
        self._due_s = now_s + BEAT_S
        self._timer = self._loop.call_at(self._due_s, self._beat)
