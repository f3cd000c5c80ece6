"""The guardrails asked about one order, as `guardrails.judge` asks them: every rule, with the very same functions."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from quarterdeck.backtest.kernel.compile import called, inlined
from quarterdeck.backtest.kernel.desk import limits_of, note_of, order_of, slot_of, wallet_of, work_of
from quarterdeck.backtest.kernel.drafts import Draft
from quarterdeck.backtest.kernel.marks import level_of, losses_of
from quarterdeck.backtest.kernel.records import Desk, Slot
from quarterdeck.backtest.kernel.words import LIQUIDATION, REDUCING, is_protective
from quarterdeck.domain import SECOND_NS
from quarterdeck.guardrails import (
    PASSED,
    SLACK,
    asset_share_max,
    balance,
    breaker,
    clock,
    concentration,
    control_level,
    cooldown,
    crosses_resting,
    daily_loss,
    drawdown,
    duplicate,
    is_at_par,
    kill_switch,
    leverage,
    liquidation,
    liquidation_price,
    market_data,
    open_orders,
    order_value,
    order_value_max,
    pair_allowed,
    price_collar,
    quantity,
    self_cross,
    share_of,
    stop_distances,
    trade_rate,
    unexecuted,
    unresolved,
    venue_notional,
    venue_quantity,
)

INF: Final = math.inf
NAN: Final = math.nan
E3_BIT: Final = 1 << 12
E10_BIT: Final = 1 << 19


class Beside(NamedTuple):
    """What lives beside an order: orders that may still fill, those of the pair, their worth, those it would meet."""

    orders: int
    orders_pair: int
    unexecuted: float
    crossing: int


class Before(NamedTuple):
    """What was traded before: seconds since the pair did, trades in the window with this one, orders just like it."""

    since_s: float
    trades: int
    alike: int


@called
def failed_rules(desk: Desk, draft: Draft, now_ns: int) -> int:
    """Give a bit for each rule that refuses an order; 0 where it may go."""
    limits, slot = limits_of(desk), slot_of(desk, draft.instrument)
    qty = draft.lots * slot.lot
    exiting = draft.effect == REDUCING and not limits.strict_exits
    failed = _of_standing(desk, slot) | _of_size(desk, draft, qty) | _of_market(desk, draft, exiting, now_ns)
    failed |= _of_pace(desk, draft, qty * draft.price, now_ns)
    if exiting:
        failed &= ~limits.exempt
        if math.isnan(draft.qty_max):
            failed &= ~E3_BIT
    return failed


@inlined
def _of_standing(desk: Desk, slot: Slot) -> int:
    """Ask G1, G2, G3, G5, G6, E7, E8, E11."""
    wallet, limits = wallet_of(desk), limits_of(desk)
    of_day, fallen, fallen_ever = losses_of(desk)
    failed = (kill_switch(0) != PASSED) << 0
    failed |= (control_level(level_of(wallet)) != PASSED) << 1
    failed |= (pair_allowed(slot.approved, 1) != PASSED) << 2
    failed |= (daily_loss(of_day, limits.daily_loss_max) != PASSED) << 4
    failed |= (drawdown(fallen, limits.drawdown_max, fallen_ever, limits.drawdown_ever_max) != PASSED) << 5
    failed |= (unresolved(0) != PASSED) << 16
    failed |= (clock(0.0, limits.clock_skew_max_ms, 1) != PASSED) << 17
    return failed


@inlined
def _of_size(desk: Desk, draft: Draft, qty: float) -> int:
    """Ask G4, G7, G10, E3, E11, E12."""
    limits, slot, equity = limits_of(desk), slot_of(desk, draft.instrument), draft.equity
    notional = qty * draft.price
    value_max = order_value_max(limits.order_value_max_quote, limits.order_value_max_share, equity)
    after = (draft.held_qty - qty if draft.effect == REDUCING else draft.held_qty + qty) * draft.price
    off_peg = 0
    if slot.is_coin:
        after, off_peg = (0.0, 0) if counts_as_money(desk, slot) else (after, 1)
    share_max = asset_share_max(limits.concentration_max, limits.position_max)
    as_configured = limits.is_isolated if slot.is_perpetual else 1
    failed = (order_value(notional, value_max) != PASSED) << 3
    failed |= (concentration(share_of(after, equity), share_max, off_peg) != PASSED) << 6
    failed |= lacks(slot, draft, notional)
    failed |= (quantity(qty, draft.qty_max) != PASSED) << 12
    failed |= (leverage(slot.leverage, limits.leverage_max, as_configured) != PASSED) << 20
    failed |= (liquidation(_multiple(desk, draft, qty), limits.liquidation_multiple_min) != PASSED) << 21
    return failed


@inlined
def counts_as_money(desk: Desk, slot: Slot) -> bool:
    """Tell whether a stablecoin counts one for one; one whose market nobody shows does."""
    if slot.coin_market < 0:
        return True
    market = slot_of(desk, slot.coin_market)
    return math.isnan(market.price) or is_at_par(market.price, wallet_of(desk).band)


@inlined
def _multiple(desk: Desk, draft: Draft, qty: float) -> float:
    """Give for E12 how many stop distances a position would be away from its liquidation, this order filled."""
    wallet, limits, slot = wallet_of(desk), limits_of(desk), slot_of(desk, draft.instrument)
    if not slot.is_perpetual or draft.effect == REDUCING:
        return INF
    multiple = NAN
    if limits.is_isolated:
        notional = qty * draft.price
        cost = abs(slot.cost) / wallet.scale + notional
        margin = slot.margin / wallet.scale + notional / slot.leverage
        level = liquidation_price(cost, margin, abs(slot.qty) + qty, wallet.maintenance, draft.sign)
        multiple = stop_distances(draft.price, level, wallet.stop, draft.sign)
    return INF if limits.needs_no_stop and math.isnan(multiple) else multiple


@inlined
def lacks(slot: Slot, draft: Draft, notional: float) -> int:
    """Ask G10: give its bit where it refuses; a position in a perpetual may be closed however little it is worth."""
    least = 0.0 if slot.is_perpetual and draft.effect == REDUCING else slot.notional_min
    passes = balance(draft.need, draft.free) == PASSED
    passes = passes and venue_quantity(draft.lots, slot.lots_min, slot.lots_max) == PASSED
    passes = passes and venue_notional(notional, least, slot.notional_max) == PASSED
    return 0 if passes else 1 << 9


@inlined
def _of_market(desk: Desk, draft: Draft, exiting: bool, now_ns: int) -> int:  # noqa: FBT001
    """Ask E1, E2."""
    limits, slot = limits_of(desk), slot_of(desk, draft.instrument)
    deviation = abs(draft.price / slot.price - 1.0)
    walk = abs(draft.price / draft.best - 1.0) if not draft.limit_ticks else 0.0
    collar = limits.collar_exit_max if exiting else limits.collar_max
    walk_max = limits.collar_exit_max if exiting else limits.book_walk_max
    age_s = (now_ns - slot.price_at_ns) / SECOND_NS
    age_max_s = limits.data_age_exit_max_s if exiting else limits.data_age_max_s
    failed = (price_collar(deviation, collar, walk, walk_max) != PASSED) << 10
    failed |= (market_data(age_s, age_max_s, 1) != PASSED) << 11
    return failed


@inlined
def _of_pace(desk: Desk, draft: Draft, notional: float, now_ns: int) -> int:
    """Ask G8, G9, E4, E5, E6, E9, E10."""
    wallet, limits, slot = wallet_of(desk), limits_of(desk), slot_of(desk, draft.instrument)
    before = _before(desk, draft, now_ns)
    beside = _beside(desk, draft)
    waiting = share_of(beside.unexecuted + notional, draft.equity)
    orders, orders_pair = beside.orders + 1, beside.orders_pair + 1
    failed = (cooldown(before.since_s, limits.cooldown_s) != PASSED) << 7
    failed |= (trade_rate(before.trades, limits.trades_max) != PASSED) << 8
    failed |= (open_orders(orders, limits.open_orders_max, orders_pair, limits.open_orders_pair_max) != PASSED) << 13
    failed |= (unexecuted(waiting, limits.unexecuted_max) != PASSED) << 14
    failed |= (duplicate(before.alike) != PASSED) << 15
    failed |= (breaker(slot.rejects, limits.rejects_max, wallet.executions, limits.executions_max) != PASSED) << 18
    failed |= (self_cross(beside.crossing) != PASSED) << 19
    return failed


@called
def _beside(desk: Desk, draft: Draft) -> Beside:
    """Look at the orders that may still fill."""
    wallet, limits = wallet_of(desk), limits_of(desk)
    orders_pair, crossing, unexecuted_quote = 0, 0, 0.0
    reach = SLACK if draft.limit_ticks else limits.headroom_share + SLACK
    for place in range(wallet.live):
        work = work_of(desk, place)
        slot = slot_of(desk, work.instrument)
        unexecuted_quote += work.lots * slot.lot * work.price
        if work.instrument == draft.instrument:
            orders_pair += 1
            if work.limit_ticks and work.sign != draft.sign:
                crossing += crosses_resting(draft.price, work.limit_ticks * slot.tick, reach, draft.sign)
    return Beside(wallet.live, orders_pair, unexecuted_quote, crossing)


@called
def _before(desk: Desk, draft: Draft, now_ns: int) -> Before:
    """
    Look back over the orders that were planned, as far as any rule cares.

    One that is exactly as old as the window counts no more; the closing leg of a flip is no other trade than this.
    """
    limits = limits_of(desk)
    since_ns, cooled_ns = now_ns - limits.trades_window_ns, now_ns - limits.cooldown_ns
    alike_ns = now_ns - limits.duplicate_window_ns
    far_ns = min(since_ns, cooled_ns - 1, alike_ns)
    trades, alike, since_s = 0, 0, INF
    protects = is_protective(draft.cause)
    for place in range(wallet_of(desk).orders - 1, -1, -1):
        order = order_of(desk, place)
        planned_ns = order.planned_at_ns
        if planned_ns <= far_ns:
            break
        if order.cause == LIQUIDATION:
            continue
        of_pair = order.instrument == draft.instrument
        if note_of(desk, place).counted and place != draft.counts_as:
            if planned_ns > since_ns:
                trades += 1
            if of_pair and planned_ns >= cooled_ns and math.isinf(since_s):
                since_s = (now_ns - planned_ns) / SECOND_NS
        if planned_ns > alike_ns and of_pair and place != draft.counts_as:
            same = order.side == draft.sign and order.qty_lots == draft.lots
            alike += same and order.limit_ticks == draft.limit_ticks and is_protective(order.cause) == protects
    return Before(since_s, trades + 1, alike)
