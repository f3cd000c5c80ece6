"""The life of an order: what it remembers, the table it moves along, and the ids it carries. Pure."""

from quarterdeck.orders.ids import CLIENT_ID_LENGTH, PREFIX_LENGTH, client_id, client_prefix, inferred_trade_id
from quarterdeck.orders.lifecycle import ALLOWED, RECOVERY, TABLE, Act, Alert, Next, Row, Step, allows, step
from quarterdeck.orders.order import ENDED, NEVER_LIVED, Order, is_settled, reserve_of
from quarterdeck.orders.order_list import OrderLine, OrderList
from quarterdeck.orders.render import render_table

__all__ = [
    "ALLOWED",
    "CLIENT_ID_LENGTH",
    "ENDED",
    "NEVER_LIVED",
    "PREFIX_LENGTH",
    "RECOVERY",
    "TABLE",
    "Act",
    "Alert",
    "Next",
    "Order",
    "OrderLine",
    "OrderList",
    "Row",
    "Step",
    "allows",
    "client_id",
    "client_prefix",
    "inferred_trade_id",
    "is_settled",
    "render_table",
    "reserve_of",
    "step",
]
