"""Random lives under hostile limits: every rule refuses, none is ever broken, and every verdict is what it must be."""

from __future__ import annotations

from collections import Counter

import pytest

from quarterdeck.domain import OrderPlanned
from tests.audit.hostile import Hostile
from tests.audit.independent.verdicts import RULES
from tests.audit.runs import some

STEPS = 400
STOP_SEEDS = range(2_000, 2_020)
SEEDS, SEEDS_SLOW = range(60), range(60, 1_000)
EVERY_RULE = {rule.id for rule in RULES}


def lived(seeds: range, *, takes_stops: bool = False) -> Counter[str]:
    """Live and audit one life for each seed; count what was refused, and what was planned, by rule and as `planned`."""
    refused: Counter[str] = Counter()
    for seed in seeds:
        life = Hostile(seed, takes_stops=takes_stops).live(STEPS)
        audit = life.audited()
        planned = [fact for _, facts in life.taken for fact in facts if isinstance(fact, OrderPlanned)]
        refused["stop orders"] += sum(fact.trigger_ticks is not None for fact in planned)
        assert not audit.problems, f"seed {seed}: {some([str(problem) for problem in audit.problems])}"
        refused += audit.refused
        refused["planned"] += audit.planned.total()
        refused["days"] += audit.days
    return refused


def test_hostile_lives_break_no_rule_and_every_rule_refuses() -> None:
    refused = lived(SEEDS)
    assert set(refused) >= EVERY_RULE
    assert refused["planned"] > 500
    assert refused["days"] > 100


def test_hostile_lives_with_stop_orders_break_no_rule() -> None:
    refused = lived(STOP_SEEDS, takes_stops=True)
    assert refused["stop orders"] > 3 * len(STOP_SEEDS)


@pytest.mark.slow
def test_many_hostile_lives_break_no_rule() -> None:
    assert set(lived(SEEDS_SLOW)) >= EVERY_RULE
    assert lived(range(3_000, 3_200), takes_stops=True)["stop orders"] > 500
