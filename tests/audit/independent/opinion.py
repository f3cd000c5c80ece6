"""The auditor's own answer to one rule, and how it decides near a limit."""

from __future__ import annotations

import math

from msgspec import Struct

SLACK = 1e-9
"""Thresholds are compared with this slack."""

NEAR = 2e-9
"""So near to a threshold two sound ways of adding floats may differ; the auditor takes either answer."""


class Opinion(Struct, frozen=True):
    """
    What a rule says of one order.

    `refuses` is None where the specification leaves both answers open, or a number lies on the limit. `compared` are
    the pairs of value and limit that a verdict may show; `known` is false where something was missing.
    """

    refuses: bool | None
    compared: tuple[tuple[float, float], ...]
    known: bool = True
    tolerance: float = 1e-7


UNKNOWN = Opinion(refuses=True, compared=(), known=False)


def beyond(value: float, limit: float) -> bool | None:
    """Refuse above a limit. A number that is missing refuses."""
    if math.isnan(value) or math.isnan(limit):
        return True
    near = max(abs(limit), 1.0) if math.isfinite(limit) else 1.0
    if value > limit + (SLACK + NEAR) * near:
        return True
    return None if value > limit + (SLACK - NEAR) * near and value != limit else False


def reaching(value: float, limit: float) -> bool | None:
    """Refuse at a limit and above."""
    if math.isnan(value) or math.isnan(limit):
        return True
    if value >= limit:
        return True
    return None if value > limit - SLACK - NEAR else False


def under(value: float, limit: float) -> bool | None:
    """Refuse below a limit; just at it is allowed."""
    if math.isnan(value) or math.isnan(limit):
        return True
    if value >= limit:
        return False
    return None if value > limit - SLACK - NEAR else True


def any_of(*answers: bool | None) -> bool | None:
    """Refuse if one does; leave it open if one is open and none refuses."""
    if True in answers:
        return True
    return None if None in answers else False


def between(lenient: bool | None, strict: bool | None) -> bool | None:
    """Where a text can be read in two ways: refuse only if both readings do, allow only if both do."""
    return lenient if lenient is strict else None


def answer(refuses: bool | None, value: float, limit: float, *, tolerance: float = 1e-7) -> Opinion:
    """Make an opinion of one comparison."""
    known = not (math.isnan(value) or math.isnan(limit))
    return Opinion(refuses, ((value, limit),), known=known, tolerance=tolerance)
