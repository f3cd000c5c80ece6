"""E11, E12, E13: borrowed money, and what the fleet lets one bot be exposed to."""

from __future__ import annotations

import math

from quarterdeck.domain import pure
from quarterdeck.guardrails.codes import INF, PASSED, REFUSED, SLACK, UNKNOWN


@pure
def leverage(factor: float, factor_max: float, as_configured: int) -> int:
    """
    E11: refuse more leverage than the limit, or a margin mode other than the one configured, both as read back.

    Args: factors, 1 on spot; `as_configured` 1 or 0.
    Errors: a factor that is not finite or not above zero gives UNKNOWN.
    """
    if 0.0 < factor <= factor_max + SLACK < INF and as_configured == 1:
        return PASSED
    return REFUSED if 0.0 < factor < INF and math.isfinite(factor_max) else UNKNOWN


@pure
def liquidation(multiple: float, multiple_min: float) -> int:
    """
    E12: refuse a position whose liquidation is too near, measured in distances to its stop.

    Args: multiples; infinite on spot, where nothing is liquidated.
    Errors: NaN, or a limit that is not finite, gives UNKNOWN.
    """
    if math.isfinite(multiple_min) and multiple >= multiple_min - SLACK:
        return PASSED
    return UNKNOWN if math.isnan(multiple) or not math.isfinite(multiple_min) else REFUSED


@pure
def needs_no_stop(multiple_min: float) -> bool:
    """Tell whether E12 lets a position be opened that has no stop to measure by: any distance will do."""
    return multiple_min == 0.0


@pure
def liquidation_price(cost: float, margin: float, qty: float, maintenance: float, sign: int) -> float:
    """
    Give the price at which a position in a perpetual, margined on its own, is closed by force.

    Args: cost and margin in quote, quantity in base units, all without sign; the share of its worth at which it is
    liquidated; +1 long, -1 short.
    Returns: quote per base; 0.0 where no price does it: nothing is held, or a long has paid all that it cost.
    Errors: a number that is not finite gives NaN, and so does a maintenance not above zero.
    """
    if not (math.isfinite(cost) and math.isfinite(margin) and math.isfinite(qty) and 0.0 < maintenance < 1.0):
        return math.nan
    lost, share = (cost - margin, 1.0 - maintenance) if sign > 0 else (cost + margin, 1.0 + maintenance)
    carried = qty * share
    return lost / carried if lost > 0.0 and carried > 0.0 else 0.0


@pure
def stop_distances(price: float, liquidated_at: float, stop: float, sign: int) -> float:
    """
    Measure for E12 how many distances to its stop a position is away from its liquidation.

    Args: price of the order and of the liquidation in quote per base, the latter 0.0 for none; distance to the nearest
    stop as a fraction of the price; +1 long, -1 short.
    Returns: 0.0 where the liquidation is reached at that price already, infinite where there is none.
    Errors: NaN without a stop, or where a number is not finite.
    """
    if liquidated_at == 0.0:
        return INF
    if not (0.0 < price < INF and 0.0 < liquidated_at < INF and 0.0 < stop < INF):
        return math.nan
    distance = (price - liquidated_at) * sign / price
    return distance / stop if distance > 0.0 else 0.0


@pure
def grant(exposure: float, exposure_max: float, age_s: float, age_max_s: float) -> int:
    """
    E13: refuse an exposure that the fleet does not grant, or whose grant is too old.

    Args: exposure after the trade and the grant, in base currency; ages in seconds, their sign does not count.
    Errors: a number that is not finite gives UNKNOWN: there is no grant.
    """
    known = (
        math.isfinite(exposure) and math.isfinite(exposure_max) and math.isfinite(age_s) and math.isfinite(age_max_s)
    )
    if not known:
        return UNKNOWN
    return PASSED if exposure <= exposure_max * (1.0 + SLACK) and abs(age_s) <= age_max_s + SLACK else REFUSED
