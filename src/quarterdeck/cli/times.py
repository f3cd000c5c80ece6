"""Instants between people and the core: ISO 8601 in UTC here, integer nanoseconds there."""

from __future__ import annotations

import datetime as dt
from typing import Final

from quarterdeck.domain import ConfigError

_SECOND_NS: Final = 1_000_000_000
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def instant_ns(text: str | None, option: str) -> int | None:
    """
    Parse a date or a time in UTC; a date means its first instant.

    Raises:
        ConfigError: If it is neither.

    Example:
        >>> instant_ns("2017-10-01", "--from") == instant_ns("2017-10-01T00:00:00Z", "--from")
        True
    """
    if text is None:
        return None
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"{option} {text!r}: write a date or time in UTC, like 2017-10-01T06:30") from error
    at = at.replace(tzinfo=dt.UTC) if at.tzinfo is None else at.astimezone(dt.UTC)
    since = at - _EPOCH
    at_ns = (since.days * 86_400 + since.seconds) * _SECOND_NS + since.microseconds * 1_000
    if at_ns < 0:
        raise ConfigError(f"{option} {text!r}: lies before 1970; write a later time")
    return at_ns


def clock_time(at_ns: int) -> str:
    """
    Write an instant for people, in UTC to the second.

    Example:
        >>> clock_time(1_506_816_000_000_000_000)
        '2017-10-01 00:00:00'
    """
    return dt.datetime.fromtimestamp(at_ns // _SECOND_NS, dt.UTC).strftime("%Y-%m-%d %H:%M:%S")
