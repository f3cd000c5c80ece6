"""Market data under a plan: the book against which a venue trades, and the one that it shows."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from quarterdeck.domain import Quote
from quarterdeck.simulator.deeds import jumped
from quarterdeck.simulator.plan import Fault, FaultKind
from quarterdeck.simulator.weather import Weather

_K: Final = FaultKind
_DISPLAY: Final = (_K.STALE_BOOK, _K.CROSSED_BOOK, _K.ZERO_PRICE)
_REAL: Final = (_K.EMPTY_BOOK, _K.ONE_SIDED)


class Books:
    """Quotes of one venue as the plan bends them; remembers what a book that stands still showed last."""

    def __init__(self, weather: Weather) -> None:
        self._weather = weather
        self._shown: dict[str, Quote] = {}

    def traded(self, quote: Quote, at_s: float) -> tuple[Quote, bool]:
        """Give the book that orders meet, and whether anything trades against it."""
        for fault in self._about(_K.WICK, quote, at_s):
            quote = jumped(quote, fault.size, quote.at_ns)
        thin = self._weather.struck(_K.THIN_BOOK, at_s)
        if thin is not None:
            quote = _thinned(quote, thin.size)
        for kind in _REAL:
            if self._about(kind, quote, at_s):
                quote = _without(quote, bids=kind is _K.EMPTY_BOOK)
        is_closed = any(self._weather.struck(kind, at_s) for kind in (_K.CLOSED_BOOK, _K.MAINTENANCE))
        return quote, not is_closed

    def shown(self, quote: Quote, at_s: float) -> Quote:
        """Give the book that customers see; it may lie."""
        for kind in _DISPLAY:
            if self._about(kind, quote, at_s):
                return self._lie(kind, quote)
        self._shown[quote.instrument] = quote
        return quote

    def lies(self, instrument: str, at_s: float) -> bool:
        """Tell whether customers see something else than the book that trades."""
        faults = [fault for kind in (*_DISPLAY, *_REAL, _K.WICK) for fault in self._weather.holding(kind, at_s)]
        return any(fault.what == instrument for fault in faults)

    def _lie(self, kind: FaultKind, quote: Quote) -> Quote:
        if kind is _K.STALE_BOOK:
            return self._shown.get(quote.instrument, quote)
        if kind is _K.CROSSED_BOOK:
            return replace(quote, bids=quote.asks, asks=quote.bids)
        return replace(quote, last=0.0, bids=((0.0, 1.0),), asks=((0.0, 1.0),))

    def _about(self, kind: FaultKind, quote: Quote, at_s: float) -> list[Fault]:
        weather = self._weather
        found = [fault for fault in weather.holding(kind, at_s) if fault.what == quote.instrument]
        return found if found and weather.struck(kind, at_s) else []


def _thinned(quote: Quote, share: float) -> Quote:
    return replace(
        quote,
        bids=tuple((price, qty * share) for price, qty in quote.bids),
        asks=tuple((price, qty * share) for price, qty in quote.asks),
    )


def _without(quote: Quote, *, bids: bool) -> Quote:
    return replace(quote, bids=() if bids else quote.bids, asks=())
