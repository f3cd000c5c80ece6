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
