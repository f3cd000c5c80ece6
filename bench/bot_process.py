"""One replay at full speed in a process of its own: `python -m bench.bot_process '{"root": …}'` prints what it took."""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from quarterdeck.config import create_workspace, load_bot
from quarterdeck.domain import OrderPlanned
from quarterdeck.system import Happening, ReplaySource, RunOptions, run_bot

BOT: Final = "demo"
SMAPS: Final = Path("/proc/self/smaps_rollup")
SAMPLE_EVERY: Final = 500


class BotRun(Struct, frozen=True):
    """What to run: the starter's bot on two paper venues, over recordings (pair → path) or else a synthetic market."""

    root: str
    from_ns: int
    to_ns: int
    recordings: dict[str, str] = {}


class BotTook(Struct, frozen=True):
    """
    What a run took and did.

    `pss_kib` and `rss_kib` are the most that was seen while it ran, 0 where the system does not say. PSS counts pages
    shared with other processes in part, RSS in full. `by_venue` counts the orders of each venue.
    """

    wall_s: float
    cpu_s: float
    pss_kib: int
    rss_kib: int
    cycles: int
    orders: int
    rows: int
    by_venue: dict[str, int]


class Watch:
    """Counts orders, and looks at the memory of this process now and then, while the bot holds on to everything."""

    def __init__(self) -> None:
        self.most_kib = {"Pss": 0, "Rss": 0}
        self.by_venue: Counter[str] = Counter()
        self._happenings = 0

    def __call__(self, happening: Happening) -> None:
        self._happenings += 1
        for fact in happening.facts:
            if type(fact) is OrderPlanned:
                self.by_venue[fact.venue] += 1
        if self._happenings % SAMPLE_EVERY == 0:
            self.look()

    def look(self) -> None:
        if SMAPS.exists():
            for line in SMAPS.read_text(encoding="ascii").splitlines()[1:]:
                name, figure = line.split()[:2]
                if name[:-1] in self.most_kib:
                    self.most_kib[name[:-1]] = max(self.most_kib[name[:-1]], int(figure))


def run(asked: BotRun) -> BotTook:
    workspace = create_workspace(Path(asked.root))
    config = load_bot(workspace.bot_file(BOT))
    first = config.exchanges[0].name
    replay = tuple(ReplaySource(first, pair, Path(path)) for pair, path in asked.recordings.items())
    options = RunOptions(replay=replay, from_ns=asked.from_ns, to_ns=asked.to_ns, speed=None)
    watch = Watch()
    watch.by_venue.update(dict.fromkeys((exchange.name for exchange in config.exchanges), 0))
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    summary = run_bot(workspace, config, options, watch)
    cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
    watch.look()
    return BotTook(
        wall_s=wall_s,
        cpu_s=cpu_s,
        pss_kib=watch.most_kib["Pss"],
        rss_kib=watch.most_kib["Rss"],
        cycles=summary.cycles,
        orders=summary.orders.planned,
        rows=summary.journal_head.seq,
        by_venue=dict(watch.by_venue),
    )


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(run(msgspec.json.decode(sys.argv[1], type=BotRun))))
