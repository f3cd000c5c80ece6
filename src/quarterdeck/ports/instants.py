"""Instants as people and scripts read them; inside, time is whole nanoseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND_NS: Final = 1_000


def iso(at_ns: int) -> str:
    """
    Write an instant as ISO 8601 with microseconds and Z; what is finer is cut off.

    Args: nanoseconds since 1970, UTC.

    Example:
        >>> iso(1_600_000_020_000_000_000)
        '2020-09-13T12:27:00.000000Z'
    """
    at = _EPOCH + timedelta(microseconds=at_ns // _MICROSECOND_NS)
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")
