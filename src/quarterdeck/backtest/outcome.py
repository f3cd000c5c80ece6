"""What both engines of a backtest hand on: the orders, fills and refusals as records, and the equity of each bar."""

from __future__ import annotations

from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

MARKET, LIMIT = 0, 1
TAKER, MAKER = 0, 1
OPENING, REDUCING = 0, 1
SIGNAL, STOP_LOSS, TAKE_PROFIT, TRAILING_STOP, FLIP, LIQUIDATION = range(6)
"""Why there is an order; what is not SIGNAL or FLIP is protection, or the venue's doing."""
WORKING, FILLED, CANCELLED, REJECTED, EXPIRED = range(5)
"""How an order ended, WORKING where the data ended before it did."""

ORDER: Final = np.dtype(
    [
        ("planned_at_ns", "i8"),
        ("bar", "i8"),  # of the timeline, on whose close (or inside of which) it was decided
        ("instrument", "i4"),  # an index into `Board.instruments`
        ("side", "i1"),  # +1 buy, -1 sell
        ("effect", "i1"),
        ("cause", "i1"),
        ("kind", "i1"),
        ("state", "i1"),
        ("qty_lots", "i8"),
        ("limit_ticks", "i8"),  # 0 for a market order
        ("filled_lots", "i8"),
    ]
)
FILL: Final = np.dtype(
    [
        ("at_ns", "i8"),
        ("bar", "i8"),
        ("order", "i8"),  # an index into the orders
        ("instrument", "i4"),
        ("side", "i1"),
        ("liquidity", "i1"),
        ("qty_lots", "i8"),
        ("price_ticks", "i8"),
        ("fee", "f8"),  # quote, below zero for a rebate
        ("realised", "f8"),  # quote, fees apart
    ]
)
REFUSAL: Final = np.dtype(
    [
        ("at_ns", "i8"),
        ("bar", "i8"),
        ("instrument", "i4"),
        ("side", "i1"),
        ("effect", "i1"),
        ("cause", "i1"),
        ("failed", "u4"),  # a bit for each rule, those of `guardrails.RULES`; 0 where no order could be sized or routed
    ]
)
PAYMENT: Final = np.dtype([("at_ns", "i8"), ("bar", "i8"), ("instrument", "i4"), ("amount", "f8")])
"""A funding payment, above zero to us, in quote."""


class Outcome(Struct, frozen=True, eq=False):
    """
    What came out of a run, before anybody sums it up.

    `orders`, `fills`, `refusals` and `funding` are structured arrays (ORDER, FILL, REFUSAL, PAYMENT) in the order of
    decision. `equity` (bars,) is what everything was worth at the close of each bar of the timeline, in quote;
    `drawdown_max` the deepest fall of it from its highest, as a fraction.
    """

    orders: NDArray[np.void]
    fills: NDArray[np.void]
    refusals: NDArray[np.void]
    funding: NDArray[np.void]
    equity: NDArray[np.float64]
    drawdown_max: float
