"""What the limits of pace look back on: trades that count, orders that were planned, rejections in a row."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from quarterdeck.domain import MINUTE_NS, SECOND_NS
from tests.parity.reference.records import CANCELLED, EXPIRED, FILLED, PROTECTIVE, REJECTED, WORKING, Order, Traded


@dataclass
class History:
    """
    Everything that was planned so far.

    `trades` holds, by intent, the pair and the instant at which it was planned: one that came to nothing is taken out
    again. `rejections` holds, by instrument, the words of the latest rejections and how often they came in a row.
    """

    orders: list[Order] = field(default_factory=list)
    trades: dict[str, tuple[str, int]] = field(default_factory=dict)
    rejections: dict[int, tuple[str, int]] = field(default_factory=dict)
    _by_trade: dict[str, list[Order]] = field(default_factory=dict)

    def plan(self, order: Order) -> None:
        """Count an order, and its intent as a trade unless it is counted already."""
        self.orders.append(order)
        self._by_trade.setdefault(order.trade, []).append(order)
        self.trades.setdefault(order.trade, (order.instrument.name, order.planned_at_ns))

    def hear_end(self, order: Order, words: str) -> None:
        """Learn that an order ended: a trade that came to nothing gives its place back, a rejection is counted."""
        place = order.instrument.place
        if order.state == REJECTED:
            before, count = self.rejections.get(place, ("", 0))
            self.rejections[place] = (words, count + 1 if words == before else 1)
        elif order.state in {FILLED, CANCELLED, EXPIRED}:
            self.rejections.pop(place, None)
        if not any(other.state in {FILLED, WORKING} for other in self._by_trade[order.trade]):
            self.trades.pop(order.trade, None)

    def since_last_trade_s(self, instrument: Traded, trade: str, at_ns: int) -> float:
        """Say how long ago the pair last traded, this trade apart; infinite where it never did."""
        instants = [
            planned_ns for own, (name, planned_ns) in self.trades.items() if name == instrument.name and own != trade
        ]
        return (at_ns - max(instants)) / SECOND_NS if instants else math.inf

    def trades_within(self, minutes: int, trade: str, at_ns: int) -> int:
        """Count the trades of the window, this one apart; one that is exactly as old as the window counts no more."""
        since_ns = at_ns - minutes * MINUTE_NS
        return sum(planned_ns > since_ns for own, (_, planned_ns) in self.trades.items() if own != trade)

    def alike(self, order: Order, window_s: float) -> int:
        """Count orders of the window of the same source, pair, side, size and limit, for another intent."""
        since_ns = order.planned_at_ns - int(window_s * SECOND_NS)
        found = 0
        for other in reversed(self.orders):
            if other.planned_at_ns <= since_ns:
                break
            found += other.trade != order.trade and _kind_of(other) == _kind_of(order)
        return found

    def rejects_in_a_row(self, instrument: Traded) -> int:
        """Count the latest rejections of an instrument, as far as they were worded alike."""
        return self.rejections.get(instrument.place, ("", 0))[1]


def _kind_of(order: Order) -> tuple[int, int, int, int, bool]:
    return (order.instrument.place, order.side, order.lots, order.limit_ticks, order.cause in PROTECTIVE)
