"""Where output goes: JSON for programs, tables and lines for people, warnings on stderr."""

from __future__ import annotations

import math
import os
import sys
from decimal import Decimal
from typing import Final

import msgspec
from rich.console import Console

PIPE_WIDTH: Final = 140


def write_json(value: object) -> None:
    """Write one value as one line of JSON; exact money becomes a string, never with an exponent."""
    plain = _without_exponents(msgspec.to_builtins(value, builtin_types=(Decimal,), str_keys=True))
    sys.stdout.write(msgspec.json.encode(plain).decode() + "\n")


def _without_exponents(value: object) -> object:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, dict):
        return {key: _without_exponents(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_exponents(item) for item in value]
    return value


def make_console() -> Console:
    """Make the console: colours only on a terminal, and wide where nobody watches, unless $COLUMNS says otherwise."""
    if sys.stdout.isatty():
        return Console(highlight=False)
    columns = os.environ.get("COLUMNS", "")
    return Console(highlight=False, width=int(columns) if columns.isdecimal() and int(columns) else PIPE_WIDTH)


def money(amount: Decimal | float | None, digits: int = 2) -> str:
    """Write an amount for people, with thousands set apart."""
    return "–" if amount is None else _unsigned_zero(f"{amount:,.{digits}f}")


def quantity(amount: Decimal | float) -> str:
    """Write a quantity for people: up to 8 digits after the point, no idle zeros."""
    text = f"{amount:,.8f}".rstrip("0").rstrip(".")
    return text or "0"


def price(amount: Decimal | float) -> str:
    """Write a price for people; small prices need more digits."""
    return f"{amount:,.2f}" if abs(float(amount)) >= 1 else f"{amount:.6f}"


def figure(value: float | None, digits: int = 6) -> str:
    """Write a statistic for people; what is not known is a dash."""
    if value is None or math.isnan(value):
        return "–"
    return "∞" if math.isinf(value) else f"{value:,.{digits}g}"


def percent(value: float | None) -> str:
    """Write a fraction for people."""
    return "–" if value is None or not math.isfinite(value) else _unsigned_zero(f"{value:.2%}")


def _unsigned_zero(text: str) -> str:
    """Take the sign off what was rounded to nothing."""
    return text.removeprefix("-") if text.strip("-0.%") == "" else text
