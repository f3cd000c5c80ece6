"""Whole worlds: a modest number of seeds each time, and the seeds that find each bug which was put in on purpose."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.batch import Report, run_seed, run_seeds
from tests.simulation.mutants import MUTANTS
from tests.simulation.world import Failure, Outcome

SEEDS_TO_FIND = 200
WORKERS = min(2, os.cpu_count() or 1)
OFTEN = (
    "request lost",
    "reply lost",
    "late reply",
    "news repeated",
    "fill before ack",
    "unknown → filled",
    "unknown → open",
    "unknown → not placed",
    "inferred fill superseded",
    "crash between commit and send",
    "crash between send and answer",
    "lease lost while paused",
    "paused owner could not append",
    "kill",
    "recovered planned",
    "recovered unknown",
    "settings changed",
    "deposit booked",
    "money of others seen",
    "listing changed",
    "listing frozen",
    "marked off the peg",
    "no price at midnight",
    "held by reconcile",
    "rebased",
    *(f"refused by {rule}" for rule in ("G2", "G3", "G4", "G5", "G7", "G8", "G9", "G10", "E1", "E3", "E5", "E7", "E8")),
)

# A seed that finds each mutant, kept so that it is found in one go, and the rule that it breaks. Where the product
# has changed since, another seed may be the one: then all are tried in turn.
FOUND_BY = {
    "send_before_the_commit": (1, "I2"),
    "send_again_what_is_unknown": (4, "I1"),
    "send_again_after_a_crash": (2, "I1"),
    "book_a_trade_twice": (1, "fills"),
    "ignore_the_lease_at_the_last_hop": (71, "I3"),
    "ignore_the_kill_at_the_last_hop": (4, "I3"),
    "append_without_the_lease": (2, "UNIQUE constraint failed"),
    "call_an_order_absent_too_soon": (1, "not placed"),
    "add_the_real_trade_to_the_inferred_one": (2, "fills"),
    "trust_the_stream_for_the_cursor": (2, "I29"),
    "never_ask_after_orders": (16, "I29"),
    "let_live_orders_be_when_killed": (3, "kill"),
    "take_inferred_lots_for_settled": (35, "I18"),
    "round_fees": (1, "conservation"),
    "forget_the_order_value": (1, "G4"),
    "forget_the_daily_loss": (15, "G5"),
    "forget_the_concentration": (6, "G7"),
    "forget_the_trade_rate": (1, "G9"),
    "forget_the_quantity": (10, "E3"),
    "open_while_unresolved": (2, "E7"),
    "cross_ourselves": (1, "E10"),
    "hold_exits_up": (1, "I14"),
    "loosen_for_earlier_intents": (2, "I12"),
    "count_deposits_as_profit": (2, "funds"),
    "keep_the_watermark": (1, "watermarks"),
    "give_a_trade_back_though_it_traded": (84, "G9"),
    "give_a_trade_back_twice": (5, "G9"),
}


def checked(report: Report) -> None:
    assert not report.failures, "\n\n".join(map(str, report.failures))


def test_twenty_worlds_keep_every_invariant() -> None:
    report = Report()
    for found in run_seeds(range(1, 21), WORKERS):
        report.take(found)
    checked(report)
    assert report.coverage.missing(OFTEN) == []


@pytest.mark.slow
def test_many_worlds_keep_every_invariant_and_reach_every_fault() -> None:
    report = Report()
    for found in run_seeds(range(1, 401), WORKERS):
        report.take(found)
    checked(report)
    assert report.coverage.missing() == []


def test_the_same_seed_gives_the_same_journal_whatever_the_hash_seed(repository: Path) -> None:
    told = [
        subprocess.run(
            [sys.executable, "-m", "tests.simulation", "--seed", "5", "--seeds", "1"],
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
    assert len(re.findall(r"^  row \d+: [A-Z]\w+\(at_ns=", str(found), re.MULTILINE)) >= 5


def test_every_mutant_has_a_seed_that_finds_it() -> None:
    assert FOUND_BY.keys() == MUTANTS.keys()


@pytest.mark.slow
@pytest.mark.parametrize("name", FOUND_BY)
def test_a_bug_put_in_on_purpose_breaks_an_invariant(name: str) -> None:
    seed, rule = FOUND_BY[name]
    for tried in dict.fromkeys((seed, *range(1, SEEDS_TO_FIND))):
        with MUTANTS[name]():
            found = run_seed(tried)
        if isinstance(found, Failure):
            assert rule in found.what
            assert isinstance(run_seed(tried), Outcome)
            return
    pytest.fail(f"{name} survives {SEEDS_TO_FIND} seeds")
