"""Where output goes: JSON for programs, tables and lines for people, warnings on stderr."""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import Final

import msgspec
import typer
from rich.console import Console

from quarterdeck.config import BotConfig

PIPE_WIDTH: Final = 140


def write_json(value: object) -> None:
    """Write one value as one line of JSON; exact money becomes a string."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def make_console() -> Console:
    """Make the console: colours only on a terminal, and lines that do not wrap where nobody watches."""
    return Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=PIPE_WIDTH)


def warn_of_unbuilt(config: BotConfig) -> None:
    """Say on stderr which settings of a bot nothing enforces yet; someone may rely on them."""
    if config.not_enforced:
        keys = ", ".join(config.not_enforced)
        typer.echo(f"warning: {config.path}: this version does not enforce {keys}", err=True)


def money(amount: Decimal | float | None, digits: int = 2) -> str:
    """Write an amount for people, with thousands set apart."""
    return "–" if amount is None else f"{amount:,.{digits}f}"


def quantity(amount: Decimal | float) -> str:
    """Write a quantity for people: up to 8 digits after the point, no idle zeros."""
    text = f"{amount:,.8f}".rstrip("0").rstrip(".")
    return text or "0"


def price(amount: Decimal | float) -> str:
    """Write a price for people; small prices need more digits."""
    return f"{amount:,.2f}" if abs(float(amount)) >= 1 else f"{amount:.6f}"
