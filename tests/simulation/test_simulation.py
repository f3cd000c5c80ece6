"""Whole worlds: every invariant holds in two hundred of them, and all that should happen sometimes does."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.batch import Report, run_seed, run_seeds
from tests.simulation.lifecycle_rows import UNREACHABLE, every_row, row_name
from tests.simulation.mutants import MUTANTS
from tests.simulation.world import Failure, Outcome

WORLDS = 200
MARKET_S_MIN = 30 * 60
WORKERS = min(2, os.cpu_count() or 1)


@pytest.fixture(scope="module")
def report() -> Report:
    """Two hundred worlds, one after the other."""
    found = Report()
    for one in run_seeds(range(1, WORLDS + 1), WORKERS):
        found.take(one)
    return found


def test_two_hundred_worlds_keep_every_invariant(report: Report) -> None:
    assert not report.failures, "\n\n".join(map(str, report.failures))
    assert len(report.outcomes) == WORLDS
    assert min(outcome.virtual_s for outcome in report.outcomes) >= MARKET_S_MIN


def test_everything_that_should_happen_sometimes_happens(report: Report) -> None:
    assert report.coverage.missing() == []


def test_no_row_of_the_table_is_reached_that_is_said_to_be_unreachable(report: Report) -> None:
    reached = [place for place in UNREACHABLE if report.coverage.counts[row_name(*place)]]
    assert reached == []
    assert set(UNREACHABLE) < set(every_row())
    assert all(UNREACHABLE.values())


@pytest.mark.slow
def test_five_thousand_worlds_reach_every_row_that_may_be_reached() -> None:
    report = Report()
    for found in run_seeds(range(1, 5_001), WORKERS):
        report.take(found)
    assert not report.failures, "\n\n".join(map(str, report.failures[:5]))
    assert report.unreached() == []
    assert report.coverage.missing() == []


def test_the_same_seed_gives_the_same_journal_whatever_the_hash_seed(repository: Path) -> None:
    told = [
        subprocess.run(
            [sys.executable, "-m", "tests.simulation", "--seed", "5"],
            cwd=repository,
            env={"PATH": os.environ["PATH"], "PYTHONHASHSEED": str(number)},
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        ).stdout.splitlines()[-1]
        for number in (1, 2)
    ]
    assert told[0] == told[1]
    assert told[0].startswith("the journal of seed 5 ends with ")
    here = run_seed(5)
    assert isinstance(here, Outcome)
    assert told[0].endswith(here.head)


def test_a_failing_seed_names_the_command_that_replays_it_and_the_last_facts() -> None:
    with MUTANTS["send_before_the_commit"]():
        found = run_seed(1)
    assert isinstance(found, Failure)
    assert "replay it with: make sim SEED=1" in str(found)
    assert len(re.findall(r"^  \w+ row \d+: [A-Z]\w+\(at_ns=", str(found), re.MULTILINE)) >= 5
