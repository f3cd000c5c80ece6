"""How many seeds of the whole-system simulation one core runs in a second, and how much faster than time."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Final

from bench.measuring import ROOT, Effort, Measure

SEEDS_A_SECOND_MIN: Final = 2.0
TIMES_REAL_MIN: Final = 2_000.0
_TOLD: Final = re.compile(r"([\d.]+) seeds/s per worker, (\d+) × real time each")


def simulation(effort: Effort) -> list[Measure]:
    """Run `python -m tests.simulation` with one worker, and read what it says of its speed."""
    name, times = "simulation, seeds on one core", "simulation, times real time"
    if not (ROOT / "tests" / "simulation" / "__main__.py").is_file():
        missing = "tests/simulation is not part of this checkout"
        return [Measure(name, "/s", [], note=missing), Measure(times, "×", [], note=missing)]
    command = [sys.executable, "-m", "tests.simulation", "--workers", "1", "--seeds", str(effort.of(20, 3))]
    told = [
        _told(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
        for _ in range(effort.rounds)
    ]
    return [
        Measure(name, "/s", [rate for rate, _ in told], at_least=SEEDS_A_SECOND_MIN),
        Measure(times, "×", [times_real for _, times_real in told], at_least=TIMES_REAL_MIN),
    ]


def _told(printed: str) -> tuple[float, float]:
    """
    Read seeds per second and times real time from what the simulation printed.

    Raises:
        ValueError: If it does not say so.
    """
    found = _TOLD.search(printed)
    if found is None:
        raise ValueError(f"the simulation did not say how fast it was: {printed[-300:]!r}")
    return float(found[1]), float(found[2])
