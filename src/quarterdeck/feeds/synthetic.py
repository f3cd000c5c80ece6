"""A market that never was: seeded, endless, and readable from any bar on."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from quarterdeck.domain import InputError, ensure
from quarterdeck.feeds.chance import generator, smooth_noise
from quarterdeck.feeds.derive import Derivation, derived_tape
from quarterdeck.feeds.merge import BarBatch, merge
from quarterdeck.feeds.tape import Tape
from quarterdeck.market import prices_from

PAGE_BARS: Final = 1440
_DAY_NS: Final = 86_400_000_000_000
_REGIMES: Final = 12
_OCTAVES: Final = 9
_JUMP_CHANCE: Final = 1 / 2000


class SyntheticInstrument(Struct, frozen=True):
    """
    One instrument of a synthetic market.

    `price` is where it starts (quote per base), `price_step` its grid, `volatility_day` the usual relative change in
    a day, `volume_quote` the usual turnover of one bar.
    """

    instrument: str
    price: float
    price_step: float
    volatility_day: float = 0.04
    volume_quote: float = 100_000.0

    def __post_init__(self) -> None:
        figures = (self.price, self.price_step, self.volatility_day, self.volume_quote)
        if not all(0.0 < figure < math.inf for figure in figures) or self.volatility_day > 0.5:  # noqa: PLR2004
            raise InputError(f"{self.instrument}: price, step and volume must be above zero, volatility_day up to 0.5")


class ShownBars(Struct, frozen=True):
    """
    One instrument of a synthetic market as one venue shows it.

    `instrument` is what the market calls it, `listed_as` the venue's own name for it, empty where that is the same.
    `derivation` says how the venue's bars differ from the market's, None for not at all.
    """

    venue: str
    instrument: str
    listed_as: str = ""
    derivation: Derivation | None = None


class SyntheticMarket:
    """
    Bars of made-up instruments, the same for the same seed, from any bar on.

    Time is cut into pages. The price at the edges of pages is a fractal curve that can be read anywhere; within a
    page the price walks from edge to edge through calm and wild stretches with a drift, and jumps now and then.
    """

    def __init__(self, seed: int, instruments: Sequence[SyntheticInstrument], timeframe_ns: int, start_ns: int) -> None:
        """
        Describe a market whose bar 0 opens at `start_ns`.

        Raises:
            InputError: If there is no instrument, one stands there twice, or the start is off the timeframe's grid.
        """
        self._seed = seed
        self._instruments = {instrument.instrument: instrument for instrument in instruments}
        self._timeframe_ns = timeframe_ns
        self._start_ns = start_ns
        if not instruments or len(self._instruments) != len(instruments):
            raise InputError("synthetic market: name at least one instrument, and each only once")
        if timeframe_ns <= 0 or start_ns < 0 or start_ns % timeframe_ns:
            raise InputError("synthetic market: the start must lie on the grid of a timeframe above zero")

    def bar_number(self, at_ns: int) -> int:
        """Return the number of the bar that opened at or before an instant, 0 where that lies before the start."""
        return max(0, (at_ns - self._start_ns) // self._timeframe_ns)

    def tape(self, venue: str, instrument: str, bars: range) -> Tape:
        """
        Make some bars of one instrument.

        Args: name of the venue they are said to come from; instrument; numbers of the bars, with step 1. Bars before
            bar 0 do not exist and are left out.
        """
        ensure(bars.step == 1, "bars are numbered one by one")
        first, stop = max(0, bars.start), max(0, bars.stop)
        settings = self._instruments[instrument]
        pages = [self._page(settings, page) for page in range(first // PAGE_BARS, -(-stop // PAGE_BARS))]
        whole = np.concatenate(pages, axis=1) if pages else np.zeros((5, 0))
        start = first % PAGE_BARS
        open_, high, low, close, volume = whole[:, start : start + stop - first].copy()
        opened = self._start_ns + np.arange(first, stop, dtype=np.int64) * self._timeframe_ns
        step = settings.price_step
        return Tape(venue, instrument, self._timeframe_ns, step, opened, open_, high, low, close, volume)

    def batches(self, shown: Sequence[ShownBars], first_bar: int = 0) -> Iterator[BarBatch]:
        """
        Give the bars of instruments as venues show them, in order of time and without end.

        Args: what is shown where, in the order in which bars of one instant come; the bar to begin with.
        """
        while True:
            stop = (first_bar // PAGE_BARS + 1) * PAGE_BARS
            yield from merge([self._on_venue(one, range(first_bar, stop)) for one in shown])
            first_bar = stop

    def _on_venue(self, shown: ShownBars, bars: range) -> Tape:
        derivation = shown.derivation
        lag_bars = 0 if derivation is None else derivation.lag_bars
        base = self.tape(shown.venue, shown.instrument, range(bars.start - lag_bars, bars.stop))
        base = structs.replace(base, instrument=shown.listed_as or shown.instrument)
        return base if derivation is None else derived_tape(base, shown.venue, derivation)

    def _page(self, settings: SyntheticInstrument, page: int) -> NDArray[np.float64]:
        """Make the bars of one page; shape (5, PAGE_BARS): open, high, low, close, volume."""
        chance = generator(self._seed, settings.instrument, page)
        sigma = settings.volatility_day * math.sqrt(self._timeframe_ns / _DAY_NS)
        lively = np.repeat(np.exp(chance.normal(0.0, 0.5, _REGIMES)), PAGE_BARS // _REGIMES) * sigma
        drift = np.repeat(chance.normal(0.0, 0.12, _REGIMES), PAGE_BARS // _REGIMES) * sigma
        jumps = (chance.random(PAGE_BARS) < _JUMP_CHANCE) * chance.normal(0.0, 15.0, PAGE_BARS) * sigma
        walk = np.cumsum(drift + lively * chance.normal(0.0, 1.0, PAGE_BARS) + jumps)
        edge_before, edge_after = self._edges(settings, page)
        way = np.arange(1, PAGE_BARS + 1) / PAGE_BARS
        log_price = np.concatenate(([edge_before], edge_before + walk + (edge_after - edge_before - walk[-1]) * way))
        log_price[-1] = edge_after
        price = settings.price * np.exp(log_price)
        before, after = price[:-1], price[1:]
        reach = np.exp(0.6 * lively * np.abs(chance.normal(0.0, 1.0, (2, PAGE_BARS))))
        volume = settings.volume_quote / after * np.exp(chance.normal(0.0, 0.6, PAGE_BARS)) * lively / sigma
        high, low = np.maximum(before, after) * reach[0], np.minimum(before, after) / reach[1]
        prices = [_on_step(column, settings.price_step) for column in (before, high, low, after)]
        return np.stack([*prices, np.round(volume, 8)])

    def _edges(self, settings: SyntheticInstrument, page: int) -> tuple[float, float]:
        """Read the logarithm of the price, relative to the start, at both edges of a page."""
        before, after = self._curve(settings, page)
        origin, _ = self._curve(settings, 0)
        return float(before - origin), float(after - origin)

    def _curve(self, settings: SyntheticInstrument, page: int) -> NDArray[np.float64]:
        spread = 0.8 * settings.volatility_day * math.sqrt(PAGE_BARS * self._timeframe_ns / _DAY_NS)
        edges = np.array([page, page + 1], dtype=np.int64)
        curve = np.zeros(2)
        for octave in range(_OCTAVES):
            name = f"edges {settings.instrument} {octave}"
            curve += spread * 2.0 ** (octave / 2) * smooth_noise(self._seed, name, edges, 2**octave)
        return curve


def _on_step(price: NDArray[np.float64], step: float) -> NDArray[np.float64]:
    return prices_from(np.maximum(np.rint(price / step), 1.0).astype(np.int64), step)
