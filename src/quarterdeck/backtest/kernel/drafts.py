"""What travels between the functions of the kernel: a wish, an order that was sized, and a trade."""

from __future__ import annotations

from typing import Final, NamedTuple

NOBODY: Final = -1
"""No order: what a number of an order is where there is none."""


class Wish(NamedTuple):
    """What is wanted: of which instrument, on which side, to open or to reduce, and why."""

    instrument: int
    sign: int
    effect: int
    cause: int


class Draft(NamedTuple):
    """
    One order as it was sized, before the guardrails have spoken; units as in the engine's drafts.

    `need_lot` is what the bot sets aside for a lot, in fine parts of an atom; `counts_as` the order that closed the
    opposite position, which is one trade with this one.
    """

    instrument: int
    sign: int
    effect: int
    cause: int
    lots: int
    limit_ticks: int
    price: float
    best: float
    equity: float
    qty_max: float
    held_qty: float
    need_lot: float
    need: float
    free: float
    counts_as: int


class Forced(NamedTuple):
    """An order of the exchange itself, as it is written down."""

    instrument: int
    sign: int
    effect: int
    cause: int
    lots: int
    limit_ticks: int


class Deal(NamedTuple):
    """One trade: whole lots and ticks, of which order, on which side, as maker or taker, and when."""

    order: int
    instrument: int
    sign: int
    lots: int
    ticks: int
    liquidity: int
    cause: int
    at_ns: int
