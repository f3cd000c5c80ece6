"""Random lives under hostile limits: every rule refuses, none is ever broken, and every verdict is what it must be."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.audit.hostile import Hostile
from tests.audit.independent.verdicts import RULES
from tests.audit.runs import some

STEPS = 400
SEEDS, SEEDS_SLOW = range(60), range(60, 1_000)
EVERY_RULE = {rule.id for rule in RULES}


def lived(seeds: range) -> Counter[str]:
    """Live and audit one life for each seed; count what was refused, and what was planned, by rule and as `planned`."""
    refused: Counter[str] = Counter()
    for seed in seeds:
        audit = Hostile(seed).live(STEPS).audited()
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


@pytest.mark.slow
def test_many_hostile_lives_break_no_rule() -> None:
    assert set(lived(SEEDS_SLOW)) >= EVERY_RULE
