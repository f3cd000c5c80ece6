"""How long a person waits for `quarterdeck --help`: the whole process, from compiled files."""

from __future__ import annotations

import compileall
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import quarterdeck
from bench.measuring import Effort, Measure

HELP_S_MAX: Final = 0.15
SCRIPT: Final = Path(sys.executable).with_name("quarterdeck")


def help_screen(effort: Effort) -> list[Measure]:
    """Time `quarterdeck --help`, in turn with a Python that does nothing."""
    compileall.compile_dir(Path(quarterdeck.__file__).parent, quiet=1)
    if not SCRIPT.exists():
        return [Measure("quarterdeck --help", "s", [], at_most=HELP_S_MAX, note="not installed; run `make setup`")]
    ours, bare = [str(SCRIPT), "--help"], [sys.executable, "-c", "pass"]
    _process(ours)
    _process(bare)
    took, floor = [], []
    for _ in range(effort.rounds * effort.of(5, 2)):
        took.append(_process(ours))
        floor.append(_process(bare))
    ratios = [mine[0] / least[0] for mine, least in zip(took, floor, strict=True)]
    return [
        Measure("quarterdeck --help", "s", [wall_s for wall_s, _ in took], at_most=HELP_S_MAX),
        Measure("  the same, CPU time", "s", [cpu_s for _, cpu_s in took]),
        Measure("  python -c pass", "s", [wall_s for wall_s, _ in floor]),
        Measure("  --help ÷ python -c pass", "×", ratios),
    ]


def _process(command: list[str]) -> tuple[float, float]:
    """Run a process to its end: (seconds on the wall, CPU seconds)."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    before, wall_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    wall_s, after = time.perf_counter() - wall_s, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
