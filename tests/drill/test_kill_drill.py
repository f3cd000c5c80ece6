"""The kill drill: real processes, real files, SIGKILL. A seed decides where it strikes."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import msgspec
import pytest

from quarterdeck.exchange import Personality
from tests.drill.audit import audit
from tests.drill.killer import Counts, Killer
from tests.drill.stage import LOOSE_LIMITS, staged

# Both venues forget the ids of orders that ended, so that a second send would make a second order; one gives away its
# book in parts and takes its fees out of what was bought.
HABITS = {
    "alpha": Personality(client_id_scope="open"),
    "beta": Personality(client_id_scope="open", depth_share=0.3, market_remainder="rests"),
}
REPLY_DELAY_MS = 25


@contextlib.contextmanager
def named(seed: int) -> Iterator[None]:
    """Say with which seed a drill failed."""
    try:
        yield
    except Exception as error:
        error.add_note(f"the drill failed with seed {seed}")
        raise


def drilled(root: Path, kills: int, seed: int, speed: float | None) -> Counts:
    with named(seed), staged(root) as stage:
        stage.write_bot(
            remote=True, stop_loss="0.002", take_profit="0.003", fee_asset="received", guardrails=LOOSE_LIMITS
        )
        stage.record(bars=100 * kills, seed=seed)
        stage.start_venues(HABITS, REPLY_DELAY_MS)
        killer = Killer(stage, stage.plan(speed=speed), Random(seed))
        killer.drill(kills)
        last = stage.run(stage.plan(cycles=40))
        assert last.exit_code() == 0, last.said()
        for venue in stage.venues.values():
            venue.stop()
        audit(stage, killer.counts)
        counts = killer.counts
        assert counts.kills == kills
        assert counts.between_commit_and_reply >= kills / 3, counts
        return counts


def tell(seed: int, counts: Counts, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\nkill drill, seed {seed}: {msgspec.json.encode(counts).decode()}\n")


@pytest.mark.parametrize("seed", [1])
def test_two_dozen_kills_lose_nothing_and_double_nothing(
    tmp_path: Path, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = drilled(tmp_path, 24, seed, speed=300.0)
    assert counts.orders >= 40, counts  # twice as many on a machine that does nothing else
    tell(seed, counts, capsys)


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "speed"), [(101, 300.0), (102, None), (103, 300.0), (104, 120.0)])
def test_two_hundred_kills_lose_nothing_and_double_nothing(
    tmp_path: Path, seed: int, speed: float | None, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(seed, drilled(tmp_path, 50, seed, speed), capsys)
