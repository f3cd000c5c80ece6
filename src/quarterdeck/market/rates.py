"""What one unit of an asset is worth in base currency, and whether a stablecoin holds its peg."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from msgspec import Struct

from quarterdeck.domain import GRID_SLACK, Quote

IsFresh = Callable[[Quote], bool]
_AT_PAR: Final = 1.0


class Par(Struct, frozen=True):
    """
    What counts one for one.

    `coins` are the stablecoins of the base currency, `band` is how far from 1 the market of one may lie, both bounds
    included.
    """

    base_currency: str
    coins: tuple[str, ...]
    band: float


def asset_rates(quotes: Iterable[Quote], wanted: Iterable[str], par: Par, is_fresh: IsFresh) -> dict[str, float]:
    """
    Work out what assets are worth.

    The base currency counts 1. A stablecoin counts 1 while its market lies within the band, and what its market says
    beyond: the median of its own fresh markets against the base currency, else the median of what other assets cost
    in the one and in the other. One whose market nobody shows counts 1, unless the last that was seen of its own
    market lay off its peg: then it is not known. Any other asset is worth the median of its fresh markets; one that
    has none against the base currency or a stablecoin is valued through a third asset that has.

    Args:
        quotes: The latest quote of every instrument on every venue. Perpetuals are passed over.
        wanted: Assets.
        par: What counts one for one.
        is_fresh: Tells whether a quote may be relied on.

    Returns:
        Base currency for one unit, in the order wanted. An asset whose worth is not known is left out.
    """
    found: dict[str, float] = {}
    book: _Book | None = None
    for asset in wanted:
        if asset == par.base_currency:
            found[asset] = _AT_PAR
            continue
        if book is None:  # most bots hold nothing but the base currency, and never look at a quote here
            book = _Book(quotes, par, is_fresh)
        rate = book.coin_rate(asset) if asset in par.coins else book.market_rate(asset)
        if rate is not None and 0.0 < rate < math.inf:
            found[asset] = rate
    return found


def shows(quotes: Iterable[Quote], coin: str, par: Par, is_fresh: IsFresh) -> bool:
    """Tell whether any fresh market says what a stablecoin is worth; arguments as for `asset_rates`."""
    return _Book(quotes, par, is_fresh).shows(coin)


def off_peg(rates: Mapping[str, float], coin: str) -> bool:
    """
    Tell whether a stablecoin is off its peg, by the rates that `asset_rates` gave; one without a rate is.

    Within its band a stablecoin counts exactly 1, so that any other rate says that it left the band.
    """
    return rates.get(coin, math.nan) != _AT_PAR


class _Book:
    """The spot quotes that have a price, by base and quote asset."""

    def __init__(self, quotes: Iterable[Quote], par: Par, is_fresh: IsFresh) -> None:
        self._par = par
        self._fresh: dict[str, dict[str, list[Quote]]] = {}
        self._stale: dict[tuple[str, str], Quote] = {}
        for quote in quotes:
            base, dash, counter = quote.instrument.partition("-")
            if not dash or ":" in counter or not 0.0 < quote.last < math.inf:
                continue
            if is_fresh(quote):
                self._fresh.setdefault(base, {}).setdefault(counter, []).append(quote)
                continue
            known = self._stale.get((base, counter))
            if known is None or known.at_ns < quote.at_ns:
                self._stale[base, counter] = quote

    def shows(self, coin: str) -> bool:
        """Tell whether there is a fresh market, direct or through others."""
        return bool(self._direct(coin) or self._through_others(coin))

    def coin_rate(self, coin: str) -> float | None:
        """Give the rate of a stablecoin, exactly 1 within the band; None where all that is known is old and off it."""
        rates = self._direct(coin) or self._through_others(coin)
        if rates:
            return self._snapped(_median(rates))
        stale = self._stale_rate(coin)
        return _AT_PAR if stale is None or self._snapped(stale) == _AT_PAR else None

    def market_rate(self, asset: str) -> float | None:
        """Give the rate of any other asset."""
        rates = self._money_rates(asset)
        if not rates:
            for counter, quotes in self._fresh.get(asset, {}).items():
                through = self._money_rates(counter)
                if through and counter != self._par.base_currency and counter not in self._par.coins:
                    rates += [quote.last * _median(through) for quote in quotes]
        return _median(rates) if rates else None

    def _money_rates(self, asset: str) -> list[float]:
        """Value an asset by its markets against the base currency and the stablecoins."""
        rates: list[float] = []
        for counter, quotes in self._fresh.get(asset, {}).items():
            rate: float | None = None
            if counter == self._par.base_currency:
                rate = _AT_PAR
            elif counter in self._par.coins:
                rate = self.coin_rate(counter)
            if rate is not None:
                rates += [quote.last * rate for quote in quotes]
        return rates

    def _direct(self, coin: str) -> list[float]:
        base = self._par.base_currency
        straight = [quote.last for quote in self._fresh.get(coin, {}).get(base, ())]
        return straight + [1.0 / quote.last for quote in self._fresh.get(base, {}).get(coin, ())]

    def _through_others(self, coin: str) -> list[float]:
        """Compare what an asset costs in base currency and in the coin, at instants as close as there are."""
        rates: list[float] = []
        for markets in self._fresh.values():
            in_base = markets.get(self._par.base_currency)
            if in_base:
                rates += [_nearest(in_base, quote).last / quote.last for quote in markets.get(coin, ())]
        return rates

    def _stale_rate(self, coin: str) -> float | None:
        base = self._par.base_currency
        straight, inverted = self._stale.get((coin, base)), self._stale.get((base, coin))
        if straight is not None and (inverted is None or inverted.at_ns <= straight.at_ns):
            return straight.last
        return None if inverted is None else 1.0 / inverted.last

    def _snapped(self, rate: float) -> float:
        return _AT_PAR if abs(rate - _AT_PAR) <= self._par.band + GRID_SLACK else rate


def _nearest(quotes: list[Quote], other: Quote) -> Quote:
    """Pick the quote nearest in time, the same venue's among equals: prices of two instants are no rate."""
    return min(quotes, key=lambda quote: (abs(quote.at_ns - other.at_ns), quote.venue != other.venue))


def _median(values: list[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2.0
