"""
What can go wrong, sorted by what the caller can do about it.

QuarterdeckError
├── Retryable        the same call may succeed later (a venue is down, a lock is held)
│   └── RateLimited      the venue hears no more for now, and says for how long
├── NeedsOperator    a person must act; the message says what to do
│   ├── ConfigError      a file, an option or an input is wrong             exit 2
│   ├── NotAllowed       refused, or not confirmed                          exit 3
│   ├── NotOwner         another process owns this bot                      exit 4
│   └── IntegrityError   the journal, or what it claims, cannot be trusted  exit 5
└── Bug              an invariant of ours is broken                         exit 1

A refusal by a guardrail is a normal answer, so it is a value and not an exception.
"""

from __future__ import annotations


class QuarterdeckError(Exception):
    """The root of every error that Quarterdeck raises on purpose."""

    exit_code = 1


class Retryable(QuarterdeckError):
    """The same call may succeed later."""


class RateLimited(Retryable):
    """The venue refused to hear more for now; nothing was done. It listens again after `retry_after_ns`."""

    def __init__(self, message: str, retry_after_ns: int) -> None:
        super().__init__(message)
        self.retry_after_ns = retry_after_ns


class NeedsOperator(QuarterdeckError):
    """A person must act; the message says what to do."""

    exit_code = 2


class ConfigError(NeedsOperator):
    """A file, an option or an input is wrong."""


class InputError(ConfigError):
    """Data handed to us breaks a stated rule (unsorted candles, a price of zero)."""


class NotAllowed(NeedsOperator):
    """The request was refused, or was not confirmed."""

    exit_code = 3


class NotOwner(NeedsOperator):
    """Another process owns this bot, or owned it while we were away."""

    exit_code = 4


class IntegrityError(NeedsOperator):
    """The journal, or a state folded from it, cannot be trusted."""

    exit_code = 5


class Bug(QuarterdeckError):
    """An invariant of ours is broken; the process must end."""


def ensure(condition: bool, message: str) -> None:  # noqa: FBT001 - reads as a sentence at the call
    """
    Assert an invariant in production.

    Raises:
        Bug: If the condition does not hold.
    """
    if not condition:
        raise Bug(message)
