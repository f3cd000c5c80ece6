"""What must hold of an exchange at all times."""

from __future__ import annotations

from decimal import Decimal

from quarterdeck.domain import ZERO, add, ensure
from quarterdeck.exchange.state import ExchangeState


def check_locks(state: ExchangeState) -> None:
    """
    Assert that every lock belongs to a working order or a position, and that none of these holds what it must not.

    Raises:
        Bug: If money is locked by nobody, an order filled beyond its quantity, or a loan is not above zero.
    """
    locked: dict[tuple[str, str], Decimal] = {}
    for order in state.orders.values():
        most_lots = order.qty_lots + order.overfill_lots
        ensure(0 <= order.filled_lots <= most_lots, f"order o{order.number}: filled beyond its quantity")
        ensure(order.is_working or order.locked == 0, f"order o{order.number}: ended and still holds money")
        key = (order.account, order.lock_asset)
        locked[key] = add(locked.get(key, ZERO), order.locked)
    for account, positions in state.head.positions.items():
        for position in positions.values():
            ensure(position.lots != 0, f"{account}: a position of nothing in {position.instrument}")
            ensure(position.cost > 0 and position.margin >= 0, f"{account}: {position.instrument} cost nothing")
            key = (account, state.setup.listings[position.instrument].quote)
            locked[key] = add(locked.get(key, ZERO), position.margin)
    for account, holdings in state.head.accounts.items():
        for asset, balance in holdings.items():
            ensure(balance.locked == locked.get((account, asset), ZERO), f"{account}: {asset} locked by nobody")
    for account, loans in state.head.loans.items():
        ensure(all(owed > 0 for owed in loans.values()), f"{account}: a loan of nothing")
