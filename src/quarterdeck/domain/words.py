"""The closed vocabularies that orders, intents and controls are described with."""

from __future__ import annotations

from enum import StrEnum, unique


@unique
class Side(StrEnum):
    """Which way an order trades."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self is Side.BUY else -1


@unique
class Effect(StrEnum):
    """What an intent does to a position."""

    OPEN = "open"
    REDUCE = "reduce"


@unique
class OrderKind(StrEnum):
    """How an order asks to be priced; a stop waits at the venue until the market trades at its trigger."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"


@unique
class OrderState(StrEnum):
    """The states of an order; `planned` means that it may have been sent."""

    PLANNED = "planned"
    OPEN = "open"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    NOT_PLACED = "not_placed"
    WITHDRAWN = "withdrawn"
    UNKNOWN = "unknown"


@unique
class CancelState(StrEnum):
    """The field that says where the cancel of an order stands."""

    NONE = "none"
    REQUESTED = "requested"
    ACCEPTED = "accepted"
    UNKNOWN = "unknown"


@unique
class Evidence(StrEnum):
    """What was learned about an order, and from whom; each names a column of the life-cycle table."""

    ACKNOWLEDGED = "acknowledged"  # the venue accepted the order, or a query shows it working
    REJECTED = "rejected"  # the venue said no, definitely
    CANCELLED = "cancelled"  # the venue says that the order ended by a cancel
    EXPIRED = "expired"  # the venue ended the order by itself
    FILLED = "filled"  # the venue says that the order is completely filled
    AMBIGUOUS = "ambiguous"  # the request may or may not have arrived
    ABSENT = "absent"  # an authenticated, successful reply does not know the order
    LOST = "lost"  # enough spaced negatives about an order that the venue once knew
    ABSENCE_PROVEN = "absence_proven"  # enough spaced negatives after the last instant at which it could arrive
    DECLARED_GONE = "declared_gone"  # a person looked at the venue and says that the order lives no more
    WITHDRAWN = "withdrawn"  # the sender reports that it never signed
    RECOVERED = "recovered"  # a new session found the order planned and without an answer
    FILL = "fill"  # a trade of this order
    CANCEL_REQUESTED = "cancel_requested"  # we want it cancelled
    CANCEL_ACCEPTED = "cancel_accepted"  # the venue took the cancel; the end of the order is still to be seen
    CANCEL_REFUSED = "cancel_refused"  # the venue will not cancel: the order has ended, or it does not know it
    CANCEL_AMBIGUOUS = "cancel_ambiguous"


@unique
class Control(StrEnum):
    """How far a bot may act, from everything to nothing."""

    RUNNING = "running"
    PAUSED = "paused"
    REDUCING = "reducing"
    HALTED = "halted"


@unique
class Action(StrEnum):
    """A strategy's opinion."""

    BUY = "BUY"
    SELL = "SELL"
    HOLD = "HOLD"


@unique
class Source(StrEnum):
    """Who asked for an intent; every source passes the same door."""

    STRATEGY = "strategy"
    MODEL = "model"
    MANUAL = "manual"
    MCP = "mcp"
    WEBHOOK = "webhook"
    QUEUE = "queue"
    PROTECTION = "protection"
