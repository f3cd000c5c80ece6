"""`python -m tests.simulation --seeds 200` runs seeds 1 to 200; `--seed 17` runs that one."""

import argparse
import os
import sys

from tests.simulation.batch import hunt, run_batch
from tests.simulation.mutants import MUTANTS

COVERED_FROM_SEEDS = 200


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description="seeded whole-system simulation")
    parser.add_argument("--seeds", type=int, default=50, help="how many seeds")
    parser.add_argument("--seed", type=int, help="the first of them (default 1); alone, only this one")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes side by side")
    parser.add_argument("--mutant", choices=sorted(MUTANTS), help="put this bug in, and look for a seed that finds it")
    given = parser.parse_args()
    first = 1 if given.seed is None else given.seed
    seeds = list(range(first, first + given.seeds))
    if given.mutant is not None:
        return hunt(given.mutant, seeds)
    return run_batch(seeds, min(given.workers, len(seeds)), must_cover=len(seeds) >= COVERED_FROM_SEEDS)


if __name__ == "__main__":
    sys.exit(main())
