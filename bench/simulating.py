"""How many seeds of the whole-system simulation run in a second."""

from __future__ import annotations

import subprocess
import sys
import time

from bench.measuring import ROOT, Effort, Measure


def simulation(effort: Effort) -> list[Measure]:
    """Time `python -m tests.simulation`, the start of the process included."""
    name = "simulation, seeds"
    if not (ROOT / "tests" / "simulation" / "__main__.py").is_file():
        return [Measure(name, "/s", [], note="tests/simulation is not part of this checkout")]
    seeds, rates = effort.of(20, 3), []
    command = [sys.executable, "-m", "tests.simulation", "--seeds", str(seeds)]
    for _ in range(effort.rounds):
        began_s = time.perf_counter()
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
        rates.append(seeds / (time.perf_counter() - began_s))
    return [Measure(name, "/s", rates)]
