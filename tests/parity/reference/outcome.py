"""The result of the reference as the records that both engines of a backtest write."""

from __future__ import annotations

import numpy as np

from quarterdeck.backtest import Outcome
from quarterdeck.backtest.outcome import FILL, ORDER, PAYMENT, REFUSAL
from tests.parity.reference.records import FILLED, Fill, Order, Refused, Result, mask_of


def outcome_of(result: Result) -> Outcome:
    """Write a result down in the tables of an `Outcome`."""
    return Outcome(
        orders=np.array([_order_row(one) for one in result.orders], dtype=ORDER),
        fills=np.array([_fill_row(one) for one in result.fills], dtype=FILL),
        refusals=np.array([_refusal_row(one) for one in result.refusals], dtype=REFUSAL),
        funding=np.array(
            [(one.at_ns, one.bar, one.instrument, float(one.amount)) for one in result.funding], dtype=PAYMENT
        ),
        equity=np.array(result.equity, dtype=np.float64),
        drawdown_max=result.drawdown_max,
    )


def _order_row(order: Order) -> tuple[int, ...]:
    return (
        order.planned_at_ns,
        order.bar,
        order.instrument.place,
        order.side,
        order.effect,
        order.cause,
        order.kind,
        order.state,
        order.lots,
        order.limit_ticks,
        order.lots if order.state == FILLED else 0,
    )


def _fill_row(fill: Fill) -> tuple[float, ...]:
    return (
        fill.at_ns,
        fill.bar,
        fill.order,
        fill.instrument,
        fill.side,
        fill.liquidity,
        fill.lots,
        fill.price_ticks,
        float(fill.fee),
        float(fill.realised),
    )


def _refusal_row(refused: Refused) -> tuple[int, ...]:
    return (
        refused.at_ns,
        refused.bar,
        refused.instrument,
        refused.side,
        refused.effect,
        refused.cause,
        mask_of(set(refused.failed)),
    )
