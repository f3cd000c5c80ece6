"""What a backtest found: tables, curves and figures. Nothing is worked out before it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from quarterdeck.backtest.assumptions import Scene, assumptions_of
from quarterdeck.backtest.fingerprint import data_hash, order_list_hash
from quarterdeck.backtest.outcome import LIQUIDATION
from quarterdeck.backtest.records import Records
from quarterdeck.backtest.stats import Statistics, buy_and_hold, drawdown_of, statistics_of
from quarterdeck.backtest.trades import Trips, fill_rows, order_rows, round_trips, trade_rows
from quarterdeck.guardrails import RULES
from quarterdeck.market import Candles

UNSIZED = "size"
"""What stands among the refusals for an intent that no order could be made of, as no size or venue was left."""


class Findings:
    """
    Everything that a finished backtest can tell, in arrays and numbers.

    `orders`, `fills` and `trades` are structured arrays with a `to_pandas()`; `equity` and `drawdown` have one value
    for each bar, at its close; `stats` holds the figures and `assumptions` what they stand on.
    """

    def __init__(self, scene: Scene, candles: Mapping[str, Candles]) -> None:
        """Keep what the run left; everything else is worked out when it is first asked for."""
        self.scene = scene
        self.candles = candles

    def __repr__(self) -> str:
        names, final = ", ".join(self.scene.board.instruments), self.scene.outcome.equity[-1]
        return (
            f"<{type(self).__name__} {self.scene.strategy}, {len(self.equity):,} bars of {names}:"
            f" {self.scene.settings.cash:,.2f} → {final:,.2f}, {len(self.scene.outcome.orders):,} orders>"
        )

    @property
    def equity(self) -> NDArray[np.float64]:
        """What everything was worth at the close of each bar. Shape (bars,). Unit: quote."""
        return self.scene.outcome.equity

    @property
    def closed_at_ns(self) -> NDArray[np.int64]:
        """When each bar of the timeline closed. Shape (bars,). Unit: nanoseconds UTC."""
        return self.scene.board.opened_at_ns + self.scene.board.timeframe_ns

    @cached_property
    def drawdown(self) -> NDArray[np.float64]:
        """How far below its highest so far equity was. Shape (bars,). Unit: fraction of that highest."""
        return drawdown_of(self.equity)

    @cached_property
    def benchmark(self) -> NDArray[np.float64]:
        """What buying and holding all instruments in equal parts was worth. Shape (bars,). Unit: quote."""
        return buy_and_hold(self.scene.board, self.scene.settings.cash)

    @cached_property
    def orders(self) -> Records:
        """Every order, in the order of decision; what the venue closed by itself is none."""
        rows = order_rows(self.scene.board, self.scene.outcome)
        planned: Records = rows[self.scene.outcome.orders["cause"] != LIQUIDATION]
        return planned

    @cached_property
    def fills(self) -> Records:
        """Every fill, in order of time."""
        return fill_rows(self.scene.board, self.scene.outcome)

    @cached_property
    def trips(self) -> Trips:
        """The round trips as plain arrays; `trades` is the table made of them."""
        return round_trips(self.scene.board, self.scene.outcome)

    @cached_property
    def trades(self) -> Records:
        """Every round trip, by its entry; those that have not ended stand there with the last close as exit."""
        return trade_rows(self.scene.board, self.trips)

    @cached_property
    def refusals(self) -> dict[str, int]:
        """Refused intents by rule; one that several rules refused counts for each, `size` are those without a size."""
        failed = self.scene.outcome.refusals["failed"]
        counts = {rule.id: int(np.count_nonzero(failed >> np.uint32(rule.bit) & np.uint32(1))) for rule in RULES}
        counts[UNSIZED] = int(np.count_nonzero(failed == 0))
        return {name: count for name, count in counts.items() if count}

    @cached_property
    def stats(self) -> Statistics:
        """The figures; `quarterdeck.backtest.FORMULAS` says how each is worked out."""
        return statistics_of(self.scene.board, self.scene.outcome, self.trips, self.scene.settings.cash)

    @cached_property
    def assumptions(self) -> tuple[str, ...]:
        """What the figures stand on, in plain sentences."""
        return assumptions_of(self.scene)

    @cached_property
    def data_hash(self) -> str:
        """A hash of every bar that went in."""
        return data_hash(self.candles)

    @cached_property
    def order_list_hash(self) -> str:
        """A hash of the planned orders; equal to that of a paper run that planned the same ones."""
        return order_list_hash(self.scene.board, self.scene.outcome, self.scene.settings.bot)
