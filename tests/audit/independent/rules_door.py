"""G1, G2, G3, G5, G6, E7, E8, E9: may anything be opened at all, now, here?"""

from __future__ import annotations

import math

from tests.audit.independent.control import HALTED
from tests.audit.independent.opinion import Opinion, answer, any_of, between, beyond, reaching
from tests.audit.independent.world import Case, World


def g1_kill_switch(_case: Case, world: World) -> Opinion:
    """G1: the kill switch is on; bound."""
    return answer(world.levels.killed, float(world.levels.killed), 0.0)


def g2_control(case: Case, world: World) -> Opinion:
    """
    G2: halted; or paused (2 % loss in 30 min → 15 min pause). Reducing is exits only.

    What ended may still hold for a price that fired a level: time is taken stock of only once the bar is over.
    """
    level = world.levels.level(case.at_ns)
    stated = world.levels.stated_level(case.at_ns)
    compared = ((float(level), 0.0), (float(stated), 0.0))
    if case.intent.source != "protection":
        return Opinion(level > 0, compared)
    before = world.levels.stated_level(0)
    return Opinion(between(level > 0, before > 0), (*compared, (float(before), 0.0)))


def g2_exempts(case: Case, world: World) -> bool:
    """G2, exits: pass unless halted."""
    return world.levels.level(case.at_ns) < HALTED


def g3_pair(case: Case, world: World) -> Opinion:
    """G3: pair approved: whitelist ∩ tradable on the bot's venues."""
    bot = world.bot
    approved = case.pair in bot.pairs and (bot.approved is None or case.pair in bot.approved)
    tradable = case.listing.tradable and any(venue.name == case.listing.venue for venue in bot.venues)
    return answer(not (approved and tradable), (0.0 if approved else 1.0) + (0.0 if tradable else 2.0), 0.0)


def g5_daily_loss(_case: Case, world: World) -> Opinion:
    """G5: daily loss, 5 % of UTC day-open; at the limit it refuses."""
    loss, limit = world.figures.daily_loss(), world.limits.daily_loss_max
    return answer(reaching(loss, limit), loss, limit)


def g6_drawdown(case: Case, world: World) -> Opinion:
    """G6: drawdown, 10 % from the trailing 7-day peak; a bot's own maximum counts from the highest peak ever."""
    limits = world.limits
    falls, limit = world.figures.drawdowns(case.at_ns, limits), limits.drawdown_max
    compared = [(fall, limit) for fall in falls]
    refuses = between(reaching(max(falls), limit), reaching(min(falls), limit))
    ever_max = world.bot.risk.drawdown_max
    if ever_max is not None:
        ever = world.figures.drawdown_ever()
        compared.append((ever, ever_max))
        refuses = any_of(refuses, reaching(ever, ever_max))
    return Opinion(refuses, tuple(compared))


def e7_unresolved(case: Case, world: World) -> Opinion:
    """E7: reconciling, or an unknown order on that account and pair."""
    unknown = sum(
        order.state == "unknown" and order.plan.venue == case.listing.venue and order.pair == case.pair
        for order in world.books.living.values()
    )
    count = unknown + (case.listing.venue in world.reconciling)
    return answer(count > 0, float(count), 0.0)


def e8_clock(case: Case, world: World) -> Opinion:
    """E8: clock skew ≤ 500 ms; no unconfirmed clock step."""
    skew, limit = world.view.skew_ms(case.listing.venue), world.limits.clock_skew_max_ms
    return answer(any_of(beyond(skew, limit), case.at_ns < world.steady_at_ns), skew, limit)


def e9_breaker(case: Case, world: World) -> Opinion:
    """E9: breaker: 3 identical rejects, or so many executions without a person as `executions_max` says."""
    limits = world.limits
    _, rejects = world.rejections.get((case.listing.venue, case.listing.instrument), ("", 0))
    compared = [(float(rejects), float(limits.rejects_max))]
    refuses: bool | None = rejects >= limits.rejects_max
    if limits.executions_max is not None:
        siblings = world.trades[case.intent.id].orders if case.intent.id in world.trades else []
        before = world.executions - len(siblings)  # children are judged before any of them is planned
        compared += [(float(count), float(limits.executions_max)) for count in (world.executions, before)]
        refuses = any_of(refuses, world.executions >= limits.executions_max)
    return Opinion(refuses, tuple(compared))


def e13_grant(case: Case, world: World) -> Opinion:
    """E13: fleet grant: exposure budget valid 60 s (off for a bot run alone)."""
    limits, grant = world.limits, world.view.grant
    if not limits.fleet_grant:
        return Opinion(refuses=False, compared=(), known=False)
    if grant is None or grant.exposure_max is None:
        return Opinion(refuses=True, compared=(), known=False)
    living = sum(order.worth_to_come for order in world.books.living.values() if order.plan.effect == "open")
    this = 0.0 if case.is_exit else case.worth
    compared = tuple((held + living + this, grant.exposure_max) for held in _held(world))
    age_s = abs(case.at_ns - grant.at_ns) / 1e9
    answers = {beyond(after, limit) for after, limit in compared}
    within = answers.pop() if len(answers) == 1 else None
    return Opinion(any_of(within, beyond(age_s, limits.grant_valid_s)), compared)


def _held(world: World) -> tuple[float, ...]:
    """Exposure of what is held: at its cost, with the rates of now or of the last mark, and at the market."""
    at_cost = at_last = at_market = 0.0
    for (venue, instrument), held in world.books.held.items():
        if held.qty:
            quote = world.books.listings[venue, instrument].quote
            rate = world.view.rate(quote)
            at_last += abs(float(held.cost)) * world.mark_rates.get(quote, 1.0)
            price = world.view.mark(venue, instrument)
            at_cost += abs(float(held.cost)) * (1.0 if rate is None else rate)
            at_market += float(held.qty) * (math.nan if price is None else price) * (math.nan if rate is None else rate)
    return at_cost, at_last, at_cost if math.isnan(at_market) else at_market
