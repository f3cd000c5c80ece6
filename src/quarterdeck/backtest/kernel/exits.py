"""Sizing an order that reduces: all that is held and not being closed already, then judged, then planned."""

from __future__ import annotations

import math

from quarterdeck.backtest.kernel.booking import write_refusal
from quarterdeck.backtest.kernel.compile import called, inlined
from quarterdeck.backtest.kernel.desk import limits_of, slot_of, wallet_of, work_of
from quarterdeck.backtest.kernel.drafts import NOBODY, Draft, Wish
from quarterdeck.backtest.kernel.judging import E10_BIT, failed_rules
from quarterdeck.backtest.kernel.openings import equity_now, held_at_worst, plan
from quarterdeck.backtest.kernel.records import Desk, Slot, Wallet
from quarterdeck.backtest.kernel.words import BUY, OPENING, REDUCING, SIGNAL
from quarterdeck.domain import lots_down
from quarterdeck.guardrails import exceeds, is_too_small, order_value_max, quantity_max


@called
def closable_lots(desk: Desk, instrument: int, sign: int) -> int:
    """Count the lots that orders of a side could close and that no living one is closing already."""
    lots = -sign * slot_of(desk, instrument).lots
    if lots <= 0:
        return 0
    for place in range(wallet_of(desk).live):
        work = work_of(desk, place)
        if work.instrument == instrument and work.sign == sign:
            lots -= work.lots
    return max(lots, 0)


@called
def is_dust(wallet: Wallet, slot: Slot) -> bool:
    """Tell whether a position is too small to be sold, by its quantity or by its worth at the last mark."""
    if abs(slot.lots) < slot.lots_min:
        return True
    if slot.is_perpetual:
        return False
    worth = abs(slot.cost) / wallet.scale if math.isnan(slot.marked) else abs(slot.qty) * slot.marked
    return is_too_small(worth, slot.notional_min)


@called
def ask_entries_to_leave(desk: Desk, instrument: int) -> bool:
    """Ask for the cancel of all entries of an instrument that work. Returns: whether any has a limit and rests."""
    rests = False
    for place in range(wallet_of(desk).live):
        work = work_of(desk, place)
        if work.instrument == instrument and work.effect == OPENING:
            work.is_leaving = 1
            rests = rests or work.limit_ticks != 0
    return rests


@called
def close_position(desk: Desk, wish: Wish, now_ns: int, again: bool) -> bool:  # noqa: FBT001
    """
    Bring the wish to close a position to a planned order, or to a refusal.

    Returns: whether it waits for entries to be cancelled that it would trade against; then it is brought up `again`.
    """
    rests = ask_entries_to_leave(desk, wish.instrument)
    draft = draft_closing(desk, wish, now_ns)
    failed = failed_rules(desk, draft, now_ns) if draft.lots else 0
    if failed == E10_BIT and rests and not again:
        return True
    if failed or not draft.lots:
        write_refusal(desk, wish, failed, now_ns)
    else:
        _await_flip(desk, wish, plan(desk, draft, now_ns))
    return False


@inlined
def _await_flip(desk: Desk, wish: Wish, number: int) -> None:
    """Remember to open the other side once an order has closed this one, where that is what a signal wants."""
    wallet, slot = wallet_of(desk), slot_of(desk, wish.instrument)
    if slot.is_perpetual and wish.cause == SIGNAL and (wish.sign == BUY or wallet.allows_short):
        wallet.flips += slot.flips == 0
        slot.flips = wish.sign
        slot.flips_order = number


@called
def draft_closing(desk: Desk, wish: Wish, now_ns: int) -> Draft:
    """Size an order that reduces; one of no lots where there is nothing to close."""
    wallet, limits, slot = wallet_of(desk), limits_of(desk), slot_of(desk, wish.instrument)
    closable = closable_lots(desk, wish.instrument, wish.sign)
    lots = closable
    equity = equity_now(wallet, now_ns)
    value_max = order_value_max(limits.order_value_max_quote, limits.order_value_max_share, equity)
    qty_max = quantity_max(slot.qty_max, limits.qty_value_multiple, value_max, slot.price)
    if exceeds(lots * slot.lot, qty_max):  # what is left is for a later exit
        lots = max(lots_down(qty_max, slot.lot), 1)
    price = slot.price * (slot.ask_factor if wish.sign == BUY else slot.bid_factor)
    return Draft(
        wish.instrument,
        wish.sign,
        REDUCING,
        wish.cause,
        lots,
        0,
        price,
        price,
        equity,
        qty_max,
        held_at_worst(desk, wish.instrument, -wish.sign),
        0.0,
        slot.lot * lots,
        slot.lot * closable,
        NOBODY,
    )
