"""Round trips out of fills."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.backtest.outcome import FLIP, LIQUIDATION, STOP_LOSS, TAKE_PROFIT
from quarterdeck.backtest.trades import fill_rows, order_rows, round_trips, trade_rows
from quarterdeck.domain import Bug
from tests.backtest.made_outcomes import CASH, HOUR_NS, START_NS, Done, Paid, board_of_closes, outcome_of

CLOSES = [100.0, 101.0, 103.0, 102.0, 99.0, 105.0, 104.0, 108.0]


def test_a_round_trip_goes_from_flat_to_flat() -> None:
    board = board_of_closes(CLOSES)
    outcome = outcome_of(board, [Done(1, +1, 2000, 100.0), Done(4, -1, 2000, 102.0)])
    row = trade_rows(board, round_trips(board, outcome))[0]
    assert (row["instrument"], row["side"], row["qty"]) == ("BTC-USD", "long", 2.0)
    assert (row["entry_price"], row["exit_price"]) == (100.0, 102.0)
    assert row["entry_at_ns"] == START_NS + HOUR_NS
    assert row["exit_at_ns"] == START_NS + 4 * HOUR_NS
    assert row["fees"] == pytest.approx(0.2 + 0.204)
    assert row["profit"] == pytest.approx(4.0 - 0.404)
    assert row["profit_share"] == pytest.approx((4.0 - 0.404) / 200.0)
    assert (row["bars"], row["cause"], row["is_open"]) == (3, "signal", False)


def test_additions_and_part_exits_belong_to_one_trip_at_average_prices() -> None:
    board = board_of_closes(CLOSES)
    fills = [Done(1, +1, 1000, 100.0), Done(2, +1, 3000, 101.0), Done(3, -1, 1000, 103.0), Done(5, -1, 3000, 99.0)]
    trips = round_trips(board, outcome_of(board, fills))
    assert len(trips) == 1
    assert trips.qty[0] == 4.0
    assert trips.entry_price[0] == pytest.approx(100.75)
    assert trips.exit_price[0] == pytest.approx(100.0)


def test_a_trip_that_has_not_ended_is_valued_at_the_last_close() -> None:
    board = board_of_closes(CLOSES)
    outcome = outcome_of(board, [Done(5, +1, 1000, 99.0, fee=0.0)])
    row = trade_rows(board, round_trips(board, outcome))[0]
    assert row["is_open"]
    assert row["cause"] == "open"
    assert row["exit_price"] == 108.0
    assert row["profit"] == pytest.approx(9.0)
    assert row["bars"] == 3


def test_a_short_gains_when_the_price_falls() -> None:
    board = board_of_closes(CLOSES)
    outcome = outcome_of(board, [Done(1, -1, 1000, 103.0, fee=0.0), Done(4, +1, 1000, 99.0, fee=0.0)])
    row = trade_rows(board, round_trips(board, outcome))[0]
    assert row["side"] == "short"
    assert row["profit"] == pytest.approx(4.0)


def test_what_a_stop_ends_inside_a_bar_was_held_during_that_bar() -> None:
    board = board_of_closes(CLOSES)
    fills = [Done(1, +1, 1000, 100.0), Done(3, -1, 1000, 95.0, cause=STOP_LOSS, inside=True)]
    row = trade_rows(board, round_trips(board, outcome_of(board, fills)))[0]
    assert (row["bars"], row["cause"]) == (3, "stop_loss")
    assert row["exit_at_ns"] == START_NS + 4 * HOUR_NS


def test_a_liquidation_has_no_order_and_is_named_as_the_cause() -> None:
    board = board_of_closes(CLOSES)
    fills = [Done(1, +1, 1000, 100.0), Done(3, -1, 1000, 60.0, cause=LIQUIDATION, inside=True)]
    outcome = outcome_of(board, fills)
    assert trade_rows(board, round_trips(board, outcome))["cause"].tolist() == ["liquidation"]
    assert fill_rows(board, outcome)["order"].tolist() == [0, -1]
    assert len(order_rows(board, outcome)) == 1


def test_both_legs_of_a_flip_are_trips_of_their_own() -> None:
    board = board_of_closes(CLOSES)
    fills = [
        Done(1, +1, 1000, 100.0),
        Done(3, -1, 1000, 103.0),
        Done(3, -1, 1000, 103.0, cause=FLIP),
        Done(5, +1, 1000, 99.0),
    ]
    rows = trade_rows(board, round_trips(board, outcome_of(board, fills)))
    assert rows["side"].tolist() == ["long", "short"]
    assert rows["bars"].tolist() == [2, 2]


def test_trips_of_several_instruments_stand_in_the_order_of_their_entries() -> None:
    board = board_of_closes([CLOSES, [10.0 + bar for bar in range(8)]])
    fills = [
        Done(1, +1, 1000, 10.0, instrument=1),
        Done(2, +1, 1000, 101.0),
        Done(3, -1, 1000, 12.0, instrument=1),
        Done(4, +1, 1000, 13.0, instrument=1),
        Done(5, -1, 1000, 99.0),
    ]
    rows = trade_rows(board, round_trips(board, outcome_of(board, fills)))
    assert rows["instrument"].tolist() == ["ETH-USD", "BTC-USD", "ETH-USD"]
    assert rows["is_open"].tolist() == [False, False, True]


def test_funding_goes_to_the_trip_that_was_open_when_it_was_paid() -> None:
    board = board_of_closes(CLOSES)
    fills = [
        Done(1, +1, 1000, 100.0),
        Done(3, -1, 1000, 103.0),
        Done(3, -1, 1000, 103.0, cause=FLIP),
        Done(5, +1, 1000, 99.0),
    ]
    # The payment at the opening of bar 3 comes before what fills there, so the long still pays it.
    payments = [Paid(2, -1.0, after_ns=60), Paid(3, -2.0), Paid(3, 4.0, after_ns=60), Paid(5, 8.0)]
    trips = round_trips(board, outcome_of(board, fills, payments))
    assert trips.funding.tolist() == [-3.0, 12.0]


def test_funding_at_a_close_goes_to_what_was_entered_inside_that_bar() -> None:
    board = board_of_closes(CLOSES)
    fills = [
        Done(1, +1, 1000, 100.0),
        Done(2, -1, 1000, 103.0),
        Done(3, +1, 1000, 101.0, inside=True),
        Done(6, -1, 1000, 99.0),
    ]
    trips = round_trips(board, outcome_of(board, fills, [Paid(4, -1.5)]))
    assert trips.funding.tolist() == [0.0, -1.5]


def test_no_fills_make_no_trips() -> None:
    board = board_of_closes(CLOSES)
    outcome = outcome_of(board, [])
    assert len(trade_rows(board, round_trips(board, outcome))) == 0
    assert len(fill_rows(board, outcome)) == 0
    assert len(order_rows(board, outcome)) == 0


def test_a_fill_that_turns_a_position_round_is_a_bug() -> None:
    board = board_of_closes(CLOSES)
    outcome = outcome_of(board, [Done(1, +1, 1000, 100.0), Done(2, -1, 3000, 101.0)])
    with pytest.raises(Bug, match="turned a position round"):
        round_trips(board, outcome)


def test_orders_and_fills_are_told_in_words_and_in_units() -> None:
    board = board_of_closes(CLOSES)
    fills = [Done(1, +1, 1500, 100.01), Done(3, -1, 1500, 105.0, cause=TAKE_PROFIT, inside=True)]
    outcome = outcome_of(board, fills)
    orders, done = order_rows(board, outcome), fill_rows(board, outcome)
    assert orders["side"].tolist() == ["buy", "sell"]
    assert orders["effect"].tolist() == ["opening", "reducing"]
    assert orders["state"].tolist() == ["filled", "filled"]
    assert np.isnan(orders["limit"]).all()
    assert done["price"].tolist() == [100.01, 105.0]
    assert done["qty"].tolist() == [1.5, 1.5]
    assert done["cause"].tolist() == ["signal", "take_profit"]
    assert done["notional"][0] == 1.5 * 100.01


@st.composite
def _lives(draw: st.DrawFn) -> list[Done]:
    """Draw fills that enter, add, reduce and leave, long and short, on two instruments."""
    held = [0, 0]
    fills = []
    for bar in range(1, len(CLOSES)):
        for instrument in (0, 1):
            if not draw(st.booleans()):
                continue
            price = draw(st.integers(9_000, 11_000)) / 100
            lots, now = draw(st.integers(1, 5000)), held[instrument]
            side = draw(st.sampled_from([1, -1]))
            if now * side < 0:
                lots = min(lots, abs(now)) if draw(st.booleans()) else abs(now)
            held[instrument] += side * lots
            fills.append(Done(bar, side, lots, price, instrument=instrument))
    return fills


@given(fills=_lives())
def test_the_profits_of_all_trips_add_up_to_what_became_of_the_cash(fills: list[Done]) -> None:
    board = board_of_closes([CLOSES, CLOSES[::-1]])
    payments = [Paid(one.bar, 0.25, one.instrument, after_ns=60) for one in fills[:1]]
    outcome = outcome_of(board, fills, payments)
    trips = round_trips(board, outcome)
    assert CASH + trips.profit.sum() == pytest.approx(outcome.equity[-1], abs=1e-7)
    assert trips.fees.sum() == pytest.approx(outcome.fills["fee"].sum())
    assert int(trips.is_open.sum()) == sum(
        sum(one.side * one.lots for one in fills if one.instrument == instrument) != 0 for instrument in (0, 1)
    )
