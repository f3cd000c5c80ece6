"""What falls due by the hour or the day, in the time of the market; it holds no clock and starts nothing itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from quarterdeck.domain import ensure

NEVER_NS: Final = 2**63 - 1


class Job(Struct, frozen=True):
    """Something to be done once in every span of UTC time that is `every_ns` long: each minute, hour or day."""

    name: str
    every_ns: int


class Schedule:
    """
    Named jobs and when each last began.

    A job is due in every span in which it has not begun yet, the first included, so one that was missed, however
    often, is made up for once. One that still runs is not due: it never overlaps itself. One that could not be done is
    put off, and due again before its next span.
    """

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._every_ns = {job.name: job.every_ns for job in jobs}
        ensure(all(every_ns > 0 for every_ns in self._every_ns.values()), "a job recurs after a time above zero")
        self._span: dict[str, int] = dict.fromkeys(self._every_ns, -1)
        self._running: dict[str, int] = {}
        self._put_off_ns: dict[str, int] = {}
        self.next_ns = 0

    def due(self, at_ns: int) -> list[str]:
        """Name the jobs that should begin at an instant, in the order in which they were given."""
        if at_ns < self.next_ns:
            return []
        return [name for name in self._every_ns if name not in self._running and at_ns >= self._due_ns(name)]

    def begin(self, name: str, at_ns: int) -> None:
        """Note that a job begins."""
        ensure(name not in self._running, f"job {name} overlaps itself")
        self._span[name] = at_ns // self._every_ns[name]
        self._running[name] = at_ns
        self._put_off_ns.pop(name, None)
        self._note_next()

    def end(self, name: str) -> None:
        """Note that a job ended, well or not."""
        del self._running[name]
        self._note_next()

    def put_off(self, name: str, until_ns: int) -> None:
        """Make a job that began in vain due again at an instant, unless its next span begins earlier."""
        self._put_off_ns[name] = until_ns
        self._note_next()

    def _due_ns(self, name: str) -> int:
        return min((self._span[name] + 1) * self._every_ns[name], self._put_off_ns.get(name, NEVER_NS))

    def _note_next(self) -> None:
        """Remember the instant before which nothing falls due, so that asking costs nothing."""
        self.next_ns = min(
            [self._due_ns(name) for name in self._every_ns if name not in self._running], default=NEVER_NS
        )
