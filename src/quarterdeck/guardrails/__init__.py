"""
The guardrails: what no order may break, whoever asks for it. Pure scalar functions, thresholds from settings.

G1 kill switch, G2 control level, G4 order value, G8 cooldown and G10 balance and venue limits are here; the packed
verdict has a bit for each of the others, so that they join without changing what is already written down.
"""

from quarterdeck.guardrails.judge import LEVELS, Subject, Verdict, judge, passed, refusing, unpack
from quarterdeck.guardrails.rules import (
    BITS,
    PASSED,
    REFUSED,
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

__all__ = [
    "BITS",
    "LEVELS",
    "PASSED",
    "REFUSED",
    "RULES",
    "Exits",
    "Rule",
    "Subject",
    "Verdict",
    "balance",
    "control_level",
    "cooldown",
    "judge",
    "kill_switch",
    "order_value",
    "order_value_max",
    "passed",
    "refusing",
    "unpack",
    "venue_limits",
]
