"""What is known of orders and venues beside the life of one order: protection, others' orders, sweeps, strays."""

from __future__ import annotations

from msgspec import Struct

from quarterdeck.domain.inputs import OrderSeen


class ProtectionTried(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """
    A position has no stop order at its venue though it should, and one was tried for.

    Its time without cover counts from `since_ns`, which moves on while nothing can be done about it; `tries` counts the
    attempts since, and the next is due at `next_ns`.
    """

    at_ns: int
    venue: str
    instrument: str
    since_ns: int
    tries: int
    next_ns: int


class ProtectionSettled(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """A position is protected again, or there is nothing left to protect."""

    at_ns: int
    venue: str
    instrument: str


class OthersSeen(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """Working orders of others on the account of a venue, as it lists them now. They are shown, and left alone."""

    at_ns: int
    venue: str
    orders: tuple[OrderSeen, ...]


class KillVerified(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """A venue listed no working order of ours, read after the last instant at which one could have appeared."""

    at_ns: int
    venue: str
    venue_at_ns: int


class AnswersRetired(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """Answers to old commands left the state; journal and inbox keep them."""

    at_ns: int
    keys: tuple[str, ...]


class StrayFound(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """Something at a venue carries our mark, or claims an order of ours, that the journal does not know."""

    at_ns: int
    venue: str
    what: str
    key: str
    detail: str
    cursor: int = 0


class TradesPulled(Struct, frozen=True, tag=True, tag_field="kind", omit_defaults=True):
    """Every trade of ours on a venue up to this cursor is known; the next pull begins there."""

    at_ns: int
    venue: str
    cursor: int
