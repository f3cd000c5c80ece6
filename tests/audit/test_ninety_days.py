"""Ninety days of two recorded pairs on two venues under the default limits: the auditor finds no breach."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.audit.independent.auditor import Report
from tests.audit.runs import audited, made, replayed, some

PERIOD = ("2017-10-01T00:00:00Z", "2017-12-30T00:00:00Z")
DAYS, MINUTES_A_DAY = 90, 1_440
SHARE_MIN = 0.10


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, shared_dir: Path, repository: Path) -> Report:
    """Run the bot that `init` makes over the recordings; its second venue is derived from the first."""
    workspace = made(tmp_path_factory.mktemp("ninety") / "ws", "", repository)
    folder = shared_dir / "data" / "ohlcv" / "bitfinex"
    recordings = {f"coinbase:{pair}": folder / f"{pair}-1m.parquet" for pair in ("BTC-USD", "ETH-USD")}
    replayed(workspace, "demo", recordings, PERIOD)
    return audited(workspace, "demo", repository)


def test_ninety_days_of_two_pairs_on_two_venues_hold_no_breach(report: Report) -> None:
    assert not report.problems, some(report.problems)
    assert report.days >= DAYS - 1
    assert report.marks > DAYS * MINUTES_A_DAY * 0.99
    assert report.judged > 10_000


def test_each_venue_is_chosen_for_a_tenth_of_the_orders_at_least(report: Report) -> None:
    assert len(report.planned) == 2
    assert min(report.planned.values()) >= SHARE_MIN * sum(report.planned.values())
