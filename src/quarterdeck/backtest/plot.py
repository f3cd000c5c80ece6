"""The picture of a backtest: equity beside buy and hold, drawdown, profits, prices with entries and exits."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from quarterdeck.backtest.charts import (
    RIGHT,
    WIDTH,
    Columns,
    TimeAxis,
    ValueAxis,
    amount_label,
    area,
    columns_of,
    line,
    panel,
    time_labels,
    value_axis,
)
from quarterdeck.backtest.findings import Findings
from quarterdeck.domain import ConfigError

PRICES_MAX: Final = 6
"""So many instruments get a panel of their own."""
TRIPS_MAX: Final = 1000
"""With more round trips than this the price panel shows none of them; the panel of profits shows all."""
MARKS_MAX: Final = 80
"""With more than this they are lines from entry to exit, without marks at their ends."""
_GAP: Final = 42
_EQUITY_HEIGHT: Final = 260
_COMPARED_HEIGHT: Final = 130
_FLAT: Final = 0.25  # of the height: below it a line tells nothing any more
_DRAWDOWN_HEIGHT: Final = 90
_PROFIT_HEIGHT: Final = 90
_PRICE_HEIGHT: Final = 200
_MARK: Final = 5.0

COLOURS: Final = """
  --bg:#ffffff; --panel:#f7f8fa; --text:#1b2430; --muted:#5d6878; --grid:#e4e8ee; --accent:#2458d3; --bench:#8f99a8;
  --gain:#12803f; --loss:#c4302b; --fall:#c4302b33; --warn-bg:#fff4dc; --warn:#7a4d00;
"""
DARK: Final = """
  --bg:#10151c; --panel:#171e27; --text:#e4e9f0; --muted:#93a0b1; --grid:#26303c; --accent:#79a9ff; --bench:#6e7a8a;
  --gain:#4cc274; --loss:#f4776f; --fall:#f4776f40; --warn-bg:#3a2c10; --warn:#f5cd7e;
"""
STYLE: Final = """
  .title{fill:var(--text);font:600 13px system-ui,sans-serif}
  .tick,.key{fill:var(--muted);font:11px system-ui,sans-serif}
  .grid{stroke:var(--grid);stroke-width:1} polyline{fill:none;stroke-width:1.4;stroke-linejoin:round}
  .equity{stroke:var(--accent);stroke-width:1.8} .bench{stroke:var(--bench);stroke-width:1.1}
  .price{stroke:var(--muted);stroke-width:1.1}
  .fall{fill:var(--fall);stroke:var(--loss);stroke-width:.8} .gain{fill:var(--gain)} .loss{fill:var(--loss)}
  .win{stroke:var(--gain)} .lose{stroke:var(--loss)} .still{stroke:var(--muted)} .trip{stroke-width:2;opacity:.85}
"""


class Figure(Struct, frozen=True):
    """A picture as SVG, `height` high at a width of 1200; a notebook shows it, `write` keeps it."""

    body: str
    height: int

    @property
    def svg(self) -> str:
        """The picture as a file of its own, light or dark as its surroundings are."""
        style = (
            f"<style>svg{{{COLOURS}}}@media(prefers-color-scheme:dark){{svg{{{DARK}}}}}{STYLE}"
            " .paper{fill:var(--bg)}</style>"
        )
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self.height}" width="{WIDTH}"'
            f' height="{self.height}">{style}<rect class="paper" width="100%" height="100%"/>{self.body}</svg>'
        )

    def write(self, path: Path) -> Path:
        """
        Write the picture, as `.svg` or inside an `.html` page.

        Raises:
            ConfigError: If the name ends otherwise, or the file cannot be written.
        """
        if path.suffix not in {".svg", ".html"}:
            raise ConfigError(f"{path}: a plot is written as .svg or .html; choose such a name")
        page = (
            self.svg
            if path.suffix == ".svg"
            else f"<!doctype html><meta charset=utf-8><title>Backtest</title>{self.svg}"
        )
        return write_text(path, page)

    def _repr_svg_(self) -> str:
        return self.svg


def write_text(path: Path, text: str) -> Path:
    """
    Write a file, making the folder it stands in.

    Raises:
        ConfigError: If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}; choose another place") from error
    return path


def time_axis_of(findings: Findings) -> TimeAxis:
    """Lay the whole backtest over the width of a picture."""
    return TimeAxis(int(findings.scene.board.opened_at_ns[0]), int(findings.closed_at_ns[-1]))


def draw(findings: Findings) -> Figure:
    """Draw a backtest."""
    time = time_axis_of(findings)
    columns = columns_of(findings.closed_at_ns)
    top, parts = _GAP - 10.0, []
    for draws, height in _equity_panels(findings):
        parts.append(draws(findings, columns, time, (top, height)))
        top += height + _GAP
    parts.append(_drawdown(findings, columns, time, top))
    top += _DRAWDOWN_HEIGHT + _GAP
    if len(findings.trips):
        parts.append(_profits(findings, time, top))
        top += _PROFIT_HEIGHT + _GAP
    for index in range(min(len(findings.scene.board.instruments), PRICES_MAX)):
        parts.append(_price(findings, columns, time, (top, index)))
        top += _PRICE_HEIGHT + _GAP
    parts.append(time_labels(time, top - _GAP + 18))
    return Figure("".join(parts), round(top - _GAP + 30))


Panel = Callable[[Findings, Columns, TimeAxis, tuple[float, float]], str]


def _equity_panels(findings: Findings) -> list[tuple[Panel, float]]:
    """Draw equity and buy and hold on one scale, and equity alone besides where that makes it a flat line."""
    own, both = _span(findings.equity), max(_span(findings.equity), _span(findings.benchmark))
    if own >= _FLAT * both:
        return [(_beside, _EQUITY_HEIGHT)]
    return [(_alone, _EQUITY_HEIGHT), (_beside, _COMPARED_HEIGHT)]


def _span(values: NDArray[np.float64]) -> float:
    return float(values.max() - values.min())


def _alone(findings: Findings, columns: Columns, time: TimeAxis, place: tuple[float, float]) -> str:
    top, height = place
    axis = value_axis((findings.equity,), top, top + height)
    grid = panel("Equity" + _scale(axis), time, axis, [(value, amount_label(value)) for value in axis.ticks(5)])
    return grid + line(columns, findings.equity, time, axis, "equity")


def _beside(findings: Findings, columns: Columns, time: TimeAxis, place: tuple[float, float]) -> str:
    top, height = place
    axis = value_axis((findings.equity, findings.benchmark), top, top + height)
    labels = [(value, amount_label(value)) for value in axis.ticks(max(3, int(height // 50)))]
    grid = panel("Equity beside buy and hold" + _scale(axis), time, axis, labels)
    mine, other = "this strategy", "buy and hold"
    keys = _key(WIDTH - RIGHT - 240, top, "equity", mine) + _key(WIDTH - RIGHT - 120, top, "bench", other)
    hold = line(columns, findings.benchmark, time, axis, "bench")
    return grid + keys + hold + line(columns, findings.equity, time, axis, "equity")


def _drawdown(findings: Findings, columns: Columns, time: TimeAxis, top: float) -> str:
    deepest = -columns.highest(findings.drawdown)
    low = min(float(deepest.min()) * 1.08, -1e-4)
    axis = ValueAxis(low, 0.0, top, top + _DRAWDOWN_HEIGHT)
    labels = [(value, f"{value * 100:.3g} %") for value in axis.ticks(3)]
    grid = panel("Drawdown", time, axis, labels)
    return grid + area(time.x(columns.at_ns), axis.y(deepest), top, "fall")


def _profits(findings: Findings, time: TimeAxis, top: float) -> str:
    """Draw what the trades that ended within a column brought, as one bar."""
    trips = findings.trips
    ended = ~trips.is_open
    x = np.floor(time.x(trips.exit_at_ns[ended])).astype(np.int64)
    sums = np.zeros(WIDTH)
    np.add.at(sums, x, trips.profit[ended])
    reach = float(np.abs(sums).max()) * 1.08 or 1.0
    axis = ValueAxis(-reach, reach, top, top + _PROFIT_HEIGHT)
    grid = panel("Profit of closed trades", time, axis, [(value, amount_label(value)) for value in axis.ticks(4)])
    zero = float(axis.y(np.zeros(1))[0])
    width = 1.5 if np.count_nonzero(sums) > WIDTH // 4 else 3.0
    bars = [
        f'<rect class="{"gain" if total > 0 else "loss"}" x="{left - width / 2:.1f}" width="{width}"'
        f' y="{min(y, zero):.1f}" height="{max(abs(y - zero), 0.5):.1f}"/>'
        for left, total, y in zip(range(len(sums)), sums.tolist(), axis.y(sums).tolist(), strict=True)
        if total
    ]
    return grid + "".join(bars)


def _price(findings: Findings, columns: Columns, time: TimeAxis, place: tuple[float, int]) -> str:
    top, index = place
    close = findings.scene.board.close[index]
    axis = value_axis((close,), top, top + _PRICE_HEIGHT)
    trips, own = findings.trips, np.flatnonzero(findings.trips.instrument == index)
    name = escape(findings.scene.board.instruments[index])
    note = "" if len(own) <= TRIPS_MAX else f" ({len(own):,} trades, too many to mark)"
    grid = panel(name + _scale(axis) + note, time, axis, [(value, amount_label(value)) for value in axis.ticks(4)])
    price = line(columns, close, time, axis, "price")
    if len(own) > TRIPS_MAX:
        return grid + price
    entry = np.stack([time.x(trips.entry_at_ns[own]), axis.y(trips.entry_price[own])], axis=1)
    leave = np.stack([time.x(trips.exit_at_ns[own]), axis.y(trips.exit_price[own])], axis=1)
    return (
        grid
        + price
        + "".join(
            _trip(begin, end, (profit, is_open, direction if len(own) <= MARKS_MAX else 0))
            for begin, end, profit, is_open, direction in zip(
                entry.tolist(),
                leave.tolist(),
                trips.profit[own].tolist(),
                trips.is_open[own].tolist(),
                trips.direction[own].tolist(),
                strict=True,
            )
        )
    )


def _trip(begin: list[float], end: list[float], kind: tuple[float, bool, int]) -> str:
    """Draw one round trip: a line from entry to exit, and, where there is room, a triangle and a dot at its ends."""
    profit, is_open, direction = kind
    style = "still" if is_open else "win" if profit > 0.0 else "lose"
    fill = "gain" if profit > 0.0 else "loss"
    (x, y), (left, right) = begin, end
    way = f'<line class="trip {style}" x1="{x:.1f}" y1="{y:.1f}" x2="{left:.1f}" y2="{right:.1f}"/>'
    if not direction:
        return way
    tip, base = y + direction * 2.0, y + direction * (2.0 + 1.6 * _MARK)
    triangle = f"{x:.1f},{tip:.1f} {x - _MARK:.1f},{base:.1f} {x + _MARK:.1f},{base:.1f}"
    dot = "" if is_open else f'<circle class="{fill}" cx="{left:.1f}" cy="{right:.1f}" r="2.6"/>'
    return f'{way}<polygon class="{fill}" points="{triangle}"/>{dot}'


def _scale(axis: ValueAxis) -> str:
    return ", logarithmic" if axis.is_log else ""


def _key(x: float, top: float, style: str, text: str) -> str:
    y = top - 12
    stroke = f'<polyline class="{style}" points="{x},{y} {x + 22},{y}"/>'
    return f'{stroke}<text class="key" x="{x + 28}" y="{y + 4}">{text}</text>'
