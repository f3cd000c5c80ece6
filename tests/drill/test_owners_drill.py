"""Two owners and exchanges with bad manners: real processes, real sockets, and nothing lost or doubled."""

import sys
from pathlib import Path
from random import Random

import msgspec
import pytest

from quarterdeck.domain import SECOND_NS
from quarterdeck.exchange import Personality, RateLimits
from tests.drill.audit import audit
from tests.drill.owners import Owners
from tests.drill.stage import LOOSE_LIMITS, staged
from tests.drill.test_kill_drill import named

LEASE_S = 1.2
VALIDITY_NS = 400_000_000
# In the time of the tape, which runs 300 times as fast as ours.
SPEED = 300.0
BUSY = Personality(
    validity_ns=VALIDITY_NS,
    client_id_scope="open",
    acks="async",
    ack_lag_ns=SECOND_NS // 10,
    reply_carries="id",
    limits=RateLimits(requests_max=60, orders_max=10, window_ns=10 * SECOND_NS, ban_after=5, ban_ns=20 * SECOND_NS),
)
FORGETFUL = Personality(
    validity_ns=VALIDITY_NS,
    client_id_scope="forgets",
    lag_ns=2 * SECOND_NS,
    depth_share=0.3,
    market_remainder="rests",
    streams="orders",
    stops=True,
)
REPEATING = Personality(validity_ns=VALIDITY_NS, client_id_scope="answers_old", streams="none", fills_lag_ns=SECOND_NS)
REPLY_DELAY_MS = 15


def drilled(root: Path, rounds: int, seed: int, habits: dict[str, Personality]) -> Owners:
    with named(seed), staged(root) as stage:
        stage.write_bot(
            remote=True, stop_loss="0.002", take_profit="0.003", fee_asset="received", guardrails=LOOSE_LIMITS
        )
        stage.let_protect(*(name for name, habit in habits.items() if habit.stops))
        stage.record(bars=1_500 * rounds, seed=seed)
        stage.start_venues(habits, REPLY_DELAY_MS)
        plan = stage.plan(speed=SPEED, lease_s=LEASE_S, habits=habits, standby=True)
        owners = Owners(stage, plan, Random(seed))
        owners.drill(rounds)
        last = stage.run(stage.plan(cycles=40, habits=habits))
        assert last.exit_code() == 0, last.said()
        for venue in stage.venues.values():
            venue.stop()
        audit(stage, owners.counts)
        return owners


def tell(seed: int, owners: Owners, capsys: pytest.CaptureFixture[str]) -> None:
    told = f"{owners.hung} hung, {owners.left} left, {msgspec.json.encode(owners.counts).decode()}"
    with capsys.disabled():
        sys.stdout.write(f"\nowners drill, seed {seed}: {told}\n")


@pytest.mark.parametrize("seed", [1])
def test_owners_that_die_or_hang_are_followed_and_nothing_is_lost_or_doubled(
    tmp_path: Path, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    owners = drilled(tmp_path, 6, seed, {"alpha": BUSY, "beta": FORGETFUL})
    assert owners.counts.orders >= 10, owners.counts
    tell(seed, owners, capsys)


@pytest.mark.slow
@pytest.mark.parametrize("habits", [{"alpha": BUSY, "beta": FORGETFUL}, {"alpha": REPEATING, "beta": BUSY}])
@pytest.mark.parametrize("seed", [201, 202])
def test_many_owners_that_die_or_hang(
    tmp_path: Path, seed: int, habits: dict[str, Personality], capsys: pytest.CaptureFixture[str]
) -> None:
    owners = drilled(tmp_path, 40, seed, habits)
    assert owners.hung > 0
    assert owners.counts.kills > 0
    tell(seed, owners, capsys)
