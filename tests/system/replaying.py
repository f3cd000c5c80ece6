"""Running a bot inside the test: recorded candles, paper venues in process, at full speed unless told otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from quarterdeck.domain import Fact, OrderPlanned
from quarterdeck.journal import SqliteReader, decode_facts
from quarterdeck.system import RunOptions, RunSummary, run_bot
from tests.drill.stage import CHURN, Stage, staged

# Buys BTC where the price of the last bar ends on an even cent, sells where on an odd one: as good as chance.
MOODY = CHURN.replace("beat % 2 == 0", "candles.close_ticks % 2 == 0")

# Buys on every bar, and so holds from the first one on.
ALWAYS_LONG = CHURN.replace("beat % 2 == 0, 1, -1", "candles.close > 0, 1, 0")


@contextmanager
def local(
    root: Path, *, bars: int = 120, strategy: str = MOODY, levels: tuple[str, str] = ("null", "null")
) -> Iterator[Stage]:
    """A workspace whose venues live in the bot's own process, with a recording."""
    root.mkdir(exist_ok=True)
    with staged(root) as stage:
        stage.write_bot(remote=False, strategy=strategy, stop_loss=levels[0], take_profit=levels[1])
        stage.record(bars)
        yield stage


def played(stage: Stage, *, cycles: int | None = None, speed: float | None = None, keeps: bool = False) -> RunSummary:
    """Run the bot of a stage on its recording; with `keeps`, what works when it stops goes on working."""
    config = msgspec.structs.replace(stage.config, cancel_on_shutdown=not keeps)
    return run_bot(stage.workspace, config, RunOptions(replay=stage.tapes, cycles=cycles, speed=speed))


def facts_of(stage: Stage) -> list[Fact]:
    """Read every fact of the journal."""
    with SqliteReader(stage.folder.journal) as reader:
        return [fact for row in reader.rows() for fact in decode_facts(row.body)]


def orders_of(stage: Stage) -> list[OrderPlanned]:
    """Read every planned order."""
    return [fact for fact in facts_of(stage) if isinstance(fact, OrderPlanned)]
