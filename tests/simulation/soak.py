"""
A week in one process: the bot runs on and on, venues and networks misbehave, and nothing of it may pile up.

Nobody checks invariants here, for whoever remembers what to check grows himself. What is measured is what the product
keeps: memory that its own code allocated, handles that are open, tasks that wait, and what its state remembers.
"""

import asyncio
import gc
import os
import sys
import tempfile
import time
import tracemalloc
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from unittest.mock import patch

from msgspec.structs import replace as changed

from quarterdeck.domain import GuardrailSettings, RiskSettings
from quarterdeck.ports import OrderRequest
from quarterdeck.simulator import Fault, FaultKind, FaultPlan
from quarterdeck.system import Recovered
from tests.simulation.batch import MEMORY_DISK
from tests.simulation.breach import require
from tests.simulation.door import Door
from tests.simulation.durable import Durable
from tests.simulation.limits import LOOSE
from tests.simulation.scenario import Scenario, draw_scenario
from tests.simulation.surrounds import Home
from tests.simulation.virtual_time import Process
from tests.simulation.world import World

HOUR_MIN = 60
DAY_MIN = 24 * HOUR_MIN
WEEK_MIN = 7 * DAY_MIN
SEED = 2
OUTAGE_EVERY_S, OUTAGE_S = 5 * 3_600.0, 40.0
RESUME_EVERY_S = 600.0

# A day of marks, hours and trades is kept on purpose; what still grows on a later day by more than this has no end.
GROWTH_BYTES_A_DAY = 384 << 10
HANDLES_MORE = 1
TASKS_MORE = 20
LIST_MORE_A_DAY = 60
# Lists that keep so many however old they are: the answers to requests, of which a few more wait to be put aside.
KEPT = {"answers": 1_100}
STATE_LISTS = ("orders", "live", "trades", "returned", "answers", "strays", "alerts", "recent", "hours", "naked")

NETWORK = (
    (FaultKind.LOSE_REQUEST, 0.02, 0.0),
    (FaultKind.LOSE_REPLY, 0.02, 0.0),
    (FaultKind.LATE_REPLY, 0.02, 6.0),
    (FaultKind.DROP_NEWS, 0.05, 0.0),
    (FaultKind.DELAY_NEWS, 0.1, 8.0),
    (FaultKind.REPEAT_NEWS, 0.05, 8.0),
)


@dataclass(frozen=True)
class Sample:
    """What there was at one instant of a soak; memory is in bytes."""

    at_min: int
    allocated: int
    resident: int
    handles: int
    tasks: int
    lists: dict[str, int]
    orders: int

    def __str__(self) -> str:
        lists = ", ".join(f"{name} {length}" for name, length in self.lists.items() if length)
        return (
            f"after {self.at_min / HOUR_MIN:6.1f} h: {self.allocated / 1e6:.2f} MB allocated by the product, "
            f"{self.resident / 1e6:.0f} MB resident, {self.handles} handles, {self.tasks} tasks, "
            f"{self.orders} orders accepted; {lists}"
        )


class OpenDoor(Door):
    """Lets everything through, and remembers nothing."""

    def signs(self, process: Process, request: OrderRequest, signed_ns: int) -> None:
        """Look away."""

    def refused(self, process: Process, why: str) -> None:
        """Look away."""

    def answered(self, process: Process, client_id: str) -> None:
        """Look away."""

    def accepted(self, process: Process, request: OrderRequest, *, is_behind: bool) -> None:
        """Count it."""
        self.coverage.hit("orders accepted")


class Unread(Durable):
    """A journal that nobody reads along."""

    def refresh(self) -> None:
        """Leave it."""

    def check_recovered(self, found: Recovered) -> None:
        """Believe it."""


class Soak(World):
    """One bot on two venues for so many minutes, without a crash; `look` is called every so often."""

    def __init__(self, folder: Path, minutes: int, sample_every_min: int) -> None:
        with patch("tests.simulation.world.draw_scenario", lambda rng: _calm_week(rng, minutes)):
            super().__init__(SEED, folder)
        self.samples: list[Sample] = []
        self._every_min = sample_every_min
        for home in self.around.homes.values():
            _blind(home, self)

    async def _live(self) -> None:
        tasks = [self.loop.create_task(self._move_market())]
        tasks += [self.loop.create_task(keeper.keep_running()) for keeper in self.keepers]
        tasks.append(self.loop.create_task(self._look_after_it()))
        for at_min in range(self._every_min, self.around.scenario.safety_min + 1, self._every_min):
            await asyncio.sleep(at_min * 60.0 - self.loop.time())
            self.samples.append(self._sample(at_min))
        await self._stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _look_after_it(self) -> None:
        while True:
            await asyncio.sleep(RESUME_EVERY_S)
            self._chaos[0].ask_to_resume()

    def _sample(self, at_min: int) -> Sample:
        gc.collect()
        bot = self.keepers[0].current
        state = None if bot is None or bot.loop is None else bot.loop.state
        return Sample(
            at_min=at_min,
            allocated=_allocated(),
            resident=_resident(),
            handles=sum(1 for _ in Path("/proc/self/fd").iterdir()),
            tasks=len(asyncio.all_tasks(self.loop)),
            lists={name: len(getattr(state, name, ())) for name in STATE_LISTS},
            orders=self.coverage.counts["orders accepted"],
        )


def run_soak(minutes: int, sample_every_min: int, *, traced: bool = True) -> list[Sample]:
    """
    Run a soak in a folder of its own and give what there was at each sample.

    Memory is measured by the bytes that the product's own code allocated, if `traced`; that takes three times as long.
    """
    disk = MEMORY_DISK if MEMORY_DISK.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="quarterdeck-soak-", dir=disk) as folder:
        if traced:
            tracemalloc.start(1)
        try:
            soak = Soak(Path(folder), minutes, sample_every_min)
            soak.run()
        finally:
            tracemalloc.stop()
    return soak.samples


def check_growth(before: Sample, after: Sample) -> None:
    """
    I33: between two samples of a soak nothing grew that has no end.

    Raises:
        Breach: If memory, handles, tasks or a list of the state did.
    """
    days = (after.at_min - before.at_min) / DAY_MIN
    more = after.allocated - before.allocated
    require(more <= GROWTH_BYTES_A_DAY * max(days, 1.0), "I33", f"{more} bytes more after {days:.1f} days")
    require(after.handles <= before.handles + HANDLES_MORE, "I33", f"{before.handles} handles, then {after.handles}")
    require(after.tasks <= before.tasks + TASKS_MORE, "I33", f"{before.tasks} tasks, then {after.tasks}")
    for name, length in after.lists.items():
        allowed = max(before.lists[name] + LIST_MORE_A_DAY * max(days, 1.0), KEPT.get(name, 0))
        require(length <= allowed, "I33", f"{before.lists[name]} {name} were remembered, then {length}")


def _calm_week(rng: Random, minutes: int) -> Scenario:
    drawn = draw_scenario(rng)
    bot, temper = drawn.bots[0], replace(drawn.bots[0].temper, raises=0.0, lies=0.0, slow_s=0.0)
    settings = changed(bot.settings, guardrails=GuardrailSettings(**LOOSE), risk=RiskSettings())
    machine = replace(drawn.machine, jitter_share=0.0, commit_s=0.0, disk_faults=0, upgrade_share=0.0)
    return replace(
        drawn,
        safety_min=minutes,
        machine=machine,
        bots=(replace(bot, settings=settings, temper=temper),),
        plans={name: FaultPlan(_faults(minutes * 60.0), 0.05) for name in drawn.venues},
    )


def _faults(seconds: float) -> tuple[Fault, ...]:
    often = [Fault(kind, share=share, size=size) for kind, share, size in NETWORK]
    times = range(1, int(seconds / OUTAGE_EVERY_S) + 1)
    outages = [Fault(FaultKind.OUTAGE, at * OUTAGE_EVERY_S, at * OUTAGE_EVERY_S + OUTAGE_S) for at in times]
    return (*often, *outages)


def _blind(home: Home, world: World) -> None:
    around = world.around
    home.durable = Unread(home.path, world.coverage)
    home.door = OpenDoor(home.durable, world.coverage, around.kill.epoch, around.loop.steady_ns, {})


def _allocated() -> int:
    """Count what code of the product holds, the model of the exchange apart, which is the venue's memory."""
    if not tracemalloc.is_tracing():
        return 0
    kept = tracemalloc.take_snapshot().filter_traces(
        (
            tracemalloc.Filter(inclusive=True, filename_pattern="*/quarterdeck/*"),
            tracemalloc.Filter(inclusive=False, filename_pattern="*/quarterdeck/exchange/*"),
            tracemalloc.Filter(inclusive=False, filename_pattern="*/quarterdeck/simulator/*"),
        )
    )
    return sum(trace.size for trace in kept.statistics("filename"))


def _resident() -> int:
    with Path("/proc/self/statm").open(encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> int:
    """Run seven days, and compare the second with the seventh."""
    began_s = time.perf_counter()
    samples = run_soak(WEEK_MIN, 12 * HOUR_MIN)
    print("\n".join(map(str, samples)))
    check_growth(samples[3], samples[-1])
    days = WEEK_MIN // DAY_MIN
    print(f"{days} days in {time.perf_counter() - began_s:.0f} s: nothing grew from the second to the seventh")
    return 0


if __name__ == "__main__":
    sys.exit(main())
