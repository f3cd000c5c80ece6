"""
The least that such a backtest can cost: two averages, fills, equity and drawdown in one compiled loop and nothing else.

It knows no lots, no ticks and no limits, and it decides on floats, so its answer is only nearly right. It is the bound
that the kernel is held against, not a way to trade.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numba
import numpy as np
from numpy.typing import NDArray


def _one_pass(  # noqa: C901 - one loop with nothing taken out of it is what this is about
    open_: NDArray[np.float64],
    close: NDArray[np.float64],
    windows: tuple[int, int],
    money: tuple[float, float, float],
    equity: NDArray[np.float64],
) -> tuple[int, float, float]:
    """
    Trade the cross of two averages at the next open.

    Args: open and close of each bar, (bars,); bars of the fast and the slow average; cash, units and the fee's share;
        where the equity of each bar goes, (bars,).
    Returns: orders, equity at the end, and the deepest fall from its peak in quote.
    """
    fast_bars, slow_bars = windows
    cash, unit, fee = money
    held = fast_sum = slow_sum = fast_before = slow_before = fallen = 0.0
    peak, wish, orders = cash, 0, 0
    fast_part, slow_part = 1.0 / fast_bars, 1.0 / slow_bars
    for bar in range(close.size):
        if wish == 1:
            cash -= open_[bar] * unit * (1.0 + fee)
            held = unit
            orders += 1
        elif wish == -1:
            cash += open_[bar] * held * (1.0 - fee)
            held = 0.0
            orders += 1
        wish = 0
        price = close[bar]
        worth = cash + held * price
        equity[bar] = worth
        if worth > peak:
            peak = worth
        elif peak - worth > fallen:
            fallen = peak - worth
        fast_sum += price
        slow_sum += price
        if bar >= fast_bars:
            fast_sum -= close[bar - fast_bars]
        if bar >= slow_bars:
            slow_sum -= close[bar - slow_bars]
        if bar >= slow_bars - 1:
            fast, slow = fast_sum * fast_part, slow_sum * slow_part
            if bar >= slow_bars:
                if held == 0.0 and fast_before <= slow_before and fast > slow:
                    wish = 1
                elif held > 0.0 and fast_before >= slow_before and fast < slow:
                    wish = -1
            fast_before, slow_before = fast, slow
    return orders, cash + held * close[-1], fallen


one_pass = cast("Callable[..., tuple[int, float, float]]", numba.njit(_one_pass))
