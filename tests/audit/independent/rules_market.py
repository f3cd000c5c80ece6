"""E1, E2, E11, E12: is the price right, can the market be believed, and how far is liquidation?"""

from __future__ import annotations

import math

from tests.audit.independent.market import is_sound, number
from tests.audit.independent.opinion import Opinion, answer, any_of, beyond, under
from tests.audit.independent.records import SECOND_NS
from tests.audit.independent.world import Case, World


def e1_collar(case: Case, world: World) -> Opinion:
    """E1: price collar: 3 % from a live reference (exits 8 %); market orders' book walk ≤ 1 %."""
    limits = world.limits
    wide = case.is_exit and not limits.strict_exits
    collar = limits.collar_exit_max if wide else limits.collar_max
    if case.is_stop:  # judged at its trigger, against its trigger; that this is where it belongs is checked elsewhere
        return answer(beyond(0.0, collar), 0.0, collar)
    walk_max = limits.collar_exit_max if wide else limits.book_walk_max
    reference = world.reference(case.pair, for_exit=case.is_exit)
    off = abs(case.price * case.rate / reference - 1.0) if reference > 0.0 else math.nan
    compared = [(off, collar)]
    refuses = beyond(off, collar)
    if not case.is_limit:
        walk = abs(case.price / case.best - 1.0) if case.best > 0.0 else 0.0
        compared.append((walk, walk_max))
        refuses = any_of(refuses, beyond(walk, walk_max))
    return Opinion(refuses, tuple(compared), known=not math.isnan(off))


def e2_market_data(case: Case, world: World) -> Opinion:
    """E2: market data: age ≤ 10 s live (2 bars in replay), not crossed, two-sided, price > 0; exits ≤ 5 min."""
    limits, quote = world.limits, case.quote
    wide = case.is_exit and not limits.strict_exits
    limit = world.bot.price_age_ns_max / SECOND_NS
    if wide:
        limit = max(limit, limits.data_age_exit_max_s)
    if quote is None:
        return Opinion(refuses=True, compared=(), known=False)
    age_s = world.view.age_s(quote)
    sound = number(quote.last) > 0.0 if wide else is_sound(quote)
    return answer(any_of(beyond(abs(age_s), limit), not sound), age_s, limit)


def e11_leverage(case: Case, world: World) -> Opinion:
    """E11: leverage ≤ 3, no more than the bot is to trade with, and margin mode as configured; all read back."""
    limit = world.limits.leverage_max
    if not case.listing.is_perpetual:
        return answer(beyond(1.0, limit), 1.0, limit)
    reading = world.view.margin(case.listing.venue, case.listing.instrument)
    if reading is None:
        return Opinion(refuses=True, compared=(), known=False)
    leverage = number(reading.leverage)
    other_than_told = reading.mode != world.limits.margin_mode or leverage > world.bot.risk.leverage_max + 1e-9
    return answer(any_of(beyond(leverage, limit), not leverage > 0.0, other_than_told), leverage, limit)


def e12_liquidation(case: Case, world: World) -> Opinion:
    """E12: distance to liquidation ≥ 2 × stop distance, of the position after the trade; no exit brings it nearer."""
    limit, risk = world.limits.liquidation_multiple_min, world.bot.risk
    if not case.listing.is_perpetual or case.is_exit:
        return answer(refuses=False, value=math.inf, limit=limit)
    reading = world.view.margin(case.listing.venue, case.listing.instrument)
    stops = [stop for stop in (risk.stop_loss, risk.trailing_stop) if stop is not None]
    maintenance = math.nan if reading is None else number(reading.maintenance)
    if not 0.0 < maintenance < 1.0 or world.limits.margin_mode != "isolated":
        return Opinion(refuses=True, compared=(), known=False)
    liquidated_at = _liquidated_at(case, world, maintenance)
    if liquidated_at <= 0.0:
        return answer(refuses=False, value=math.inf, limit=limit)
    if not stops:
        return Opinion(refuses=True, compared=(), known=False)
    multiple = max(case.sign * (case.price - liquidated_at), 0.0) / case.price / min(stops)
    return answer(under(multiple, limit), multiple, limit)


def _liquidated_at(case: Case, world: World, maintenance: float) -> float:
    """Where margin and open profit of what would be held come down to its maintenance."""
    held = world.books.held.get((case.listing.venue, case.listing.instrument))
    is_added = held is not None and held.qty * case.sign > 0
    qty, cost = case.qty, case.notional_quote
    margin = cost / world.leverage(case.listing)
    if held is not None and is_added:
        qty, cost, margin = qty + abs(float(held.qty)), cost + abs(float(held.cost)), margin + float(held.margin)
    # margin + sign * (qty * price - cost) = maintenance * qty * price
    return (case.sign * cost - margin) / (qty * (case.sign - maintenance))
