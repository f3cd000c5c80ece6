"""Instants as people write them."""

from __future__ import annotations

from datetime import UTC, datetime


def iso_time(at_ns: int) -> str:
    """
    Write an instant to the second, ISO 8601 in UTC.

    Example:
        >>> iso_time(1_506_816_000_000_000_000)
        '2017-10-01T00:00:00Z'
    """
    return moment(at_ns).strftime("%Y-%m-%dT%H:%M:%SZ")


def short_time(at_ns: int) -> str:
    """Write an instant to the minute, for tables."""
    return moment(at_ns).strftime("%Y-%m-%d %H:%M")


def moment(at_ns: int) -> datetime:
    """Turn nanoseconds into a date and time, UTC."""
    return datetime.fromtimestamp(at_ns // 1_000_000_000, tz=UTC)
