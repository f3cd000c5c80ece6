"""Small boards of bars with actions, written down by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from quarterdeck.backtest import BacktestSettings, Board, Outcome, bot_of, run_event
from quarterdeck.domain import MINUTE_NS

BEGIN_NS: Final = 1_700_006_400 * 1_000_000_000
LOT: Final = 0.001
Bar = tuple[float, float, float, float]
Row = Sequence[Bar | None]


def flat(price: float) -> Bar:
    """A bar that opens, stays and closes at a price."""
    return (price, price, price, price)


def board(
    bars: Row | Mapping[str, Row],
    actions: Mapping[int, int] | None = None,
    *,
    said: Mapping[str, Mapping[int, int]] | None = None,
    instrument: str = "BTC-USD",
    timeframe_ns: int = MINUTE_NS,
    tick: float = 0.01,
) -> Board:
    """
    Put bars on a board, one a minute.

    Args: (open, high, low, close) by instrument, or of one, None where it has no bar; what the strategy says on the
    close of which bar, or `said` by instrument; the grid.
    """
    rows = dict(bars) if isinstance(bars, Mapping) else {instrument: bars}
    spoken = {instrument: actions or {}} if said is None else said
    count = max(len(one) for one in rows.values())
    prices = np.full((4, len(rows), count), np.nan)
    action = np.zeros((len(rows), count), dtype=np.int8)
    for place, (name, row) in enumerate(sorted(rows.items())):
        for index, bar in enumerate(row):
            if bar is not None:
                prices[:, place, index] = bar
        for index, word in spoken.get(name, {}).items():
            action[place, index] = word
    opened = BEGIN_NS + np.arange(count, dtype=np.int64) * timeframe_ns
    present = ~np.isnan(prices[0]).all(axis=0)
    return Board(
        instruments=tuple(sorted(rows)),
        timeframe_ns=timeframe_ns,
        opened_at_ns=opened[present],
        open=prices[0][:, present],
        high=prices[1][:, present],
        low=prices[2][:, present],
        close=prices[3][:, present],
        action=action[:, present],
        confidence=None,
        price_step=(tick,) * len(rows),
        lot=(LOT,) * len(rows),
    )


def outcome_of(played: Board, settings: BacktestSettings) -> Outcome:
    """Run the event backtest over a board."""
    return run_event(played, bot_of(settings, played), settings)
