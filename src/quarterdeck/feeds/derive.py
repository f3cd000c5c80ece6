"""A second venue made from a recording of the first: its prices differ a little, come later, and fail at times."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from quarterdeck.domain import InputError
from quarterdeck.feeds.chance import smooth_noise, uniforms
from quarterdeck.feeds.tape import Tape
from quarterdeck.market import prices_from, ticks_from

_BASIS_PERIOD_BARS: Final = 90
_BPS: Final = 1e-4
_SHARE_MIN: Final = 1e-6


class Derivation(Struct, frozen=True):
    """
    How a venue differs from the one it is made from.

    `basis_bps` bounds how far its prices stray, slowly and both ways; `lag_bars` is how much later it shows a price;
    `outage_share` of its bars are absent, in runs of `outage_bars_mean` bars on average. Everything follows from
    `seed` and the time of the bar, so that a part of a tape derives to the same part.
    """

    seed: int
    basis_bps: float = 15.0
    lag_bars: int = 0
    outage_share: float = 0.002
    outage_bars_mean: float = 20.0

    def __post_init__(self) -> None:
        if not (0.0 <= self.basis_bps <= 1_000.0 and 0 <= self.lag_bars <= 1_000):  # noqa: PLR2004 - plain bounds
            raise InputError("derived venue: basis_bps must be from 0 to 1000, lag_bars from 0 to 1000")
        if not (self.outage_share == 0.0 or _SHARE_MIN <= self.outage_share <= 0.5):  # noqa: PLR2004
            raise InputError(f"derived venue: outage_share must be 0, or from {_SHARE_MIN} to 0.5")
        if not 1.0 <= self.outage_bars_mean <= 100_000.0:  # noqa: PLR2004
            raise InputError("derived venue: outage_bars_mean must be from 1 to 100000")


def derived_tape(base: Tape, venue: str, derivation: Derivation) -> Tape:
    """
    Make the tape of another venue out of a recorded one.

    Prices stay on the price step, and low and high bracket open and close as before.

    Returns:
        The tape; it ends where the base ends, and lacks the bars of outages and those the base lacks.
    """
    number = base.opened_at_ns // base.timeframe_ns + derivation.lag_bars
    curve = f"{venue} {base.instrument}"
    present = ~_absent(derivation, curve, number)
    if len(base):
        present &= number <= int(base.opened_at_ns[-1]) // base.timeframe_ns
    number = number[present]
    factor = 1.0 + derivation.basis_bps * _BPS * smooth_noise(
        derivation.seed, f"basis {curve}", number, _BASIS_PERIOD_BARS
    )

    def moved(price: NDArray[np.float64]) -> NDArray[np.float64]:
        # Rounding keeps the order of prices, and one factor moves all four of a bar.
        ticks = np.maximum(ticks_from(price[present] * factor, base.price_step), 1)
        return prices_from(ticks, base.price_step)

    return Tape(
        venue,
        base.instrument,
        base.timeframe_ns,
        base.price_step,
        number * base.timeframe_ns,
        moved(base.open),
        moved(base.high),
        moved(base.low),
        moved(base.close),
        base.volume[present],
    )


def _absent(derivation: Derivation, curve: str, number: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which bars fall into an outage: every second stretch of time on average has one."""
    if derivation.outage_share == 0.0 or len(number) == 0:
        return np.zeros(len(number), dtype=np.bool_)
    stretch = max(2, math.ceil(derivation.outage_bars_mean / derivation.outage_share / 2.0))
    # An outage may reach into the next stretch but no farther, so a bar looks at its own stretch and the one before.
    stretches = range(int(number[0]) // stretch - 1, int(number[-1]) // stretch + 1)
    chance = uniforms(derivation.seed, f"outages {curve}", stretches, 3)
    start = np.arange(stretches.start, stretches.stop) * stretch + (chance[:, 1] * stretch).astype(np.int64)
    bars = np.minimum(np.ceil(-np.log1p(-chance[:, 2]) * derivation.outage_bars_mean), stretch).astype(np.int64)
    stop = start + np.where(chance[:, 0] < 0.5, bars, 0)  # noqa: PLR2004 - every second
    own = number // stretch - stretches.start
    in_own: NDArray[np.bool_] = (start[own] <= number) & (number < stop[own])
    in_earlier: NDArray[np.bool_] = (start[own - 1] <= number) & (number < stop[own - 1])
    return in_own | in_earlier
