"""Each guardrail on its own, refusing and letting go exactly at its limit, the same in every engine."""

from __future__ import annotations

from quarterdeck.backtest import Outcome
from quarterdeck.backtest.outcome import FILLED, REJECTED
from quarterdeck.domain import OrderSettings, RiskSettings, SizingSettings
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
    limits,
    refusals,
    states,
    told,
    units,
)

HOLDING = units(1, entries_max=9)


def one_buy(engine: str, price: float = 100.0, *, lot: float = 0.001, **changes: object) -> Outcome:
    """Buy once at a price that stays."""
    return ENGINES[engine](board([flat(price, BUY), flat(price)], lot=lot), told(**changes))


@every_engine
def test_g2_pauses_for_its_time_after_a_loss_of_exactly_its_limit(engine: str) -> None:
    # 5 units at 100 fall to 96: 20 of 1,000 are 2 %. The pause of 2 minutes begins with that mark.
    rows = [flat(100, BUY), flat(100), (100, 100, 96, 96, BUY), flat(96, BUY), flat(96, BUY), flat(96)]
    guards = limits(loss_rate_max=0.02, loss_rate_window_min=30, loss_rate_pause_min=2)
    outcome = ENGINES[engine](board(rows), told(sizing=units(5, entries_max=9), guardrails=guards))
    assert refusals(outcome) == [(2, {"G2"}), (3, {"G2"})]
    assert [bar for bar, *_ in fills(outcome)] == [1, 5]


@every_engine
def test_g2_looks_back_to_the_last_mark_before_its_window(engine: str) -> None:
    # A window of 1 minute ends at the mark before: a fall of 2 % from mark to mark trips it, one over two marks not.
    slow = [flat(100, BUY), flat(100), flat(98), flat(96, BUY), flat(96)]
    guards = limits(loss_rate_max=0.02, loss_rate_window_min=1, loss_rate_pause_min=5)
    settings = told(sizing=units(5, entries_max=9), guardrails=guards)
    slow[2] = (100, 100, 98, 98, 0)
    slow[3] = (98, 98, 96, 96, BUY)
    assert refusals(ENGINES[engine](board(slow), settings)) == []
    fast = [flat(100, BUY), flat(100), (100, 100, 96, 96, BUY), flat(96)]
    assert refusals(ENGINES[engine](board(fast), settings)) == [(2, {"G2"})]


@every_engine
def test_g2_begins_with_an_empty_window_after_a_trip(engine: str) -> None:
    # Paused for a minute; the marks from before the trip do not trip it again when nothing more is lost.
    rows = [flat(100, BUY), flat(100), (100, 100, 96, 96, BUY), flat(96, BUY), flat(96)]
    guards = limits(loss_rate_max=0.02, loss_rate_window_min=30, loss_rate_pause_min=1)
    outcome = ENGINES[engine](board(rows), told(sizing=units(5, entries_max=9), guardrails=guards))
    assert refusals(outcome) == [(2, {"G2"})]
    assert [bar for bar, *_ in fills(outcome)] == [1, 4]


@every_engine
def test_g3_refuses_what_is_not_approved(engine: str) -> None:
    outcome = one_buy(engine, guardrails=limits(), approved=())
    assert refusals(outcome) == [(0, {"G3"})]


@every_engine
def test_g4_clips_what_is_too_large_and_refuses_where_not_one_lot_is_left(engine: str) -> None:
    clipped = one_buy(engine, guardrails=limits(order_value_max_quote=50.0))
    assert clipped.orders["qty_lots"].tolist() == [500]
    shared = one_buy(engine, guardrails=limits(order_value_max_share=0.03))
    assert shared.orders["qty_lots"].tolist() == [300]
    assert refusals(one_buy(engine, lot=1.0, guardrails=limits(order_value_max_quote=50.0))) == [(0, {"G4"})]


@every_engine
def test_g5_holds_until_midnight(engine: str) -> None:
    # Bars of 6 hours. 5 units fall from 100 to 90: 5 % of the day-open. The close of bar 3 is midnight.
    rows = [flat(100, BUY), (100, 100, 90, 90, BUY), flat(90, BUY), flat(90, BUY), flat(90)]
    settings = told(sizing=units(5, entries_max=9), guardrails=limits(daily_loss_max=0.05))
    outcome = ENGINES[engine](board(rows, minutes=360), settings)
    assert refusals(outcome) == [(1, {"G2", "G5"}), (2, {"G2", "G5"})]
    assert [bar for bar, *_ in fills(outcome)] == [1, 4]


@every_engine
def test_g5_counts_from_the_last_mark_at_or_before_midnight(engine: str) -> None:
    # Bars of 9 hours: marks at 18:00 and 03:00. From 960 of 18:00 to 930 of 03:00 it is 3.125 % of the new day.
    rows = [flat(100, BUY), (100, 100, 92, 92, 0), (92, 92, 86, 86, BUY), flat(86, BUY), flat(86)]
    settings = told(sizing=units(5, entries_max=9), guardrails=limits(daily_loss_max=0.0312))
    outcome = ENGINES[engine](board(rows, minutes=540), settings)
    assert [bar for bar, _ in refusals(outcome)] == [2, 3]
    looser = told(sizing=units(5, entries_max=9), guardrails=limits(daily_loss_max=0.0413))
    assert refusals(ENGINES[engine](board(rows, minutes=540), looser)) == []


@every_engine
def test_g6_refuses_until_its_peak_is_exactly_as_old_as_its_window(engine: str) -> None:
    # Bars of 4 hours. The last mark of 1,000 is that of 04:00; 10 % below it at 08:00; a day after the peak it is over.
    rows = [flat(100, BUY), (100, 100, 80, 80, BUY), *[flat(80, BUY) for _ in range(5)], flat(80)]
    settings = told(sizing=units(5, entries_max=9), guardrails=limits(drawdown_max=0.1, drawdown_window_days=1))
    outcome = ENGINES[engine](board(rows, minutes=240), settings)
    assert refusals(outcome) == [(bar, {"G2", "G6"}) for bar in range(1, 6)]
    assert [bar for bar, *_ in fills(outcome)] == [1, 7]


@every_engine
def test_the_own_drawdown_limit_never_lifts(engine: str) -> None:
    rows = [flat(100, BUY), (100, 100, 80, 80, BUY), *[flat(80, BUY) for _ in range(9)]]
    settings = told(sizing=units(5, entries_max=9), guardrails=limits(), risk=RiskSettings(drawdown_max=0.1))
    outcome = ENGINES[engine](board(rows, minutes=1440), settings)
    assert refusals(outcome) == [(bar, {"G2", "G6"}) for bar in range(1, 11)]


@every_engine
def test_g7_clips_to_its_share_and_refuses_beyond_it(engine: str) -> None:
    # 25 % of 1,000 at 100 are 2.5 units; then there is no room for one lot more.
    rows = [flat(100, BUY), flat(100, BUY), flat(100)]
    settings = told(sizing=units(5, entries_max=9), guardrails=limits(concentration_max=0.25))
    outcome = ENGINES[engine](board(rows), settings)
    assert outcome.orders["qty_lots"].tolist() == [2500]
    assert refusals(outcome) == [(1, {"G7"})]
    own = told(sizing=units(5), guardrails=limits(), risk=RiskSettings(position_max=0.1))
    assert ENGINES[engine](board(rows), own).orders["qty_lots"].tolist() == [1000]


@every_engine
def test_g7_leaves_stablecoins_at_their_peg_alone_and_refuses_those_that_left_it(engine: str) -> None:
    # All of the 1,000 may be in a coin that is worth 1 within 1 %, and nothing in one that is worth 0.98.
    guards = limits(concentration_max=0.25, stablecoins=("USDC", "USDT"), stablecoin_band=0.01)
    settings = told(sizing=units(1000), guardrails=guards)
    at_par = ENGINES[engine](board({"USDC-USDT": [flat(0.99, BUY), flat(0.99)]}), settings)
    assert at_par.orders["qty_lots"].tolist() == [1_000_000]
    off = ENGINES[engine](board({"USDC-USDT": [flat(0.98, BUY), flat(0.98)]}), settings)
    assert refusals(off) == [(0, {"G7"})]


@every_engine
def test_g8_allows_exactly_the_cooldown(engine: str) -> None:
    # Sold at the close of bar 1, the pair rests: 60 s later is 60 s later.
    rows = [flat(100, BUY), flat(100, SELL), flat(100, BUY), flat(100, BUY), flat(100)]
    outcome = ENGINES[engine](board(rows), told(guardrails=limits(cooldown_s=60.0)))
    assert refusals(outcome) == []
    longer = ENGINES[engine](board(rows), told(guardrails=limits(cooldown_s=60.5)))
    assert refusals(longer) == [(2, {"G8"})]
    assert [bar for bar, *_ in fills(longer)] == [1, 2, 4]


@every_engine
def test_g8_forgets_a_trade_that_was_rejected(engine: str) -> None:
    rows = [flat(99, BUY), (101, 101, 99, 99, BUY), flat(99)]
    outcome = ENGINES[engine](board(rows), told(cash=100.0, guardrails=limits(cooldown_s=600.0)))
    assert states(outcome) == [REJECTED, FILLED]


@every_engine
def test_g9_counts_exits_too_and_forgets_what_is_as_old_as_its_window(engine: str) -> None:
    # Trades at 1, 2 and then not before 6 minutes past: that of the first minute is then five minutes old.
    rows = [flat(100, BUY), flat(100, SELL), *[flat(100, BUY) for _ in range(5)]]
    outcome = ENGINES[engine](board(rows), told(guardrails=limits(trades_max=2, trades_window_min=5)))
    assert refusals(outcome) == [(bar, {"G9"}) for bar in (2, 3, 4)]
    assert [bar for bar, *_ in fills(outcome)] == [1, 2, 6]


@every_engine
def test_g10_asks_for_the_least_that_the_exchange_takes_also_of_exits(engine: str) -> None:
    small = told(sizing=units(0.2), guardrails=limits(), notional_min=25.0)
    assert refusals(ENGINES[engine](board([flat(100, BUY), flat(100)]), small)) == [(0, {"G10"})]
    fallen = told(sizing=units(0.25), guardrails=limits(), notional_min=25.0)
    rows: list[Row] = [flat(100, BUY), (100, 100, 90, 90, SELL), flat(90)]
    assert refusals(ENGINES[engine](board(rows), fallen)) == [(1, {"G10"})]


@every_engine
def test_g10_clips_to_what_headroom_and_fee_leave(engine: str) -> None:
    # A lot costs at worst 0.001 x 101 x 1.001 = 0.101101; 100 pay for 989 of them, and for no whole unit.
    guards = limits(headroom_share=0.01)
    assert one_buy(engine, cash=100.0, fee_taker=0.001, guardrails=guards).orders["qty_lots"].tolist() == [989]
    assert refusals(one_buy(engine, lot=1.0, cash=101.1, fee_taker=0.001, guardrails=guards)) == [(0, {"G10"})]
    exactly = one_buy(engine, lot=1.0, cash=101.101, fee_taker=0.001, guardrails=guards)
    assert exactly.orders["qty_lots"].tolist() == [1]


@every_engine
def test_e1_refuses_slippage_beyond_the_collar(engine: str) -> None:
    assert len(one_buy(engine, slippage_bps=300.0, guardrails=limits(collar_max=0.03)).orders) == 1
    refused = one_buy(engine, slippage_bps=301.0, guardrails=limits(collar_max=0.03))
    assert refusals(refused) == [(0, {"E1"})]


@every_engine
def test_e1_holds_exits_to_a_collar_of_their_own(engine: str) -> None:
    rows = [flat(100, BUY), flat(100, SELL), flat(100)]
    wide = told(slippage_bps=800.0, guardrails=limits(collar_max=0.1, collar_exit_max=0.08))
    assert refusals(ENGINES[engine](board(rows), wide)) == []
    narrow = told(slippage_bps=801.0, guardrails=limits(collar_max=0.1, collar_exit_max=0.08))
    assert refusals(ENGINES[engine](board(rows), narrow)) == [(1, {"E1"})]


@every_engine
def test_e3_refuses_entries_and_cuts_exits(engine: str) -> None:
    guards = limits(qty_max={BTC: 0.5})
    assert refusals(one_buy(engine, guardrails=guards)) == [(0, {"E3"})]
    rows = [flat(100, BUY), flat(100, BUY), flat(100, SELL), flat(100, SELL), flat(100)]
    outcome = ENGINES[engine](board(rows), told(sizing=units(0.5, entries_max=2), guardrails=guards))
    assert outcome.orders["qty_lots"].tolist() == [500, 500, 500, 500]


@every_engine
def test_e4_counts_open_orders_of_the_bot_and_of_the_pair(engine: str) -> None:
    rows = {BTC: [flat(100, BUY), flat(100)], ETH: [flat(10, BUY), flat(10)]}
    outcome = ENGINES[engine](board(rows), told(guardrails=limits(open_orders_max=1)))
    assert refusals(outcome) == [(0, {"E4"})]
    assert refusals(ENGINES[engine](board(rows), told(guardrails=limits(open_orders_pair_max=1)))) == []


@every_engine
def test_e4_counts_a_limit_order_that_rests(engine: str) -> None:
    settings = told(sizing=HOLDING, orders=OrderSettings("limit", 0.01), guardrails=limits(open_orders_pair_max=1))
    outcome = ENGINES[engine](board([flat(100, BUY), flat(100, BUY), flat(100)]), settings)
    assert refusals(outcome) == [(1, {"E4"})]


@every_engine
def test_e5_allows_exactly_its_share_to_wait(engine: str) -> None:
    assert len(one_buy(engine, guardrails=limits(unexecuted_max=0.1)).orders) == 1
    assert refusals(one_buy(engine, 100.01, guardrails=limits(unexecuted_max=0.1))) == [(0, {"E5"})]


@every_engine
def test_e6_refuses_the_same_order_within_its_window(engine: str) -> None:
    # The minute between two closes lies within 61 s, and at the edge of 60 s outside.
    rows = [flat(100, BUY), flat(100, BUY), flat(100)]
    settings = told(sizing=HOLDING, guardrails=limits(duplicate_window_s=61.0))
    assert refusals(ENGINES[engine](board(rows), settings)) == [(1, {"E6"})]
    settings = told(sizing=HOLDING, guardrails=limits(duplicate_window_s=60.0))
    assert refusals(ENGINES[engine](board(rows), settings)) == []


@every_engine
def test_e9_refuses_after_three_rejections_worded_alike(engine: str) -> None:
    # Every open is too dear for what every close could pay.
    rows = [(101, 101, 99, 99, BUY) for _ in range(5)]
    outcome = ENGINES[engine](board(rows), told(cash=100.0, guardrails=limits(rejects_max=3)))
    assert states(outcome) == [REJECTED] * 3
    assert refusals(outcome) == [(3, {"E9"}), (4, {"E9"})]


@every_engine
def test_e9_refuses_after_so_many_executions(engine: str) -> None:
    rows = [flat(100, BUY), flat(100, SELL), flat(100, BUY), flat(100)]
    outcome = ENGINES[engine](board(rows), told(guardrails=limits(executions_max=2)))
    assert refusals(outcome) == [(2, {"E9"})]


@every_engine
def test_e10_lets_an_exit_wait_for_the_entry_that_it_would_meet(engine: str) -> None:
    # The second entry rests 0.5 % below; the exit, with 1 % of headroom, could meet it: it is taken back, then sold.
    rows = [flat(100, BUY), (100, 100, 99, 100, BUY), flat(100, SELL), flat(100)]
    settings = told(sizing=HOLDING, orders=OrderSettings("limit", 0.005), guardrails=limits(headroom_share=0.01))
    outcome = ENGINES[engine](board(rows), settings)
    assert refusals(outcome) == []
    assert fills(outcome) == [(1, BUY, 1000, 9950), (3, SELL, 1000, 10000)]


@every_engine
def test_without_a_price_of_the_last_two_bars_equity_is_unknown_and_nothing_opens(engine: str) -> None:
    # BTC is held and has no bar any more: two bars later its close still counts, three bars later it does not.
    rows = {BTC: [flat(100, BUY), flat(100), NO_BAR, NO_BAR, NO_BAR, NO_BAR]}
    rows[ETH] = [flat(10), flat(10), flat(10), flat(10, BUY), flat(10), flat(10)]
    assert refusals(ENGINES[engine](board(rows), told(guardrails=limits()))) == []
    rows[ETH] = [flat(10), flat(10), flat(10), flat(10), flat(10, BUY), flat(10)]
    outcome = ENGINES[engine](board(rows), told(guardrails=limits()))
    assert refusals(outcome) == [(4, {"G4", "G7", "E3", "E5"})]


@every_engine
def test_a_share_of_equity_that_is_unknown_is_refused_by_no_rule(engine: str) -> None:
    rows = {BTC: [flat(100, BUY), flat(100), NO_BAR, NO_BAR, NO_BAR], ETH: [flat(10) for _ in range(4)]}
    rows[ETH].append(flat(10, BUY))
    from_equity = SizingSettings(kind="equity_share", value=units(0.1).value)
    assert refusals(ENGINES[engine](board(rows), told(guardrails=limits(), sizing=from_equity))) == [(4, set())]


@every_engine
def test_strict_exits_are_held_up_like_entries(engine: str) -> None:
    rows = [flat(100, BUY), flat(100, SELL), flat(100, SELL), flat(100)]
    strict = told(guardrails=limits(cooldown_s=120.0, strict_exits=True))
    outcome = ENGINES[engine](board(rows), strict)
    assert refusals(outcome) == [(1, {"G8"})]
    assert [bar for bar, *_ in fills(outcome)] == [1, 3]
