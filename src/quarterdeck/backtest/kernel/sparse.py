"""
From signal to signal: the pass for a run in which nothing happens between them.

It serves one spot instrument that is traded at the market, without stops and without guardrails: then no bar but those
with a signal, and the ones that follow them, decides anything. What lies between is only valued.
"""

from __future__ import annotations

from typing import Any, Final

from numpy.typing import NDArray

from quarterdeck.backtest.kernel.booking import write_refusal
from quarterdeck.backtest.kernel.compile import called, entry, inlined
from quarterdeck.backtest.kernel.curve import draw
from quarterdeck.backtest.kernel.cycle import may_enter
from quarterdeck.backtest.kernel.desk import (
    SIGNALS_AT_ONCE,
    number_at,
    sign_at,
    slot_of,
    speaking_of,
    wallet_of,
    whole_at,
    work_of,
)
from quarterdeck.backtest.kernel.drafts import NOBODY, Wish
from quarterdeck.backtest.kernel.exits import draft_closing
from quarterdeck.backtest.kernel.judging import lacks
from quarterdeck.backtest.kernel.openings import draft_opening, plan
from quarterdeck.backtest.kernel.records import Desk, Speaking
from quarterdeck.backtest.kernel.venue import cancel, meet, place_order
from quarterdeck.backtest.kernel.words import BUY, CANCELLED, OPENING, REDUCING, SELL, SIGNAL

_WORD: Final = 8


@entry
def play_signals(desks: NDArray[Any], first: int) -> int:
    """
    Play the bars from one on.

    Returns: the place of the timeline that was not played: past the last, or where the room for records may end.
    """
    desk: Desk = desks[0]
    wallet, bars = wallet_of(desk), desk.bars
    drawn, seen = first, first
    while seen < bars:
        if wallet.orders + SIGNALS_AT_ONCE > desk.records_max or wallet.refusals + SIGNALS_AT_ONCE > desk.records_max:
            draw(desk, drawn, seen)
            return seen
        count, seen = _gather(desk, seen)
        for number in range(count):
            speaking = speaking_of(desk, number)
            wallet.place = speaking.place
            _decide(desk, speaking)
            after = speaking.place + 1
            if wallet.live and after < bars:
                draw(desk, drawn, after)
                drawn = after
                wallet.place = after
                _open(desk, speaking)
    draw(desk, drawn, bars)
    return bars


@called
def _gather(desk: Desk, first: int) -> tuple[int, int]:
    """
    Collect the next bars on which the strategy says anything, with the prices that their orders need.

    Their bars lie far apart in memory: fetched one after the other they are waited for together, not one by one.
    Returns: how many there are, and the first bar that was not looked at.
    """
    bars, count, place = desk.bars, 0, first
    while count < SIGNALS_AT_ONCE:
        place = _next_signal(desk, place)
        if place >= bars:
            break
        speaking = speaking_of(desk, count)
        after = min(place + 1, bars - 1)
        speaking.place = place
        speaking.sign = sign_at(desk.action_at, place)
        speaking.close = number_at(desk.close_at, place)
        speaking.open = number_at(desk.open_at, after)
        speaking.opened_at_ns = whole_at(desk.opened_at, place)
        speaking.next_opened_at_ns = whole_at(desk.opened_at, after)
        count += 1
        place += 1
    return count, place


@inlined
def _next_signal(desk: Desk, place: int) -> int:
    """Find the next bar on which the strategy says anything."""
    bars = desk.bars
    while place < bars and place % _WORD:
        if sign_at(desk.action_at, place):
            return place
        place += 1
    while place + _WORD <= bars and not whole_at(desk.action_at, place // _WORD):
        place += _WORD
    while place < bars and not sign_at(desk.action_at, place):
        place += 1
    return place


@inlined
def _decide(desk: Desk, speaking: Speaking) -> None:
    """Act on the signal of a close: the only rule that can refuse is G10."""
    wallet, slot = wallet_of(desk), slot_of(desk, 0)
    sign = speaking.sign
    slot.price = speaking.close
    slot.marked = slot.price
    now_ns = speaking.opened_at_ns + wallet.timeframe_ns
    if sign == SELL:
        if not slot.lots:
            return
        wish = Wish(0, SELL, REDUCING, SIGNAL)
    else:
        if not may_enter(desk, 0):
            return
        wish = Wish(0, BUY, OPENING, SIGNAL)
    slot.price_at_ns = now_ns
    wallet.marked_at_ns = now_ns
    wallet.equity = wallet.money + slot.qty * slot.price
    draft = draft_opening(desk, wish, now_ns, NOBODY) if sign == BUY else draft_closing(desk, wish, now_ns)
    failed = lacks(slot, draft, draft.lots * slot.lot * draft.price) if draft.lots else 0
    if failed or not draft.lots:
        write_refusal(desk, wish, failed, now_ns)
        return
    plan(desk, draft, now_ns)
    place_order(desk, 0, now_ns, False)  # noqa: FBT003


@inlined
def _open(desk: Desk, speaking: Speaking) -> None:
    """Let the order that waits meet the open, unless it waited too long."""
    wallet, slot = wallet_of(desk), slot_of(desk, 0)
    open_ns = speaking.next_opened_at_ns
    if wallet.order_timeout_ns and open_ns >= work_of(desk, 0).planned_at_ns + wallet.order_timeout_ns:
        cancel(desk, 0, CANCELLED)
        return
    slot.price = speaking.open
    meet(desk, 0, open_ns)
