"""One bug for each guardrail: it is never asked any more, and whatever it would have refused counts as passed."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from unittest.mock import patch

from quarterdeck.guardrails import RULES

Patch = AbstractContextManager[object]

# What the judge asks, by rule; patched where the judge finds it, so that every caller of the judge sees the rule gone.
ASKED: dict[str, tuple[str, ...]] = {
    "G1": ("kill_switch",),
    "G2": ("control_level",),
    "G3": ("pair_allowed",),
    "G4": ("order_value",),
    "G5": ("daily_loss",),
    "G6": ("drawdown",),
    "G7": ("concentration",),
    "G8": ("cooldown",),
    "G9": ("trade_rate",),
    "G10": ("balance", "venue_quantity", "venue_notional"),
    "E1": ("price_collar",),
    "E2": ("market_data",),
    "E3": ("quantity",),
    "E4": ("open_orders",),
    "E5": ("unexecuted",),
    "E6": ("duplicate",),
    "E7": ("unresolved",),
    "E8": ("clock",),
    "E9": ("breaker",),
    "E10": ("self_cross",),
    "E11": ("leverage",),
    "E12": ("liquidation",),
    "E13": ("grant",),
}
PASSED = 0


@contextmanager
def without_rule(rule: str) -> Iterator[None]:
    """Let a rule pass everything."""
    with ExitStack() as gone:
        for name in ASKED[rule]:
            gone.enter_context(patch(f"quarterdeck.guardrails.judge.{name}", _passes))
        yield


def _passes(*_numbers: object) -> int:
    return PASSED


WITHOUT_RULES: dict[str, Callable[[], Patch]] = {f"without_{rule.id}": partial(without_rule, rule.id) for rule in RULES}
