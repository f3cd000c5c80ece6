"""`python -m tests.simulation --seeds 200` runs seeds 1 to 200; `--seed 17` runs that one; `--mutants` hunts bugs."""

import argparse
import os
import sys

from tests.simulation.batch import run_batch
from tests.simulation.hunting import SEEDS_MAX, run_hunt
from tests.simulation.mutants import MUTANTS

COVERED_FROM_SEEDS = 200
REACHED_FROM_SEEDS = 5_000


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description="seeded whole-system simulation")
    parser.add_argument("--seeds", type=int, help="how many seeds (default 50)")
    parser.add_argument("--seed", type=int, help="the first of them (default 1)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes side by side")
    parser.add_argument(
        "--mutants", action="store_true", help="put each known bug in, and look for a seed that finds it"
    )
    parser.add_argument("--mutant", action="append", choices=sorted(MUTANTS), help="only this bug")
    given = parser.parse_args()
    if given.mutants or given.mutant:
        return run_hunt(given.mutant or list(MUTANTS), given.workers, given.seeds or SEEDS_MAX)
    first, count = given.seed or 1, given.seeds or (50 if given.seed is None else 1)
    return run_batch(
        list(range(first, first + count)),
        min(given.workers, count),
        must_cover=count >= COVERED_FROM_SEEDS,
        must_reach=count >= REACHED_FROM_SEEDS,
    )


if __name__ == "__main__":
    sys.exit(main())
