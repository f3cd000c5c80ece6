"""Parts of an exchange's section that say how it handles orders, and what the bot holds there to begin with."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec
from msgspec import Struct, structs

from quarterdeck.config.catalogue import KEYS
from quarterdeck.config.document import Node
from quarterdeck.config.habits import HABITS, Habits
from quarterdeck.config.pairs import Quotes, parsed
from quarterdeck.config.reading import Reader
from quarterdeck.domain import SECOND_NS, HoldingDeclared, instrument_from
from quarterdeck.exchange import Personality, RateLimits

_PLAIN_KEYS = ("validity_s", "lag_s", "proves_absence", "client_ids", "acks", "ack_lag_s", "replies", "streams")
_LIMIT_KEYS = ("requests", "orders", "per_s")


class Held(Struct, frozen=True):
    """What declared positions must fit: the venue, the instruments that it trades for the bot, and what is money."""

    venue: str
    traded: Sequence[str]
    quotes: Quotes


def read_habits(reader: Reader) -> tuple[str, Habits]:
    """
    Read how an exchange handles orders: as the one that it is named after, but for what the file says itself.

    Returns: the name of the known exchange, and the habits.
    """
    name = reader.choice(KEYS["exchanges[].habits"])
    known = HABITS[name]
    values = {key: _read(reader, f"exchanges[].{key}", getattr(known, key)) for key in _PLAIN_KEYS}
    limits = reader.sub("limits")
    values |= {key: _read(limits, f"exchanges[].limits.{key}", getattr(known, key)) for key in _LIMIT_KEYS}
    limits.close()
    habits = msgspec.convert(values, Habits)
    if habits.acks == "direct" and habits.ack_lag_s:
        if reader.has("ack_lag_s"):
            node = reader.section.entries["ack_lag_s"]
            reader.problems.add(node, "the replies of this exchange are direct", "write acks: async, or remove it")
        habits = structs.replace(habits, ack_lag_s=0.0)
    return name, habits


def personality_of(habits: Habits, conversion: dict[str, Decimal], *, stops: bool) -> Personality:
    """
    Make the paper venue that has these habits.

    Args: the habits; for a named fee asset how many of its units each quote counts for; whether it takes stop orders.
    """
    limited = habits.requests is not None or habits.orders is not None
    limits = RateLimits(requests_max=habits.requests, orders_max=habits.orders, window_ns=_ns(habits.per_s))
    values = {
        "validity_ns": _ns(habits.validity_s),
        "lag_ns": _ns(habits.lag_s),
        "ack_lag_ns": _ns(habits.ack_lag_s),
        "client_id_scope": habits.client_ids,
        "acks": habits.acks,
        "reply_carries": habits.replies,
        "streams": habits.streams,
        "stops": stops,
    }
    made = msgspec.convert(values, Personality)
    return structs.replace(made, fee_conversion=conversion, limits=limits if limited else None)


def read_holdings(reader: Reader, held: Held) -> tuple[HoldingDeclared, ...]:
    """Read the positions that the bot starts with at an exchange."""
    found: dict[str, HoldingDeclared] = {}
    seen: dict[str, Node] = {}
    for word in list(reader.section.entries):
        node = reader.section.entries[word]
        instrument = parsed(word, node, held.quotes, reader.problems)
        section = reader.sub(word)
        if instrument is None:
            continue
        if instrument.id in seen:
            reader.problems.add(node, f"{instrument.id} stands on line {seen[instrument.id].line}", "keep one of them")
        elif instrument.id not in held.traded:
            advice = f"use one of: {', '.join(held.traded)}"
            reader.problems.add(node, f"the bot does not trade {instrument.id} on {held.venue}", advice)
        elif instrument.settle is not None:
            advice = "leave it out; the bot opens and closes its own"
            reader.problems.add(node, "a perpetual is a contract, and none can be brought along", advice)
        elif instrument_from(instrument.id).quote not in held.quotes.at_par:
            reader.problems.add(node, f"what {instrument.id} cost is not in money of the bot", "leave it out")
        else:
            seen[instrument.id] = node
            holding = _read_holding(section, held.venue, instrument.id)
            if holding is not None:
                found[instrument.id] = holding
    return tuple(found.values())


def _read_holding(reader: Reader, venue: str, instrument: str) -> HoldingDeclared | None:
    stated = [reader.require(key, 'write like {qty: "0.1", cost: "3000"}') for key in ("qty", "cost")]
    qty = reader.read(KEYS["exchanges[].holdings.PAIR.qty"])
    cost = reader.read(KEYS["exchanges[].holdings.PAIR.cost"])
    reader.close()
    if not all(stated) or not isinstance(qty, Decimal) or not isinstance(cost, Decimal):
        return None
    return HoldingDeclared(venue, instrument, qty, cost)


def _read(reader: Reader, path: str, default: object) -> object:
    return reader.read(structs.replace(KEYS[path], default=default))


def _ns(seconds: float) -> int:
    return round(seconds * SECOND_NS)
