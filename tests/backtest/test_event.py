"""The event backtest against sums done by hand, from section 7 of the design."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest
from msgspec.structs import replace

from quarterdeck.backtest import WIDE_LIMITS, BacktestSettings, Outcome
from quarterdeck.backtest.outcome import (
    CANCELLED,
    FILLED,
    MAKER,
    REJECTED,
    STOP_LOSS,
    TAKE_PROFIT,
    TRAILING_STOP,
    WORKING,
)
from quarterdeck.domain import MINUTE_NS, OrderSettings, RiskSettings, SizingSettings
from quarterdeck.guardrails import BITS
from tests.backtest.boards import BEGIN_NS, Bar, Row, board, flat, outcome_of

PLAIN = BacktestSettings(
    cash=10_000.0,
    fee_taker=0.001,
    guardrails=None,
    sizing=SizingSettings("base", Decimal(1)),
    risk=RiskSettings(),
    order_timeout_min=0.0,
)
BUY, SELL = 1, -1
Fill = tuple[int, int, float, float]
Rows = Mapping[str, Row]


def fills_of(outcome: Outcome, tick: float = 0.01) -> list[Fill]:
    """Bar, side, price and fee of each fill."""
    return [
        (int(row["bar"]), int(row["side"]), round(float(row["price_ticks"]) * tick, 9), float(row["fee"]))
        for row in outcome.fills
    ]


def causes_of(outcome: Outcome) -> list[int]:
    return [int(cause) for cause in outcome.orders["cause"]]


def test_a_signal_on_a_close_fills_at_the_next_open() -> None:
    outcome = outcome_of(board([flat(100.0), (101.0, 103.0, 100.0, 102.0), flat(104.0)], {0: BUY, 1: SELL}), PLAIN)
    assert fills_of(outcome) == [(1, 1, 101.0, 0.101), (2, -1, 104.0, 0.104)]
    assert outcome.equity == pytest.approx(
        [10_000.0, 10_000.0 - 101.101 + 102.0, 10_000.0 - 101.101 + 103.896], abs=1e-9
    )
    assert outcome.fills["realised"].tolist() == [0.0, 3.0]


def test_slippage_is_paid_both_ways_and_put_on_the_grid_against_us() -> None:
    bars = [flat(100.0), flat(100.0), flat(100.0)]
    outcome = outcome_of(board(bars, {0: BUY, 1: SELL}), replace(PLAIN, slippage_bps=0.5))
    assert [price for _, _, price, _ in fills_of(outcome)] == [100.01, 99.99]  # 100.005 and 99.995 lie between ticks


def test_what_is_left_at_the_end_stays_open_at_the_last_close() -> None:
    outcome = outcome_of(board([flat(100.0), flat(100.0), (100.0, 120.0, 90.0, 110.0)], {0: BUY}), PLAIN)
    assert outcome.equity[-1] == pytest.approx(10_000.0 - 100.1 + 110.0)
    assert len(outcome.orders) == 1


def test_an_order_of_the_last_close_is_left_working() -> None:
    outcome = outcome_of(board([flat(100.0), flat(100.0)], {1: BUY}), PLAIN)
    assert outcome.orders["state"].tolist() == [WORKING]
    assert len(outcome.fills) == 0


def test_cash_that_is_short_at_the_open_rejects_the_order() -> None:
    rich = replace(PLAIN, cash=100.15)
    assert outcome_of(board([flat(100.0), flat(100.0)], {0: BUY}), rich).orders["state"].tolist() == [FILLED]
    assert outcome_of(board([flat(100.0), flat(101.0)], {0: BUY}), rich).orders["state"].tolist() == [REJECTED]


def test_equity_and_drawdown_are_those_of_the_closes() -> None:
    closes = [100.0, 100.0, 150.0, 120.0, 130.0]
    outcome = outcome_of(board([flat(price) for price in closes], {0: BUY}), replace(PLAIN, cash=1000.0, fee_taker=0.0))
    assert outcome.equity.tolist() == [1000.0, 1000.0, 1050.0, 1020.0, 1030.0]
    assert outcome.drawdown_max == pytest.approx(30.0 / 1050.0)


STOPPED = replace(PLAIN, fee_taker=0.0, risk=RiskSettings(stop_loss=0.05, take_profit=0.10))


@pytest.mark.parametrize(
    ("bar", "cause", "price"),
    [
        ((100.0, 104.0, 94.0, 96.0), STOP_LOSS, 95.0),
        ((100.0, 111.0, 99.0, 105.0), TAKE_PROFIT, 110.0),
        ((100.0, 111.0, 94.0, 105.0), STOP_LOSS, 95.0),  # both touched: the stop first
        ((90.0, 96.0, 89.0, 95.0), STOP_LOSS, 90.0),  # opened beyond
        ((115.0, 116.0, 114.0, 115.0), TAKE_PROFIT, 115.0),
    ],
)
def test_stops_and_targets_are_met_inside_the_bar(bar: Bar, cause: int, price: float) -> None:
    outcome = outcome_of(board([flat(100.0), flat(100.0), bar, flat(100.0)], {0: BUY}), STOPPED)
    assert causes_of(outcome) == [0, cause]
    assert fills_of(outcome)[1] == (2, -1, price, 0.0)


def test_a_stop_just_out_of_reach_is_not_met() -> None:
    outcome = outcome_of(board([flat(100.0), flat(100.0), (100.0, 100.0, 95.01, 99.0)], {0: BUY}), STOPPED)
    assert causes_of(outcome) == [0]


def test_an_exit_at_a_level_slips_beyond_it() -> None:
    bars = [flat(100.0), flat(100.0), (100.0, 104.0, 94.0, 96.0)]
    outcome = outcome_of(board(bars, {0: BUY}), replace(STOPPED, slippage_bps=10.0))
    entry = 100.1
    assert fills_of(outcome)[1][2] == pytest.approx(0.01 * int(entry * 0.95 * (1.0 - 0.001) * 100.0 + 1e-9))


def test_a_trailing_stop_follows_the_highest_close() -> None:
    bars = [flat(100.0), flat(100.0), (100.0, 130.0, 100.0, 120.0), (119.0, 119.0, 107.0, 110.0)]
    outcome = outcome_of(board(bars, {0: BUY}), replace(PLAIN, fee_taker=0.0, risk=RiskSettings(trailing_stop=0.1)))
    assert causes_of(outcome) == [0, TRAILING_STOP]
    assert fills_of(outcome)[1] == (3, -1, 108.0, 0.0)  # a tenth below the close of 120, not below the high of 130


LIMIT = replace(PLAIN, fee_maker=0.0005, orders=OrderSettings("limit", 0.01))


def test_a_limit_entry_fills_at_its_price_where_a_bar_trades_through_it() -> None:
    bars = [flat(100.0), (100.0, 100.0, 99.0, 100.0), (100.0, 100.0, 98.99, 100.0)]
    outcome = outcome_of(board(bars, {0: BUY}), LIMIT)
    assert fills_of(outcome) == [(2, 1, 99.0, 0.0495)]  # the bar before only touched it
    assert outcome.fills["liquidity"].tolist() == [MAKER]


def test_a_limit_entry_that_the_open_lies_beyond_fills_at_its_price_as_maker() -> None:
    outcome = outcome_of(board([flat(100.0), flat(98.0)], {0: BUY}), LIMIT)
    assert fills_of(outcome) == [(1, 1, 99.0, 0.0495)]
    assert outcome.fills["at_ns"].tolist() == [BEGIN_NS + MINUTE_NS]


def test_an_open_that_only_touches_a_limit_entry_leaves_it_waiting() -> None:
    outcome = outcome_of(board([flat(100.0), flat(99.0), (99.0, 99.0, 98.99, 99.0)], {0: BUY}), LIMIT)
    assert [(bar, price) for bar, _, price, _ in fills_of(outcome)] == [(2, 99.0)]
    assert outcome.fills["at_ns"].tolist() == [BEGIN_NS + 3 * MINUTE_NS]  # inside of the bar, known at its close


def test_a_limit_entry_is_cancelled_when_its_time_is_over() -> None:
    bars = [flat(100.0)] * 14
    outcome = outcome_of(board([*bars, flat(90.0)], {0: BUY}), replace(LIMIT, order_timeout_min=10.0))
    assert outcome.orders["state"].tolist() == [CANCELLED]


def test_a_stop_is_looked_at_in_the_very_bar_that_filled_the_entry() -> None:
    settings = replace(LIMIT, fee_maker=0.0, fee_taker=0.0, risk=RiskSettings(stop_loss=0.05))
    outcome = outcome_of(board([flat(100.0), (100.0, 100.0, 90.0, 95.0)], {0: BUY}), settings)
    assert causes_of(outcome) == [0, STOP_LOSS]
    assert [(bar, price) for bar, _, price, _ in fills_of(outcome)] == [(1, 99.0), (1, 94.05)]


def test_a_target_in_the_bar_that_filled_the_entry_inside_is_passed_over() -> None:
    settings = replace(LIMIT, fee_maker=0.0, fee_taker=0.0, risk=RiskSettings(take_profit=0.02))
    bars: Row = [flat(100.0), (100.0, 103.0, 98.0, 100.0), (100.0, 102.0, 100.0, 100.0)]
    outcome = outcome_of(board(bars, {0: BUY}), settings)
    assert [(bar, price) for bar, _, price, _ in fills_of(outcome)] == [(1, 99.0), (2, 100.98)]
    opened_beyond: Row = [flat(100.0), (98.0, 103.0, 98.0, 100.0)]
    outcome = outcome_of(board(opened_beyond, {0: BUY}), settings)  # filled at the open: all that came after counts
    assert [(bar, price) for bar, _, price, _ in fills_of(outcome)] == [(1, 99.0), (1, 100.98)]


def test_an_exit_cancels_the_entry_that_still_waits() -> None:
    settings = replace(LIMIT, sizing=SizingSettings("base", Decimal(1), entries_max=2))
    bars = [flat(100.0), (100.0, 100.0, 98.0, 100.0), flat(100.0), flat(100.0), flat(90.0)]
    outcome = outcome_of(board(bars, {0: BUY, 2: BUY, 3: SELL}), settings)
    assert outcome.orders["state"].tolist() == [FILLED, CANCELLED, FILLED]


def test_exits_come_before_entries_and_instruments_in_canonical_order() -> None:
    bars: Rows = {"ETH-USD": [flat(10.0)] * 4, "BTC-USD": [flat(100.0)] * 4, "ADA-USD": [flat(1.0)] * 4}
    actions = {"ADA-USD": {0: BUY, 1: BUY}, "BTC-USD": {1: BUY}, "ETH-USD": {0: BUY, 1: SELL}}
    outcome = outcome_of(board(bars, said=actions), PLAIN)
    assert [(int(row["instrument"]), int(row["side"])) for row in outcome.orders] == [(0, 1), (2, 1), (2, -1), (1, 1)]


def test_guardrails_refuse_by_name() -> None:
    settings = replace(PLAIN, guardrails=replace(WIDE_LIMITS, cooldown_s=90.0))
    outcome = outcome_of(board([flat(100.0)] * 4, {0: BUY, 1: SELL, 2: BUY}), settings)
    refused = outcome.refusals
    assert refused["failed"].tolist() == [1 << BITS["G8"]]
    assert (refused["bar"][0], refused["side"][0], refused["instrument"][0]) == (2, 1, 0)


def test_what_is_held_is_worth_its_last_close_however_old() -> None:
    bars: Rows = {"BTC-USD": [flat(100.0), flat(100.0), flat(110.0), None, None], "ETH-USD": [flat(10.0)] * 5}
    outcome = outcome_of(board(bars, said={"BTC-USD": {0: BUY}}), replace(PLAIN, fee_taker=0.0))
    assert outcome.equity.tolist() == [10_000.0, 10_000.0, 10_010.0, 10_010.0, 10_010.0]


def test_a_gap_makes_the_worth_of_what_is_held_unknown_and_opening_is_refused() -> None:
    bars: Rows = {"BTC-USD": [flat(100.0), flat(100.0), *[None] * 4], "ETH-USD": [flat(10.0)] * 6}
    settings = replace(PLAIN, guardrails=WIDE_LIMITS)
    young, old = ({"BTC-USD": {0: BUY}, "ETH-USD": {bar: BUY}} for bar in (3, 4))  # two bars later, and three
    assert len(outcome_of(board(bars, said=young), settings).refusals) == 0
    refusals = outcome_of(board(bars, said=old), settings).refusals
    assert [bool(failed >> BITS["G4"] & 1) for failed in refusals["failed"].tolist()] == [True]
    assert len(outcome_of(board(bars, said=old), PLAIN).refusals) == 0  # with guardrails off no price is too old
