"""What goes wrong at one venue, and when: a plan drawn by a seed or written by hand."""

from __future__ import annotations

import math
from enum import StrEnum, unique
from typing import Final, NamedTuple

from msgspec import Struct

from quarterdeck.domain import InputError


@unique
class Call(StrEnum):
    """What a customer may ask a venue for."""

    SUBMIT = "submit"
    CANCEL = "cancel"
    QUERY = "query"
    FILLS = "fills"
    ACCOUNT = "account"
    LISTINGS = "listings"


@unique
class FaultKind(StrEnum):
    """Everything that can go wrong at a venue or on the way to it. What each does stands in `TRAITS`."""

    OUTAGE = "outage"
    STALL_SEND = "stall_send"
    LOSE_REQUEST = "lose_request"
    LOSE_REPLY = "lose_reply"
    LATE_REPLY = "late_reply"
    ERROR_BEFORE = "error_before"
    ERROR_AFTER = "error_after"
    TOO_MANY = "too_many"
    BAN = "ban"
    ERROR_BODY = "error_body"
    GARBLE = "garble"
    REPEAT_REQUEST = "repeat_request"
    REPEAT_REPLY = "repeat_reply"
    DELAY_NEWS = "delay_news"
    DROP_NEWS = "drop_news"
    REPEAT_NEWS = "repeat_news"
    STALL_NEWS = "stall_news"
    REPLAY_NEWS = "replay_news"
    MUTE_NEWS = "mute_news"
    HIDE_ORDER = "hide_order"
    STALE_ORDERS = "stale_orders"
    HOLES = "holes"
    THIN_BOOK = "thin_book"
    FILL_RACE = "fill_race"
    OVERFILL = "overfill"
    VENUE_CANCEL = "venue_cancel"
    FEES = "fees"
    FEE_ASSET = "fee_asset"
    MINIMUMS = "minimums"
    SKEW = "skew"
    STALE_BOOK = "stale_book"
    CROSSED_BOOK = "crossed_book"
    EMPTY_BOOK = "empty_book"
    ZERO_PRICE = "zero_price"
    ONE_SIDED = "one_sided"
    CLOSED_BOOK = "closed_book"
    WICK = "wick"
    MAINTENANCE = "maintenance"
    DELIST = "delist"
    HALT = "halt"
    EMPTY_LISTINGS = "empty_listings"
    MANUAL_ORDER = "manual_order"
    MANUAL_TRADE = "manual_trade"
    DEPOSIT = "deposit"
    WITHDRAW = "withdraw"
    LIQUIDATE = "liquidate"
    FUNDING_SPIKE = "funding_spike"
    FOREIGN_LOAD = "foreign_load"


class Trait(NamedTuple):
    """
    What a kind of fault is.

    `injector` is its number in the list of injectors, `unit` what `size` counts (empty where it has none), `what` what
    must be named (an instrument, an asset, or nothing). `share` tells whether it strikes by chance, once for each
    request, message or quote; others hold from their beginning to their end, or happen once, at their beginning.
    """

    injector: str
    does: str
    unit: str = ""
    what: str = ""
    share: bool = False


_K: Final = FaultKind
TRAITS: Final[dict[FaultKind, Trait]] = {
    _K.OUTAGE: Trait("F1", "refuses connections, and its stream is silent"),
    _K.STALL_SEND: Trait("F1", "lets a request leave late", unit="seconds, at most", share=True),
    _K.LOSE_REQUEST: Trait("F1", "loses a request before the venue", share=True),
    _K.LOSE_REPLY: Trait("F2", "loses a reply after the venue acted", share=True),
    _K.LATE_REPLY: Trait("F3", "brings a reply after the customer gave up", unit="seconds, at most", share=True),
    _K.ERROR_BEFORE: Trait("F4", "answers 502 and does nothing", share=True),
    _K.ERROR_AFTER: Trait("F4", "acts, and answers 504", share=True),
    _K.TOO_MANY: Trait("F4", "answers 429 with Retry-After and does nothing", unit="seconds to wait", share=True),
    _K.BAN: Trait("F4", "answers 418 with Retry-After, and to everything until then", unit="seconds", share=True),
    _K.ERROR_BODY: Trait("F4", "answers 200 with an error in its body, and does nothing", share=True),
    _K.GARBLE: Trait("F4", "acts or not, and answers HTML or half a body", share=True),
    _K.REPEAT_REQUEST: Trait("F5", "delivers a request twice", share=True),
    _K.REPEAT_REPLY: Trait("F5", "delivers a reply twice", unit="seconds apart, at most", share=True),
    _K.DELAY_NEWS: Trait("F6", "delays messages of the stream each by itself", unit="seconds, at most", share=True),
    _K.DROP_NEWS: Trait("F7", "loses messages of the stream", share=True),
    _K.REPEAT_NEWS: Trait("F7", "tells messages of the stream twice", unit="seconds apart, at most", share=True),
    _K.STALL_NEWS: Trait("F7", "holds the stream back, then tells everything at once"),
    _K.REPLAY_NEWS: Trait("F7", "tells the latest messages once more, at its beginning", unit="messages"),
    _K.MUTE_NEWS: Trait("F7", "loses everything on the stream without an error: a gap, a session key gone"),
    _K.HIDE_ORDER: Trait("F8", "does not find an order that it accepted", unit="seconds", share=True),
    _K.STALE_ORDERS: Trait("F8", "lists the working orders of some time ago", unit="seconds", share=True),
    _K.HOLES: Trait("F8", "leaves trades out of a page that has later ones", share=True),
    _K.THIN_BOOK: Trait("F10", "offers a part of its depth, so that orders fill in parts", unit="share of the depth"),
    _K.FILL_RACE: Trait("F10", "fills a resting order just before its cancel arrives", share=True),
    _K.OVERFILL: Trait("F10", "fills more than an order asked for, once", unit="lots"),
    _K.VENUE_CANCEL: Trait("F10", "ends a working order by itself", share=True),
    _K.FEES: Trait("F11", "multiplies its fees", unit="factor", what="instrument"),
    _K.FEE_ASSET: Trait("F11", "takes its fees in the base coin", what="instrument"),
    _K.MINIMUMS: Trait("F12", "raises its minimums", unit="factor", what="instrument"),
    _K.SKEW: Trait("F13", "has a clock that is ahead, or behind below zero", unit="seconds"),
    _K.STALE_BOOK: Trait("F18", "shows a book that stands still", what="instrument"),
    _K.CROSSED_BOOK: Trait("F18", "shows bids above asks", what="instrument"),
    _K.EMPTY_BOOK: Trait("F18", "shows and has no book", what="instrument"),
    _K.ZERO_PRICE: Trait("F18", "shows a price of zero", what="instrument"),
    _K.ONE_SIDED: Trait("F18", "shows and has bids only", what="instrument"),
    _K.CLOSED_BOOK: Trait("F18", "shows a book against which nothing trades", share=True),
    _K.WICK: Trait("F18", "trades far off, and back", unit="share of the price", what="instrument"),
    _K.MAINTENANCE: Trait("F19", "answers 503 to everything, and trades nothing"),
    _K.DELIST: Trait("F19", "lists an instrument no more", what="instrument"),
    _K.HALT: Trait("F19", "halts an instrument", what="instrument"),
    _K.EMPTY_LISTINGS: Trait("F19", "says that it lists nothing"),
    _K.MANUAL_ORDER: Trait("F20", "a person rests an order on the account", unit="quote", what="instrument"),
    _K.MANUAL_TRADE: Trait("F20", "a person buys, or sells below zero", unit="quote", what="instrument"),
    _K.DEPOSIT: Trait("F20", "a person brings money", unit="units of the asset", what="asset"),
    _K.WITHDRAW: Trait("F20", "a person takes money away", unit="units of the asset", what="asset"),
    _K.LIQUIDATE: Trait("F21", "moves the price until positions are liquidated", unit="share", what="instrument"),
    _K.FUNDING_SPIKE: Trait("F21", "charges funding at once", unit="share of the notional", what="instrument"),
    _K.FOREIGN_LOAD: Trait("F22", "shares its rate limit with somebody", unit="weight a second"),
}


class Fault(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """
    One thing that goes wrong, in seconds since the plan began; `until_s` None is to its end.

    `share` of the requests, messages or quotes in that time are struck, of the `calls` named (empty: of all). `size`
    and `what` mean what the kind's `Trait` says.
    """

    kind: FaultKind
    from_s: float = 0.0
    until_s: float | None = None
    share: float = 1.0
    calls: tuple[Call, ...] = ()
    size: float = 0.0
    what: str = ""

    def __post_init__(self) -> None:
        problem = _problem(self)
        if problem:
            raise InputError(f"fault {self.kind}: {problem}")

    def is_on(self, at_s: float) -> bool:
        """Tell whether it may strike at an instant."""
        return self.from_s <= at_s and (self.until_s is None or at_s < self.until_s)


class FaultPlan(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """
    Everything that goes wrong at one venue.

    A message takes up to `latency_s` each way even where nothing is wrong.
    """

    faults: tuple[Fault, ...] = ()
    latency_s: float = 0.02

    def __post_init__(self) -> None:
        if not 0.0 <= self.latency_s < math.inf:
            raise InputError(f"plan: latency_s {self.latency_s} must be zero or more seconds")


CALM: Final = FaultPlan()
"""Nothing goes wrong."""


def _problem(fault: Fault) -> str:
    """Say what is wrong with a fault as it is worded; empty where nothing is."""
    trait = TRAITS[fault.kind]
    numbers = (fault.from_s, fault.share, fault.size, 0.0 if fault.until_s is None else fault.until_s)
    if not all(math.isfinite(number) for number in numbers):
        return "every number must be finite"
    if fault.from_s < 0.0 or (fault.until_s is not None and fault.until_s < fault.from_s):
        return f"from_s {fault.from_s} and until_s {fault.until_s} must rise from zero"
    if not 0.0 <= fault.share <= 1.0:
        return f"share {fault.share} must lie in [0, 1]"
    if fault.share != 1.0 and not trait.share:
        return "it strikes nothing by chance; leave share out"
    if fault.calls and fault.kind not in _OF_CALLS:
        return "it strikes no requests; leave calls out"
    if trait.unit and not fault.size:
        return f"size is missing: {trait.unit}"
    if fault.size and not trait.unit:
        return "it has no size; leave size out"
    if fault.size < 0.0 and fault.kind not in _MAY_BE_NEGATIVE:
        return f"size {fault.size} must be above zero: {trait.unit}"
    if bool(trait.what) is not bool(fault.what):
        return f"name its {trait.what} in what" if trait.what else "it is about the whole venue; leave what out"
    return ""


_OF_CALLS: Final = frozenset(
    {
        _K.STALL_SEND,
        _K.LOSE_REQUEST,
        _K.LOSE_REPLY,
        _K.LATE_REPLY,
        _K.ERROR_BEFORE,
        _K.ERROR_AFTER,
        _K.TOO_MANY,
        _K.BAN,
        _K.ERROR_BODY,
        _K.GARBLE,
        _K.REPEAT_REQUEST,
        _K.REPEAT_REPLY,
    }
)
_MAY_BE_NEGATIVE: Final = frozenset(
    {_K.SKEW, _K.MANUAL_TRADE, _K.MANUAL_ORDER, _K.WICK, _K.LIQUIDATE, _K.FUNDING_SPIKE}
)
