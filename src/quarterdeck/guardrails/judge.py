"""One judge for every order: all guardrails are evaluated, and every verdict is kept, packed."""

from __future__ import annotations

import math
from typing import Final

from msgspec import Struct

from quarterdeck.domain import Control, GuardrailSettings, Verdicts
from quarterdeck.guardrails.rules import (
    BITS,
    PASSED,
    RULES,
    Exits,
    Rule,
    balance,
    control_level,
    cooldown,
    kill_switch,
    order_value,
    order_value_max,
    venue_limits,
)

LEVELS: Final = {Control.RUNNING: 0, Control.PAUSED: 1, Control.REDUCING: 2, Control.HALTED: 3}

_BY_BIT: Final = {rule.bit: rule for rule in RULES}
_G1, _G2, _G4, _G8, _G10 = (1 << BITS[name] for name in ("G1", "G2", "G4", "G8", "G10"))
_PASSING_EXITS: Final = sum(1 << rule.bit for rule in RULES if rule.exits is Exits.PASS)


class Subject(Struct, frozen=True, gc=False):
    """
    One order, and the state it would leave behind, as plain numbers.

    `notional` in base currency at the routed price, `equity` in base currency (NaN where not known), `need` and `free`
    in the asset that the order spends, `need` with fees and headroom. `protective` marks a protective exit.
    """

    kill_raised: bool
    control: Control
    notional: float
    equity: float
    since_last_trade_s: float
    need: float
    free: float
    lots: int
    lots_min: int
    lots_max: int
    notional_min: float
    reducing: bool
    protective: bool = False


def judge(subject: Subject, settings: GuardrailSettings) -> Verdicts:
    """
    Evaluate every guardrail for one order.

    Returns:
        The packed verdicts. The order may go if `passed(verdicts)`. A rule whose numbers are not finite counts as
        failed and not evaluated.
    """
    level = LEVELS[subject.control]
    value_max = order_value_max(settings.order_value_max_quote, settings.order_value_max_share, subject.equity)
    failed = 0
    if kill_switch(1 if subject.kill_raised else 0) != PASSED:
        failed |= _G1
    if control_level(level) != PASSED:
        failed |= _G2
    if order_value(subject.notional, value_max) != PASSED:
        failed |= _G4
    if cooldown(subject.since_last_trade_s, settings.cooldown_s) != PASSED:
        failed |= _G8
    if (
        balance(subject.need, subject.free) != PASSED
        or venue_limits(subject.lots, subject.lots_min, subject.lots_max, subject.notional, subject.notional_min)
        != PASSED
    ):
        failed |= _G10
    evaluated = _G1 | _G2
    values: tuple[float, ...] = (float(subject.kill_raised), float(level))
    limits: tuple[float, ...] = (0.0, 0.0)
    if math.isfinite(subject.notional) and math.isfinite(value_max):
        evaluated |= _G4
        values += (subject.notional,)
        limits += (value_max,)
    if not math.isnan(subject.since_last_trade_s) and math.isfinite(settings.cooldown_s):
        evaluated |= _G8
        values += (subject.since_last_trade_s,)
        limits += (settings.cooldown_s,)
    if math.isfinite(subject.need) and math.isfinite(subject.free):
        evaluated |= _G10
        values += (subject.need,)
        limits += (subject.free,)
    exempt = failed & _exempt_mask(subject, settings) if subject.reducing and failed else 0
    return Verdicts(evaluated, failed & ~exempt, exempt, values, limits)


def _exempt_mask(subject: Subject, settings: GuardrailSettings) -> int:
    if settings.strict_exits:
        return 0
    mask = _PASSING_EXITS
    if subject.control is not Control.HALTED or (subject.protective and settings.protect_when_halted):
        mask |= _G2
    if subject.protective and settings.protect_when_halted:
        mask |= _G1
    return mask


def passed(verdicts: Verdicts) -> bool:
    """Tell whether no guardrail refuses."""
    return verdicts.failed == 0


def refusing(verdicts: Verdicts) -> tuple[Rule, ...]:
    """Name the rules that refuse, in the order of their bits."""
    return tuple(rule for bit, rule in sorted(_BY_BIT.items()) if verdicts.failed & (1 << bit))


class Verdict(Struct, frozen=True):
    """One guardrail's verdict, unpacked for people."""

    id: str
    passed: bool
    evaluated: bool
    exempt: bool
    value: float | None
    limit: float | None
    unit: str
    reason: str


def unpack(verdicts: Verdicts) -> tuple[Verdict, ...]:
    """Spread packed verdicts out, one for each rule that this version knows."""
    numbers = list(zip(verdicts.values, verdicts.limits, strict=True))
    spread = []
    for bit, rule in sorted(_BY_BIT.items()):
        mask = 1 << bit
        evaluated = bool(verdicts.evaluated & mask)
        value, limit = numbers.pop(0) if evaluated else (None, None)
        refused = bool(verdicts.failed & mask)
        spread.append(
            Verdict(
                id=rule.id,
                passed=not refused,
                evaluated=evaluated,
                exempt=bool(verdicts.exempt & mask),
                value=value,
                limit=limit,
                unit=rule.unit,
                reason=rule.reason if refused or verdicts.exempt & mask else "",
            )
        )
    return tuple(spread)
