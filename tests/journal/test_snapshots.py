from __future__ import annotations

import sqlite3
from pathlib import Path

from quarterdeck.domain import DAY_NS
from quarterdeck.journal.snapshots import DAYS_KEPT, SNAPSHOTS_KEPT
from tests.journal.making import entry, opened

HOUR_NS = DAY_NS // 24


def test_the_newest_states_stay_and_the_last_of_each_day(tmp_path: Path) -> None:
    """Or rows of a bot that starts often would never find a state to leave at."""
    journal = opened(tmp_path / "journal.db")
    hours = 24 * (DAYS_KEPT + 5)
    for hour in range(0, hours, 6):
        journal.append([entry(hour * HOUR_NS + 1)])
        journal.save_snapshot(journal.head_seq, b"h" * 32, b"state")
    with sqlite3.connect(journal.path) as raw:
        found = [at_ns for (at_ns,) in raw.execute("SELECT at_ns FROM snapshots JOIN rows USING (seq) ORDER BY seq")]
    newest, older = found[-SNAPSHOTS_KEPT:], found[:-SNAPSHOTS_KEPT]
    assert len(newest) == SNAPSHOTS_KEPT
    assert [at_ns % DAY_NS // HOUR_NS for at_ns in older] == [18] * len(older)
    assert len(older) == DAYS_KEPT - SNAPSHOTS_KEPT // 4
