"""The curve of equity: its highest point, and the deepest fall from there."""

from __future__ import annotations

from typing import Final

from quarterdeck.backtest.kernel.compile import called, inlined
from quarterdeck.backtest.kernel.desk import number_at, slot_of, wallet_of, write_number
from quarterdeck.backtest.kernel.records import Desk, Wallet
from quarterdeck.guardrails import fall_from, higher, is_same, may_be_deeper

_BLOCK: Final = 64


@inlined
def add_worth(wallet: Wallet, worth: float) -> None:
    """Add a point to the curve."""
    wallet.worth_peak = higher(wallet.worth_peak, worth)
    if may_be_deeper(worth, wallet.worth_peak, wallet.fall_max):
        wallet.fall_max = higher(wallet.fall_max, fall_from(worth, wallet.worth_peak, 0.0))


@called
def draw(desk: Desk, first: int, end: int) -> None:
    """Draw the curve over bars between which nothing was traded, for the one instrument of a sparse run."""
    wallet, slot = wallet_of(desk), slot_of(desk, 0)
    money, qty = wallet.money, slot.qty
    if not slot.lots:
        for place in range(first, end):
            write_number(desk.equity_at, place, money)
        if first < end:
            add_worth(wallet, money)
        return
    for start in range(first, end, _BLOCK):
        _draw_block(desk, start, min(start + _BLOCK, end), money, qty)


@inlined
def _draw_block(desk: Desk, first: int, end: int, money: float, qty: float) -> None:
    """Draw a block of bars: only where it holds a new peak does every bar of it count for the deepest fall."""
    wallet, closes, curve = wallet_of(desk), desk.close_at, desk.equity_at
    worth = money + qty * number_at(closes, first)
    top, bottom = worth, -worth
    for place in range(first, end):
        worth = money + qty * number_at(closes, place)
        write_number(curve, place, worth)
        top = higher(top, worth)
        bottom = higher(bottom, -worth)
    if is_same(higher(wallet.worth_peak, top), wallet.worth_peak):
        wallet.fall_max = higher(wallet.fall_max, fall_from(-bottom, wallet.worth_peak, 0.0))
        return
    for place in range(first, end):
        add_worth(wallet, number_at(curve, place))
