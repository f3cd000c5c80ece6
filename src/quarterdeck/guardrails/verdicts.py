"""What packed verdicts mean, for the engine and for people."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from quarterdeck.domain import Verdicts
from quarterdeck.guardrails.codes import SLACK
from quarterdeck.guardrails.rules import RULES, Rule

_BY_BIT: Final = tuple(sorted(RULES, key=lambda rule: rule.bit))


class Verdict(Struct, frozen=True):
    """
    One guardrail's verdict, unpacked for people.

    `value` and `limit` are what was compared, None where a number was missing; `reason` is empty where it passed.
    """

    id: str
    passed: bool
    evaluated: bool
    exempt: bool
    value: float | None
    limit: float | None
    unit: str
    reason: str
    name: str = ""


def passed(verdicts: Verdicts) -> bool:
    """Tell whether no guardrail refuses."""
    return verdicts.failed == 0


def refusing(verdicts: Verdicts) -> tuple[Verdict, ...]:
    """Give the verdicts of the rules that refuse, lowest bit first."""
    return _spread(verdicts, verdicts.failed)


def unpack(verdicts: Verdicts) -> tuple[Verdict, ...]:
    """
    Spread packed verdicts out, one for each rule that was judged, lowest bit first.

    A rule of which no mask speaks was off, or not known to the version that judged; it is left out. So are bits that
    only a later version knows.
    """
    return _spread(verdicts, verdicts.evaluated | verdicts.failed | verdicts.exempt)


def _spread(verdicts: Verdicts, wanted: int) -> tuple[Verdict, ...]:
    return tuple([_verdict_of(verdicts, rule) for rule in _BY_BIT if wanted >> rule.bit & 1])


def _verdict_of(verdicts: Verdicts, rule: Rule) -> Verdict:
    mask = 1 << rule.bit
    refused, exempt = bool(verdicts.failed & mask), bool(verdicts.exempt & mask)
    value = limit = None
    evaluated = bool(verdicts.evaluated & mask)
    if evaluated:
        place = (verdicts.evaluated & (mask - 1)).bit_count()
        value, limit = verdicts.values[place], verdicts.limits[place]
    reason = _reason(rule, value, limit) if refused or exempt else ""
    return Verdict(rule.id, not refused, evaluated, exempt, value, limit, rule.unit, reason, rule.name)


def _reason(rule: Rule, value: float | None, limit: float | None) -> str:
    """Say why a rule refuses: by its number, for its other ground, or because a number is missing."""
    if value is None or limit is None:
        return f"{rule.reason} (a number is missing, so the rule could not be evaluated)"
    if rule.otherwise and value <= limit + SLACK * max(1.0, abs(limit)):
        return rule.otherwise
    return rule.reason
