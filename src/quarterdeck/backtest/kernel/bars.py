"""One pass over the bars, in the order in which a replay plays them."""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import NDArray

from quarterdeck.backtest.kernel.acting import flip_on, has_work
from quarterdeck.backtest.kernel.compile import called, entry, inlined
from quarterdeck.backtest.kernel.curve import add_worth
from quarterdeck.backtest.kernel.cycle import run_cycle
from quarterdeck.backtest.kernel.desk import number_at, sign_at, slot_of, wallet_of, whole_at, write_number
from quarterdeck.backtest.kernel.levels import Range, meet_levels
from quarterdeck.backtest.kernel.marks import lift_holds, worth_of
from quarterdeck.backtest.kernel.passing import advance, let_pass
from quarterdeck.backtest.kernel.records import Desk
from quarterdeck.backtest.kernel.venue import meet, trade_range

RECORDS_A_BAR = 16
"""How many records of one kind an instrument can leave in one place of the timeline, at most."""


@entry
def play(desks: NDArray[Any], first: int) -> int:
    """
    Play the bars from one on.

    Returns: the place of the timeline that was not played: past the last, or where the room for records may end.
    """
    desk: Desk = desks[0]
    wallet = wallet_of(desk)
    records_max = desk.records_max - RECORDS_A_BAR * desk.slots
    for place in range(first, desk.bars):
        if wallet.orders > records_max or wallet.refusals > records_max:
            return place
        wallet.place = place
        open_ns = whole_at(desk.opened_at, place)
        close_ns = open_ns + wallet.timeframe_ns
        if open_ns != wallet.heard_ns or wallet.live or wallet.payday_ns < close_ns:
            _begin(desk, place, open_ns)
        if wallet.live or (wallet.positions and (wallet.has_levels or wallet.has_perpetuals)):
            _inside(desk, place, close_ns)
        worth = _close(desk, place, close_ns)
        write_number(desk.equity_at, place, worth)
        add_worth(wallet, worth)
        wallet.heard_ns = close_ns
    return desk.bars


@called
def _begin(desk: Desk, place: int, open_ns: int) -> None:
    """Let time pass to the open, let the orders that wait meet it, and let time pass to the close."""
    wallet = wallet_of(desk)
    wallet.heard_ns = wallet.heard_ns or open_ns
    let_pass(desk, open_ns)
    if wallet.live or (wallet.positions and wallet.has_perpetuals):
        for instrument in range(desk.slots):
            price, slot = number_at(desk.open_at, instrument * desk.bars + place), slot_of(desk, instrument)
            is_shown = has_work(desk, instrument) or (slot.is_perpetual and slot.lots)
            if is_shown and not math.isnan(price):
                slot.price = price
                slot.price_at_ns = open_ns
                meet(desk, instrument, open_ns)
        flip_on(desk, open_ns)
    let_pass(desk, open_ns + wallet.timeframe_ns - 1)


@called
def _inside(desk: Desk, place: int, close_ns: int) -> None:
    """Fill limit orders that the bars traded through, and meet the levels that they reached."""
    wallet = wallet_of(desk)
    lift_holds(wallet, close_ns - 1)
    for instrument in range(desk.slots):
        cell = instrument * desk.bars + place
        low, high = number_at(desk.low_at, cell), number_at(desk.high_at, cell)
        if not math.isnan(low):
            if wallet.live:
                trade_range(desk, instrument, low, high, close_ns)
            if slot_of(desk, instrument).lots:
                meet_levels(desk, instrument, Range(number_at(desk.open_at, cell), low, high), close_ns)


@inlined
def _close(desk: Desk, place: int, close_ns: int) -> float:
    """Mark at the closes, then act on the signals. Returns: equity at the last known closes."""
    wallet = wallet_of(desk)
    speaks = wallet.live + wallet.flips
    for instrument in range(desk.slots):
        cell = instrument * desk.bars + place
        price = number_at(desk.close_at, cell)
        if not math.isnan(price):
            slot = slot_of(desk, instrument)
            slot.price = price
            slot.close = price
            slot.price_at_ns = close_ns
            speaks |= sign_at(desk.action_at, cell)
    advance(desk, close_ns)
    if speaks:
        run_cycle(desk, place, close_ns)
    worth = wallet.money
    if wallet.positions:
        for number in range(desk.slots):
            slot = slot_of(desk, number)
            if slot.lots:
                worth += worth_of(wallet, slot, slot.close)
    return worth
