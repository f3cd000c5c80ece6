"""What sizing clips an order to before the rules judge it, and what is too little or too much to bother with."""

from __future__ import annotations

import math
from typing import Final

from quarterdeck.domain import GRID_SLACK, lots_down, pure
from quarterdeck.guardrails.codes import INF, SLACK

_TICKS_MAX: Final = 2.0**62


@pure
def within_caps(qty: float, worth: float, value_max: float, asset_max: float, held_qty: float) -> bool:
    """
    Tell whether neither G4 nor G7 clips a quantity.

    Args: base units; worth of one in base currency; what G4 and G7 allow, in base currency; what is held already.
    Errors: NaN does not allow it.
    """
    return worth > 0.0 and qty <= value_max / worth and qty <= asset_max / worth - held_qty


@pure
def lots_within_caps(
    worth: float, lot_base: float, value_max: float, asset_max: float, held_qty: float
) -> tuple[int, bool]:
    """
    Give the most lots that G4 and G7 allow, and whether it is G7 that says so.

    Args: worth of one base unit in base currency; the lot; the rest as for `within_caps`, `asset_max` infinite where
    G7 does not speak.
    Errors: NaN gives no lot.
    """
    if not worth > 0.0:
        return 0, False
    by_value = lots_down(value_max / worth, lot_base)
    if asset_max < INF:
        by_share = lots_down(asset_max / worth - held_qty, lot_base)
        if by_share < by_value:
            return by_share, True
    elif math.isnan(asset_max):
        return 0, False
    return by_value, False


@pure
def worst_ticks(price: float, headroom_share: float, tick_quote: float) -> int:
    """
    Give the price at which an order is paid for at worst, in whole ticks.

    Args: price and tick in quote per base, the tick above zero; how much dearer it may become.
    Returns: 0 where the price is none.
    """
    worst = price * (1.0 + headroom_share)
    if not (tick_quote > 0.0 and 0.0 < worst < tick_quote * _TICKS_MAX):
        return 0
    return math.ceil(worst / tick_quote - GRID_SLACK)


@pure
def exceeds(qty: float, qty_max: float) -> bool:
    """Tell whether E3 clips an exit; a limit that is not known (NaN) clips nothing."""
    return qty > qty_max


@pure
def is_too_small(worth: float, notional_min: float) -> bool:
    """Tell whether something is worth less than its venue takes, so that it could not be sold: dust."""
    return worth < notional_min * (1.0 - SLACK)


@pure
def crosses_resting(price: float, resting: float, reach: float, sign: int) -> bool:
    """
    Tell whether an order could trade against a resting one of the other side (E10).

    Args: both prices in quote per base; how far beyond its price the order may reach, as a fraction; +1 buy, -1 sell.
    """
    if sign > 0:
        return price * (1.0 + reach) >= resting
    return price * (1.0 - reach) <= resting


@pure
def is_at_par(price: float, band: float) -> bool:
    """Tell whether a stablecoin counts one for one: its market lies within the band, both ends included."""
    return abs(price - 1.0) <= band + SLACK


@pure
def is_above(one: float, other: float) -> bool:
    """Tell whether a price, or a level, lies above another; NaN does not."""
    return one > other


@pure
def is_sure(confidence: float, confidence_min: float) -> bool:
    """Tell whether an opinion is sure enough to be acted on; NaN is not."""
    return confidence >= confidence_min
