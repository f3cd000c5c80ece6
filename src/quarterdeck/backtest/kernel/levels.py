"""Protective levels inside a bar: which of them it reached, in which order they count, and what each closes."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from quarterdeck.backtest.kernel.acting import act_and_resume, close_or_wait
from quarterdeck.backtest.kernel.compile import called, inlined
from quarterdeck.backtest.kernel.desk import slot_of, wallet_of
from quarterdeck.backtest.kernel.drafts import Wish
from quarterdeck.backtest.kernel.exits import closable_lots, is_dust
from quarterdeck.backtest.kernel.records import Desk, Slot, Wallet
from quarterdeck.backtest.kernel.venue import close_by_force, meet
from quarterdeck.backtest.kernel.words import LIQUIDATION, REDUCING, STOP_LOSS, TAKE_PROFIT, TRAILING_STOP
from quarterdeck.guardrails import is_above, liquidation_price
from quarterdeck.market import is_beyond, level_at, met_at, reached_in_bar

NAN: Final = math.nan


class Range(NamedTuple):
    """What a bar traded between, and where it began."""

    open: float
    low: float
    high: float


class Met(NamedTuple):
    """A level that may be met, and what it is for; NaN for none."""

    cause: int
    level: float


@called
def meet_levels(desk: Desk, instrument: int, bar: Range, now_ns: int) -> None:
    """Meet the levels that a bar reached: what loses before what wins, of those the nearest first."""
    wallet, slot = wallet_of(desk), slot_of(desk, instrument)
    sign = 1 if slot.lots > 0 else -1
    is_watched = wallet.has_levels and _is_watched(desk, instrument)
    fixed, trailing, target, forced = NAN, NAN, NAN, NAN
    if is_watched:
        fixed, trailing = level_of(wallet, slot, STOP_LOSS), level_of(wallet, slot, TRAILING_STOP)
        if slot.entered_inside != wallet.place + 1:  # nobody knows if the bar was there after the entry
            target = level_of(wallet, slot, TAKE_PROFIT)
    if slot.is_perpetual:
        forced = level_of(wallet, slot, LIQUIDATION)
    first, second, third = Met(STOP_LOSS, fixed), Met(TRAILING_STOP, trailing), Met(LIQUIDATION, forced)
    first, second = _nearer_first(first, second, sign)
    second, third = _nearer_first(second, third, sign)
    first, second = _nearer_first(first, second, sign)
    _meet_level(desk, instrument, bar, first, now_ns)
    _meet_level(desk, instrument, bar, second, now_ns)
    _meet_level(desk, instrument, bar, third, now_ns)
    _meet_level(desk, instrument, bar, Met(TAKE_PROFIT, target), now_ns)


@inlined
def _nearer_first(one: Met, other: Met, sign: int) -> tuple[Met, Met]:
    """Order two levels that lose: the nearer one first, as they stand where both are as near; none counts as far."""
    if math.isnan(one.level) or is_above(sign * other.level, sign * one.level):
        return other, one
    return one, other


@called
def level_of(wallet: Wallet, slot: Slot, cause: int) -> float:
    """Give the level of a position that a cause watches; NaN where there is none."""
    sign = 1 if slot.lots > 0 else -1
    if cause == LIQUIDATION:
        cost, margin = abs(slot.cost) / wallet.scale, slot.margin / wallet.scale
        level = liquidation_price(cost, margin, abs(slot.qty), wallet.maintenance, sign)
        return level if is_above(level, 0.0) else NAN
    cost = slot.cost / wallet.scale / slot.qty
    if cause == STOP_LOSS:
        return level_at(cost, wallet.stop_loss, -sign)
    if cause == TAKE_PROFIT:
        return level_at(cost, wallet.take_profit, sign)
    high = slot.high if is_above(sign * slot.high, sign * cost) else cost
    return level_at(high, wallet.trailing_stop, -sign)


@called
def _is_watched(desk: Desk, instrument: int) -> bool:
    """Tell whether there is a position that could be closed, and that nothing is closing."""
    slot = slot_of(desk, instrument)
    if not slot.lots or closable_lots(desk, instrument, -1 if slot.lots > 0 else 1) < slot.lots_min:
        return False
    return not is_dust(wallet_of(desk), slot)


@called
def _meet_level(desk: Desk, instrument: int, bar: Range, met: Met, now_ns: int) -> None:
    wallet, slot = wallet_of(desk), slot_of(desk, instrument)
    if math.isnan(met.level) or not slot.lots:
        return
    is_long = slot.lots > 0
    falling = is_long == (met.cause != TAKE_PROFIT)
    if not reached_in_bar(met.level, bar.low, bar.high, falling):
        return
    price = met_at(met.level, bar.open, falling)
    if met.cause == LIQUIDATION:
        close_by_force(desk, instrument, price, now_ns)
        return
    if not _is_watched(desk, instrument):
        return
    slot.price = price
    slot.price_at_ns = now_ns
    meet(desk, instrument, now_ns)
    if not _is_watched(desk, instrument) or not is_beyond(price, level_of(wallet, slot, met.cause), falling):
        return
    close_or_wait(desk, Wish(instrument, -1 if is_long else 1, REDUCING, met.cause), now_ns)
    act_and_resume(desk, now_ns, True)  # noqa: FBT003
