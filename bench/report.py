"""The report: facts about the machine, then one line for each measure, as a table or as JSON."""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from bench.measuring import SCRATCH, Effort, Measure

SMALL: Final = 10.0
LARGE: Final = 1_000.0
HEADER: Final = ("measure", "bound", "median", "min–max", "unit", "verdict")


def machine() -> dict[str, str | int]:
    """Say what the figures depend on besides the code."""
    return {
        "cpus": os.cpu_count() or 0,
        "cpu": _cpu_model(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "file_system": _file_system(SCRATCH.parent),
        "load_average": f"{os.getloadavg()[0]:.2f}",
    }


def table(machine_facts: dict[str, str | int], results: Sequence[tuple[str, Measure]]) -> str:
    """Lay the report out in aligned columns."""
    rows = [HEADER, *(_row(measure) for _, measure in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    lines = [" · ".join(f"{name} {value}" for name, value in machine_facts.items()), ""]
    for row, note in zip(rows, ["", *(measure.note for _, measure in results)], strict=True):
        cells = [
            cell.rjust(width) if 0 < column < len(row) - 2 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(("  ".join(cells) + (f"  ({note})" if note else "")).rstrip())
    return "\n".join(lines)


def as_json(machine_facts: dict[str, str | int], effort: Effort, results: Sequence[tuple[str, Measure]]) -> str:
    """Give the same as JSON, with the value of every round."""
    listed = [
        {
            "benchmark": benchmark,
            "name": measure.name.strip(),
            "unit": measure.unit,
            "at_most": measure.at_most,
            "at_least": measure.at_least,
            "median": statistics.median(measure.values) if measure.values else None,
            "min": min(measure.values, default=None),
            "max": max(measure.values, default=None),
            "values": measure.values,
            "verdict": measure.verdict,
            "note": measure.note,
        }
        for benchmark, measure in results
    ]
    whole = {"machine": machine_facts, "quick": effort.quick, "rounds": effort.rounds, "results": listed}
    return msgspec.json.format(msgspec.json.encode(whole)).decode()


def _row(measure: Measure) -> tuple[str, ...]:
    if not measure.values:
        return measure.name, measure.bound, "–", "–", measure.unit, measure.verdict
    spread = f"{_figure(min(measure.values))}–{_figure(max(measure.values))}"
    return measure.name, measure.bound, _figure(measure.median), spread, measure.unit, measure.verdict


def _figure(value: float) -> str:
    if value >= LARGE:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= SMALL else f"{value:.3f}"


def _cpu_model() -> str:
    listed = Path("/proc/cpuinfo")
    if listed.exists():
        for line in listed.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _file_system(folder: Path) -> str:
    """Name the file system that a folder lies on, by the longest mount point above it."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return "unknown"
    best, kind = "", "unknown"
    for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
        _, place, found, *_ = line.split(" ")
        if folder.is_relative_to(place) and len(place) >= len(best):
            best, kind = place, found
    return kind
