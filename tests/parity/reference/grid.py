"""Grids, fees and exact money: whole lots, whole ticks, and fees cut to 1e-8."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_DOWN, Context, Decimal
from typing import Final

SLACK: Final = 1e-9
"""How far beyond a threshold, or short of a grid line, still counts as on it."""
EXACT: Final = Context(prec=80)
"""Money is added, multiplied and divided with 80 digits, which no sum of a backtest ever fills."""
FEE_STEP: Final = Decimal("1e-8")
PART_STEP: Final = Decimal("1e-12")
ZERO: Final = Decimal(0)


def exact(number: float) -> Decimal:
    """Read a number as people write it: 0.1 is a tenth."""
    return Decimal(repr(number))


def fee_on(notional: Decimal, rate: Decimal) -> Decimal:
    """Charge a rate, cut toward zero to whole steps of 1e-8; below zero for a rebate."""
    return (notional * rate).quantize(FEE_STEP, rounding=ROUND_DOWN)


def part_of(total: Decimal, part: int, whole: int) -> Decimal:
    """Split off a part of an amount, rounded to 1e-12; the rest is what remains, so that nothing is lost."""
    return total if part == whole else (total * part / whole).quantize(PART_STEP)


def margin_on(notional: Decimal, leverage: Decimal) -> Decimal:
    """Give what opening a perpetual for a notional locks, rounded to 1e-12."""
    return notional if leverage == 1 else (notional / leverage).quantize(PART_STEP)


def margin_at_most(notional: Decimal, leverage: Decimal) -> Decimal:
    """Give what one lot of a perpetual may lock, rounded up to 1e-30, so that lots together cover their whole."""
    return notional if leverage == 1 else (notional / leverage).quantize(Decimal("1e-30"), rounding=ROUND_CEILING)


def _slack_of(steps: float) -> float:
    """A float of many steps is itself coarser than 1e-9 steps; but nothing forgives more than a quarter of one."""
    return min(max(SLACK, steps * 1e-15), 0.25)


def lots_within(qty: float, lot: float) -> int:
    """Count the whole lots within a quantity; none in what is no quantity."""
    if not (math.isfinite(qty) and qty > 0.0):
        return 0
    return math.floor(qty / lot + _slack_of(qty / lot))


def ticks_up(price: float, tick: float) -> int:
    """Put a price on the grid from above: what a buyer pays at the market, what a seller asks at least."""
    return math.ceil(price / tick - _slack_of(price / tick))


def ticks_down(price: float, tick: float) -> int:
    """Put a price on the grid from below: what a seller gets at the market, what a buyer pays at most."""
    return math.floor(price / tick + _slack_of(price / tick))


def against(price: float, tick: float, side: int) -> int:
    """Put a price on the grid against whoever trades: +1 a buyer, -1 a seller."""
    return ticks_up(price, tick) if side > 0 else ticks_down(price, tick)


def in_favour(price: float, tick: float, side: int) -> int:
    """Put a limit on the grid so that it is never worse than asked for: +1 a buyer, -1 a seller."""
    return ticks_down(price, tick) if side > 0 else ticks_up(price, tick)
