"""Hashes of data and of order lists."""

import numpy as np
from msgspec import structs

from quarterdeck.backtest.fingerprint import data_hash, order_lines, order_list_hash
from quarterdeck.backtest.outcome import FLIP, LIQUIDATION, STOP_LOSS
from quarterdeck.market import Candles
from quarterdeck.orders import OrderList, client_id, client_prefix
from tests.backtest.made_outcomes import HOUR_NS, START_NS, Done, board_of_closes, outcome_of


def _candles(instrument: str = "BTC-USD") -> Candles:
    price = np.array([10.0, 11.0, 12.0])
    opened = START_NS + np.arange(3) * HOUR_NS
    return Candles(instrument, HOUR_NS, opened, price, price, price, price, np.ones(3), 0.01)


def test_equal_data_have_one_hash_and_any_change_another() -> None:
    one = data_hash({"BTC-USD": _candles()})
    assert one == data_hash({"BTC-USD": _candles()})
    other_volume = structs.replace(_candles(), volume=np.array([1.0, 1.0, 2.0]))
    assert one != data_hash({"BTC-USD": other_volume})
    assert one != data_hash({"BTC-USD": structs.replace(_candles(), price_step=0.001)})
    assert one != data_hash({"BTC-USD": _candles().window(0, 2)})


def test_the_hash_of_data_does_not_depend_on_the_order_in_which_they_are_given_or_laid_out() -> None:
    bitcoin, ether = _candles(), _candles("ETH-USD")
    spread = structs.replace(bitcoin, close=np.repeat(bitcoin.close, 2)[::2])
    assert data_hash({"A": bitcoin, "B": ether}) == data_hash({"B": ether, "A": spread})


def test_orders_carry_the_ids_that_a_paper_run_gives_them() -> None:
    board = board_of_closes([100.0, 101.0, 103.0, 102.0, 99.0, 105.0])
    fills = [
        *(Done(1, +1, 1000, 100.0), Done(2, -1, 1000, 98.0, cause=STOP_LOSS, inside=True)),
        *(Done(4, +1, 1000, 99.0), Done(5, -1, 1000, 105.0), Done(5, -1, 1000, 105.0, cause=FLIP)),
    ]
    intents = [
        f"desk:BTC-USD:{START_NS}:BUY",
        f"desk:BTC-USD:backtest:{START_NS + 3 * HOUR_NS}:1:stop_loss",
        f"desk:BTC-USD:{START_NS + 3 * HOUR_NS}:BUY",
        f"desk:BTC-USD:{START_NS + 4 * HOUR_NS}:SELL",
        f"desk:BTC-USD:{START_NS + 4 * HOUR_NS}:SELL:open",
    ]
    lines = list(order_lines(board, outcome_of(board, fills), "desk"))
    assert [line.client_id for line in lines] == [client_id(client_prefix("desk"), one, 0) for one in intents]
    assert [line.side for line in lines] == ["buy", "sell", "buy", "sell", "sell"]
    assert all(line.limit_ticks is None for line in lines)


def test_the_hash_is_over_planned_orders_and_leaves_out_what_the_venue_closed() -> None:
    board = board_of_closes([100.0, 101.0, 103.0, 102.0])
    entry = Done(1, +1, 1000, 100.0)
    held, closed = [entry], [entry, Done(2, -1, 1000, 60.0, cause=LIQUIDATION, inside=True)]
    expected = OrderList()
    for line in order_lines(board, outcome_of(board, held), "desk"):
        expected.add(line)
    assert order_list_hash(board, outcome_of(board, closed), "desk") == expected.hexdigest()
    assert order_list_hash(board, outcome_of(board, held), "other") != expected.hexdigest()
