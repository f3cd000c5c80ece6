"""What a benchmark gives back: one value for each round, and the bound that the median must keep."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal

from msgspec import Struct

ROOT: Final = Path(__file__).resolve().parents[1]
# Beside the code and not in the system's folder for temporary files, which may lie in memory, where a commit is free.
SCRATCH: Final = ROOT / ".bench"

Verdict = Literal["holds", "MISSED", "for information", "skipped"]


class Effort(Struct, frozen=True):
    """How many rounds, and whether each is a short one."""

    rounds: int
    quick: bool = False

    def of(self, full: int, quick: int) -> int:
        """Choose the length of a round."""
        return quick if self.quick else full


class Measure(Struct, frozen=True):
    """One line of the report: a value for each round. Without a bound it is for information."""

    name: str
    unit: str
    values: list[float]
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def bound(self) -> str:
        if self.at_most is not None:
            return f"≤ {self.at_most:,g}"
        if self.at_least is not None:
            return f"≥ {self.at_least:,g}"
        return ""

    @property
    def verdict(self) -> Verdict:
        if not self.values:
            return "skipped"
        if self.at_most is None and self.at_least is None:
            return "for information"
        too_much = self.at_most is not None and not self.median <= self.at_most
        too_little = self.at_least is not None and not self.median >= self.at_least
        return "MISSED" if too_much or too_little else "holds"


class Benchmark(Struct, frozen=True):
    """A named group of measures that are taken together."""

    name: str
    what: str
    run: Callable[[Effort], list[Measure]]


class Spent(Struct):
    """Time that went by in the measured blocks of one side: on the wall, and in this process's CPU seconds."""

    wall_s: float = 0.0
    cpu_s: float = 0.0

    @contextmanager
    def measured(self) -> Iterator[None]:
        cpu_s, wall_s = time.process_time(), time.perf_counter()
        yield
        self.wall_s += time.perf_counter() - wall_s
        self.cpu_s += time.process_time() - cpu_s


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give an empty folder on the disk of the checkout, and remove it afterwards."""
    SCRATCH.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=SCRATCH) as folder:
        yield Path(folder)
