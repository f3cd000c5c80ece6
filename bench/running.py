"""Whole bots at full speed, each in a fresh process: how long ninety days take, and how much memory a bot holds."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from bench.bot_process import BotRun, BotTook
from bench.measuring import ROOT, Effort, Measure, scratch_folder

DAY_NS: Final = 86_400_000_000_000
FROM_NS: Final = int(datetime(2017, 10, 1, tzinfo=UTC).timestamp()) * 1_000_000_000
SYNTHETIC_FROM_NS: Final = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000_000
DAYS: Final = (datetime(2017, 12, 31, tzinfo=UTC) - datetime(2017, 10, 1, tzinfo=UTC)).days
DAYS_QUICK: Final = 3
WALL_S_MAX: Final = 45.0
PSS_MB_MAX: Final = 120.0
SHARE_MIN: Final = 0.1
MB_PER_KIB: Final = 1024 / 1e6
RECORDED: Final = {
    pair: ROOT.parent / "shared" / "data" / "ohlcv" / "bitfinex" / f"{pair}-1m.parquet"
    for pair in ("BTC-USD", "ETH-USD")
}


def run_bot_process(root: Path, days: int, recordings: dict[str, Path] | None = None) -> BotTook:
    """
    Run the starter's bot over so many days of market time, in a process of its own.

    Raises:
        CalledProcessError: If it failed; its complaint stands on stderr.
    """
    paths = {pair: str(path) for pair, path in (recordings or {}).items()}
    from_ns = FROM_NS if paths else SYNTHETIC_FROM_NS
    asked = BotRun(str(root), from_ns, from_ns + days * DAY_NS, paths)
    command = [sys.executable, "-m", "bench.bot_process", msgspec.json.encode(asked).decode()]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(done.stdout, type=BotTook)


def ninety_days(effort: Effort) -> list[Measure]:
    """Replay two pairs on two venues from 2017-10-01 to 2017-12-31, or a synthetic market of that length."""
    is_recorded = all(path.is_file() for path in RECORDED.values())
    tape = "recorded" if is_recorded else "synthetic"
    days = effort.of(DAYS, DAYS_QUICK)
    took = []
    for _ in range(effort.rounds):
        with scratch_folder() as folder:
            took.append(run_bot_process(folder / "workspace", days, RECORDED if is_recorded else {}))
    last = took[-1]
    note = f"{last.cycles} cycles, {last.orders} orders, {last.rows} rows"
    fewest = [min(one.by_venue.values()) / one.orders if one.orders else 0.0 for one in took]
    routed = ", ".join(f"{venue} {count}" for venue, count in last.by_venue.items())
    # A shorter replay says nothing of the bound.
    wall_max, pss_max = (None, None) if effort.quick else (WALL_S_MAX, PSS_MB_MAX)
    what = f"{days} days × 2 pairs, {tape}"
    return [
        Measure(f"{what}, full speed", "s", [one.wall_s for one in took], at_most=wall_max, note=note),
        Measure("  the same, CPU time", "s", [one.cpu_s for one in took]),
        Measure("  share of the orders on the venue that has fewer", "", fewest, at_least=SHARE_MIN, note=routed),
        *_memory(f"  most memory during {days} days", took, pss_max),
    ]


def one_day(effort: Effort) -> list[Measure]:
    """Run a bot for 24 h of market time and look at its memory."""
    took = []
    for _ in range(effort.rounds):
        with scratch_folder() as folder:
            took.append(run_bot_process(folder / "workspace", 1))
    return [
        *_memory("most memory of a bot, 24 h of market time", took, PSS_MB_MAX),
        Measure("  24 h of market time at full speed", "s", [one.wall_s for one in took]),
    ]


def _memory(name: str, took: list[BotTook], pss_mb_max: float | None) -> list[Measure]:
    pss = [one.pss_kib * MB_PER_KIB for one in took if one.pss_kib]
    rss = [one.rss_kib * MB_PER_KIB for one in took if one.rss_kib]
    note = "" if pss else "this system does not tell PSS"
    return [
        Measure(f"{name}, PSS", "MB", pss, at_most=pss_mb_max, note=note),
        Measure("  the same, RSS", "MB", rss, note=note),
    ]
