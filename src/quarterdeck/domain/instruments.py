"""What is traded, and on which grid each venue trades it."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from msgspec import Struct

from quarterdeck.domain.errors import InputError


class Instrument(Struct, frozen=True):
    """A canonical instrument: `BTC-USDT` is spot, `BTC-USDT:USDT` a perpetual settled in USDT."""

    base: str
    quote: str
    settle: str | None = None

    @property
    def id(self) -> str:
        """The canonical id."""
        return f"{self.base}-{self.quote}" + (f":{self.settle}" if self.settle else "")


def instrument_from(text: str) -> Instrument:
    """
    Parse a canonical id.

    Raises:
        InputError: If the text is not of the form BASE-QUOTE or BASE-QUOTE:SETTLE.
    """
    pair, _, settle = text.partition(":")
    base, dash, quote = pair.partition("-")
    if not (dash and base.isalnum() and quote.isalnum() and text == text.upper() and (settle or ":" not in text)):
        raise InputError(f"instrument {text!r}: write it like BTC-USD, or BTC-USDT:USDT for a perpetual")
    return Instrument(base=base, quote=quote, settle=settle or None)


class Listing(Struct, frozen=True):
    """
    How one venue lists one instrument.

    Quantities on orders are whole lots of `lot` (base units), prices whole ticks of `tick` (quote per base).
    `fee_maker` and `fee_taker` are fractions of notional. Fees are paid in `fee_asset`: `quote`, `base`, `received`
    (base on buys, quote on sells) or an asset by name; the venue rounds them to `fee_step` as `fee_rounding` says.
    `pair` is the canonical pair that this instrument counts as, empty where it is its own; `tradable` turns false when
    the venue delists or halts it. `notional_max` None means no bound.
    """

    venue: str
    instrument: str
    base: str
    quote: str
    tick: Decimal
    lot: Decimal
    lots_min: int
    lots_max: int
    notional_min: Decimal
    fee_maker: Decimal
    fee_taker: Decimal
    pair: str = ""
    fee_asset: str = "quote"
    fee_step: Decimal = Decimal("1e-8")
    fee_rounding: Literal["down", "up", "half_even"] = "down"
    notional_max: Decimal | None = None
    tradable: bool = True

    @property
    def pair_id(self) -> str:
        """The canonical pair that this instrument counts as."""
        return self.pair or self.instrument

    @property
    def is_perpetual(self) -> bool:
        """Tell a perpetual from a spot pair."""
        return ":" in self.instrument

    def __post_init__(self) -> None:
        if self.tick <= 0 or self.lot <= 0 or not 0 < self.lots_min <= self.lots_max:
            raise InputError(f"listing {self.venue} {self.instrument}: tick, lot and minimum must be above zero")
        if self.notional_min < 0 or not 0 <= self.fee_taker < 1 or not -1 < self.fee_maker < 1:
            raise InputError(f"listing {self.venue} {self.instrument}: minimum notional or fees are out of range")
        if self.fee_step <= 0 or (self.notional_max is not None and self.notional_max <= self.notional_min):
            raise InputError(f"listing {self.venue} {self.instrument}: fee step or maximum notional are out of range")
