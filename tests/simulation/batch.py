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
from tests.simulation.mutants import MUTANTS
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

    def table(self, wall_s: float) -> str:
        """Print what happened how often, and how fast."""
        counts = self.coverage.counts
        rows = sum(name.startswith("row ") for name in counts)
        hours = sum(outcome.virtual_s for outcome in self.outcomes) / 3600
        seeds = len(self.outcomes) + len(self.failures)
        slowest_s = max((outcome.converged_s for outcome in self.outcomes), default=0.0)
        lines = [f"{counts[name]:>9}  {name}" for name in SOMETIMES]
        speed = (
            f"{seeds} seeds, {len(self.failures)} failed; {hours:.1f} hours of market time in {wall_s:.1f} s: "
            f"{seeds / wall_s:.2f} seeds/s, {hours * 3600 / wall_s:.0f} × real time"
        )
        work = (
            f"{counts['sessions started']} sessions, {counts['crash']} crashes, {counts['orders planned']} orders "
            f"planned, {counts['orders accepted']} accepted, {counts['fills']} fills; {rows} rows of the "
            f"life-cycle table reached; all came right within {slowest_s:.0f} s after the last fault"
        )
        return "\n".join([*lines, "", speed, work])


def run_seed(seed: int) -> Outcome | Failure:
    """Run one seed in a folder of its own."""
    disk = MEMORY_DISK if MEMORY_DISK.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="quarterdeck-sim-", dir=disk) as folder:
        world = World(seed, Path(folder))
        try:
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


def run_batch(seeds: list[int], workers: int, *, must_cover: bool) -> int:
    """
    Run seeds and print what came of them.

    Returns:
        The exit code: 1 where a seed failed, or where something that should happen sometimes never did.
    """
    began_s = time.perf_counter()
    report = Report()
    for found in run_seeds(seeds, workers):
        report.take(found)
        if isinstance(found, Failure):
            print(found, file=sys.stderr, flush=True)
    print(report.table(time.perf_counter() - began_s))
    if len(seeds) == 1 and report.outcomes:
        print(f"the journal of seed {seeds[0]} ends with {report.outcomes[0].head}")
    missing = report.coverage.missing() if must_cover else []
    if missing:
        print(f"never happened in {len(seeds)} seeds: {', '.join(missing)}", file=sys.stderr)
    return 1 if report.failures or missing else 0


def hunt(name: str, seeds: Iterable[int]) -> int:
    """
    Look for the first seed that finds a bug put in on purpose.

    Returns:
        The exit code: 1 where the bug survives.
    """
    for seed in seeds:
        with MUTANTS[name]():
            found = run_seed(seed)
        if isinstance(found, Failure):
            print(f"{name}: seed {seed} finds it: {found.what}")
            return 0
    print(f"{name} survives")
    return 1
