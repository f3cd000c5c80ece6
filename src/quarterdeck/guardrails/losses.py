"""G5, G6: how much was lost already. All numbers are fractions, of the loss index or of a peak of it."""

from __future__ import annotations

import math

from quarterdeck.domain import pure
from quarterdeck.guardrails.codes import INF, PASSED, REFUSED, SLACK, UNKNOWN


@pure
def daily_loss(loss: float, loss_max: float) -> int:
    """
    G5: refuse once the loss since the open of the UTC day reaches the limit.

    Args: fractions of the day-open; a gain is below zero.
    Errors: a number that is not finite gives UNKNOWN.
    """
    if -INF < loss < loss_max - SLACK < INF:
        return PASSED
    return REFUSED if math.isfinite(loss) and math.isfinite(loss_max) else UNKNOWN


@pure
def drawdown(fall: float, fall_max: float, fall_ever: float, fall_ever_max: float) -> int:
    """
    G6: refuse once the fall from the peak of the window, or from the highest peak ever, reaches its limit.

    Args: fractions of the peak; `fall_ever_max` is infinite where there is no such limit.
    Errors: a fall or a limit that is no number gives UNKNOWN.
    """
    bounded = fall_ever_max != INF
    if -INF < fall < fall_max - SLACK < INF and (not bounded or -INF < fall_ever < fall_ever_max - SLACK):
        return PASSED
    known = math.isfinite(fall) and math.isfinite(fall_max)
    if known and bounded:
        known = math.isfinite(fall_ever) and math.isfinite(fall_ever_max)
    return REFUSED if known else UNKNOWN
