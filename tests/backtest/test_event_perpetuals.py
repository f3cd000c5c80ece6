"""Perpetuals in the event backtest against sums done by hand: shorts, flips, leverage, funding, liquidation."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from msgspec.structs import replace

from quarterdeck.backtest import WIDE_LIMITS, BacktestSettings, FundingRates, Outcome
from quarterdeck.backtest.outcome import FILLED, FLIP, LIQUIDATION, OPENING, REDUCING, REJECTED, SIGNAL, STOP_LOSS
from quarterdeck.domain import MINUTE_NS, OrderSettings, RiskSettings, SizingSettings
from quarterdeck.guardrails import BITS
from tests.backtest.boards import BEGIN_NS, Row, board, flat, outcome_of

NAME = "BTC-USDT:USDT"
BUY, SELL = 1, -1
LONG_SHORT = BacktestSettings(
    cash=1_000.0,
    fee_taker=0.0,
    fee_maker=0.0,
    guardrails=None,
    sizing=SizingSettings("base", Decimal(1)),
    risk=RiskSettings(short=True),
)


def run(bars: Row, actions: dict[int, int], settings: BacktestSettings) -> Outcome:
    return outcome_of(board(bars, actions, instrument=NAME), settings)


def trades_of(outcome: Outcome) -> list[tuple[int, int, float]]:
    """Bar, side and price of each fill."""
    return [(int(row["bar"]), int(row["side"]), float(row["price_ticks"]) / 100.0) for row in outcome.fills]


def test_a_short_gains_what_the_price_falls() -> None:
    outcome = run(
        [flat(100.0), flat(100.0), flat(90.0), flat(80.0)],
        {0: SELL, 2: BUY},
        replace(LONG_SHORT, risk=RiskSettings(short=True)),
    )
    assert trades_of(outcome)[0] == (1, -1, 100.0)
    assert outcome.equity.tolist() == [1_000.0, 1_000.0, 1_010.0, 1_020.0]
    assert outcome.fills["realised"].tolist()[1] == 20.0


def test_a_sell_opens_nothing_where_shorts_are_not_wanted() -> None:
    outcome = run([flat(100.0)] * 3, {0: SELL}, replace(LONG_SHORT, risk=RiskSettings()))
    assert len(outcome.orders) == 0


def test_a_flip_closes_and_then_opens_at_the_same_open() -> None:
    outcome = run([flat(100.0), flat(100.0), flat(110.0), flat(120.0)], {0: BUY, 1: SELL}, LONG_SHORT)
    assert trades_of(outcome) == [(1, 1, 100.0), (2, -1, 110.0), (2, -1, 110.0)]
    assert outcome.orders["cause"].tolist() == [SIGNAL, SIGNAL, FLIP]
    assert outcome.orders["effect"].tolist() == [OPENING, REDUCING, OPENING]
    assert outcome.equity.tolist() == [1_000.0, 1_000.0, 1_010.0, 1_000.0]


def test_both_legs_of_a_flip_are_one_trade_to_the_cooldown() -> None:
    limits = replace(WIDE_LIMITS, cooldown_s=60.0)
    outcome = run([flat(100.0)] * 4, {0: BUY, 1: SELL}, replace(LONG_SHORT, guardrails=limits))
    assert len(outcome.refusals) == 0
    assert outcome.orders["cause"].tolist() == [SIGNAL, SIGNAL, FLIP]


def test_a_flip_ends_where_the_next_bar_does_not_close_its_first_leg() -> None:
    bars: dict[str, Row] = {
        NAME: [flat(100.0), flat(100.0), None, flat(100.0), flat(100.0)],
        "ETH-USDT:USDT": [flat(10.0)] * 5,
    }
    outcome = outcome_of(board(bars, said={NAME: {0: BUY, 1: SELL}}), LONG_SHORT)
    assert outcome.orders["cause"].tolist() == [SIGNAL, SIGNAL]


def test_leverage_lets_margin_carry_more_than_cash() -> None:
    levered = replace(LONG_SHORT, cash=60.0, risk=RiskSettings(leverage_max=2.0))
    assert run([flat(100.0)] * 2, {0: BUY}, levered).orders["state"].tolist() == [FILLED]
    plain = replace(levered, risk=RiskSettings())
    assert len(run([flat(100.0)] * 2, {0: BUY}, plain).fills) == 1  # sized down to what 60 buys
    assert run([flat(100.0)] * 2, {0: BUY}, plain).fills["qty_lots"].tolist() == [600]


def test_an_open_beyond_what_the_margin_carries_ends_the_order() -> None:
    levered = replace(LONG_SHORT, cash=50.5, risk=RiskSettings(leverage_max=2.0))
    outcome = run([flat(100.0), flat(102.0)], {0: BUY}, levered)
    assert outcome.orders["state"].tolist() == [REJECTED]


def test_funding_is_paid_by_longs_at_the_last_price_before_and_at_the_open_within_a_bar() -> None:
    at_ns = BEGIN_NS + np.array([0, 2, 2.5], dtype=np.float64) * MINUTE_NS
    rates = FundingRates(at_ns.astype(np.int64), np.array([0.5, 0.01, 0.02]))
    bars: Row = [flat(100.0), (100.0, 110.0, 100.0, 110.0), (120.0, 120.0, 100.0, 100.0), flat(100.0)]
    outcome = run(bars, {0: BUY}, replace(LONG_SHORT, funding={NAME: rates}))
    assert outcome.funding["amount"].tolist() == pytest.approx([-1.1, -2.4])  # nothing was held at the first
    assert outcome.funding["bar"].tolist() == [2, 2]
    assert outcome.equity.tolist() == pytest.approx([1_000.0, 1_010.0, 996.5, 996.5])


def test_shorts_receive_what_longs_pay() -> None:
    rates = FundingRates(np.array([BEGIN_NS + 2 * MINUTE_NS]), np.array([0.01]))
    outcome = run([flat(100.0)] * 3, {0: SELL}, replace(LONG_SHORT, funding={NAME: rates}))
    assert outcome.funding["amount"].tolist() == [1.0]


LEVERED = replace(LONG_SHORT, cash=1_000.0, maintenance=0.01, risk=RiskSettings(short=True, leverage_max=5.0))


def test_a_long_is_liquidated_where_its_margin_is_used_up() -> None:
    outcome = run([flat(100.0), flat(100.0), (95.0, 95.0, 75.0, 90.0)], {0: BUY}, LEVERED)
    level = (100.0 - 20.0) / 0.99  # 80.8080…, put on the grid below
    assert outcome.orders["cause"].tolist() == [SIGNAL, LIQUIDATION]
    assert trades_of(outcome)[1] == (2, -1, 80.8)
    assert 80.8 < level < 80.81
    assert outcome.equity[-1] == pytest.approx(1_000.0 - 19.2)


def test_a_short_is_liquidated_above() -> None:
    outcome = run([flat(100.0), flat(100.0), (105.0, 130.0, 105.0, 110.0)], {0: SELL}, LEVERED)
    assert trades_of(outcome)[1] == (2, 1, 118.82)  # 120 / 1.01 = 118.8118…
    assert outcome.equity[-1] == pytest.approx(1_000.0 - 18.82)


def test_a_liquidation_takes_no_more_than_the_margin() -> None:
    outcome = run([flat(100.0), flat(100.0), (60.0, 65.0, 50.0, 60.0)], {0: BUY}, LEVERED)
    assert trades_of(outcome)[1] == (2, -1, 60.0)  # the bar opened beyond
    assert outcome.equity[-1] == pytest.approx(1_000.0 - 20.0)


def test_a_stop_before_the_liquidation_saves_the_margin() -> None:
    settings = replace(LEVERED, risk=replace(LEVERED.risk, stop_loss=0.1))
    outcome = run([flat(100.0), flat(100.0), (95.0, 95.0, 75.0, 90.0)], {0: BUY}, settings)
    assert outcome.orders["cause"].tolist() == [SIGNAL, STOP_LOSS]
    assert trades_of(outcome)[1] == (2, -1, 90.0)


def test_levels_of_a_short_are_mirrored() -> None:
    settings = replace(LONG_SHORT, risk=RiskSettings(short=True, stop_loss=0.05, take_profit=0.1))
    up = run([flat(100.0), flat(100.0), (100.0, 106.0, 89.0, 100.0)], {0: SELL}, settings)
    down = run([flat(100.0), flat(100.0), (100.0, 104.0, 89.0, 100.0)], {0: SELL}, settings)
    assert (trades_of(up)[1], trades_of(down)[1]) == ((2, 1, 105.0), (2, 1, 90.0))


def test_a_short_limit_entry_waits_above_the_price() -> None:
    settings = replace(LONG_SHORT, orders=OrderSettings("limit", 0.01))
    outcome = run([flat(100.0), (100.0, 101.0, 100.0, 100.0), (100.0, 101.01, 100.0, 100.0)], {0: SELL}, settings)
    assert trades_of(outcome) == [(2, -1, 101.0)]


def test_leverage_beyond_the_limit_is_refused_by_name() -> None:
    limits = replace(WIDE_LIMITS, leverage_max=3.0)
    outcome = run([flat(100.0)] * 3, {0: BUY}, replace(LEVERED, guardrails=limits))
    assert outcome.refusals["failed"].tolist() == [1 << BITS["E11"]]
