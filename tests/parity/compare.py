"""Two outcomes of one backtest, held against each other record by record."""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quarterdeck.backtest import Outcome
from quarterdeck.backtest.outcome import FILL, ORDER, PAYMENT, REFUSAL
from quarterdeck.guardrails import BITS

EQUITY_TOLERANCE: Final = 1e-9
MONEY_TOLERANCE: Final = 1e-7
_EXACT: Final = {
    "orders": ORDER.names or (),
    "fills": tuple(name for name in FILL.names or () if name not in {"fee", "realised"}),
    "refusals": REFUSAL.names or (),
    "funding": tuple(name for name in PAYMENT.names or () if name != "amount"),
}
_MONEY: Final = {"fills": ("fee", "realised"), "funding": ("amount",)}


def differences(one: Outcome, other: Outcome, *, apart_from: tuple[str, ...] = ()) -> list[str]:
    """
    Say where two outcomes differ: the first record of each table that is not the same, and equity.

    Args: the outcomes; columns that need not agree.
    """
    found = []
    for name, columns in _EXACT.items():
        found += _table(name, getattr(one, name), getattr(other, name), [c for c in columns if c not in apart_from])
    if not found:
        for name, money in _MONEY.items():
            found += [text for c in money for text in _money(name, c, getattr(one, name), getattr(other, name))]
    if "equity" not in apart_from:
        found += _equity(one.equity, other.equity)
        if not abs(one.drawdown_max - other.drawdown_max) <= EQUITY_TOLERANCE:
            found.append(f"drawdown_max: {one.drawdown_max!r} and {other.drawdown_max!r}")
    return found


def refused(outcome: Outcome) -> dict[str, int]:
    """Count the refusals by rule, as the summary of a run does; `other` are those before the guardrails."""
    counts: Counter[str] = Counter()
    for failed in outcome.refusals["failed"].tolist():
        counts.update([rule for rule, bit in BITS.items() if failed >> bit & 1] or ["other"])
    return dict(counts)


def _table(name: str, one: NDArray[np.void], other: NDArray[np.void], columns: list[str]) -> list[str]:
    both = min(len(one), len(other))
    unlike = np.zeros(both, dtype=np.bool_)
    for column in columns:
        unlike |= one[column][:both] != other[column][:both]
    if bool(unlike.any()):
        place = int(np.argmax(unlike))
        wrong = [column for column in columns if one[column][place] != other[column][place]]
        return [f"{name}[{place}] differs in {', '.join(wrong)}:\n  {_row(one[place])}\n  {_row(other[place])}"]
    if len(one) != len(other):
        longer = one if len(one) > both else other
        return [f"{name}: {len(one)} and {len(other)} of them; the first that is missing:\n  {_row(longer[both])}"]
    return []


def _row(row: np.void) -> str:
    return ", ".join(f"{name} {row[name]}" for name in row.dtype.names or ())


def _money(name: str, column: str, one: NDArray[np.void], other: NDArray[np.void]) -> list[str]:
    apart = np.abs(one[column] - other[column])
    worst = int(np.argmax(apart)) if len(apart) else 0
    if len(apart) and not apart[worst] <= MONEY_TOLERANCE * max(1.0, abs(one[column][worst])):
        return [f"{name}[{worst}].{column}: {one[column][worst]!r} and {other[column][worst]!r}"]
    return []


def _equity(one: NDArray[np.float64], other: NDArray[np.float64]) -> list[str]:
    if one.shape != other.shape:
        return [f"equity: {one.shape} and {other.shape} bars"]
    apart = np.abs(one - other) / np.maximum(np.abs(one), 1.0)
    sound = apart <= EQUITY_TOLERANCE
    if bool(sound.all()):
        return []
    place = int(np.argmin(sound))
    return [f"equity[{place}]: {one[place]!r} and {other[place]!r}"]
