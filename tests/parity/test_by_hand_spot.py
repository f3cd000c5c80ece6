"""Backtests of a few bars with every figure worked out by hand, the same in every engine."""

from __future__ import annotations

import pytest

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
from quarterdeck.domain import OrderSettings, RiskSettings
from tests.parity.by_hand import (
    BTC,
    BUY,
    ENGINES,
    ETH,
    NO_BAR,
    SELL,
    Row,
    board,
    every_engine,
    fills,
    flat,
    refusals,
    states,
    told,
    units,
)


@every_engine
def test_a_signal_on_a_close_fills_at_the_next_open_with_the_taker_fee(engine: str) -> None:
    # Bought at 102 for 102.102, sold at 106 for 105.894: 1,000 - 102.102 + 105.894 = 1,003.792.
    rows = [(100, 101, 99, 100, BUY), (102, 103, 101, 102, 0), (104, 105, 103, 104, SELL), (106, 107, 105, 106, 0)]
    outcome = ENGINES[engine](board(rows), told(fee_taker=0.001))
    assert fills(outcome) == [(1, BUY, 1000, 10200), (3, SELL, 1000, 10600)]
    assert outcome.equity.tolist() == pytest.approx([1000.0, 999.898, 1001.898, 1003.792], abs=1e-9)
    assert outcome.fills["realised"].tolist() == pytest.approx([0.0, 4.0], abs=1e-9)
    assert outcome.drawdown_max == pytest.approx(0.102 / 1000.0, abs=1e-12)


@every_engine
def test_slippage_and_the_grid_both_work_against_us(engine: str) -> None:
    # 10 bps: 102 becomes 102.102, on a grid of 0.5 that is 102.5; 106 becomes 105.894, that is 105.5.
    rows = [flat(100, BUY), flat(102), flat(104, SELL), flat(106)]
    outcome = ENGINES[engine](board(rows, tick=0.5), told(slippage_bps=10.0))
    assert fills(outcome) == [(1, BUY, 1000, 205), (3, SELL, 1000, 211)]
    assert outcome.equity[-1] == pytest.approx(1000 - 102.5 + 105.5, abs=1e-9)


@every_engine
def test_a_price_that_is_on_the_grid_but_for_noise_stays_there(engine: str) -> None:
    # 0.1 + 0.2 is 3.0000000000000004 tenths; a step up for that would cost a whole tick.
    outcome = ENGINES[engine](board([flat(0.3, BUY), flat(0.1 + 0.2)], tick=0.1), told())
    assert fills(outcome) == [(1, BUY, 1000, 3)]


@every_engine
def test_a_fee_is_cut_to_1e_8(engine: str) -> None:
    # 0.123 x 33.37 = 4.10451; x 0.00075 = 0.0030783825, cut to 0.00307838.
    outcome = ENGINES[engine](board([flat(33, BUY), flat(33.37)]), told(fee_taker=0.00075, sizing=units(0.123)))
    assert outcome.fills["fee"].tolist() == [0.00307838]
    assert outcome.equity[-1] == pytest.approx(1000 - 0.00307838, abs=1e-10)


@every_engine
def test_an_order_that_the_open_makes_too_dear_is_rejected_and_can_be_tried_again(engine: str) -> None:
    # 1 unit at 99 needs 99.099 of 100; at an open of 100 it needs 100.1.
    rows = [flat(99, BUY), (100, 100, 99, 99, BUY), flat(99)]
    outcome = ENGINES[engine](board(rows), told(cash=100.0, fee_taker=0.001))
    assert states(outcome) == [REJECTED, FILLED]
    assert fills(outcome) == [(2, BUY, 1000, 9900)]
    assert outcome.equity.tolist() == pytest.approx([100.0, 100.0, 99.901], abs=1e-9)


@every_engine
def test_nothing_is_closed_at_the_end_and_an_order_of_the_last_close_stays_working(engine: str) -> None:
    outcome = ENGINES[engine](board([flat(100, BUY), flat(110, SELL)]), told())
    assert states(outcome) == [FILLED, WORKING]
    assert outcome.equity[-1] == pytest.approx(1000.0, abs=1e-9)


@every_engine
def test_a_sell_with_nothing_held_is_nothing_at_all(engine: str) -> None:
    outcome = ENGINES[engine](board([flat(100, SELL), flat(100)]), told())
    assert len(outcome.orders) == len(outcome.refusals) == 0


@every_engine
def test_a_buy_of_less_than_a_lot_is_refused_by_no_rule(engine: str) -> None:
    outcome = ENGINES[engine](board([flat(100, BUY), flat(100)], lot=1.0), told(sizing=units(0.5)))
    assert refusals(outcome) == [(0, set())]


@every_engine
def test_of_a_stop_and_a_target_in_one_bar_the_stop_counts(engine: str) -> None:
    # Bought at 100: stop 98, target 103. The bar touches both.
    rows = [flat(100, BUY), flat(100), (100, 104, 97, 101, 0), flat(101)]
    outcome = ENGINES[engine](board(rows), told(risk=RiskSettings(stop_loss=0.02, take_profit=0.03)))
    assert fills(outcome) == [(1, BUY, 1000, 10000), (2, SELL, 1000, 9800)]
    assert outcome.orders["cause"].tolist()[1] == STOP_LOSS
    assert outcome.equity.tolist() == pytest.approx([1000, 1000, 998, 998], abs=1e-9)


@every_engine
def test_a_target_is_met_at_its_price_by_touching_it(engine: str) -> None:
    rows = [flat(100, BUY), flat(100), (100, 103, 99, 101, 0)]
    outcome = ENGINES[engine](board(rows), told(risk=RiskSettings(take_profit=0.03)))
    assert fills(outcome)[1:] == [(2, SELL, 1000, 10300)]
    assert outcome.orders["cause"].tolist()[1] == TAKE_PROFIT


@every_engine
@pytest.mark.parametrize(("opened", "low", "sold_ticks"), [(95, 94, 9500), (105, 99, 10500)])
def test_a_bar_that_opens_beyond_a_level_meets_it_at_its_open(
    engine: str, opened: float, low: float, sold_ticks: int
) -> None:
    rows = [flat(100, BUY), flat(100), (opened, 106, low, 100, 0)]
    outcome = ENGINES[engine](board(rows), told(risk=RiskSettings(stop_loss=0.02, take_profit=0.03)))
    assert fills(outcome)[1:] == [(2, SELL, 1000, sold_ticks)]


@every_engine
def test_a_stop_counts_from_the_bar_of_the_entry_on(engine: str) -> None:
    rows = [flat(100, BUY), (100, 100, 97, 99, 0)]
    outcome = ENGINES[engine](board(rows), told(risk=RiskSettings(stop_loss=0.02)))
    assert fills(outcome) == [(1, BUY, 1000, 10000), (1, SELL, 1000, 9800)]


@every_engine
def test_a_trailing_stop_follows_the_closes_not_the_highs(engine: str) -> None:
    # Highs of 120 mean nothing; the close of 110 lifts the stop to 104.5.
    rows: list[Row] = [flat(100, BUY), flat(100), (100, 120, 100, 110, 0), (110, 111, 104.51, 108, 0)]
    rows.append((106, 107, 104.5, 105, 0))
    outcome = ENGINES[engine](board(rows), told(risk=RiskSettings(trailing_stop=0.05)))
    assert fills(outcome)[1:] == [(4, SELL, 1000, 10450)]
    assert outcome.orders["cause"].tolist()[1] == TRAILING_STOP


@every_engine
def test_a_limit_entry_fills_only_when_traded_through_at_its_price_as_maker(engine: str) -> None:
    # 1 % below 100 is 99; a low of 99 is not beyond it, one of 98.99 is. 99 x 0.0002 = 0.0198 of fee.
    rows = [flat(100, BUY), (100, 101, 99, 100, 0), (100, 101, 98.99, 100, 0)]
    settings = told(fee_taker=0.001, fee_maker=0.0002, orders=OrderSettings("limit", 0.01))
    outcome = ENGINES[engine](board(rows), settings)
    assert fills(outcome) == [(2, BUY, 1000, 9900)]
    assert outcome.fills["liquidity"].tolist() == [MAKER]
    assert outcome.fills["fee"].tolist() == [0.0198]
    assert outcome.equity[-1] == pytest.approx(1000 - 99 - 0.0198 + 100, abs=1e-9)


@every_engine
def test_a_limit_entry_that_the_open_lies_beyond_fills_at_its_own_price(engine: str) -> None:
    settings = told(orders=OrderSettings("limit", 0.01))
    outcome = ENGINES[engine](board([flat(100, BUY), flat(98.99)]), settings)
    assert fills(outcome) == [(1, BUY, 1000, 9900)]
    assert fills(ENGINES[engine](board([flat(100, BUY), flat(99)]), settings)) == []


@every_engine
def test_a_limit_entry_that_a_level_merely_touches_does_not_fill(engine: str) -> None:
    # Held at 75 with a stop at 56.25, where a second entry rests; the bar goes there and no further. The exit could
    # meet the entry, so that is taken back first.
    rows: list[Row] = [flat(100, BUY), (70, 75, 60, 75, BUY), (75, 75, 56.25, 75, 0)]
    settings = told(sizing=units(1, 2), orders=OrderSettings("limit", 0.25), risk=RiskSettings(stop_loss=0.25))
    outcome = ENGINES[engine](board(rows), settings)
    assert fills(outcome) == [(1, BUY, 1000, 7500), (2, SELL, 1000, 5625)]
    assert states(outcome) == [FILLED, CANCELLED, FILLED]


@every_engine
def test_a_limit_entry_is_put_on_the_grid_in_our_favour(engine: str) -> None:
    # 1 % below 101 is 99.99, on a grid of 0.5 a buyer asks for 99.5.
    outcome = ENGINES[engine](
        board([flat(101, BUY), (101, 101, 99, 100, 0)], tick=0.5), told(orders=OrderSettings("limit", 0.01))
    )
    assert fills(outcome) == [(1, BUY, 1000, 199)]


@every_engine
def test_a_limit_entry_that_waited_long_enough_is_cancelled(engine: str) -> None:
    # Planned at 00:01, over at 00:11: the bar that opens then trades through its price in vain.
    rows = [flat(100, BUY), *[flat(100) for _ in range(10)], (100, 100, 90, 95, 0)]
    outcome = ENGINES[engine](board(rows), told(orders=OrderSettings("limit", 0.01), order_timeout_min=10.0))
    assert states(outcome) == [CANCELLED]


@every_engine
def test_an_order_waits_two_bars_at_least(engine: str) -> None:
    # Ten minutes are less than a bar of an hour: it waits two.
    rows = [flat(100, BUY), flat(100), (100, 100, 90, 95, 0)]
    settings = told(orders=OrderSettings("limit", 0.01), order_timeout_min=10.0)
    assert states(ENGINES[engine](board(rows, minutes=60), settings)) == [FILLED]
    rows.insert(1, flat(100))
    assert states(ENGINES[engine](board(rows, minutes=60), settings)) == [CANCELLED]


@every_engine
def test_the_stop_of_a_limit_entry_is_looked_at_in_the_bar_that_fills_it(engine: str) -> None:
    rows = [flat(100, BUY), (100, 100, 97, 98, 0)]
    settings = told(orders=OrderSettings("limit", 0.01), risk=RiskSettings(stop_loss=0.01))
    outcome = ENGINES[engine](board(rows), settings)
    assert fills(outcome) == [(1, BUY, 1000, 9900), (1, SELL, 1000, 9801)]


@every_engine
def test_the_target_of_a_limit_entry_is_not_looked_at_in_the_bar_whose_inside_fills_it(engine: str) -> None:
    # Who bought at 99 on the way down cannot know if 103 came later. At the open it filled before everything else.
    settings = told(orders=OrderSettings("limit", 0.01), risk=RiskSettings(take_profit=0.02))
    inside: list[Row] = [flat(100, BUY), (100, 103, 98, 100, 0), flat(100), (100, 101, 100, 100, 0)]
    assert fills(ENGINES[engine](board(inside), settings)) == [(1, BUY, 1000, 9900), (3, SELL, 1000, 10098)]
    at_the_open: list[Row] = [flat(100, BUY), (98, 103, 98, 100, 0)]
    assert fills(ENGINES[engine](board(at_the_open), settings)) == [(1, BUY, 1000, 9900), (1, SELL, 1000, 10098)]


@every_engine
def test_an_exit_takes_a_resting_entry_back(engine: str) -> None:
    # The SELL finds nothing to sell, which is told as refused by no rule, and cancels the entry of the bar before.
    rows = [flat(100, BUY), flat(100, SELL), flat(90)]
    outcome = ENGINES[engine](board(rows), told(orders=OrderSettings("limit", 0.01)))
    assert states(outcome) == [CANCELLED]
    assert refusals(outcome) == [(1, set())]


@every_engine
def test_two_instruments_share_one_wallet_in_canonical_order(engine: str) -> None:
    # 1,000 pays for BTC at 600, and then for 0.4 of the ETH at 1,000.
    rows = {BTC: [flat(600, BUY), flat(600)], ETH: [flat(1000, BUY), flat(1000)]}
    outcome = ENGINES[engine](board(rows), told())
    assert outcome.orders["instrument"].tolist() == [0, 1]
    assert outcome.orders["qty_lots"].tolist() == [1000, 400]
    assert outcome.equity[-1] == pytest.approx(1000.0, abs=1e-9)


@every_engine
def test_an_exit_is_planned_before_an_entry_but_pays_for_it_only_at_the_open(engine: str) -> None:
    # BTC took all the money. At the close where ETH is to be bought with what BTC brings, nothing is free yet.
    rows = {BTC: [flat(1000, BUY), flat(1000, SELL), flat(1000), flat(1000)]}
    rows[ETH] = [flat(1000), flat(1000, BUY), flat(1000, BUY), flat(1000)]
    outcome = ENGINES[engine](board(rows), told())
    assert refusals(outcome) == [(1, {"G10"})]
    assert fills(outcome) == [(1, BUY, 1000, 100000), (2, SELL, 1000, 100000), (3, BUY, 1000, 100000)]


@every_engine
def test_an_order_waits_for_the_next_bar_of_its_instrument(engine: str) -> None:
    rows = {BTC: [flat(100, BUY), NO_BAR, flat(101)], ETH: [flat(10), flat(10), flat(10)]}
    assert fills(ENGINES[engine](board(rows), told())) == [(2, BUY, 1000, 10100)]


@every_engine
def test_equity_uses_the_last_known_close_of_what_has_no_bar(engine: str) -> None:
    rows = {BTC: [flat(100, BUY), flat(110), NO_BAR, NO_BAR, NO_BAR], ETH: [flat(10) for _ in range(5)]}
    assert ENGINES[engine](board(rows), told()).equity.tolist() == pytest.approx([1000.0] * 5, abs=1e-9)


@every_engine
def test_a_rebate_of_the_maker_is_received(engine: str) -> None:
    settings = told(fee_maker=-0.0001, orders=OrderSettings("limit", 0.01))
    outcome = ENGINES[engine](board([flat(100, BUY), flat(98)]), settings)
    assert outcome.fills["fee"].tolist() == [-0.0099]
    assert outcome.equity[-1] == pytest.approx(1000 - 99 + 0.0099 + 98, abs=1e-9)
