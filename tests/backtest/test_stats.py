"""The figures, against formulas worked out in another way and cases by hand."""

import datetime as dt
import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.backtest import FORMULAS, Board, Outcome, Statistics
from quarterdeck.backtest.stats import buy_and_hold, drawdown_of, filled_forward, period_returns, statistics_of
from quarterdeck.backtest.trades import round_trips
from tests.backtest.made_outcomes import CASH, DAY_NS, HOUR_NS, START_NS, Done, board_of_closes, outcome_of

NOTHING: list[Done] = []


def _stats(board: Board, outcome: Outcome) -> Statistics:
    return statistics_of(board, outcome, round_trips(board, outcome), CASH)


def _with_equity(board: Board, equity: list[float]) -> Outcome:
    blank = outcome_of(board, NOTHING)
    curve = np.array(equity)
    peak = np.maximum.accumulate(curve)
    return Outcome(blank.orders, blank.fills, blank.refusals, blank.funding, curve, float((1.0 - curve / peak).max()))


def _returns_by_day(board: Board, equity: list[float]) -> list[float]:
    """Group by calendar day in the plainest way: the last equity of each day, days without bars carried on."""
    ends: dict[dt.date, float] = {}
    for opened, worth in zip(board.opened_at_ns.tolist(), equity, strict=True):
        closes_ns = opened + board.timeframe_ns - 1  # a bar that closes at midnight belongs to the day that ends
        ends[dt.datetime.fromtimestamp(closes_ns // 10**9, dt.UTC).date()] = worth
    day = dt.datetime.fromtimestamp(int(board.opened_at_ns[0]) // 10**9, dt.UTC).date()
    worth, returns = CASH, []
    while day <= max(ends):
        returns.append(ends.get(day, worth) / worth - 1.0)
        worth = ends.get(day, worth)
        day += dt.timedelta(days=1)
    return returns


@given(
    moves=st.lists(st.floats(-0.05, 0.06), min_size=60, max_size=200),
    gap=st.integers(0, 60),
    begins=st.integers(0, 23),
)
def test_ratios_follow_from_the_returns_of_utc_days(moves: list[float], gap: int, begins: int) -> None:
    equity = (CASH * np.cumprod(1.0 + np.array([0.0, *moves]))).tolist()
    half = len(equity) // 2
    opened = [START_NS + (begins + bar + (gap if bar > half else 0)) * HOUR_NS for bar in range(len(equity))]
    board = board_of_closes([100.0] * len(equity), opened_at_ns=opened)
    stats = _stats(board, _with_equity(board, equity))
    returns = _returns_by_day(board, equity)
    assert period_returns(board, np.array(equity), CASH)[0].tolist() == pytest.approx(returns, abs=1e-12)
    deviation = statistics.stdev(returns)
    downside = math.sqrt(sum(min(one, 0.0) ** 2 for one in returns) / len(returns))
    assert stats.volatility == pytest.approx(deviation * math.sqrt(365))
    if deviation > 1e-12:
        assert stats.sharpe == pytest.approx(statistics.fmean(returns) / deviation * math.sqrt(365))
    if downside > 1e-12:
        assert stats.sortino == pytest.approx(statistics.fmean(returns) / downside * math.sqrt(365))


def test_growth_is_compounded_to_years_of_365_days() -> None:
    board = board_of_closes([100.0] * 730, timeframe_ns=DAY_NS)
    stats = _stats(board, _with_equity(board, np.linspace(CASH, CASH * 1.21, 730).tolist()))
    assert stats.total_return == pytest.approx(0.21)
    assert stats.cagr == pytest.approx(0.10)
    assert stats.final_equity == pytest.approx(12_100.0)


def test_a_drawdown_is_the_deepest_fall_from_the_highest_before() -> None:
    equity = np.array([100.0, 120.0, 90.0, 130.0, 117.0])
    assert drawdown_of(equity).tolist() == pytest.approx([0.0, 0.0, 0.25, 0.0, 0.1])
    board = board_of_closes([1.0] * 5, timeframe_ns=DAY_NS)
    stats = _stats(board, _with_equity(board, (equity * 100).tolist()))
    assert stats.drawdown_max == pytest.approx(0.25)
    assert stats.calmar == pytest.approx(stats.cagr / 0.25)


def test_trades_are_counted_when_they_are_closed() -> None:
    board = board_of_closes([100.0, 100.0, 110.0, 110.0, 105.0, 105.0, 120.0, 120.0])
    fills = [
        *(Done(1, +1, 1000, 100.0, fee=0.0), Done(3, -1, 1000, 110.0, fee=0.0)),  # +10
        *(Done(4, +1, 1000, 110.0, fee=0.0), Done(5, -1, 1000, 105.0, fee=0.0)),  # -5
        Done(6, +1, 1000, 105.0, fee=1.0),
    ]
    stats = _stats(board, outcome_of(board, fills))
    assert (stats.trades, stats.trades_open) == (2, 1)
    assert stats.win_rate == 0.5
    assert stats.profit_factor == 2.0
    assert stats.profit_mean == pytest.approx(2.5)
    assert stats.bars_mean == pytest.approx(1.5)
    assert stats.fees == 1.0
    assert stats.exposure == (2 + 1 + 2) / 8


def test_bars_held_by_two_instruments_at_once_count_once_for_exposure() -> None:
    board = board_of_closes([[100.0] * 10, [50.0] * 10])
    fills = [
        *(Done(1, +1, 1000, 100.0), Done(4, -1, 1000, 100.0)),
        *(Done(3, +1, 1000, 50.0, instrument=1), Done(6, -1, 1000, 50.0, instrument=1)),
        *(Done(8, +1, 1000, 50.0, instrument=1), Done(9, -1, 1000, 50.0, instrument=1)),
    ]
    assert _stats(board, outcome_of(board, fills)).exposure == 0.6


def test_without_trades_what_has_no_answer_is_nan_and_the_rest_is_nothing() -> None:
    board = board_of_closes([100.0] * 100)
    stats = _stats(board, outcome_of(board, NOTHING))
    nothing = (stats.total_return, stats.cagr, stats.drawdown_max, stats.fees, stats.exposure, stats.trades)
    assert nothing == (0.0, 0.0, 0.0, 0.0, 0.0, 0)
    unknown = (stats.sharpe, stats.sortino, stats.calmar, stats.profit_factor, stats.win_rate, stats.profit_mean)
    assert all(math.isnan(one) for one in unknown)
    assert stats.volatility == 0.0


def test_one_bar_has_a_return_but_no_ratio() -> None:
    board = board_of_closes([100.0])
    stats = _stats(board, outcome_of(board, NOTHING))
    assert (stats.total_return, stats.exposure, stats.benchmark_return) == (0.0, 0.0, 0.0)
    assert math.isnan(stats.sharpe)
    assert math.isnan(stats.volatility)


def test_a_gain_too_short_to_annualise_has_no_answer() -> None:
    board = board_of_closes([1.0, 1.0], timeframe_ns=60_000_000_000)
    stats = _stats(board, _with_equity(board, [CASH, CASH * 10.0]))
    assert math.isnan(stats.cagr)
    assert stats.total_return == pytest.approx(9.0)


def test_when_nothing_is_left_growth_is_total_loss_and_ratios_have_no_answer() -> None:
    board = board_of_closes([1.0] * 4, timeframe_ns=DAY_NS)
    outcome = outcome_of(board, NOTHING)
    gone = Outcome(
        outcome.orders, outcome.fills, outcome.refusals, outcome.funding, np.array([CASH, 0.0, 0.0, 0.0]), 1.0
    )
    stats = _stats(board, gone)
    assert (stats.total_return, stats.cagr, stats.drawdown_max) == (-1.0, -1.0, 1.0)
    assert math.isnan(stats.sharpe)


def test_buy_and_hold_spreads_the_cash_evenly_from_each_first_open() -> None:
    nan = math.nan
    board = board_of_closes([[100.0, 110.0, nan, 150.0], [nan, 20.0, 10.0, 10.0]])
    assert buy_and_hold(board, 1000.0).tolist() == pytest.approx([1000.0, 1050.0, 800.0, 1000.0])


def test_a_missing_price_is_the_one_before() -> None:
    nan = math.nan
    assert filled_forward(np.array([1.0, nan, nan, 4.0, nan])).tolist() == [1.0, 1.0, 1.0, 4.0, 4.0]


def test_bars_longer_than_a_day_are_periods_of_their_own() -> None:
    board = board_of_closes([1.0] * 5, timeframe_ns=7 * DAY_NS)
    returns, per_year = period_returns(board, np.array([1.0, 1.1, 1.1, 1.2, 1.2]) * CASH, CASH)
    assert returns.tolist() == pytest.approx([0.0, 0.1, 0.0, 1.2 / 1.1 - 1.0, 0.0])
    assert per_year == pytest.approx(365 / 7)


def test_every_figure_has_its_formula_and_is_read_by_name() -> None:
    board = board_of_closes([100.0] * 3)
    stats = _stats(board, outcome_of(board, NOTHING))
    assert list(FORMULAS) == list(stats) == list(stats.keys())
    assert stats["final_equity"] == stats.final_equity
    assert dict(stats)["trades"] == 0
    with pytest.raises(KeyError, match="no statistic 'sharp'"):
        stats["sharp"]
