"""G8, G9, E4, E6, E10: how often, how many, and how an order stands to the bot's others."""

from __future__ import annotations

import math

from tests.audit.independent.opinion import Opinion, between, under
from tests.audit.independent.records import MINUTE_NS, SECOND_NS
from tests.audit.independent.world import Case, World


def g8_cooldown(case: Case, world: World) -> Opinion:
    """G8: per-pair cooldown 60 s (exactly 60 s is allowed); counted at the plan, given back if nothing traded."""
    if case.is_stop:
        return Opinion(refuses=False, compared=((math.inf, world.limits.cooldown_s),))
    others = world.counted_since(0, but=case.counted_as)
    last_ns = next((trade.at_ns for trade in others if trade.pair == case.pair), None)
    since_s = math.inf if last_ns is None else (case.at_ns - last_ns) / SECOND_NS
    limit = world.limits.cooldown_s
    forgotten = () if since_s <= limit else ((math.inf, limit),)  # who asks no more need not remember
    return Opinion(under(since_s, limit), ((since_s, limit), *forgotten))


def g9_trade_rate(case: Case, world: World) -> Opinion:
    """G9: at most 5 trades in 5 minutes; exits are counted."""
    since_ns = case.at_ns - world.limits.trades_window_min * MINUTE_NS
    others = list(world.counted_since(since_ns, but=case.counted_as))
    limit = world.limits.trades_max
    own = 0 if case.is_stop else 1
    younger = own + sum(trade.at_ns > since_ns for trade in others)
    as_old = own + sum(trade.at_ns >= since_ns for trade in others)
    refuses = between(younger > limit, as_old > limit)
    return Opinion(refuses, ((float(younger), float(limit)), (float(as_old), float(limit))))


def e4_open_orders(case: Case, world: World) -> Opinion:
    """E4: open orders ≤ 20 per bot, 5 per pair."""
    limits = world.limits
    counts, own = [], 0.0 if case.is_stop else 1.0
    for alive in world.alive(case):
        counts.append((own + len(alive), float(limits.open_orders_max)))
        counts.append((own + sum(order.pair == case.pair for order in alive), float(limits.open_orders_pair_max)))
    return Opinion(any(value > limit for value, limit in counts[-2:]), tuple(counts))


def e6_duplicate(case: Case, world: World) -> Opinion:
    """E6: duplicate (same pair, side, size, price within 5 s from the same source); bound."""
    if case.is_stop:
        return Opinion(refuses=False, compared=((0.0, 0.0),))
    window_ns = int(world.limits.duplicate_window_s * SECOND_NS)
    alike = [
        case.at_ns - order.plan.at_ns
        for order in world.planned_since(case.at_ns - window_ns)
        if order.pair == case.pair
        and order.plan.side == case.intent.side
        and order.plan.source == case.intent.source
        and order.plan.intent_id not in (case.intent.id, case.intent.flips)
        and not order.is_stop
        and math.isclose(order.plan.qty_lots * float(order.plan.lot), case.qty, rel_tol=1e-12)
        and _limit_of(order.plan.limit_ticks, float(order.plan.tick)) == _rounded(case.limit_price)
    ]
    younger = sum(age_ns < window_ns for age_ns in alike)
    as_old = sum(age_ns <= window_ns for age_ns in alike)
    return Opinion(between(younger > 0, as_old > 0), ((float(younger), 0.0), (float(as_old), 0.0)))


def _limit_of(ticks: int | None, tick: float) -> float | None:
    return None if ticks is None else _rounded(ticks * tick)


def _rounded(price: float | None) -> float | None:
    return None if price is None else float(f"{price:.12g}")


def e10_self_cross(case: Case, world: World) -> Opinion:
    """
    E10: self-cross with any order of ours on the account; bound.

    A limit order crosses what rests at its price or better; how far a market order reaches is open: at its routed price
    it crosses for sure, beyond its headroom it does not.
    """
    if case.is_stop:
        return Opinion(refuses=False, compared=((0.0, 0.0),))
    near = _crossed(case, world, 1e-9)
    far = near if case.is_limit else _crossed(case, world, world.limits.headroom_share + 1e-9)
    return Opinion(between(near > 0, far > 0), ((float(near), 0.0), (float(far), 0.0)))


def _crossed(case: Case, world: World, reach: float) -> int:
    """Count our resting orders on the other side that an order at this price, or a share beyond it, would meet."""
    count = 0
    for order in world.books.living.values():
        plan = order.plan
        if (plan.venue, plan.instrument) != (case.listing.venue, case.listing.instrument) or not order.is_living:
            continue
        resting = _limit_of(plan.limit_ticks, float(plan.tick))
        if resting is not None and plan.side != case.intent.side:
            is_sell = plan.side == "sell"
            count += resting <= case.price * (1 + reach) if is_sell else resting >= case.price * (1 - reach)
    return count
