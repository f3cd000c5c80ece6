"""What a trade does to cash and position, and what is written down of orders, trades and refusals."""

from __future__ import annotations

import math
from typing import Final

from quarterdeck.backtest.kernel.compile import called, inlined
from quarterdeck.backtest.kernel.desk import (
    fill_of,
    move_work,
    note_of,
    order_of,
    refusal_of,
    slot_of,
    wallet_of,
    work_of,
)
from quarterdeck.backtest.kernel.drafts import NOBODY, Deal, Draft, Forced, Wish
from quarterdeck.backtest.kernel.records import Desk, Slot, Wallet
from quarterdeck.backtest.kernel.words import FILLED, LIMIT, LIQUIDATION, MAKER, MARKET, WORKING
from quarterdeck.fills import fee_within, larger, lesser, money_plus, product

NAN: Final = math.nan


@inlined
def worth_atoms(slot: Slot, lots: int, ticks: int) -> tuple[float, float]:
    """Give what so many lots are worth at so many ticks, exactly, in two parts."""
    high, low = product(float(lots), float(ticks))
    more, least = product(high, slot.atoms)
    return more, least + low * slot.atoms


@inlined
def receive(wallet: Wallet, atoms: float, atoms_low: float) -> None:
    """Add to the cash; below zero it is paid."""
    high, low = money_plus(wallet.cash, wallet.cash_low, atoms)
    wallet.cash, wallet.cash_low = money_plus(high, low, atoms_low)
    wallet.money = (wallet.cash + wallet.cash_low) / wallet.scale


@called
def free_atoms(desk: Desk, but: int) -> tuple[float, float]:
    """Give what the account has free, one order's own lock counted as free."""
    wallet = wallet_of(desk)
    high, low = wallet.cash, wallet.cash_low
    for place in range(wallet.live):
        if place != but:
            work = work_of(desk, place)
            high, low = money_plus(high, low, -work.lock)
            high, low = money_plus(high, low, -work.lock_low)
    if wallet.has_perpetuals:
        for number in range(desk.slots):
            high, low = money_plus(high, low, -slot_of(desk, number).margin)
    return high, low


@called
def write_order(desk: Desk, draft: Draft | Forced, now_ns: int) -> int:
    """Write a planned order down. Returns: its number."""
    wallet = wallet_of(desk)
    number = wallet.orders
    order = order_of(desk, number)
    order.planned_at_ns = now_ns
    order.bar = wallet.place
    order.instrument = draft.instrument
    order.side = draft.sign
    order.effect = draft.effect
    order.cause = draft.cause
    order.kind = LIMIT if draft.limit_ticks else MARKET
    order.state = WORKING
    order.qty_lots = draft.lots
    order.limit_ticks = draft.limit_ticks
    order.filled_lots = 0
    note_of(desk, number).counted = 0
    wallet.orders = number + 1
    return number


@called
def write_refusal(desk: Desk, wish: Wish, failed: int, now_ns: int) -> None:
    """Write down that an intent came to nothing, and by which rules; 0 where it came to no order to be judged."""
    wallet = wallet_of(desk)
    refusal = refusal_of(desk, wallet.refusals)
    refusal.at_ns = now_ns
    refusal.bar = wallet.place
    refusal.instrument = wish.instrument
    refusal.side = wish.sign
    refusal.effect = wish.effect
    refusal.cause = wish.cause
    refusal.failed = failed
    wallet.refusals += 1


@called
def book(desk: Desk, deal: Deal) -> None:
    """Put a trade into the books, and write it down."""
    wallet, slot = wallet_of(desk), slot_of(desk, deal.instrument)
    notional, notional_low = worth_atoms(slot, deal.lots, deal.ticks)
    fee = fee_within(notional, slot.fee_maker if deal.liquidity == MAKER else slot.fee_taker, wallet.fee_step)
    if slot.is_perpetual:
        realised, fee = _book_margined(desk, deal, notional, fee)
        receive(wallet, realised, -fee)
    else:
        realised = _move_position(wallet, slot, deal, notional)
        receive(wallet, -deal.sign * notional, -deal.sign * notional_low)
        receive(wallet, -fee, 0.0)
    order = order_of(desk, deal.order)
    order.state = FILLED
    order.filled_lots = deal.lots
    fill = fill_of(desk, wallet.fills)
    fill.at_ns = deal.at_ns
    fill.bar = wallet.place
    fill.order = deal.order
    fill.instrument = deal.instrument
    fill.side = deal.sign
    fill.liquidity = deal.liquidity
    fill.qty_lots = deal.lots
    fill.price_ticks = deal.ticks
    fill.fee = fee / wallet.scale
    fill.realised = realised / wallet.scale
    wallet.fills += 1


@called
def _book_margined(desk: Desk, deal: Deal, notional: float, fee: float) -> tuple[float, float]:
    """
    Trade a perpetual: no loss, and no fee, beyond what the account has free, or of one by force beyond its margin.

    Returns: what it brought, and the fee.
    """
    wallet, slot = wallet_of(desk), slot_of(desk, deal.instrument)
    stake = slot.margin
    realised = _move_position(wallet, slot, deal, notional)
    free, free_low = free_atoms(desk, NOBODY)
    is_forced = deal.cause == LIQUIDATION
    most = stake if is_forced else free + free_low
    realised = larger(realised, -most)
    left = free + (free_low + realised)
    if is_forced:
        left = lesser(left, larger(stake + realised, 0.0))
    return realised, lesser(fee, left)


@called
def _move_position(wallet: Wallet, slot: Slot, deal: Deal, notional: float) -> float:
    """Grow or shrink a position; an order does one or the other, never both. Returns: atoms that it brought."""
    before = slot.lots
    after = before + deal.sign * deal.lots
    realised = 0.0
    if before * deal.sign >= 0:
        slot.cost += deal.sign * notional
        if slot.is_perpetual:
            slot.margin += notional / slot.leverage
        slot.entries += 1
        wallet.positions += before == 0
    else:
        cost, margin = slot.cost, slot.margin
        if after:
            cost, margin = cost * deal.lots / abs(before), margin * deal.lots / abs(before)
        realised = -deal.sign * notional - cost
        slot.cost -= cost
        slot.margin -= margin
    slot.lots = after
    slot.qty = after / slot.lots_per_unit if slot.lots_per_unit else after * slot.lot
    if not after:
        slot.entries = 0
        wallet.positions -= 1
    if not after or not before:
        slot.high = NAN  # what a trailing stop follows begins with the position
    return realised


@called
def forget_work(desk: Desk, place: int) -> None:
    """Let an order go that cannot fill any more."""
    wallet = wallet_of(desk)
    wallet.live -= 1
    for later in range(place, wallet.live):
        move_work(desk, later, later + 1)
