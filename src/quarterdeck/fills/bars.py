"""What a bar proves about an order that was working while it formed."""

from __future__ import annotations

from quarterdeck.domain import GRID_SLACK, pure


@pure
def trades_through(limit_ticks: int, low: float, high: float, tick_quote: float, sign: int) -> bool:
    """
    Tell whether a bar proves that a resting limit order filled: it traded beyond the price, not merely at it.

    Args: limit in whole ticks; lowest and highest trade of the bar and the tick in quote per base, tick above zero;
    sign +1 for a buy, -1 for a sell.
    Returns: True only where the extreme lies more than 1e-9 ticks beyond the limit. NaN gives False.
    Source: design, section 7.
    """
    if sign > 0:
        return low / tick_quote < limit_ticks - GRID_SLACK
    return high / tick_quote > limit_ticks + GRID_SLACK
