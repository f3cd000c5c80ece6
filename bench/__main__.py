"""`python -m bench [NAME …] [--quick] [--json] [--strict] [--rounds N]`; see docs/reference/benchmarks.md."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

from bench.catalogue import BENCHMARKS
from bench.measuring import Effort, Measure
from bench.report import as_json, machine, table

ROUNDS: Final = 5
ROUNDS_QUICK: Final = 2
# One round of it takes as long as all the others together.
ROUNDS_LONG_MAX: Final = 3
LONG: Final = frozenset({"ninety-days"})


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run the benchmarks that were asked for, all without names, and print the report.

    Returns: 0; 1 where a benchmark broke down, and with `--strict` also where a bound was missed.
    """
    asked = _parser().parse_args(arguments)
    effort = Effort(asked.rounds or (ROUNDS_QUICK if asked.quick else ROUNDS), asked.quick)
    machine_facts = machine()
    results: list[tuple[str, Measure]] = []
    broken = []
    for name in asked.names or BENCHMARKS:
        print(f"{name}: {BENCHMARKS[name].what} …", file=sys.stderr, flush=True)
        rounds = min(effort.rounds, ROUNDS_LONG_MAX) if name in LONG else effort.rounds
        try:
            measures = BENCHMARKS[name].run(Effort(rounds, effort.quick))
        except subprocess.CalledProcessError as error:  # the others are not lost; what went wrong stands on stderr
            measures = [Measure(name, "", [], note=f"broke down: its process ended with {error.returncode}")]
            broken.append(name)
        results += [(name, measure) for measure in measures]
    print(as_json(machine_facts, effort, results) if asked.json else table(machine_facts, results))
    missed = any(measure.verdict == "MISSED" for _, measure in results)
    return 1 if broken or (asked.strict and missed) else 0


def _parser() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {one.name:<15}{one.what}" for one in BENCHMARKS.values())
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure speed and memory against their bounds.",
        epilog=f"benchmarks:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", type=_known, help="which ones; all without a name")
    parser.add_argument("--quick", action="store_true", help="few and short rounds: does it run, not how fast")
    parser.add_argument("--json", action="store_true", help="print JSON with the value of every round")
    parser.add_argument("--strict", action="store_true", help="exit 1 where a bound is missed")
    parser.add_argument("--rounds", type=int, default=0, help=f"rounds of each (default {ROUNDS})")
    return parser


def _known(name: str) -> str:
    if name not in BENCHMARKS:
        raise argparse.ArgumentTypeError(f"no benchmark {name!r}; there are {', '.join(BENCHMARKS)}")
    return name


if __name__ == "__main__":
    sys.exit(main())
