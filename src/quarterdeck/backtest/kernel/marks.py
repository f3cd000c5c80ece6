"""What the bot is worth, and the limits of loss that a mark can trip: the kernel's side of the engine's losses."""

from __future__ import annotations

import math
from typing import Final

from quarterdeck.backtest.kernel.compile import called, inlined
from quarterdeck.backtest.kernel.desk import PEAKS, RECENT, limits_of, slot_of, wallet_of, window_of
from quarterdeck.backtest.kernel.records import Desk, Slot, Wallet
from quarterdeck.backtest.kernel.windows import clear, drop_old, highest, latest_highest_ns, push
from quarterdeck.domain import DAY_NS
from quarterdeck.guardrails import fall_from, higher, is_clear, trips, trips_loss_rate
from quarterdeck.market import rises

NAN: Final = math.nan


@inlined
def worth_of(wallet: Wallet, slot: Slot, price: float) -> float:
    """Give what a position adds to equity at a price, in quote."""
    worth = slot.qty * price
    return worth - slot.cost / wallet.scale if slot.is_perpetual else worth


@inlined
def valued(desk: Desk, now_ns: int) -> float:
    """Value everything at the latest prices; NaN where one of something held is too old."""
    wallet = wallet_of(desk)
    total = wallet.money
    if not wallet.positions:
        return total
    for number in range(desk.slots):
        slot = slot_of(desk, number)
        if slot.lots:
            if now_ns - slot.price_at_ns > wallet.mark_age_ns_max:
                return NAN
            total += worth_of(wallet, slot, slot.price)
    return total


@inlined
def take_mark(desk: Desk, now_ns: int) -> None:
    """Mark everything to market; without a fresh price for all that is held there is no mark, and so no opening."""
    wallet = wallet_of(desk)
    equity = valued(desk, now_ns)
    wallet.marked_at_ns = now_ns
    wallet.equity = equity
    _remember_prices(desk, now_ns, equity)
    if math.isnan(equity):
        return
    index = equity / wallet.units
    if now_ns >= wallet.day_ns + DAY_NS:
        day_ns = now_ns - now_ns % DAY_NS
        if wallet.day_ns < 0 or now_ns == day_ns:
            wallet.day_open = index
        else:
            wallet.day_open = wallet.index
        wallet.day_ns = day_ns
    wallet.index = index
    wallet.index_peak = higher(wallet.index_peak, index)
    _remember_mark(desk, now_ns, index)
    _check_limits(desk, now_ns)


@inlined
def _remember_prices(desk: Desk, now_ns: int, equity: float) -> None:
    """Keep what held positions were marked at, and the highest marks that trailing stops follow."""
    wallet = wallet_of(desk)
    if not wallet.positions and not wallet.marked:
        return
    wallet.marked = wallet.positions
    for number in range(desk.slots):
        slot = slot_of(desk, number)
        slot.marked = NAN
        if slot.lots and now_ns - slot.price_at_ns <= wallet.mark_age_ns_max:
            slot.marked = slot.price
            if wallet.has_trailing and not math.isnan(equity):
                sign = 1 if slot.lots > 0 else -1
                if math.isnan(slot.high) or rises(sign * slot.price, sign * slot.high):
                    slot.high = slot.price


@inlined
def _remember_mark(desk: Desk, now_ns: int, index: float) -> None:
    limits, recent, peaks = limits_of(desk), window_of(desk, RECENT), window_of(desk, PEAKS)
    push(recent, index, now_ns)
    drop_old(recent, now_ns - limits.loss_rate_window_ns, 1)
    push(peaks, index, now_ns)
    drop_old(peaks, now_ns - limits.drawdown_window_ns, 0)


@called
def losses_of(desk: Desk) -> tuple[float, float, float]:
    """Give what was lost since the open of the day, from the peak of the window, and from the highest ever."""
    wallet = wallet_of(desk)
    return (
        fall_from(wallet.index, wallet.day_open, NAN),
        fall_from(wallet.index, highest(window_of(desk, PEAKS)), NAN),
        fall_from(wallet.index, wallet.index_peak, NAN),
    )


@inlined
def _check_limits(desk: Desk, now_ns: int) -> None:
    wallet, limits, index = wallet_of(desk), limits_of(desk), wallet_of(desk).index
    recent_high = highest(window_of(desk, RECENT))
    clear = is_clear(index, recent_high, limits.loss_rate_max) & is_clear(index, wallet.day_open, limits.daily_loss_max)
    clear &= is_clear(index, highest(window_of(desk, PEAKS)), limits.drawdown_max)
    if not (clear & is_clear(index, wallet.index_peak, limits.drawdown_ever_max)):
        _trip(desk, recent_high, now_ns)


@called
def _trip(desk: Desk, recent_high: float, now_ns: int) -> None:
    """Put the holds on the bot that its losses call for."""
    wallet, limits = wallet_of(desk), limits_of(desk)
    if trips_loss_rate(fall_from(wallet.index, recent_high, 1.0), limits.loss_rate_max):
        _pause(desk, now_ns)
    of_day, fallen, fallen_ever = losses_of(desk)
    if trips(of_day, limits.daily_loss_max) and not wallet.day_lost_until_ns:
        wallet.day_lost_until_ns = wallet.day_ns + DAY_NS
    if trips(fallen, limits.drawdown_max) and not wallet.fallen_until_ns:
        wallet.fallen_until_ns = latest_highest_ns(window_of(desk, PEAKS)) + limits.drawdown_window_ns
    if trips(fallen_ever, limits.drawdown_ever_max):
        wallet.is_down_for_good = 1


@inlined
def _pause(desk: Desk, now_ns: int) -> None:
    """Pause the bot, unless it is held back already: a pause empties the window."""
    wallet = wallet_of(desk)
    if level_of(wallet) == 0:
        wallet.paused_until_ns = now_ns + limits_of(desk).loss_rate_pause_ns
        clear(window_of(desk, RECENT))


@called
def level_of(wallet: Wallet) -> int:
    """Give the control level: 0 running, 1 paused, 2 reducing."""
    if wallet.day_lost_until_ns or wallet.fallen_until_ns or wallet.is_down_for_good:
        return 2
    return 1 if wallet.paused_until_ns else 0


@inlined
def lift_holds(wallet: Wallet, now_ns: int) -> None:
    """Lift the holds whose time has come."""
    if 0 < wallet.paused_until_ns <= now_ns:
        wallet.paused_until_ns = 0
    if 0 < wallet.day_lost_until_ns <= now_ns:
        wallet.day_lost_until_ns = 0
    if 0 < wallet.fallen_until_ns <= now_ns:
        wallet.fallen_until_ns = 0
