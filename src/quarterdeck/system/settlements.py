"""The funding of perpetuals in a market of bars: what recordings say was settled, handed out when its time comes."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final, NamedTuple

from quarterdeck.feeds import FundingTape

NEVER_NS: Final = 2**63 - 1


class Settlement(NamedTuple):
    """At this instant longs of a perpetual paid a fraction of their worth to shorts; below zero the other way."""

    at_ns: int
    venue: str
    instrument: str
    rate: Decimal


class Settlements:
    """Recorded settlements of many perpetuals, in the order of time; at one instant by venue and instrument."""

    def __init__(self, recorded: Mapping[tuple[str, str], FundingTape]) -> None:
        """Take the recordings, by venue and instrument."""
        self._rest = heapq.merge(*(_of(place, tape) for place, tape in sorted(recorded.items())))
        self._next: Settlement | None = next(self._rest, None)

    @property
    def next_ns(self) -> int:
        """Say when the next is due; `NEVER_NS` after the last."""
        return NEVER_NS if self._next is None else self._next.at_ns

    def skip_before(self, at_ns: int) -> None:
        """Pass over what was due before an instant: nothing was held in this market then, or it was paid."""
        while self._next is not None and self._next.at_ns < at_ns:
            self._next = next(self._rest, None)

    def take_due(self, at_ns: int) -> list[Settlement]:
        """Hand out what is due by now, each once."""
        due: list[Settlement] = []
        while self._next is not None and self._next.at_ns <= at_ns:
            due.append(self._next)
            self._next = next(self._rest, None)
        return due


def _of(place: tuple[str, str], tape: FundingTape) -> Iterator[Settlement]:
    venue, instrument = place
    for at_ns, rate in zip(tape.at_ns.tolist(), tape.rate.tolist(), strict=True):
        yield Settlement(at_ns, venue, instrument, Decimal(repr(rate)))
