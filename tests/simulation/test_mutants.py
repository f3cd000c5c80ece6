"""Bugs that were put in on purpose are seen, each in a seed that is kept."""

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from quarterdeck.guardrails import RULES
from tests.simulation.batch import run_seeds
from tests.simulation.found import FOUND_BY
from tests.simulation.guardrail_mutants import ASKED
from tests.simulation.hunting import BROKEN, Found, rule_of, try_seeds
from tests.simulation.mutants import MUTANTS
from tests.simulation.test_simulation import WORLDS
from tests.simulation.world import Failure

WORKERS = min(2, os.cpu_count() or 1)
TRIED_BESIDE = 20
AGAIN = "run `make mutants` and put the table that it prints into tests/simulation/found.py"


@pytest.fixture(scope="module")
def seen() -> dict[str, Found]:
    """Each bug in its seed; where the product has changed since, in some others."""
    tasks = [(name, tuple(dict.fromkeys((seed, *range(1, TRIED_BESIDE))))) for name, (seed, _) in FOUND_BY.items()]
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
        return {found.name: found for found in pool.map(try_seeds, tasks)}


def test_every_mutant_has_a_seed_that_finds_it() -> None:
    assert set(FOUND_BY) == set(MUTANTS), AGAIN


def test_every_guardrail_has_a_mutant_of_its_own() -> None:
    assert [rule.id for rule in RULES] == list(ASKED)
    assert {f"without_{rule.id}" for rule in RULES} <= set(MUTANTS)


@pytest.mark.parametrize("name", FOUND_BY)
def test_a_bug_put_in_on_purpose_breaks_an_invariant(seen: dict[str, Found], name: str) -> None:
    found = seen[name]
    assert found.seed != BROKEN, f"{name} does not fit the code any more: {found.what}"
    assert found.seed, f"{name} survives; {AGAIN}"
    if found.seed == FOUND_BY[name][0]:
        assert found.rule == FOUND_BY[name][1]


def test_without_a_bug_the_kept_seeds_find_nothing() -> None:
    beyond = sorted({seed for seed, _ in FOUND_BY.values() if seed > WORLDS})
    assert [found for found in run_seeds(beyond, WORKERS) if isinstance(found, Failure)] == []


@pytest.mark.parametrize(
    ("what", "rule"),
    [("Breach: I9: sent otherwise: so", "I9"), ("IntegrityError: /dev/shm/x: gone", "IntegrityError")],
)
def test_a_failure_names_its_rule(what: str, rule: str) -> None:
    assert rule_of(what) == rule
