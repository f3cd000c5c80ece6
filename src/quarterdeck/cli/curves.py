"""Curves in a terminal, drawn with characters."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_BRAILLE: Final = 0x2800
_DOTS: Final = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))  # two columns of four, from the top
_ROWS_PER_CELL: Final = 4


def thinned(values: NDArray[np.float64], columns: int) -> NDArray[np.float64]:
    """Take the last value of each of so many equal stretches; all of them where there are fewer."""
    if len(values) <= columns:
        return values
    ends = np.arange(1, columns + 1) * len(values) // columns - 1
    return values[ends]


def sparkline(values: NDArray[np.float64], columns: int) -> str:
    """
    Draw a curve in one line.

    Example:
        >>> sparkline(np.array([0.0, 1.0, 2.0, 4.0]), 4)
        '▁▃▅█'
    """
    shown = thinned(values, columns)
    low, high = float(shown.min()), float(shown.max())
    if high <= low:
        return _BLOCKS[0] * len(shown)
    levels = np.rint((shown - low) / (high - low) * (len(_BLOCKS) - 1)).astype(int)
    return "".join(_BLOCKS[level] for level in levels)


def curve(values: NDArray[np.float64], columns: int, rows: int) -> list[str]:
    """Draw a curve as lines of braille characters, the highest first; each character holds two by four dots."""
    wide, tall = columns * 2, rows * _ROWS_PER_CELL
    places = np.linspace(0, len(values) - 1, wide)
    heights = np.interp(places, np.arange(len(values)), values)
    low, high = float(heights.min()), float(heights.max())
    scaled = (heights - low) / (high - low) if high > low else np.zeros(wide)
    level = (tall - 1) - np.rint(scaled * (tall - 1)).astype(int)
    cells = np.full((rows, columns), _BRAILLE)
    before = level[0]
    for place, row in enumerate(level.tolist()):
        # Join to the neighbour, so that a steep part of the curve has no holes.
        for dot in range(min(row, before), max(row, before) + 1):
            cells[dot // _ROWS_PER_CELL, place // 2] |= _DOTS[place % 2][dot % _ROWS_PER_CELL]
        before = row
    return ["".join(chr(cell) for cell in line) for line in cells.tolist()]
