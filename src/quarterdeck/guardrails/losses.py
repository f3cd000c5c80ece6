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


@pure
def fall_from(index: float, high: float, unknown: float) -> float:
    """
    Work out what was lost since a high, as a fraction of it; a gain is below zero.

    Args: two values of the loss index; what to say where the high is not above zero.
    """
    return 1.0 - index / high if high > 0.0 else unknown


@pure
def trips_loss_rate(lost: float, lost_max: float) -> bool:
    """Tell whether a loss within the window of G2 pauses the bot; one that is no number does."""
    return not lost < lost_max - SLACK


@pure
def trips(lost: float, lost_max: float) -> bool:
    """Tell whether a loss lets the bot only reduce from now on (G5, G6, `risk.drawdown_max`); NaN does not."""
    return lost >= lost_max - SLACK


@pure
def higher(one: float, other: float) -> float:
    """Give the higher of two values of the loss index."""
    return one if one > other else other  # noqa: FURB136 - a call of max costs as much as all of this


@pure
def is_same(one: float, other: float) -> bool:
    """Tell whether two values of the loss index are one and the same."""
    return one == other


@pure
def is_clear(index: float, high: float, lost_max: float) -> bool:
    """
    Tell that a loss surely trips no limit, by a product where `fall_from` divides; False where only that can tell.

    Args: the loss index, the high that it is held against, and the limit of the fall between them.
    """
    return index > high * (1.0 - lost_max + 2.0 * SLACK) and high > 0.0


@pure
def may_be_deeper(worth: float, peak: float, fall: float) -> bool:
    """Tell whether something may have fallen further from its peak than it ever did; by a product, as `is_clear`."""
    return not worth >= peak * (1.0 - fall)
