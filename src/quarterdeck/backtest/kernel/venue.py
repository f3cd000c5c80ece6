"""The exchange: what it holds back for an order, when an order trades, and when it is turned down."""

from __future__ import annotations

from quarterdeck.backtest.kernel.booking import book, forget_work, free_atoms, receive, worth_atoms, write_order
from quarterdeck.backtest.kernel.compile import called, inlined
from quarterdeck.backtest.kernel.desk import note_of, order_of, payday_of, payment_of, slot_of, wallet_of, work_of
from quarterdeck.backtest.kernel.drafts import NOBODY, Deal, Forced
from quarterdeck.backtest.kernel.records import Desk, Payday, Slot, Work
from quarterdeck.backtest.kernel.words import (
    BUY,
    EXPIRED,
    LIQUIDATION,
    MAKER,
    OPENING,
    REDUCING,
    REJECTED,
    TAKER,
)
from quarterdeck.domain import ticks_toward
from quarterdeck.fills import (
    covers,
    fee_within,
    larger,
    lesser,
    money_plus,
    nearest_step,
    nearest_ticks,
    reaches_least,
    trades_through,
)

SHORT_OF_MONEY = 1


@inlined
def best_ticks(slot: Slot, price: float, sign: int) -> int:
    """Give the best price of the other side of the book around a price, on the grid: asks round up, bids down."""
    factor = slot.ask_factor if sign == BUY else slot.bid_factor
    return ticks_toward(price * factor, slot.tick, -sign)


@called
def need_atoms(desk: Desk, work: Work, ticks: int) -> tuple[float, float]:
    """Give what an order must hold to fill at a price, the dearer fee included; what only reduces needs nothing."""
    slot = slot_of(desk, work.instrument)
    if work.effect != OPENING:
        return 0.0, 0.0
    high, low = worth_atoms(slot, work.lots, ticks)
    fee = fee_within(high, slot.fee_dear, wallet_of(desk).fee_step)
    if slot.is_perpetual:
        return high / slot.leverage + fee, 0.0
    return money_plus(high, low, fee)


@called
def _affords(desk: Desk, place: int, ticks: int) -> bool:
    need, need_low = need_atoms(desk, work_of(desk, place), ticks)
    free, free_low = free_atoms(desk, place)
    return covers(free, free_low, need, need_low)


@called
def place_order(desk: Desk, place: int, now_ns: int, tradable: bool) -> bool:  # noqa: FBT001
    """Send an order to the exchange. Returns: whether it still works; then it waits."""
    work = work_of(desk, place)
    slot = slot_of(desk, work.instrument)
    best = best_ticks(slot, slot.price, work.sign)
    ticks = work.limit_ticks or best
    may_be_small = slot.is_perpetual and work.effect != OPENING
    worth, _ = worth_atoms(slot, work.lots, ticks)
    work.is_placed = 1
    if not may_be_small and not reaches_least(worth, slot.notional_min_atoms):
        _reject(desk, place, 2 + work.lots * ticks)
        return False
    if not work.limit_ticks and not tradable:
        _hold_what_is_free(desk, place, ticks)
        return True
    if not _affords(desk, place, ticks):
        _reject(desk, place, -(2 + work.lots * ticks))
        return False
    if work.limit_ticks:
        work.lock, work.lock_low = need_atoms(desk, work, ticks)
        if not tradable or work.sign * best > work.sign * work.limit_ticks:
            return True
    _trade(desk, place, best, TAKER, now_ns)
    return False


@called
def _hold_what_is_free(desk: Desk, place: int, ticks: int) -> None:
    """Hold back for an order that waits what it would cost now, as far as that is free."""
    if desk.slots == 1:
        return  # nobody else asks what is free before this one trades or ends
    work = work_of(desk, place)
    need, need_low = need_atoms(desk, work, ticks)
    free, free_low = free_atoms(desk, place)
    if covers(free, free_low, need, need_low):
        work.lock, work.lock_low = need, need_low
    else:
        work.lock, work.lock_low = free, free_low


@called
def meet(desk: Desk, instrument: int, now_ns: int) -> None:
    """
    Let the orders on an instrument meet a tradable price: those without a limit first, then the best limits.

    A price of a bar says nothing of how much traded there: it fills a limit that the book lies beyond, none it touches.
    """
    wallet, slot = wallet_of(desk), slot_of(desk, instrument)
    place = 0
    rests = False
    while place < wallet.live:
        work = work_of(desk, place)
        if work.instrument == instrument and work.is_placed and not work.limit_ticks:
            ticks = best_ticks(slot, slot.price, work.sign)
            if _affords(desk, place, ticks):
                _trade(desk, place, ticks, TAKER, now_ns)
            else:
                _reject(desk, place, SHORT_OF_MONEY)
        else:
            rests = True
            place += 1
    place = _next_limit(desk, instrument) if rests else -1
    while place >= 0:
        work = work_of(desk, place)
        best = best_ticks(slot, slot.price, work.sign)
        if work.sign * best >= work.sign * work.limit_ticks:
            return
        _trade(desk, place, work.limit_ticks, MAKER, now_ns)
        place = _next_limit(desk, instrument)


@called
def trade_range(desk: Desk, instrument: int, low: float, high: float, now_ns: int) -> None:
    """Fill the limit orders that a bar traded through; those sent at its close took no part in it."""
    slot = slot_of(desk, instrument)
    place = _next_limit(desk, instrument)
    while place >= 0:
        work = work_of(desk, place)
        if work.planned_at_ns >= now_ns or not trades_through(work.limit_ticks, low, high, slot.tick, work.sign):
            return
        _trade(desk, place, work.limit_ticks, MAKER, now_ns)
        slot.entered_inside = wallet_of(desk).place + 1
        place = _next_limit(desk, instrument)


@called
def _next_limit(desk: Desk, instrument: int) -> int:
    """Find the limit order of an instrument that trades before the others, -1 for none."""
    found, best = -1, 0
    for place in range(wallet_of(desk).live):
        work = work_of(desk, place)
        if work.instrument == instrument and work.limit_ticks and work.is_placed:
            key = work.sign * work.limit_ticks
            if found < 0 or key > best:
                found, best = place, key
    return found


@called
def _trade(desk: Desk, place: int, ticks: int, liquidity: int, now_ns: int) -> None:
    work = work_of(desk, place)
    slot = slot_of(desk, work.instrument)
    cause = order_of(desk, work.order).cause
    deal = Deal(work.order, work.instrument, work.sign, work.lots, ticks, liquidity, cause, now_ns)
    slot.rejects = 0
    slot.reject_words = 0
    forget_work(desk, place)
    book(desk, deal)


@called
def _reject(desk: Desk, place: int, words: int) -> None:
    """Turn an order down; its trade is given back, and rejections in the very same words are counted."""
    work = work_of(desk, place)
    slot = slot_of(desk, work.instrument)
    slot.rejects = slot.rejects + 1 if slot.reject_words == words else 1
    slot.reject_words = words
    _end(desk, place, REJECTED)


@called
def cancel(desk: Desk, place: int, state: int) -> None:
    """End an order that works; its trade is given back."""
    slot = slot_of(desk, work_of(desk, place).instrument)
    slot.rejects = 0
    slot.reject_words = 0
    _end(desk, place, state)


@called
def _end(desk: Desk, place: int, state: int) -> None:
    work = work_of(desk, place)
    order_of(desk, work.order).state = state
    note_of(desk, work.order).counted = 0
    forget_work(desk, place)


@called
def close_by_force(desk: Desk, instrument: int, price: float, now_ns: int) -> None:
    """Let the exchange close a position at a price, on the grid against it; orders on it are ended first."""
    wallet, slot = wallet_of(desk), slot_of(desk, instrument)
    is_long = slot.lots > 0
    ticks = max(ticks_toward(price, slot.tick, 1 if is_long else -1), 1)
    slot.price = ticks * slot.tick
    slot.price_at_ns = now_ns
    place = 0
    while place < wallet.live:
        if work_of(desk, place).instrument == instrument:
            cancel(desk, place, EXPIRED)
        else:
            place += 1
    lots = abs(slot.lots)
    sign = -1 if is_long else 1
    number = write_order(desk, Forced(instrument, sign, REDUCING, LIQUIDATION, lots, 0), now_ns)
    book(desk, Deal(number, instrument, sign, lots, ticks, TAKER, LIQUIDATION, now_ns))


@called
def settle_funding(desk: Desk, now_ns: int) -> None:
    """Let the positions in perpetuals pay, or receive, what is due by an instant."""
    wallet = wallet_of(desk)
    while wallet.payday_ns <= now_ns:
        payday = payday_of(desk, wallet.paydays)
        slot = slot_of(desk, payday.instrument)
        if slot.lots:
            _pay(desk, payday, now_ns)
        wallet.paydays += 1
        wallet.payday_ns = payday_of(desk, wallet.paydays).at_ns


@called
def _pay(desk: Desk, payday: Payday, now_ns: int) -> None:
    wallet, slot = wallet_of(desk), slot_of(desk, payday.instrument)
    ticks = nearest_ticks(slot.price, slot.tick)
    worth, worth_low = worth_atoms(slot, slot.lots, ticks)
    amount = nearest_step(-(worth + worth_low) * payday.rate, wallet.fee_step)
    free, free_low = free_atoms(desk, NOBODY)
    short = larger(-amount - (free + free_low), 0.0)
    from_margin = lesser(slot.margin, short)
    slot.margin -= from_margin
    paid = larger(amount, -(free + (free_low + from_margin)))
    receive(wallet, paid, 0.0)
    payment = payment_of(desk, wallet.payments)
    payment.at_ns = now_ns
    payment.bar = wallet.place
    payment.instrument = payday.instrument
    payment.amount = paid / wallet.scale
    wallet.payments += 1
