"""What perpetuals pay during an event backtest, in the order of time."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final, NamedTuple

from quarterdeck.backtest.settings import FundingRates
from quarterdeck.engine import NEVER_NS

_NONE: Final[tuple[int, str, float]] = (NEVER_NS, "", 0.0)


class Settlement(NamedTuple):
    """One payment of a perpetual: longs pay this fraction of the worth of what they hold, shorts receive it."""

    instrument: str
    rate: Decimal


class Settlements:
    """The settlements of all perpetuals from an instant on; at one instant in canonical order."""

    def __init__(self, funding: Mapping[str, FundingRates], begin_ns: int) -> None:
        rows = (_rows(name, funding[name], begin_ns) for name in sorted(funding))
        self._rest: Iterator[tuple[int, str, float]] = heapq.merge(*rows)
        self._next = next(self._rest, _NONE)

    @property
    def next_ns(self) -> int:
        """When the next is due; `NEVER_NS` after the last."""
        return self._next[0]

    def take(self, until_ns: int) -> Iterator[Settlement]:
        """Hand out what is due up to an instant, each once."""
        while self._next[0] <= until_ns:
            _, name, rate = self._next
            self._next = next(self._rest, _NONE)
            yield Settlement(name, Decimal(repr(rate)))


def _rows(name: str, rates: FundingRates, begin_ns: int) -> Iterator[tuple[int, str, float]]:
    for at_ns, rate in zip(rates.at_ns.tolist(), rates.rate.tolist(), strict=True):
        if at_ns >= begin_ns:
            yield at_ns, name, rate
