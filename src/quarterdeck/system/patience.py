"""Acts that found no answer, and when each is tried again: at first after a good second, then less and less often."""

from __future__ import annotations

import heapq
from typing import Final

from quarterdeck.domain import SECOND_NS, ensure
from quarterdeck.engine import SendOrder
from quarterdeck.system.budget import NEVER_NS
from quarterdeck.system.turns import VenueAct

AGAIN_NS: Final = SECOND_NS + SECOND_NS // 20
AGAIN_NS_MAX: Final = 10 * SECOND_NS
TRIES_FAST: Final = 3


class Patience:
    """Holds each act at most once, and counts how often it was tried in vain."""

    def __init__(self) -> None:
        self._timers: list[tuple[int, int, VenueAct]] = []
        self._waiting: set[VenueAct] = set()
        self._tries: dict[VenueAct, int] = {}
        self._numbers = 0

    def holds(self, act: VenueAct) -> bool:
        """Tell whether an act waits to be tried again."""
        return act in self._waiting

    def has_failed(self, act: VenueAct) -> bool:
        """Tell whether an act was tried in vain since it was last forgotten."""
        return act in self._tries

    def forget(self, act: VenueAct) -> None:
        """Count anew from here on: the act was answered, or is not wanted any more."""
        self._tries.pop(act, None)

    def put(self, act: VenueAct, now_ns: int, proves_from_ns: int = NEVER_NS) -> None:
        """
        Let an act wait; never a send. One that waits already is left as it is.

        From the instant on at which an answer proves something, it is due every good second: one is not enough.
        """
        ensure(not isinstance(act, SendOrder), "an order is sent once")
        if act in self._waiting:
            return
        tries = self._tries.get(act, 0)
        self._tries[act] = tries + 1
        wait_ns = min(AGAIN_NS << min(max(0, tries - TRIES_FAST), 8), AGAIN_NS_MAX)
        due_ns = min(now_ns + wait_ns, max(proves_from_ns, now_ns) + AGAIN_NS)
        self._numbers += 1
        self._waiting.add(act)
        heapq.heappush(self._timers, (due_ns, self._numbers, act))

    def due(self, now_ns: int) -> list[VenueAct]:
        """Take out the acts whose time has come, in its order."""
        acts = []
        while self._timers and self._timers[0][0] <= now_ns:
            _, _, act = heapq.heappop(self._timers)
            self._waiting.discard(act)
            acts.append(act)
        return acts

    def next_ns(self) -> int:
        """Say when the next act is due; `NEVER_NS` where none waits."""
        return self._timers[0][0] if self._timers else NEVER_NS
