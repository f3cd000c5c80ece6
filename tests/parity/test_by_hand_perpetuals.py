"""Perpetuals by hand: shorts, leverage, flips, funding and liquidation, the same in every engine."""

from __future__ import annotations

import numpy as np
import pytest

from quarterdeck.backtest import FundingRates, Outcome
from quarterdeck.backtest.outcome import FLIP, LIQUIDATION, OPENING, REDUCING, SIGNAL, STOP_LOSS
from quarterdeck.domain import MINUTE_NS, OrderSettings, RiskSettings
from tests.parity.by_hand import (
    BEGIN_NS,
    BTC,
    BUY,
    ENGINES,
    PERPETUAL,
    SELL,
    Row,
    board,
    every_engine,
    fills,
    flat,
    limits,
    refusals,
    told,
    units,
)


def play(engine: str, rows: list[Row], *, minutes: int = 1, **changes: object) -> Outcome:
    """Play bars of one perpetual."""
    return ENGINES[engine](board({PERPETUAL: rows}, minutes=minutes), told(**changes))


def paid_at(*minutes: float, rate: float) -> dict[str, FundingRates]:
    """Let longs pay a rate so many minutes after the beginning."""
    at_ns = np.array([BEGIN_NS + int(minute * MINUTE_NS) for minute in minutes], dtype=np.int64)
    return {PERPETUAL: FundingRates(at_ns, np.full(len(minutes), rate))}


@every_engine
def test_a_perpetual_moves_cash_by_profit_and_fees_alone(engine: str) -> None:
    # Bought at 100 with a margin of 50, 10 up at 110, sold at 120: 1,000 - 0.1 + 20 - 0.12.
    rows = [flat(100, BUY), (100, 110, 100, 110, SELL), flat(120)]
    outcome = play(engine, rows, fee_taker=0.001, risk=RiskSettings(leverage_max=2.0))
    assert outcome.equity.tolist() == pytest.approx([1000.0, 1009.9, 1019.78], abs=1e-9)
    assert outcome.fills["realised"].tolist() == pytest.approx([0.0, 20.0], abs=1e-9)


@every_engine
def test_leverage_multiplies_what_the_cash_affords(engine: str) -> None:
    # A lot of 0.1 needs 0.02 of 100: 5,000 of the 9,000 lots that were asked for.
    outcome = play(engine, [flat(100, BUY)], cash=100.0, sizing=units(9), risk=RiskSettings(leverage_max=5.0))
    assert outcome.orders["qty_lots"].tolist() == [5000]


@every_engine
def test_margin_is_not_there_for_spot(engine: str) -> None:
    rows = {BTC: [flat(100), flat(100, BUY), flat(100)], PERPETUAL: [flat(100, BUY), flat(100), flat(100)]}
    outcome = ENGINES[engine](board(rows), told(cash=100.0, risk=RiskSettings(leverage_max=2.0)))
    assert outcome.orders["qty_lots"].tolist() == [1000, 500]


@every_engine
def test_a_sell_opens_a_short_only_where_that_is_allowed(engine: str) -> None:
    rows = [flat(100, SELL), flat(100), flat(90)]
    assert len(play(engine, rows).orders) == 0
    outcome = play(engine, rows, risk=RiskSettings(short=True))
    assert fills(outcome) == [(1, SELL, 1000, 10000)]
    assert outcome.equity.tolist() == pytest.approx([1000, 1000, 1010], abs=1e-9)


@every_engine
def test_a_flip_closes_and_then_opens_at_the_same_open(engine: str) -> None:
    # Short at 100, bought back at 80 with 20 of profit, long at 80, 5 up at 85.
    rows = [flat(100, SELL), flat(100, BUY), (80, 85, 80, 85, 0)]
    outcome = play(engine, rows, risk=RiskSettings(short=True))
    assert fills(outcome) == [(1, SELL, 1000, 10000), (2, BUY, 1000, 8000), (2, BUY, 1000, 8000)]
    assert outcome.orders["cause"].tolist() == [SIGNAL, SIGNAL, FLIP]
    assert outcome.orders["effect"].tolist() == [OPENING, REDUCING, OPENING]
    assert outcome.orders["planned_at_ns"].tolist()[1:] == [BEGIN_NS + 2 * MINUTE_NS] * 2
    assert outcome.equity[-1] == pytest.approx(1025.0, abs=1e-9)


@every_engine
def test_the_second_leg_of_a_flip_may_rest_as_a_limit_order(engine: str) -> None:
    # Closed at the open of 80, it asks for 79.2, which that bar trades through.
    rows = [flat(100, SELL), (100, 102, 100, 100, 0), flat(100, BUY), (80, 80, 79, 80, 0)]
    outcome = play(engine, rows, risk=RiskSettings(short=True), orders=OrderSettings("limit", 0.01))
    assert fills(outcome) == [(1, SELL, 1000, 10100), (3, BUY, 1000, 8000), (3, BUY, 1000, 7920)]


@every_engine
def test_g9_counts_both_legs_of_a_flip_once(engine: str) -> None:
    rows = [flat(100, BUY), flat(100, SELL), flat(100)]
    short = RiskSettings(short=True)
    assert refusals(play(engine, rows, risk=short, guardrails=limits(trades_max=2, trades_window_min=5))) == []
    outcome = play(engine, rows, risk=short, guardrails=limits(trades_max=1, trades_window_min=5))
    assert refusals(outcome) == [(2, {"G9"})]
    assert outcome.refusals["cause"].tolist() == [FLIP]


@every_engine
def test_g8_does_not_count_the_first_leg_against_the_second(engine: str) -> None:
    rows = [flat(100, BUY), flat(100, SELL), flat(100)]
    short = RiskSettings(short=True)
    assert refusals(play(engine, rows, risk=short, guardrails=limits(cooldown_s=60.0))) == []
    assert refusals(play(engine, rows, risk=short, guardrails=limits(cooldown_s=61.0))) == [(2, {"G8"})]


@every_engine
def test_e6_does_not_take_the_second_leg_for_a_duplicate(engine: str) -> None:
    rows = [flat(100, BUY), flat(100, SELL), flat(100)]
    outcome = play(engine, rows, risk=RiskSettings(short=True), guardrails=limits(duplicate_window_s=5.0))
    assert len(outcome.orders) == 3


@every_engine
def test_a_flip_whose_first_leg_was_cut_ends(engine: str) -> None:
    # E3 lets half of the position go at a time, and what is left keeps the other side from opening.
    rows = [flat(100, BUY), flat(100, BUY), flat(100, SELL), flat(100), flat(100)]
    guards = limits(qty_max={PERPETUAL: 0.5})
    outcome = play(engine, rows, sizing=units(0.5, entries_max=2), risk=RiskSettings(short=True), guardrails=guards)
    assert fills(outcome) == [(1, BUY, 500, 10000), (2, BUY, 500, 10000), (3, SELL, 500, 10000)]


@every_engine
def test_the_levels_of_a_short_are_mirrored(engine: str) -> None:
    risk = RiskSettings(stop_loss=0.02, take_profit=0.03, short=True)
    both = [flat(100, SELL), (100, 103, 96, 100, 0)]
    outcome = play(engine, both, risk=risk)
    assert fills(outcome)[1:] == [(1, BUY, 1000, 10200)]
    assert outcome.orders["cause"].tolist()[1] == STOP_LOSS
    assert fills(play(engine, [flat(100, SELL), (100, 101, 97, 100, 0)], risk=risk))[1][3] == 9700
    gap = [flat(100, SELL), flat(100), (105, 106, 104, 105, 0)]
    assert fills(play(engine, gap, risk=risk))[1][3] == 10500


@every_engine
def test_the_trailing_stop_of_a_short_follows_its_lowest_close(engine: str) -> None:
    rows = [flat(100, SELL), (100, 100, 85, 90, 0), (90, 94.49, 90, 93, 0), (93, 94.5, 93, 94, 0)]
    outcome = play(engine, rows, risk=RiskSettings(trailing_stop=0.05, short=True))
    assert fills(outcome)[1:] == [(3, BUY, 1000, 9450)]


@every_engine
def test_e11_refuses_leverage_beyond_its_limit(engine: str) -> None:
    rows = [flat(100, BUY), flat(100)]
    assert refusals(play(engine, rows, risk=RiskSettings(leverage_max=3.0), guardrails=limits(leverage_max=3.0))) == []
    outcome = play(engine, rows, risk=RiskSettings(leverage_max=4.0), guardrails=limits(leverage_max=3.0))
    assert refusals(outcome) == [(0, {"E11"})]


@every_engine
@pytest.mark.parametrize(
    ("side", "stop", "passes"),
    [(BUY, 0.1649, True), (BUY, 0.165, False), (SELL, 0.1633, True), (SELL, 0.1634, False), (BUY, None, False)],
)
def test_e12_wants_liquidation_two_stops_away(engine: str, side: int, stop: float | None, *, passes: bool) -> None:
    # Long at 100 with a margin of 33.33: liquidated at 66.67 / 0.995 = 67.0017; short at 133.33 / 1.005 = 132.670.
    risk = RiskSettings(leverage_max=3.0, stop_loss=stop, short=True)
    outcome = play(engine, [flat(100, side), flat(100)], risk=risk, guardrails=limits(liquidation_multiple_min=2.0))
    assert refusals(outcome) == ([] if passes else [(0, {"E12"})])


@every_engine
def test_g7_looks_at_the_worth_of_a_short(engine: str) -> None:
    outcome = play(
        engine,
        [flat(100, SELL), flat(100)],
        sizing=units(9),
        risk=RiskSettings(short=True),
        guardrails=limits(concentration_max=0.25),
    )
    assert outcome.orders["qty_lots"].tolist() == [2500]


@every_engine
def test_funding_is_paid_at_its_instant_at_the_price_known_then(engine: str) -> None:
    # At 02:00, where one bar ends and the next begins, the close of 110 counts; at 02:30 the open of 111.
    rows = [flat(100, BUY), (100, 110, 100, 110, 0), (111, 115, 111, 115, 0)]
    outcome = play(engine, rows, minutes=60, funding=paid_at(60, 120, 150, rate=0.01))
    assert outcome.funding["amount"].tolist() == pytest.approx([-1.1, -1.11], abs=1e-12)
    assert outcome.funding["at_ns"].tolist() == [BEGIN_NS + minute * MINUTE_NS for minute in (120, 150)]
    assert outcome.equity.tolist() == pytest.approx([1000.0, 1010.0, 1015 - 2.21], abs=1e-9)


@every_engine
def test_a_short_receives_what_a_long_pays(engine: str) -> None:
    rows = [flat(100, SELL), flat(100), flat(100)]
    outcome = play(engine, rows, minutes=60, risk=RiskSettings(short=True), funding=paid_at(90, rate=0.01))
    assert outcome.funding["amount"].tolist() == [1.0]
    assert outcome.equity[-1] == pytest.approx(1001.0, abs=1e-9)


@every_engine
def test_a_long_is_liquidated_at_maintenance_margin(engine: str) -> None:
    # Margin 50 at 100; 50 / 0.98 = 51.0204, sold at 51.02: 48.98 lost, 0.05102 of fee out of the 1.02 that are left.
    rows = [flat(100, BUY), flat(100), (100, 100, 51.02, 60, 0), flat(60)]
    outcome = play(engine, rows, fee_taker=0.001, maintenance=0.02, risk=RiskSettings(leverage_max=2.0))
    assert fills(outcome)[1:] == [(2, SELL, 1000, 5102)]
    assert outcome.orders["cause"].tolist() == [SIGNAL, LIQUIDATION]
    assert outcome.equity[-1] == pytest.approx(1000 - 0.1 - 48.98 - 0.05102, abs=1e-9)


@every_engine
def test_a_bar_that_stays_above_the_level_liquidates_nothing(engine: str) -> None:
    rows = [flat(100, BUY), flat(100), (100, 100, 51.03, 60, 0)]
    outcome = play(engine, rows, maintenance=0.02, risk=RiskSettings(leverage_max=2.0))
    assert len(outcome.fills) == 1


@every_engine
def test_a_liquidation_loses_the_margin_and_no_more(engine: str) -> None:
    # Opened at 40 the loss would be 60; the margin of 50 is gone, and nothing is left for a fee.
    rows = [flat(100, BUY), flat(100), (40, 45, 35, 45, 0)]
    outcome = play(engine, rows, fee_taker=0.001, maintenance=0.02, risk=RiskSettings(leverage_max=2.0))
    assert outcome.fills["fee"].tolist() == [0.1, 0.0]
    assert outcome.equity[-1] == pytest.approx(1000 - 0.1 - 50, abs=1e-9)


@every_engine
def test_a_short_is_liquidated_above(engine: str) -> None:
    # 150 / 1.02 = 147.0588, bought at 147.06: 47.06 lost, 0.14706 of fee.
    rows = [flat(100, SELL), flat(100), (100, 150, 100, 120, 0)]
    risk = RiskSettings(leverage_max=2.0, short=True)
    outcome = play(engine, rows, fee_taker=0.001, maintenance=0.02, risk=risk)
    assert fills(outcome)[1:] == [(2, BUY, 1000, 14706)]
    assert outcome.equity[-1] == pytest.approx(1000 - 0.1 - 47.06 - 0.14706, abs=1e-9)


@every_engine
def test_a_stop_comes_before_the_liquidation_behind_it(engine: str) -> None:
    rows = [flat(100, BUY), flat(100), (100, 100, 40, 60, 0)]
    outcome = play(engine, rows, maintenance=0.02, risk=RiskSettings(stop_loss=0.1, leverage_max=2.0))
    assert fills(outcome)[1:] == [(2, SELL, 1000, 9000)]


@every_engine
def test_a_position_at_leverage_one_is_never_liquidated_from_above(engine: str) -> None:
    rows = [flat(100, BUY), flat(100), (100, 100, 0.01, 0.01, 0)]
    assert len(play(engine, rows, maintenance=0.02).fills) == 1
