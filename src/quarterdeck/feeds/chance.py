"""Seeded numbers that can be asked for by position, so that a restart may begin anywhere."""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

_PAGE_ROWS: Final = 1024


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """Make the generator that belongs to a seed and a list of names; the same names give the same numbers."""
    digest = hashlib.sha256(repr((seed, *names)).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))


def uniforms(seed: int, name: str, rows: range, width: int) -> NDArray[np.float64]:
    """
    Look up the rows of an endless table of random numbers.

    Args: seed and name of the table; which rows, with step 1; numbers in a row.
    Returns: numbers from 0 up to 1. Shape (rows, width).
    """
    first_page, stop_page = rows.start // _PAGE_ROWS, -(-rows.stop // _PAGE_ROWS)
    pages = [generator(seed, name, page).random((_PAGE_ROWS, width)) for page in range(first_page, stop_page)]
    table = np.concatenate(pages) if pages else np.zeros((0, width))
    start = rows.start - first_page * _PAGE_ROWS
    return table[start : start + len(rows)]


def smooth_noise(seed: int, name: str, position: NDArray[np.int64], period: int) -> NDArray[np.float64]:
    """
    Read a slow random curve that stays within -1 and 1 and returns to 0 again and again.

    It runs smoothly through one random value every `period` positions. Only sums and products are used, so that every
    machine gets the same bits.

    Args: seed and name of the curve; where to read it, ascending, shape (n,); distance between random values.
    Returns: the curve at each position. Shape (n,).
    """
    if len(position) == 0:
        return np.zeros(0)
    knot = position // period
    first = int(knot[0])
    values = 2.0 * uniforms(seed, name, range(first, int(knot[-1]) + 2), 1)[:, 0] - 1.0
    share = (position - knot * period) / period
    weight = share * share * (3.0 - 2.0 * share)
    left = values[knot - first]
    return left + weight * (values[knot - first + 1] - left)
