"""Looking for seeds that find bugs which were put in on purpose: many bugs, side by side, each until it is found."""

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context

from tests.simulation.batch import run_seed
from tests.simulation.found import FOUND_BY
from tests.simulation.mutants import MUTANTS
from tests.simulation.world import Failure

SEEDS_MAX = 1_000
FIRST_ROUND = 4
ROUND_MAX = 64

# What a bug may be seen as; another error says that the bug itself fits the code no more.
SEEN_AS = frozenset({"Breach", "Bug", "IntegrityError", "NotOwner"})
BROKEN = -1

Task = tuple[str, tuple[int, ...]]


@dataclass(frozen=True)
class Found:
    """A bug, the first seed that finds it (0 if none does, `BROKEN` if it fits the code no more), and what broke."""

    name: str
    seed: int
    what: str = ""

    @property
    def rule(self) -> str:
        """The rule that broke, or what stands in its place."""
        return rule_of(self.what)


def rule_of(what: str) -> str:
    """Give the rule that a failure names: `Breach: I9: ...` breaks I9; another error goes by its own name."""
    kind, _, rest = what.partition(": ")
    return rest.partition(":")[0] if kind == "Breach" else kind


def try_seeds(task: Task) -> Found:
    """Put a bug in, and run seeds until one of them finds it."""
    name, seeds = task
    for seed in seeds:
        try:
            with MUTANTS[name]():
                found = run_seed(seed)
        except AttributeError as error:
            return Found(name, BROKEN, f"cannot be put in any more: {error}")
        if isinstance(found, Failure):
            is_seen = found.what.partition(":")[0] in SEEN_AS
            return Found(name, seed if is_seen else BROKEN, found.what)
    return Found(name, 0)


def hunt(names: Sequence[str], workers: int, seeds_max: int = SEEDS_MAX) -> Iterator[Found]:
    """
    Look for a seed for each bug: at first the one that found it last, then all in turn, in rounds that grow.

    Yields:
        Each bug once, as soon as its seed is known, or when none of all seeds finds it.
    """
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        left = list(names)
        tasks: list[Task] = [(name, (FOUND_BY[name][0] if name in FOUND_BY else 1,)) for name in left]
        first, size = 1, FIRST_ROUND
        while tasks:
            for done in as_completed([pool.submit(try_seeds, task) for task in tasks]):
                found = done.result()
                if found.seed and found.name in left:
                    left.remove(found.name)
                    yield found
            seeds = range(first, min(first + size, seeds_max + 1))
            tasks = [(name, part) for name in left for part in _shares(seeds, workers if len(left) < workers else 1)]
            first, size = first + size, min(size * 2, ROUND_MAX)
            if not seeds:
                break
        for name in left:
            yield Found(name, 0)


def _shares(seeds: Iterable[int], shares: int) -> list[tuple[int, ...]]:
    listed = tuple(seeds)
    parts = [listed[place::shares] for place in range(shares)]
    return [part for part in parts if part]


def run_hunt(names: Sequence[str], workers: int, seeds_max: int) -> int:
    """
    Print the table of `found.py` anew.

    Returns:
        The exit code: 1 where a bug survives.
    """
    began_s = time.perf_counter()
    found = {one.name: one for one in _told(hunt(names, workers, seeds_max))}
    survivors = [name for name in names if found[name].seed <= 0]
    moved = [name for name in names if name not in survivors and FOUND_BY.get(name, (0,))[0] != found[name].seed]
    print("FOUND_BY = {")
    for name in names:
        if name not in survivors:
            print(f'    "{name}": ({found[name].seed}, "{found[name].rule}"),')
    print("}")
    print(f"{len(names)} bugs, {len(survivors)} survive, in {time.perf_counter() - began_s:.0f} s")
    if moved:
        print(f"other seeds than those in tests/simulation/found.py: {', '.join(moved)}; put the table above there")
    if survivors:
        print(f"not found by {seeds_max} seeds, or not fitting any more: {', '.join(survivors)}", file=sys.stderr)
    return 1 if survivors else 0


def _told(found: Iterator[Found]) -> Iterator[Found]:
    for one in found:
        print(f"# {one.name}: {_words(one)}", flush=True)
        yield one


def _words(found: Found) -> str:
    if found.seed == BROKEN:
        return f"does not fit the code any more: {found.what[:300]}"
    return f"seed {found.seed}: {found.what[:160]}" if found.seed else "survives"
