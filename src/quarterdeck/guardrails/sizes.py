"""G4, G7, G10, E3, E5: how large an order may be, and what it may leave behind."""

from __future__ import annotations

import math

from quarterdeck.domain import pure
from quarterdeck.guardrails.codes import INF, PASSED, REFUSED, SLACK, UNKNOWN


@pure
def order_value_max(value_max_quote: float, value_max_share: float, equity: float) -> float:
    """
    Work out the limit of G4: the smaller of an amount and a share of equity.

    Errors: equity that is not known (NaN), or a limit that is NaN, gives NaN, which refuses.
    """
    share = value_max_share * equity
    if math.isfinite(equity):
        if value_max_quote <= share:
            return value_max_quote
        if share < value_max_quote:
            return share
    return math.nan


@pure
def order_value(notional: float, value_max: float) -> int:
    """
    G4: refuse an order worth more than the limit.

    Args: both in base currency, the order's above zero.
    Errors: a number that is not finite gives UNKNOWN.
    """
    if 0.0 < notional <= value_max * (1.0 + SLACK) < INF:
        return PASSED
    return REFUSED if math.isfinite(notional) and math.isfinite(value_max) else UNKNOWN


@pure
def share_of(worth: float, equity: float) -> float:
    """
    Work out what share of equity something is worth, without its sign.

    Errors: NaN, which refuses, where equity is not above zero, or either is not finite.
    """
    return abs(worth) / equity if 0.0 < equity < INF else math.nan


@pure
def asset_share_max(concentration_max: float, position_max: float) -> float:
    """
    Work out the limit of G7: the smaller of the guardrail and the bot's own limit (infinite where it has none).

    Errors: NaN, which refuses, where either is NaN.
    """
    if concentration_max <= position_max:
        return concentration_max
    return position_max if position_max < concentration_max else math.nan


@pure
def concentration(share: float, share_max: float, off_peg: int) -> int:
    """
    G7: refuse more of one asset than the limit, and anything paid for in a stablecoin that left its peg.

    Args: the asset's share of equity after the trade, the limit, and 1 or 0.
    Errors: a number that is not finite gives UNKNOWN.
    """
    if -INF < share <= share_max + SLACK < INF and off_peg == 0:
        return PASSED
    return REFUSED if math.isfinite(share) and math.isfinite(share_max) else UNKNOWN


@pure
def balance(need: float, free: float) -> int:
    """
    G10, first part: refuse what the free balance does not cover.

    Args: need with fees and headroom, and what is free, in one asset.
    Errors: a number that is not finite gives UNKNOWN.
    """
    if 0.0 < need <= free * (1.0 + SLACK) < INF:
        return PASSED
    return REFUSED if math.isfinite(need) and math.isfinite(free) else UNKNOWN


@pure
def venue_quantity(lots: int, lots_min: int, lots_max: int) -> int:
    """
    G10, second part: refuse a quantity that the venue would.

    Args: whole lots of the order and the venue's bounds.
    """
    return PASSED if lots > 0 and lots_min <= lots <= lots_max else REFUSED


@pure
def venue_notional(notional: float, notional_min: float, notional_max: float) -> int:
    """
    G10, third part: refuse a value that the venue would.

    Args: in quote; the maximum is infinite where there is none.
    Errors: a value that is not finite, or a bound that is NaN, gives UNKNOWN.
    """
    if 0.0 < notional < INF and -INF < notional_min * (1.0 - SLACK) <= notional <= notional_max * (1.0 + SLACK):
        return PASSED
    known = math.isfinite(notional) and math.isfinite(notional_min) and not math.isnan(notional_max)
    return REFUSED if known else UNKNOWN


@pure
def quantity_max(qty_max: float, multiple: float, value_max: float, price: float) -> float:
    """
    Work out the limit of E3: the one set for the instrument, else a multiple of the limit of G4 at a price.

    Args: `qty_max` in base units, NaN where none is set; `value_max` in base currency; `price` in base currency per
        base unit.
    Errors: NaN, which refuses, where the limit would follow from a number that is not finite or not above zero.
    """
    if not math.isnan(qty_max):
        return qty_max
    if 0.0 < price < INF and math.isfinite(value_max) and math.isfinite(multiple):
        return multiple * value_max / price
    return math.nan


@pure
def quantity(qty: float, qty_max: float) -> int:
    """
    E3: refuse more units in one order than the limit, which stops mistakes of unit.

    Args: both in base units, the order's above zero.
    Errors: a number that is not finite gives UNKNOWN.
    """
    if 0.0 < qty <= qty_max * (1.0 + SLACK) < INF:
        return PASSED
    return REFUSED if math.isfinite(qty) and math.isfinite(qty_max) else UNKNOWN


@pure
def unexecuted(share: float, share_max: float) -> int:
    """
    E5: refuse when more than a share of equity would wait in orders that have not executed.

    Args: fractions of equity, this order included.
    Errors: a number that is not finite gives UNKNOWN.
    """
    if -INF < share <= share_max + SLACK < INF:
        return PASSED
    return REFUSED if math.isfinite(share) and math.isfinite(share_max) else UNKNOWN
