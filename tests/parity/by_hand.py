"""Small boards written down bar by bar, and every way there is to run a backtest on them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final

import numpy as np
import pytest
from msgspec.structs import replace

from quarterdeck.backtest import WIDE_LIMITS, BacktestSettings, Board, Outcome, bot_of, run_event
from quarterdeck.backtest.kernel import run_kernel
from quarterdeck.domain import MINUTE_NS, GuardrailSettings, SizingSettings
from quarterdeck.guardrails import BITS
from tests.parity.reference.backtest import run_reference
from tests.parity.reference.outcome import outcome_of

BEGIN_NS: Final = 1_700_006_400 * 1_000_000_000  # a full UTC day
BTC, ETH, PERPETUAL = "BTC-USDT", "ETH-USDT", "BTC-USDT:USDT"
BUY, SELL = 1, -1

Row = tuple[float, float, float, float, int]
"""Open, high, low, close, and what the strategy says on the close."""
NO_BAR: Final[Row] = (math.nan, math.nan, math.nan, math.nan, 0)


def _reference(board: Board, settings: BacktestSettings) -> Outcome:
    return outcome_of(run_reference(board, settings))


def _event(board: Board, settings: BacktestSettings) -> Outcome:
    return run_event(board, bot_of(settings, board), settings)


def _kernel(board: Board, settings: BacktestSettings) -> Outcome:
    return run_kernel(board, bot_of(settings, board), settings)


ENGINES: Final[dict[str, Callable[[Board, BacktestSettings], Outcome]]] = {
    "reference": _reference,
    "event": _event,
    "kernel": _kernel,
}
every_engine: Final = pytest.mark.parametrize("engine", list(ENGINES))


def board(
    rows: Sequence[Row] | Mapping[str, Sequence[Row]],
    *,
    minutes: int = 1,
    tick: float = 0.01,
    lot: float = 0.001,
    begin_ns: int = BEGIN_NS,
) -> Board:
    """Lay bars side by side; rows alone are of BTC-USDT."""
    by_name = dict(rows) if isinstance(rows, Mapping) else {BTC: rows}
    names = sorted(by_name)
    prices = np.array([[row[:4] for row in by_name[name]] for name in names], dtype=np.float64)
    action = np.array([[row[4] for row in by_name[name]] for name in names], dtype=np.int8)
    bars = action.shape[1]
    return Board(
        instruments=tuple(names),
        timeframe_ns=minutes * MINUTE_NS,
        opened_at_ns=begin_ns + np.arange(bars, dtype=np.int64) * minutes * MINUTE_NS,
        open=prices[:, :, 0].copy(),
        high=prices[:, :, 1].copy(),
        low=prices[:, :, 2].copy(),
        close=prices[:, :, 3].copy(),
        action=action,
        confidence=None,
        price_step=(tick,) * len(names),
        lot=(lot,) * len(names),
    )


def flat(price: float, action: int = 0) -> Row:
    """Give a bar that does not move."""
    return (price, price, price, price, action)


def units(qty: float, entries_max: int = 1) -> SizingSettings:
    """Ask for a base quantity at each entry."""
    return SizingSettings(kind="base", value=Decimal(repr(qty)), entries_max=entries_max)


PLAIN: Final = BacktestSettings(cash=1000.0, fee_taker=0.0, fee_maker=0.0, guardrails=None, sizing=units(1))


def told(**changes: object) -> BacktestSettings:
    """Give settings under which nothing costs anything and nothing refuses, but for what is said."""
    return replace(PLAIN, **changes)


def limits(**thresholds: object) -> GuardrailSettings:
    """Give guardrails of which only those named can refuse."""
    return replace(WIDE_LIMITS, **thresholds)


def fills(outcome: Outcome) -> list[tuple[int, int, int, float]]:
    """List the fills: bar, side, lots, price in ticks."""
    columns = [outcome.fills[name].tolist() for name in ("bar", "side", "qty_lots", "price_ticks")]
    return list(zip(*columns, strict=True))


def refusals(outcome: Outcome) -> list[tuple[int, set[str]]]:
    """List the refusals: bar, and the rules that refused."""
    bars, masks = outcome.refusals["bar"].tolist(), outcome.refusals["failed"].tolist()
    return [
        (bar, {rule for rule, bit in BITS.items() if mask >> bit & 1}) for bar, mask in zip(bars, masks, strict=True)
    ]


def states(outcome: Outcome) -> list[int]:
    """List how the orders stand in the end."""
    return list(outcome.orders["state"].tolist())
