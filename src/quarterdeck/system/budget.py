"""
How much may still be asked of a venue, and whose turn it is.

Cancels go first, then questions about unknown orders, exits, polls, and last of all what opens. Pure bookkeeping on
instants that it is told: it holds no clock and sends nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from enum import IntEnum
from typing import Final, Generic, TypeVar

from msgspec import Struct

from quarterdeck.domain import ensure
from quarterdeck.ports import RequestLimits

NEVER_NS: Final = 2**63 - 1
_FULL: Final = 8

Act = TypeVar("Act", bound=Hashable)


class Priority(IntEnum):
    """Whose turn comes first."""

    CANCEL = 0
    QUERY = 1
    EXIT = 2
    POLL = 3
    OPEN = 4


# How many eighths of the budget each may use up, in the order above: what is left is kept for those before it.
_EIGHTHS: Final = (8, 7, 6, 5, 4)


class Wish(Struct, frozen=True):
    """How urgent a request is, whether it places an order, and by when it must have been sent."""

    priority: Priority
    places_order: bool = False
    by_ns: int = NEVER_NS


class Budget(Generic[Act]):
    """
    The requests of one key to one venue: those under way, those of the last window, and those that wait.

    A request takes up its place from the moment it may begin until a whole window after its answer. It reached the
    venue at some instant in between, so in no window that the venue may look at does it count more than we do.
    """

    def __init__(self, limits: RequestLimits | None) -> None:
        """Begin with nothing asked; a venue without `limits` can still ask for silence."""
        self._limits = limits
        self._requests = _Window()
        self._orders = _Window()
        self._queues: tuple[dict[Act, Wish], ...] = tuple({} for _ in Priority)
        self._eighths = _FULL
        self._eases_ns = 0
        self.paused_until_ns = 0

    def put(self, act: Act, wish: Wish) -> None:
        """Queue a request; one that waits already keeps its place."""
        self._queues[wish.priority].setdefault(act, wish)

    def drop(self, act: Act) -> bool:
        """Take a request out of the queue; True where it was still waiting, so that it is certain never to be sent."""
        return any(queue.pop(act, None) is not None for queue in self._queues)

    def waits(self, act: Act) -> bool:
        """Tell whether a request is in the queue."""
        return any(act in queue for queue in self._queues)

    def expired(self, now_ns: int) -> list[Act]:
        """Take out the requests whose time to be sent went by."""
        if not any(self._queues):
            return []
        late = [act for queue in self._queues for act, wish in queue.items() if wish.by_ns < now_ns]
        for act in late:
            self.drop(act)
        return late

    def admit(self, now_ns: int) -> list[Act]:
        """Take out the requests that may begin now, the most urgent first, and count them as under way."""
        if now_ns < self.paused_until_ns or not any(self._queues):
            return []
        self._ease(now_ns)
        admitted: list[Act] = []
        for priority, queue in zip(Priority, self._queues, strict=True):
            for act, wish in list(queue.items()):
                if not self._has_room(priority, now_ns):
                    return admitted
                if wish.places_order and not self._may_order(now_ns):
                    break
                del queue[act]
                self._begin(places_order=wish.places_order)
                admitted.append(act)
        return admitted

    def take(self, priority: Priority, now_ns: int) -> bool:
        """Begin a request of no act at once, if there is room and nobody more urgent waits for it."""
        if now_ns < self.paused_until_ns or any(self._queues[: priority + 1]):
            return False
        self._ease(now_ns)
        if not self._has_room(priority, now_ns):
            return False
        self._begin(places_order=False)
        return True

    def answered(self, now_ns: int, *, places_order: bool = False) -> None:
        """Note that a request under way was answered, or that nobody waits for its answer any more."""
        if self._limits is None:
            return
        self._requests.end(now_ns + self._limits.window_ns)
        if places_order:
            self._orders.end(now_ns + self._limits.window_ns)

    def refused(self, now_ns: int, retry_after_ns: int) -> None:
        """
        Note that the venue hears no more for now.

        That it refused although we kept count means that somebody else uses the same key or address: half of the
        budget is left to them, and taken back by an eighth with every window in which the venue did not complain.
        """
        self.paused_until_ns = max(self.paused_until_ns, now_ns + retry_after_ns)
        self._eighths = max(1, self._eighths // 2)
        window_ns = self._limits.window_ns if self._limits is not None else 0
        self._eases_ns = self.paused_until_ns + window_ns

    def next_ns(self, now_ns: int) -> int:
        """Say when a request that waits may begin, or will have waited too long; `NEVER_NS` where none does."""
        too_late_ns = min([wish.by_ns for queue in self._queues for wish in queue.values()], default=None)
        if too_late_ns is None:
            return NEVER_NS
        if now_ns < self.paused_until_ns:
            room_ns = self.paused_until_ns
        else:
            room_ns = min(self._requests.next_ns(now_ns), self._orders.next_ns(now_ns))
            if self._eighths < _FULL:
                room_ns = min(room_ns, max(self._eases_ns, now_ns + 1))
        return min(room_ns, too_late_ns + 1 if too_late_ns < NEVER_NS else NEVER_NS)

    def _has_room(self, priority: Priority, now_ns: int) -> bool:
        if self._limits is None:
            return True
        most = self._limits.requests_max * self._eighths // _FULL
        return self._requests.used(now_ns) < max(1, most * _EIGHTHS[priority] // _FULL)

    def _may_order(self, now_ns: int) -> bool:
        if self._limits is None:
            return True
        return self._orders.used(now_ns) < max(1, self._limits.orders_max * self._eighths // _FULL)

    def _begin(self, *, places_order: bool) -> None:
        if self._limits is None:
            return
        self._requests.begin()
        if places_order:
            self._orders.begin()

    def _ease(self, now_ns: int) -> None:
        if self._limits is None:
            self._eighths = _FULL
        elif self._eighths < _FULL and now_ns >= self._eases_ns:
            windows = 1 + (now_ns - self._eases_ns) // self._limits.window_ns
            self._eighths = min(_FULL, self._eighths + windows)
            self._eases_ns += windows * self._limits.window_ns


class _Window:
    """Places that are taken up: by requests under way, and for a while after their answers."""

    def __init__(self) -> None:
        self._under_way = 0
        self._free_at_ns: deque[int] = deque()

    def begin(self) -> None:
        self._under_way += 1

    def end(self, free_at_ns: int) -> None:
        ensure(self._under_way > 0, "an answer to a request that nobody made")
        self._under_way -= 1
        self._free_at_ns.append(free_at_ns)

    def used(self, now_ns: int) -> int:
        while self._free_at_ns and self._free_at_ns[0] <= now_ns:
            self._free_at_ns.popleft()
        return self._under_way + len(self._free_at_ns)

    def next_ns(self, now_ns: int) -> int:
        self.used(now_ns)  # lets go of what is over, so that what is left lies ahead
        return self._free_at_ns[0] if self._free_at_ns else NEVER_NS
