"""How fast a journal that a bot wrote is folded into a state, and decided again."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from bench.bot_process import BOT
from bench.measuring import Effort, Measure, Spent, scratch_folder
from bench.running import run_bot_process
from quarterdeck.config import Workspace
from quarterdeck.domain import ensure
from quarterdeck.system import recover, verify_replay

FACTS_PER_S_MIN: Final = 100_000


def replay(effort: Effort) -> list[Measure]:
    """Fold the rows of a real journal from the first to the last as a start does, the chain checked at each."""
    folds, folds_cpu, verifies = [], [], []
    with scratch_folder() as folder:
        journal = _journal_without_snapshots(folder / "workspace", effort.of(8, 1))
        report = verify_replay(journal)
        ensure(report.ok, f"the replay disagrees: {report.problems}")
        for _ in range(effort.rounds):
            fold, verify = Spent(), Spent()
            with fold.measured():
                recovered = recover(journal)
            with verify.measured():
                verify_replay(journal)
            ensure(recovered.seq == report.rows, f"only {recovered.seq} of {report.rows} rows were folded")
            folds.append(report.facts / fold.wall_s)
            folds_cpu.append(report.facts / fold.cpu_s)
            verifies.append(report.facts / verify.wall_s)
    note = f"{report.facts} facts in {report.rows} rows"
    return [
        Measure("replay: chain checked, decoded, folded", "facts/s", folds, at_least=FACTS_PER_S_MIN, note=note),
        Measure("  the same, by CPU time", "facts/s", folds_cpu, at_least=FACTS_PER_S_MIN),
        Measure("  replay --verify: folded and decided again", "facts/s", verifies),
    ]


def _journal_without_snapshots(root: Path, days: int) -> Path:
    """Let a bot write a journal, and take its snapshots away, so that a fold must begin at the first row."""
    run_bot_process(root, days)
    journal = Workspace(root).bot_folder(BOT).journal
    with closing(sqlite3.connect(journal)) as connection, connection:
        connection.execute("DELETE FROM snapshots")
    return journal
