"""
One verdict at a time: what the journal says a rule answered, against what it must answer.

The packed form: masks of the rules that were evaluated, that failed, and that failed but let exits pass; bit n-1 is
Gn, bit 9+n is En; values and limits of the evaluated rules, lowest bit first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Final

from msgspec import Struct

from tests.audit.independent import rules_door, rules_market, rules_pace, rules_size
from tests.audit.independent.market import number
from tests.audit.independent.opinion import Opinion
from tests.audit.independent.problem import Problem
from tests.audit.independent.records import Verdicts
from tests.audit.independent.world import Case, World

Ask = Callable[[Case, World], Opinion]
Exempts = Callable[[Case, World], bool]


def _passes(_case: Case, _world: World) -> bool:
    return True


def _binds(_case: Case, _world: World) -> bool:
    return False


def _when_tradable(case: Case, _world: World) -> bool:
    return case.listing.tradable


class Rule(Struct, frozen=True):
    """A rule, how it is asked, and whether it lets an exit pass that it refuses."""

    id: str
    ask: Ask
    exits: Exempts

    @property
    def bit(self) -> int:
        return int(self.id[1:]) + (-1 if self.id[0] == "G" else 9)


RULES: Final = (
    Rule("G1", rules_door.g1_kill_switch, _binds),
    Rule("G2", rules_door.g2_control, rules_door.g2_exempts),
    Rule("G3", rules_door.g3_pair, _when_tradable),
    Rule("G4", rules_size.g4_order_value, _passes),
    Rule("G5", rules_door.g5_daily_loss, _passes),
    Rule("G6", rules_door.g6_drawdown, _passes),
    Rule("G7", rules_size.g7_concentration, _passes),
    Rule("G8", rules_pace.g8_cooldown, _passes),
    Rule("G9", rules_pace.g9_trade_rate, _passes),
    Rule("G10", rules_size.g10_balance, _binds),
    Rule("E1", rules_market.e1_collar, _binds),
    Rule("E2", rules_market.e2_market_data, _binds),
    Rule("E3", rules_size.e3_quantity, _binds),
    Rule("E4", rules_pace.e4_open_orders, _passes),
    Rule("E5", rules_size.e5_unexecuted, _passes),
    Rule("E6", rules_pace.e6_duplicate, _binds),
    Rule("E7", rules_door.e7_unresolved, _passes),
    Rule("E8", rules_door.e8_clock, _passes),
    Rule("E9", rules_door.e9_breaker, _passes),
    Rule("E10", rules_pace.e10_self_cross, _binds),
    Rule("E11", rules_market.e11_leverage, _passes),
    Rule("E12", rules_market.e12_liquidation, _passes),
    Rule("E13", rules_door.e13_grant, _passes),
)


class Said(Struct, frozen=True):
    """What the journal says of one rule for one order."""

    evaluated: bool
    failed: bool
    exempt: bool
    value: float
    limit: float


def check_verdicts(case: Case, world: World) -> Iterator[Problem]:
    """Ask every rule anew, and compare with what the journal says it answered."""
    said = dict(_unpacked(case))
    for rule in RULES:
        mine = rule.ask(case, world)
        exempts = case.is_exit and not world.limits.strict_exits and _exempts(rule, case, world, mine)
        yield from _check_answer(case, rule, mine, said[rule.id], exempts=exempts)
        yield from _check_numbers(case, rule, mine, said[rule.id])


def _exempts(rule: Rule, case: Case, world: World, mine: Opinion) -> bool:
    """
    Tell whether a rule lets this exit pass.

    What cannot be evaluated refuses only opening orders, unless it is the kill switch or the balance that is not known.
    With `protect_when_halted` the stops and targets of a position pass kill switch and halt.
    """
    protects = case.intent.source == "protection" and world.limits.protect_when_halted
    if rule.id in ("G1", "G2") and protects:
        return True
    if rule.id == "E3" and not mine.known:
        return True
    return rule.exits(case, world)


def _check_answer(case: Case, rule: Rule, mine: Opinion, said: Said, *, exempts: bool) -> Iterator[Problem]:
    refused = said.failed or said.exempt
    planned = case.planned is not None
    if planned and said.failed:
        yield Problem(case.seq, rule.id, "planned although the rule refused it")
    if mine.refuses is True and not exempts and not said.failed:
        what = "the order breaks the rule" if planned else "the rule refuses, and the verdict passes it over"
        yield Problem(case.seq, rule.id, what, *_first(said, mine))
    if mine.refuses is True and exempts and said.failed:
        yield Problem(case.seq, rule.id, "an exit was refused by a rule that lets exits pass", *_first(said, mine))
    if mine.refuses is False and refused:
        yield Problem(case.seq, rule.id, "refused without reason", *_first(said, mine))


def _first(said: Said, mine: Opinion) -> tuple[str | None, str | None]:
    theirs = f"{said.value!r} of {said.limit!r}" if said.evaluated else "not evaluated"
    ours = " or ".join(f"{value!r} of {limit!r}" for value, limit in mine.compared) or "not known"
    return theirs, ours


def _check_numbers(case: Case, rule: Rule, mine: Opinion, said: Said) -> Iterator[Problem]:
    """The recorded value and limit are those of the rule, as far as both sides have numbers."""
    if said.evaluated != mine.known and (said.evaluated or mine.refuses is False):
        if not (said.evaluated and any(_agree(said, pair, mine.tolerance) for pair in mine.compared)):
            yield Problem(case.seq, rule.id, "evaluated by one of us only", *_first(said, mine))
        return
    if said.evaluated and mine.compared and not any(_agree(said, pair, mine.tolerance) for pair in mine.compared):
        yield Problem(case.seq, rule.id, "value or limit differ", *_first(said, mine))


def _agree(said: Said, pair: tuple[float, float], tolerance: float) -> bool:
    return _near(said.value, pair[0], tolerance) and _near(said.limit, pair[1], tolerance)


def _near(theirs: float, ours: float, tolerance: float) -> bool:
    if math.isinf(ours) or math.isnan(ours):
        return not math.isfinite(theirs)
    return abs(theirs - ours) <= tolerance * max(1.0, abs(ours))


def _unpacked(case: Case) -> Iterator[tuple[str, Said]]:
    packed = case.verdicts
    numbers = iter(zip(packed.values, packed.limits, strict=False))
    for rule in RULES:
        mask = 1 << rule.bit
        evaluated = bool(packed.evaluated & mask)
        value, limit = next(numbers, (None, None)) if evaluated else (None, None)
        yield (
            rule.id,
            Said(evaluated, bool(packed.failed & mask), bool(packed.exempt & mask), number(value), number(limit)),
        )


def failed_names(verdicts: Verdicts) -> tuple[str, ...]:
    """Name the rules whose bits say that they failed."""
    return tuple(rule.id for rule in RULES if verdicts.failed >> rule.bit & 1)
