"""
Exact money: Decimal arithmetic that refuses to round silently, and whole lots and ticks made by one function.

Our own context is passed explicitly, so importing Quarterdeck never changes how a user's program rounds.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from typing import Final

from quarterdeck.domain.errors import InputError
from quarterdeck.domain.pure import pure

DIGITS_MAX: Final = 50
GRID_SLACK: Final = 1e-9
# Beyond a million steps a float quotient is itself coarser than the slack: a few units in its last place count too.
_COARSENESS: Final = 1e-15
_SLACK_MAX: Final = 0.25
# More steps than any quantity or price has, and few enough to be counted in 64 bits, as compiled code does.
_STEPS_MAX: Final = 2**62
ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)

_EXACT: Final = Context(
    prec=DIGITS_MAX, rounding=ROUND_HALF_EVEN, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow]
)
_ROUNDING: Final = Context(prec=DIGITS_MAX, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero])

add: Final = _EXACT.add
subtract: Final = _EXACT.subtract
multiply: Final = _EXACT.multiply


def decimal_from(text: str | int | Decimal, what: str = "amount") -> Decimal:
    """
    Parse a finite amount of money or quantity.

    Raises:
        InputError: If the text is no number, or is NaN or infinite.
    """
    try:
        value = _EXACT.create_decimal(text)
    except (InvalidOperation, Inexact, ValueError, TypeError) as error:
        raise InputError(f"{what}: {text!r} is not a number; write it like 12.50") from error
    if not value.is_finite():
        raise InputError(f"{what}: {text!r} is not finite; write it like 12.50")
    return value


def share_of(total: Decimal, part: Decimal, whole: Decimal, step: Decimal = Decimal("1e-12")) -> Decimal:
    """
    Split off `part / whole` of a total, rounded to a step; the caller keeps the exact remainder.

    Args: total in any unit; part and whole in one other unit, 0 <= part <= whole, whole above zero.
    Returns: the share, in the unit of `total`. The whole part gives exactly the total.
    """
    if part == whole:
        return total
    return _ROUNDING.quantize(_ROUNDING.divide(_ROUNDING.multiply(total, part), whole), step)


def quantize(value: Decimal, step: Decimal, rounding: str = ROUND_HALF_EVEN) -> Decimal:
    """Round a value to whole steps by a stated rule; the only rounding of money besides `share_of`."""
    return _EXACT.multiply(_ROUNDING.divide(value, step).quantize(_ONE, rounding=rounding, context=_ROUNDING), step)


@pure
def lots_down(qty_base: float, lot_base: float) -> int:
    """
    Count the whole lots within a quantity, forgiving float noise: 1e-9 lots, and what a float cannot tell apart.

    Args: quantity in base units, lot size in base units, above zero.
    Returns: whole lots, never negative and at most 2**62. A quantity that is NaN, infinite or negative gives 0.
    Source: design, Money.
    """
    if not (math.isfinite(qty_base) and qty_base > 0.0 and lot_base > 0.0):
        return 0
    steps = qty_base / lot_base
    if not steps < _STEPS_MAX:
        return _STEPS_MAX
    slack = steps * _COARSENESS
    if slack < GRID_SLACK:
        slack = GRID_SLACK
    elif slack > _SLACK_MAX:
        slack = _SLACK_MAX
    return math.floor(steps + slack)


@pure
def ticks_toward(price: float, tick_quote: float, side: int) -> int:
    """
    Put a price on the venue's grid without making it worse for us.

    Args: price in quote per base; tick in the same unit, above zero; side +1 buy (rounds down), -1 sell (rounds up).
    Returns: whole ticks, at most 2**62; 0 where the price is not finite or not above zero.
    Source: design, Money.
    """
    if not (math.isfinite(price) and price > 0.0 and tick_quote > 0.0):
        return 0
    steps = price / tick_quote
    if not steps < _STEPS_MAX:
        return _STEPS_MAX
    slack = min(max(GRID_SLACK, steps * _COARSENESS), _SLACK_MAX)
    return math.floor(steps + slack) if side > 0 else math.ceil(steps - slack)
