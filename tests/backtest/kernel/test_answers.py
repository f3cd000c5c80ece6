"""The kernel gives the answers that are known of the bench's walk, with guardrails and without."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import pytest

from bench.walk import ANSWERS, walk
from quarterdeck.backtest import BacktestSettings, Board, board_of, bot_of
from quarterdeck.backtest.kernel import run_kernel
from quarterdeck.domain import GuardrailSettings, SizingSettings
from quarterdeck.strategies import SmaCrossover

BARS: Final = (100_000, 1_000_000)
ADMITTING: Final = GuardrailSettings(
    order_value_max_quote=1e9,
    order_value_max_share=10.0,
    daily_loss_max=0.9,
    drawdown_max=0.9,
    loss_rate_max=0.9,
    concentration_max=10.0,
    unexecuted_max=10.0,
)


@pytest.fixture(scope="module")
def boards() -> Iterator[dict[int, Board]]:
    """The crosses of 20 and 50 bars on the walk, by how many bars of it."""
    yield {bars: board_of({"BTC-USD": walk(bars)}, SmaCrossover(), 1e-8) for bars in BARS}
    walk.__globals__["_walk"].cache_clear()  # ten million bars need not stay in memory


def settings(guardrails: GuardrailSettings | None) -> BacktestSettings:
    """One unit at a time, out of a hundred million."""
    return BacktestSettings(cash=1e8, sizing=SizingSettings("base", Decimal(1)), guardrails=guardrails)


@pytest.mark.parametrize("bars", BARS)
@pytest.mark.parametrize("guardrails", [None, ADMITTING], ids=["without", "with"])
def test_orders_and_equity_are_those_of_the_reference(
    boards: dict[int, Board], bars: int, guardrails: GuardrailSettings | None
) -> None:
    told, board = settings(guardrails), boards[bars]
    outcome = run_kernel(board, bot_of(told, board), told)
    orders, equity = ANSWERS[bars]
    assert (len(outcome.orders), len(outcome.refusals)) == (orders, 0)
    assert float(outcome.equity[-1]) == equity
