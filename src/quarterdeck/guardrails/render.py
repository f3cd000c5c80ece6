"""The table of guardrails as a page of the docs, so that the page cannot differ from what runs."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from quarterdeck.domain import GuardrailSettings, RiskSettings
from quarterdeck.guardrails.rules import RULES, Exits, Rule

_HEAD: Final = """# Guardrails

Generated from `quarterdeck.guardrails.RULES` by `python tools/render_docs.py`; a test fails when the two differ.

Every order, whoever asks for it, passes all of these. Which rules exist is fixed in code; settings hold thresholds
only. All rules are evaluated for every order, on the worst that the order may lead to together with those that are
open or unknown, at its routed price and size. Numbers are compared with a slack of 1e-9. A number that is missing, NaN
or infinite where it must be finite refuses.

"""

_FOOT: Final = """
## Exits

What a rule means for an order that only reduces a position:

- *pass*: the rule is evaluated and written down, and does not hold the exit up.
- *pass unless halted*: an exit passes while the bot is paused or reducing, and is refused while it is halted.
- *pass when tradable*: an exit passes also where the pair is not approved any more, as long as its venue trades it.
- *wider limit*: an exit is held to a limit of its own.
- *bound*: an exit is bound like any other order. Only where the limit of E3 is not known, an exit passes it.

`strict_exits: true` takes every exemption and every wider limit away. With `protect_when_halted: true` the protective
exits of a position also pass G1 and G2 while the bot is halted, and stop orders that rest at venues stay there, at a
kill too; but after a kill nothing new is planned or signed, whoever asks. With the default, a position is naked while
the bot is halted.

## In the journal

Verdicts are packed: bit *i* of each mask (`evaluated`, `failed`, `exempt`) speaks of the rule with bit *i*; `values`
and `limits` hold what the evaluated rules compared, lowest bit first. A rule that failed and was not evaluated lacked a
number. A rule of which no mask speaks was off (E13 without a fleet) or is younger than the verdict. Of a rule with two
comparisons the second is shown where only that one refuses. An infinite time since the last trade means that there was
none.
"""


def render_rules() -> str:
    """Write every guardrail as Markdown: a table of all, then what each looks at and what to do when it refuses."""
    parts = [
        _HEAD,
        "| id | bit | rule | settings (default) | unit | refuses | exits |\n|---|---|---|---|---|---|---|\n",
    ]
    parts.extend(_line(rule) for rule in RULES)
    parts.append("\n## What each one looks at, and what to do when it refuses\n")
    parts.extend(_section(rule) for rule in RULES)
    parts.append(_FOOT)
    return "".join(parts)


def _line(rule: Rule) -> str:
    paths = (*(f"guardrails.{key}" for key in rule.keys), *rule.elsewhere)
    keys = ", ".join(f"`{path}`{_default_of(path)}" for path in paths) or "none"
    refuses = rule.refuses.value + (", or else" if rule.otherwise else "")
    return f"| {rule.id} | {rule.bit} | {rule.name} | {keys} | {rule.unit} | {refuses} | {rule.exits.value} |\n"


def _section(rule: Rule) -> str:
    lines = [
        f"\n### {rule.id} {rule.name}\n\nLooks at {rule.checks}.\n\nRefuses {rule.refuses.value}: *{rule.reason}*.\n"
    ]
    if rule.otherwise:
        lines.append(f"Or else: *{rule.otherwise}*.\n")
    if rule.exits is Exits.BOUND:
        lines.append("\nExits are bound too.\n")
    return "".join(lines)


def _default_of(path: str) -> str:
    """Write the default of a setting by its path, with a blank before; empty where it has none."""
    section, _, name = path.rpartition(".")
    settings: dict[str, Struct] = {"guardrails": GuardrailSettings(), "risk": RiskSettings()}
    if section not in settings:
        return ""
    value = getattr(settings[section], name)
    if value is None or value is False:
        return " (off)"
    if value == {}:
        return " (none set)"
    return f" ({', '.join(value) if isinstance(value, tuple) else value})"
