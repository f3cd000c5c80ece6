"""The hash of an order list: what it is made of, and that nothing else moves it."""

from hashlib import sha256

import pytest

from quarterdeck.orders import OrderLine, OrderList

LINE = OrderLine(5, "abc", "coinbase", "BTC-USD", "buy", 7, None)


def hash_of(*lines: OrderLine) -> str:
    listed = OrderList()
    for line in lines:
        listed.add(line)
    return listed.hexdigest()


def test_it_is_the_hash_of_one_line_for_each_order() -> None:
    text = "5 ('abc', 'coinbase', 'BTC-USD', 'buy', 7, None)\n6 ('abd', 'kraken', 'ETH-USD', 'sell', 1, 30)\n"
    other = OrderLine(6, "abd", "kraken", "ETH-USD", "sell", 1, 30)
    assert hash_of(LINE, other) == sha256(text.encode()).hexdigest()
    assert hash_of() == sha256(b"").hexdigest()


@pytest.mark.parametrize(
    "changed",
    [
        LINE._replace(at_ns=6),
        LINE._replace(client_id="abd"),
        LINE._replace(venue="kraken"),
        LINE._replace(instrument="ETH-USD"),
        LINE._replace(side="sell"),
        LINE._replace(qty_lots=8),
        LINE._replace(limit_ticks=0),
    ],
)
def test_every_part_of_an_order_counts(changed: OrderLine) -> None:
    assert hash_of(LINE) != hash_of(changed)


def test_the_order_of_orders_counts() -> None:
    other = LINE._replace(client_id="abd")
    assert hash_of(LINE, other) != hash_of(other, LINE)
