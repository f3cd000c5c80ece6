"""One judge for every order: every guardrail is asked, and every answer is kept, packed."""

from __future__ import annotations

import math
from typing import Final

from quarterdeck.domain import Control, GuardrailSettings, RiskSettings, Verdicts
from quarterdeck.guardrails.codes import (
    E1,
    E2,
    E3,
    E5,
    E8,
    E11,
    E12,
    E13,
    G1,
    G2,
    G3,
    G4,
    G5,
    G6,
    G7,
    G8,
    INF,
    PASSED,
    UNKNOWN,
)
from quarterdeck.guardrails.compared import (
    LEVELS,
    RUNNING,
    Codes,
    Numbers,
    bounds_of,
    executions_max_of,
    telling,
    values_of,
    walk_max_of,
)
from quarterdeck.guardrails.losses import daily_loss, drawdown
from quarterdeck.guardrails.margin import grant, leverage, liquidation
from quarterdeck.guardrails.pace import (
    breaker,
    cooldown,
    duplicate,
    open_orders,
    self_cross,
    trade_rate,
    unresolved,
)
from quarterdeck.guardrails.prices import market_data, price_collar
from quarterdeck.guardrails.rules import RULES, Exits
from quarterdeck.guardrails.sizes import (
    balance,
    concentration,
    order_value,
    quantity,
    unexecuted,
    venue_notional,
    venue_quantity,
)
from quarterdeck.guardrails.standing import clock, control_level, kill_switch, pair_allowed
from quarterdeck.guardrails.subject import Subject

_HALTED: Final = Control.HALTED
_EVERY: Final = (1 << len(RULES)) - 1
_EVERY_BUT_GRANT: Final = _EVERY & ~(1 << E13)
_ALL_PASSED: Final = (PASSED,) * len(RULES)
_ALL_BUT_GRANT_PASSED: Final = _ALL_PASSED[:-1]
_PASSING_EXITS: Final = sum(1 << rule.bit for rule in RULES if rule.exits is Exits.PASS)


def judge(subject: Subject, limits: GuardrailSettings, risk: RiskSettings) -> Verdicts:
    """
    Evaluate every guardrail for one order.

    Args:
        subject: The order and the state it would leave behind.
        limits: The thresholds.
        risk: The bot's own limits; of two that speak of one thing the stricter wins.

    Returns:
        The packed verdicts. The order may go if `passed(verdicts)`. A rule whose numbers are not finite counts as
        failed and not evaluated. E13 is left out where the bot needs no grant of the fleet.
    """
    exiting = subject.reducing and not limits.strict_exits
    values = values_of(subject)
    bounds = bounds_of(subject, limits, risk, exiting=exiting)
    codes = _codes_of(subject, limits, risk, values, bounds, exiting=exiting)
    if limits.fleet_grant:
        values += (subject.exposure_after,)
        bounds += (subject.grant_max,)
        codes += (grant(subject.exposure_after, subject.grant_max, subject.grant_age_s, limits.grant_valid_s),)
        if codes == _ALL_PASSED:
            return Verdicts(_EVERY, 0, 0, values, bounds)
    elif codes == _ALL_BUT_GRANT_PASSED:
        return Verdicts(_EVERY_BUT_GRANT, 0, 0, values, bounds)
    values, bounds = telling(subject, limits, risk, codes, values, bounds)
    return _packed(codes, values, bounds, _exempt(subject, limits) if exiting else 0)


def _codes_of(
    subject: Subject,
    limits: GuardrailSettings,
    risk: RiskSettings,
    values: Numbers,
    bounds: Numbers,
    *,
    exiting: bool,
) -> Codes:
    """Ask every rule from G1 to E12."""
    ever_max = risk.drawdown_max
    return (
        kill_switch(subject.kill_raised),
        PASSED if subject.control is RUNNING else control_level(LEVELS[subject.control]),
        pair_allowed(subject.approved, subject.tradable),
        order_value(subject.notional, bounds[G4]),
        daily_loss(subject.daily_loss, bounds[G5]),
        drawdown(subject.drawdown, bounds[G6], subject.drawdown_ever, INF if ever_max is None else ever_max),
        concentration(values[G7], bounds[G7], subject.off_peg),
        cooldown(subject.since_last_trade_s, bounds[G8]),
        trade_rate(subject.trades, limits.trades_max),
        balance(subject.need, subject.free)
        or venue_quantity(subject.lots, subject.lots_min, subject.lots_max)
        or venue_notional(subject.notional_quote, subject.notional_quote_min, subject.notional_quote_max),
        price_collar(subject.deviation, bounds[E1], subject.book_walk, walk_max_of(subject, limits)),
        market_data(subject.data_age_s, bounds[E2], exiting or subject.book_sound),
        quantity(subject.qty, subject.qty_max),
        open_orders(subject.open_orders, limits.open_orders_max, subject.open_orders_pair, limits.open_orders_pair_max),
        unexecuted(values[E5], bounds[E5]),
        duplicate(subject.duplicates),
        unresolved(subject.unresolved),
        clock(subject.skew_ms, bounds[E8], subject.clock_steady),
        breaker(subject.rejects, limits.rejects_max, subject.executions, executions_max_of(limits)),
        self_cross(subject.crossing),
        leverage(subject.leverage, bounds[E11], subject.margin_as_configured),
        liquidation(subject.liquidation_multiple, bounds[E12]),
    )


def _packed(codes: Codes, values: Numbers, bounds: Numbers, exempting: int) -> Verdicts:
    """Pack verdicts of which not all passed."""
    evaluated = failed = 0
    shown, against = [], []
    for place, code in enumerate(codes):
        if code != PASSED:
            failed |= 1 << place
        if code != UNKNOWN:
            evaluated |= 1 << place
            shown.append(values[place])
            against.append(bounds[place])
    return Verdicts(evaluated, failed & ~exempting, failed & exempting, tuple(shown), tuple(against))


def _exempt(subject: Subject, limits: GuardrailSettings) -> int:
    """
    Give the rules whose refusal does not hold up this exit.

    The limit of E3 follows from equity; an exit must not wait for a price that would tell it.
    """
    mask = _PASSING_EXITS
    protected = subject.protective and limits.protect_when_halted
    if subject.control is not _HALTED or protected:
        mask |= 1 << G2
    if protected:
        mask |= 1 << G1
    if subject.tradable:
        mask |= 1 << G3
    if math.isnan(subject.qty_max) and 0.0 < subject.qty < INF:
        mask |= 1 << E3
    return mask
