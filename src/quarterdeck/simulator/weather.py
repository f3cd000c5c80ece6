"""What becomes of each request, each message of the stream and each book, under a plan and a seed."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final, NamedTuple

from quarterdeck.simulator.plan import Call, Fault, FaultKind, FaultPlan

Note = Callable[[FaultKind], None]
_K: Final = FaultKind
_UNAVAILABLE: Final = 503
_BANNED: Final = 418
_TOO_MANY: Final = 429


class Trouble(NamedTuple):
    """
    An answer that is no reply.

    `is_definite`: it says that nothing was done. `retry_after_s` is when to ask again, 0 where it does not say.
    """

    status: int
    text: str
    is_definite: bool = False
    retry_after_s: float = 0.0


class Fate(NamedTuple):
    """
    What becomes of one request.

    It leaves after `leaves_s`, reaches the venue at each of `arrives_s` after that (never where there is none), and
    each of `answers_s` after its first arrival, or after it left, the customer hears the reply, or the `trouble`.
    """

    leaves_s: float
    arrives_s: tuple[float, ...]
    answers_s: tuple[float, ...]
    trouble: Trouble | None = None


class Weather:
    """Executes a plan message by message. Instants are seconds since the plan began; the draws come from the seed."""

    def __init__(self, plan: FaultPlan, rng: Random, note: Note) -> None:
        """Begin under a plan; `note` hears of each fault that strikes."""
        self._rng = rng
        self._note = note
        self._banned_until_s = 0.0
        self.change(plan)

    def change(self, plan: FaultPlan) -> None:
        """Put another plan in force."""
        self.plan = plan
        self._banned_until_s = 0.0
        self._by_kind: dict[FaultKind, list[Fault]] = {}
        for fault in plan.faults:
            self._by_kind.setdefault(fault.kind, []).append(fault)

    def struck(self, kind: FaultKind, at_s: float, call: Call | None = None) -> Fault | None:
        """Give the first fault of a kind that strikes at an instant; those that strike by chance are drawn."""
        for fault in self._by_kind.get(kind, ()):
            is_meant = fault.is_on(at_s) and (not fault.calls or call in fault.calls)
            if is_meant and (fault.share >= 1.0 or self._rng.random() < fault.share):
                self._note(kind)
                return fault
        return None

    def holding(self, kind: FaultKind, at_s: float) -> list[Fault]:
        """List the faults of a kind that are on at an instant, without drawing anything."""
        if kind not in self._by_kind:
            return []
        return [fault for fault in self._by_kind.get(kind, ()) if fault.is_on(at_s)]

    def is_out(self, at_s: float) -> bool:
        """Tell whether connections are refused."""
        return self.struck(_K.OUTAGE, at_s) is not None

    def fate(self, call: Call, at_s: float) -> Fate:
        """Decide what becomes of a request."""
        rng, latency_s = self._rng, self.plan.latency_s
        stalled = self.struck(_K.STALL_SEND, at_s, call)
        leaves_s = rng.random() * stalled.size if stalled else 0.0
        there_s, back_s = rng.random() * latency_s, rng.random() * latency_s
        turned_away = self._turned_away(call, at_s)
        if turned_away is not None:
            return Fate(leaves_s, (), (there_s + back_s,), turned_away)
        if self.struck(_K.OUTAGE, at_s) or self.struck(_K.LOSE_REQUEST, at_s, call):
            return Fate(leaves_s, (), ())
        again = self.struck(_K.REPEAT_REQUEST, at_s, call)
        arrives_s = (there_s, there_s + rng.random() * max(latency_s, 0.1)) if again else (there_s,)
        if self.struck(_K.LOSE_REPLY, at_s, call):
            return Fate(leaves_s, arrives_s, ())
        late = self.struck(_K.LATE_REPLY, at_s, call)
        if late:
            back_s = late.size * rng.uniform(0.3, 1.0)
        return Fate(leaves_s, arrives_s, self._answers(call, at_s, back_s), self._spoilt(call, at_s))

    def hearings(self, at_s: float) -> list[float]:
        """Decide when a message of the stream is heard, in seconds from now: never, once or more often."""
        rng, latency_s = self._rng, self.plan.latency_s
        is_silent = any(self.struck(kind, at_s) for kind in (_K.OUTAGE, _K.MAINTENANCE, _K.MUTE_NEWS))
        if is_silent or self.struck(_K.DROP_NEWS, at_s):
            return []
        stalls = [fault.until_s or at_s for fault in self.holding(_K.STALL_NEWS, at_s)]
        if stalls:
            self._note(_K.STALL_NEWS)
            return [max(stalls) - at_s]
        slow = self.struck(_K.DELAY_NEWS, at_s)
        delays_s = [rng.random() * (slow.size if slow else latency_s)]
        again = self.struck(_K.REPEAT_NEWS, at_s)
        if again:
            delays_s.append(delays_s[0] + rng.random() * again.size)
        return delays_s

    def _turned_away(self, call: Call, at_s: float) -> Trouble | None:
        """Decide whether the venue's front turns a request away, so that nothing is done."""
        if at_s < self._banned_until_s:
            return Trouble(_BANNED, "banned", is_definite=True, retry_after_s=self._banned_until_s - at_s)
        if self.struck(_K.MAINTENANCE, at_s):
            return Trouble(_UNAVAILABLE, "maintenance", is_definite=True)
        ban = self.struck(_K.BAN, at_s, call)
        if ban:
            self._banned_until_s = at_s + ban.size
            return Trouble(_BANNED, "banned", is_definite=True, retry_after_s=ban.size)
        many = self.struck(_K.TOO_MANY, at_s, call)
        if many:
            return Trouble(_TOO_MANY, "too many requests", is_definite=True, retry_after_s=many.size)
        if self.struck(_K.ERROR_BODY, at_s, call):
            return Trouble(200, '{"error": "internal risk check"}', is_definite=True)
        if self.struck(_K.ERROR_BEFORE, at_s, call):
            return Trouble(502, "bad gateway")
        return None

    def _spoilt(self, call: Call, at_s: float) -> Trouble | None:
        """Decide whether something else stands where the reply should be, though the venue acted."""
        if self.struck(_K.ERROR_AFTER, at_s, call):
            return Trouble(504, "gateway timeout")
        if self.struck(_K.GARBLE, at_s, call):
            return Trouble(200, self._rng.choice(("<html><body>One moment, please</body></html>", '{"orderId": 12')))
        return None

    def _answers(self, call: Call, at_s: float, back_s: float) -> tuple[float, ...]:
        again = self.struck(_K.REPEAT_REPLY, at_s, call)
        return (back_s, back_s + self._rng.random() * again.size) if again else (back_s,)
