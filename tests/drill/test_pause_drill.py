"""Owners that are paused beyond their lease, again and again, with a successor standing by."""

import signal
from pathlib import Path
from random import Random

import pytest

from quarterdeck.exchange import Personality
from quarterdeck.system import recover
from tests.drill.audit import audit
from tests.drill.killer import Counts
from tests.drill.stage import BotProcess, Stage, staged

LEASE_S = 1.2
VALIDITY_NS = 400_000_000
ROUNDS = 8


def epoch_of(stage: Stage) -> int:
    return recover(stage.folder.journal).state.epoch if stage.folder.state.exists() else 0


def succeeds(stage: Stage, owner: BotProcess, successor: BotProcess, epoch: int) -> bool:
    """Pause the owner until the successor trades; False where it was paused in a commit, which holds the file."""
    owner.signal(signal.SIGSTOP)
    for _ in range(40):
        if epoch_of(stage) > epoch:
            return True
        successor.has_ended(0.1)
    return False


@pytest.mark.slow
@pytest.mark.parametrize("seed", [7])
def test_owners_that_wake_too_late_append_nothing_and_send_nothing(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    with staged(tmp_path) as stage:
        stage.write_bot(remote=True)
        stage.record(bars=20_000, seed=seed)
        habits = Personality(validity_ns=VALIDITY_NS, client_id_scope="open")
        stage.start_venues({"alpha": habits, "beta": habits}, delay_ms=25)
        plan = stage.plan(speed=300.0, validity_ns=VALIDITY_NS, lease_s=LEASE_S, standby=True)
        owner = stage.run(plan)
        owner.until(lambda: epoch_of(stage) == 1, "the first session")
        taken_over = 0
        for _ in range(ROUNDS):
            epoch = epoch_of(stage)
            successor = stage.run(plan)
            successor.has_ended(random.uniform(0.5, 1.5))
            succeeded = succeeds(stage, owner, successor, epoch)
            successor.has_ended(random.uniform(0.0, 0.5))
            owner.signal(signal.SIGCONT)
            if succeeded or owner.has_ended(3.0):
                assert owner.exit_code(10.0) == 4, owner.said()
                owner, taken_over = successor, taken_over + 1
            else:
                successor.kill()
        assert taken_over >= ROUNDS // 3, f"seed {seed}: only {taken_over} owners were succeeded"
        owner.kill()
        last = stage.run(stage.plan(cycles=40, validity_ns=VALIDITY_NS))
        assert last.exit_code() == 0, last.said()
        for venue in stage.venues.values():
            venue.stop()
        audit(stage, Counts())
