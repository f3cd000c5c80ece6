"""The auditor finds what it is there to find: a breach of every rule, planted in a journal that looks sound."""

from __future__ import annotations

import pytest

from tests.audit.independent.verdicts import RULES
from tests.audit.plants import PLANTS, Plant
from tests.audit.scenes import breaks, falsified


def name_of(plant: Plant) -> str:
    return f"{plant.rule}-{plant.script.__name__}"


SOUND = {plant.script.__name__: plant.script for plant in PLANTS}


@pytest.mark.parametrize("name", sorted(SOUND))
def test_nothing_is_found_where_all_is_well(name: str) -> None:
    audit = SOUND[name]().audited()
    assert audit.problems == []
    assert audit.planned.total() > 0


@pytest.mark.parametrize("plant", PLANTS, ids=name_of)
def test_a_planted_breach_is_found_by_the_name_of_its_rule(plant: Plant) -> None:
    forged = falsified(plant.script().lines(), plant.falsify)
    assert plant.rule in breaks(forged)


def test_every_rule_has_a_planted_breach() -> None:
    assert {plant.rule for plant in PLANTS} == {rule.id for rule in RULES}
    assert len(RULES) == 23
