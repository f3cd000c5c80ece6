"""Lines, areas and axes as SVG: a series of any length becomes a picture of the same size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from quarterdeck.backtest.times import moment
from quarterdeck.domain import DAY_NS, MINUTE_NS

COLUMNS: Final = 1000
WIDTH: Final = 1200
LEFT: Final = 76
RIGHT: Final = 16
_HOUR_NS: Final = 60 * MINUTE_NS
_STEPS_NS: Final = tuple(
    [count * MINUTE_NS for count in (1, 5, 15, 30)]
    + [count * _HOUR_NS for count in (1, 3, 6, 12)]
    + [count * DAY_NS for count in (1, 2, 5, 10)]
)
_STEPS_MONTHS: Final = (1, 2, 3, 6, 12, 24, 60, 120)
_MONTH_NS: Final = 2_629_800_000_000_000
_TICKS: Final = 8
_LOG_FROM: Final = 10.0
_THOUSAND: Final = 1_000.0
_MILLION: Final = 1_000_000.0


class TimeAxis(Struct, frozen=True):
    """A stretch of time laid over the width of a picture."""

    begin_ns: int
    end_ns: int

    def x(self, at_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Give the distance from the left of each instant."""
        span = self.end_ns - self.begin_ns
        return LEFT + (at_ns - self.begin_ns) / span * (WIDTH - LEFT - RIGHT)

    def ticks(self) -> list[tuple[float, str]]:
        """Choose about eight round instants, each with its label."""
        instants, form = self._instants()
        at = self.x(np.array(instants, dtype=np.int64)).tolist()
        return [(x, moment(instant).strftime(form)) for x, instant in zip(at, instants, strict=True)]

    def _instants(self) -> tuple[list[int], str]:
        span = self.end_ns - self.begin_ns
        step = next((step for step in _STEPS_NS if span / step <= _TICKS), None)
        if step is not None:
            first = -(-self.begin_ns // step) * step
            form = "%d %b" if step >= DAY_NS else "%d %b %H:%M"
            return list(range(first, self.end_ns + 1, step)), form
        months = next((one for one in _STEPS_MONTHS if span / (one * _MONTH_NS) <= _TICKS), _STEPS_MONTHS[-1])
        return self._months(months), "%Y" if months >= 12 else "%b %Y"  # noqa: PLR2004 - a year

    def _months(self, step: int) -> list[int]:
        begin = moment(self.begin_ns)
        number = -(-(begin.year * 12 + begin.month - 1) // step) * step
        found: list[int] = []
        while True:
            at = datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)
            at_ns = int(at.timestamp()) * 1_000_000_000
            if at_ns > self.end_ns:
                return found
            if at_ns >= self.begin_ns:
                found.append(at_ns)
            number += step


class ValueAxis(Struct, frozen=True):
    """A range of values laid over the height of a panel, by logarithm where it spans more than tenfold."""

    low: float
    high: float
    top: float
    bottom: float
    is_log: bool = False

    def y(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the distance from the top of the picture of each value."""
        low, high = self.low, self.high
        if self.is_log:
            values, low, high = np.log(np.maximum(values, low)), math.log(low), math.log(high)
        return self.bottom - (values - low) / (high - low) * (self.bottom - self.top)

    def ticks(self, count: int) -> list[float]:
        """Choose about so many round values."""
        if self.is_log:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            wanted = [lead * 10.0**power for power in powers for lead in (1, 2, 5)]
            inside = [value for value in wanted if self.low <= value <= self.high]
            return inside[:: max(1, len(inside) // count)]
        rough = (self.high - self.low) / count
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(lead * power for lead in (1, 2, 2.5, 5, 10) if lead * power >= rough * (1 - 1e-9))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]


def value_axis(series: Sequence[NDArray[np.float64]], top: float, bottom: float) -> ValueAxis:
    """Make an axis on which all the series fit, with a little room above and below."""
    low = min(float(np.nanmin(one)) for one in series)
    high = max(float(np.nanmax(one)) for one in series)
    if low > 0.0 and high / low > _LOG_FROM:
        return ValueAxis(low / 1.05, high * 1.05, top, bottom, is_log=True)
    room = (high - low) * 0.06 or max(abs(high) * 0.01, 1e-9)
    return ValueAxis(low - room, high + room, top, bottom)


class Columns(Struct, frozen=True, eq=False):
    """A long series as columns of a picture: `first` numbers the bar that each begins with. Shape (columns,)."""

    first: NDArray[np.int64]
    at_ns: NDArray[np.int64]
    bars: int

    @property
    def is_exact(self) -> bool:
        """Tell whether every bar has a column of its own."""
        return len(self.first) == self.bars

    def lowest(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the lowest value within each column, NaN where it has none."""
        lowest: NDArray[np.float64] = np.fmin.reduceat(values, self.first)
        return lowest

    def highest(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the highest value within each column, NaN where it has none."""
        highest: NDArray[np.float64] = np.fmax.reduceat(values, self.first)
        return highest

    def last(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the last value of each column."""
        latest: NDArray[np.float64] = values[np.append(self.first[1:], self.bars) - 1]
        return latest


def columns_of(at_ns: NDArray[np.int64]) -> Columns:
    """Divide a rising series of instants into at most `COLUMNS` stretches of equal length, empty ones left out."""
    bars = len(at_ns)
    if bars <= COLUMNS:
        return Columns(np.arange(bars), at_ns, bars)
    edges = np.linspace(float(at_ns[0]), float(at_ns[-1]), COLUMNS + 1)[:-1]
    first = np.unique(np.searchsorted(at_ns, edges.astype(np.int64)))
    ends = np.append(first[1:], bars) - 1
    return Columns(first, at_ns[ends], bars)


def line(columns: Columns, values: NDArray[np.float64], time: TimeAxis, axis: ValueAxis, style: str) -> str:
    """Draw a series so that no extreme is lost: each column holds its lowest and its highest value."""
    x = time.x(columns.at_ns)
    if columns.is_exact:
        return _polyline(x, axis.y(values), style)
    low, high, last = columns.lowest(values), columns.highest(values), columns.last(values)
    rises = np.append(True, last[1:] >= last[:-1])
    y = axis.y(np.stack([np.where(rises, low, high), np.where(rises, high, low)], axis=1).ravel())
    return _polyline(np.repeat(x, 2), y, style)


def area(x: NDArray[np.float64], y: NDArray[np.float64], base: float, style: str) -> str:
    """Fill what lies between a series and a base line."""
    outline = _points(np.concatenate(([x[0]], x, [x[-1]])), np.concatenate(([base], y, [base])))
    return f'<polygon class="{style}" points="{outline}"/>'


def panel(title: str, time: TimeAxis, axis: ValueAxis, labels: Sequence[tuple[float, str]]) -> str:
    """Draw the grid of a panel with its title and the labels of its values."""
    parts = [f'<text class="title" x="{LEFT}" y="{axis.top - 8:.0f}">{title}</text>']
    levels = axis.y(np.array([value for value, _ in labels])).tolist() if labels else []
    for y, (_, label) in zip(levels, labels, strict=True):
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" text-anchor="end" x="{LEFT - 8}" y="{y + 4:.1f}">{label}</text>')
    parts.extend(
        f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{axis.top:.0f}" y2="{axis.bottom:.0f}"/>'
        for x, _ in time.ticks()
    )
    return "".join(parts)


def time_labels(time: TimeAxis, y: float) -> str:
    """Write the labels of the time axis."""
    inside = [(x, label) for x, label in time.ticks() if x <= WIDTH - RIGHT - 20]
    return "".join(
        f'<text class="tick" text-anchor="middle" x="{x:.1f}" y="{y:.0f}">{label}</text>' for x, label in inside
    )


def amount_label(value: float) -> str:
    """
    Write an amount on an axis.

    Example:
        >>> [amount_label(value) for value in (1_250_000.0, 10_500.0, 64.5, 0.00012)]
        ['1.25M', '10,500', '64.5', '0.00012']
    """
    if abs(value) >= _MILLION:
        return f"{value / _MILLION:,.6g}M"
    return f"{value:,.0f}" if abs(value) >= _THOUSAND and value == round(value) else f"{value:,.7g}"


def _polyline(x: NDArray[np.float64], y: NDArray[np.float64], style: str) -> str:
    known = np.isfinite(y)
    return f'<polyline class="{style}" points="{_points(x[known], y[known])}"/>'


def _points(x: NDArray[np.float64], y: NDArray[np.float64]) -> str:
    return " ".join(f"{left:.1f},{top:.1f}" for left, top in zip(x.tolist(), y.tolist(), strict=True))
