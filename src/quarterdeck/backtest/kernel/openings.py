"""Sizing an order that opens: clipped to what the limits and the money leave, then judged, then planned."""

from __future__ import annotations

import math
from typing import Final

from quarterdeck.backtest.kernel.booking import write_order, write_refusal
from quarterdeck.backtest.kernel.compile import called, inlined
from quarterdeck.backtest.kernel.desk import limits_of, note_of, slot_of, wallet_of, work_of
from quarterdeck.backtest.kernel.drafts import NOBODY, Draft, Wish
from quarterdeck.backtest.kernel.judging import counts_as_money, failed_rules
from quarterdeck.backtest.kernel.records import Desk, Wallet
from quarterdeck.backtest.kernel.words import BASE, BUY, EQUITY_SHARE, LIMIT, OPENING
from quarterdeck.domain import lots_down, ticks_toward
from quarterdeck.fills import money_plus, product, whole_parts
from quarterdeck.guardrails import (
    asset_share_max,
    lots_within_caps,
    order_value_max,
    quantity_max,
    within_caps,
    worst_ticks,
)

NAN: Final = math.nan


@inlined
def equity_now(wallet: Wallet, now_ns: int) -> float:
    """Give the last marked equity; NaN, which refuses, where the last mark that was due did not come."""
    if now_ns - wallet.marked_at_ns >= 2 * wallet.mark_every_ns:
        return NAN
    return wallet.equity


@called
def held_at_worst(desk: Desk, instrument: int, sign: int) -> float:
    """Give how much of an asset the bot would own (or be short of) if every living order to that end filled."""
    asset = slot_of(desk, instrument).asset
    total = 0.0
    for number in range(desk.slots):
        slot = slot_of(desk, number)
        if slot.asset == asset:
            total += slot.qty * sign
    for place in range(wallet_of(desk).live):
        work = work_of(desk, place)
        slot = slot_of(desk, work.instrument)
        if work.sign == sign and slot.asset == asset:
            total += work.lots * slot.lot
    return total


@called
def free_to_spend(desk: Desk) -> tuple[float, float]:
    """Give the cash less what orders that open set aside and what positions lock, in fine parts of an atom."""
    wallet = wallet_of(desk)
    high, low = product(wallet.cash, wallet.fine)
    low += wallet.cash_low * wallet.fine
    for place in range(wallet.live):
        work = work_of(desk, place)
        kept, kept_low = product(float(work.lots), work.need_lot)
        high, low = money_plus(high, low, -kept)
        high, low = money_plus(high, low, -kept_low)
    if wallet.has_perpetuals:
        for number in range(desk.slots):
            high, low = money_plus(high, low, -slot_of(desk, number).margin * wallet.fine)
    return high, low


@called
def open_position(desk: Desk, wish: Wish, now_ns: int, counts_as: int) -> None:
    """Bring the wish to open a position to a planned order, or to a refusal."""
    draft = draft_opening(desk, wish, now_ns, counts_as)
    failed = failed_rules(desk, draft, now_ns) if draft.lots else 0
    if failed or not draft.lots:
        write_refusal(desk, wish, failed, now_ns)
    else:
        plan(desk, draft, now_ns)


@called
def draft_opening(desk: Desk, wish: Wish, now_ns: int, counts_as: int) -> Draft:
    """Size an order that opens; one of no lots where too little is asked for, or the other side is held."""
    wallet, limits, slot = wallet_of(desk), limits_of(desk), slot_of(desk, wish.instrument)
    limit_ticks = 0
    best = slot.price * (slot.ask_factor if wish.sign == BUY else slot.bid_factor)
    price = best
    if wallet.entry_kind == LIMIT:
        limit_ticks = ticks_toward(slot.price * (1.0 - wish.sign * wallet.entry_offset), slot.tick, wish.sign)
        price = limit_ticks * slot.tick
        best = price
    lots = 0
    qty = _wanted(wallet, price)
    if (limit_ticks or wallet.entry_kind != LIMIT) and slot.lots * wish.sign >= 0:
        lots = lots_down(qty, slot.lot)
    equity, held_qty = equity_now(wallet, now_ns), held_at_worst(desk, wish.instrument, wish.sign)
    value_max = order_value_max(limits.order_value_max_quote, limits.order_value_max_share, equity)
    parts = wallet.scale * wallet.fine
    need_lot, free = 0.0, 0.0
    if lots:
        asset_max = asset_share_max(limits.concentration_max, limits.position_max) * equity
        if slot.is_coin and counts_as_money(desk, slot):
            asset_max = math.inf
        if not within_caps(qty, price, value_max, asset_max, held_qty) and not math.isnan(value_max):
            capped, _ = lots_within_caps(price, slot.lot, value_max, asset_max, held_qty)
            lots = min(lots, capped)
        need_lot = worst_ticks(price, 0.0 if limit_ticks else limits.headroom_share, slot.tick) * slot.need
        free, free_low = free_to_spend(desk)
        lots = max(min(lots, whole_parts(free, free_low, need_lot)), 1)
    return Draft(
        wish.instrument,
        wish.sign,
        OPENING,
        wish.cause,
        lots,
        limit_ticks,
        price,
        best,
        equity,
        quantity_max(slot.qty_max, limits.qty_value_multiple, value_max, slot.price),
        held_qty,
        need_lot,
        need_lot * lots / parts,
        free / parts,
        counts_as,
    )


@inlined
def _wanted(wallet: Wallet, price: float) -> float:
    """Give how much is asked for, in base units."""
    if wallet.sizing_kind == BASE:
        return wallet.sizing_value
    asked = wallet.sizing_value
    if wallet.sizing_kind == EQUITY_SHARE:
        asked = 0.0 if math.isnan(wallet.equity) else round(wallet.sizing_value * wallet.equity, 8)
    return asked / price


@called
def plan(desk: Desk, draft: Draft, now_ns: int) -> int:
    """Plan an order: from now on it counts, and lives until it fills or ends. Returns: its number."""
    wallet = wallet_of(desk)
    number = write_order(desk, draft, now_ns)
    note_of(desk, number).counted = draft.counts_as == NOBODY
    work = work_of(desk, wallet.live)
    work.order = number
    work.instrument = draft.instrument
    work.sign = draft.sign
    work.effect = draft.effect
    work.lots = draft.lots
    work.limit_ticks = draft.limit_ticks
    work.price = draft.price
    work.need_lot = draft.need_lot
    work.lock = 0.0
    work.lock_low = 0.0
    work.planned_at_ns = now_ns
    work.is_placed = 0
    work.is_leaving = 0
    wallet.live += 1
    wallet.executions += 1
    return number
