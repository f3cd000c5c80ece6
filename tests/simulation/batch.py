"""Many seeds: run them, count what happened, and say how to replay the one that failed."""

import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from tests.simulation.coverage import SOMETIMES, Coverage
from tests.simulation.lifecycle_rows import counting_rows, every_row, reachable_rows, row_name
from tests.simulation.world import Failure, Outcome, World

MEMORY_DISK = Path("/dev/shm")  # noqa: S108 - journals of finished worlds are worth nothing


@dataclass
class Report:
    """What a batch of seeds gave."""

    outcomes: list[Outcome] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    coverage: Coverage = field(default_factory=Coverage)

    def take(self, found: Outcome | Failure) -> None:
        """Add one seed."""
        if isinstance(found, Failure):
            self.failures.append(found)
        else:
            self.outcomes.append(found)
            self.coverage.counts.update(found.counts)

    def unreached(self) -> list[str]:
        """Name the rows of the life-cycle table that something may reach and nothing did."""
        return self.coverage.missing(reachable_rows())

    def table(self, wall_s: float, workers: int) -> str:
        """Print what happened how often, and how fast."""
        counts = self.coverage.counts
        rows = sum(bool(counts[row_name(*place)]) for place in every_row())
        hours = sum(outcome.virtual_s for outcome in self.outcomes) / 3600
        seeds = len(self.outcomes) + len(self.failures)
        slowest_s = max((outcome.converged_s for outcome in self.outcomes), default=0.0)
        hit = len(SOMETIMES) - len(self.coverage.missing())
        lines = [f"{counts[name]:>9}  {name}" for name in SOMETIMES]
        speed = (
            f"{seeds} seeds, {len(self.failures)} failed; {hours:.1f} hours of market time in {wall_s:.1f} s on "
            f"{workers} workers: {seeds / wall_s / workers:.2f} seeds/s per worker, "
            f"{hours * 3600 / wall_s / workers:.0f} × real time each"
        )
        work = (
            f"{counts['sessions started']} sessions, {counts['crash']} crashes, {counts['orders planned']} orders "
            f"planned, {counts['orders accepted']} accepted, {counts['fills']} fills; {rows} of "
            f"{len(reachable_rows())} reachable rows of the life-cycle table, {hit} of {len(SOMETIMES)} things that "
            f"should happen sometimes; all came right within {slowest_s:.0f} s after the last fault"
        )
        return "\n".join([*lines, "", speed, work])


def run_seed(seed: int) -> Outcome | Failure:
    """Run one seed in a folder of its own."""
    disk = MEMORY_DISK if MEMORY_DISK.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="quarterdeck-sim-", dir=disk) as folder:
        world = World(seed, Path(folder))
        try:
            with counting_rows(world.coverage):
                return world.run()
        except Exception as error:  # noqa: BLE001 - whatever broke, its seed must be named
            return world.explain(error)


def run_seeds(seeds: Iterable[int], workers: int) -> Iterator[Outcome | Failure]:
    """Run seeds side by side; the results come in the order of the seeds."""
    if workers <= 1:
        yield from map(run_seed, seeds)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(run_seed, seeds)


def run_batch(seeds: list[int], workers: int, *, must_cover: bool, must_reach: bool = False) -> int:
    """
    Run seeds and print what came of them.

    Args:
        seeds: Which.
        workers: How many processes side by side.
        must_cover: Fail if something that should happen sometimes never did.
        must_reach: Fail if a row of the life-cycle table that may be reached was not.

    Returns:
        The exit code: 0 where every seed held, and everything happened that had to.
    """
    began_s = time.perf_counter()
    report = Report()
    for found in run_seeds(seeds, workers):
        report.take(found)
        if isinstance(found, Failure):
            print(found, file=sys.stderr, flush=True)
    print(report.table(time.perf_counter() - began_s, workers))
    if len(seeds) == 1 and report.outcomes:
        print(f"the journal of seed {seeds[0]} ends with {report.outcomes[0].head}")
    missing = report.coverage.missing() if must_cover else []
    unreached = report.unreached()
    if missing:
        print(f"never happened in {len(seeds)} seeds: {', '.join(missing)}", file=sys.stderr)
    if must_cover and unreached:
        print(f"rows of the life-cycle table not reached in {len(seeds)} seeds: {', '.join(unreached)}")
    return 1 if report.failures or missing or (must_reach and unreached) else 0
