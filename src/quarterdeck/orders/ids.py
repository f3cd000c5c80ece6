"""Client order ids: 18 characters that name the bot and follow from the intent, so that a replay gives the same."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import Final

from quarterdeck.domain import Bug

CLIENT_ID_LENGTH: Final = 18
PREFIX_LENGTH: Final = 5
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_PAIRS: Final = [low + high for high in _DIGITS for low in _DIGITS]  # lowest digit first
_TWO: Final = 36**2
_FOUR: Final = 36**4


@lru_cache(maxsize=64)
def client_prefix(bot: str) -> str:
    """Give the five characters that every client order id of a bot starts with; the first is always a letter."""
    number = int.from_bytes(sha256(b"bot\x00" + bot.encode()).digest()[:8], "big")
    low = number // 26 % _FOUR
    return _DIGITS[10 + number % 26] + _PAIRS[low % _TWO] + _PAIRS[low // _TWO]


def client_id(prefix: str, intent_id: str, child: int) -> str:
    """
    Derive the client order id of one child order of an intent.

    67 bits of a hash follow the prefix, so that two intents of one bot collide with a chance below 1e-8 in a
    million orders; the engine refuses to plan an id it already knows.
    """
    digest = sha256(f"{intent_id}\x00{child}".encode()).digest()
    text = prefix + _thirteen_digits(int.from_bytes(digest[:9]))
    if len(text) != CLIENT_ID_LENGTH:
        raise Bug(f"client id {text!r} has the wrong length")
    return text


def inferred_trade_id(order_id: str, booked_lots: int, reported_lots: int) -> str:
    """Name a fill that was deduced from a status; the same deduction always gets the same name."""
    digest = sha256(f"{order_id}\x00{booked_lots}\x00{reported_lots}".encode()).hexdigest()
    return f"inferred-{digest[:16]}"


def _thirteen_digits(number: int) -> str:
    """Write the lowest digits of a number, the lowest first; four at a time, for large numbers divide slowly."""
    number, low = divmod(number, _FOUR)
    number, middle = divmod(number, _FOUR)
    number, high = divmod(number, _FOUR)
    return (
        f"{_PAIRS[low % _TWO]}{_PAIRS[low // _TWO]}{_PAIRS[middle % _TWO]}{_PAIRS[middle // _TWO]}"
        f"{_PAIRS[high % _TWO]}{_PAIRS[high // _TWO]}{_DIGITS[number % 36]}"
    )
