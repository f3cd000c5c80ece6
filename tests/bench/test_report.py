"""The benchmarks run and report in the agreed shape. How fast they are is no matter for tests."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.measuring import Measure
from bench.report import table

KEYS = {
    "benchmark",
    "name",
    "unit",
    "at_most",
    "at_least",
    "median",
    "min",
    "max",
    "values",
    "verdict",
    "note",
}


def test_a_quick_run_prints_every_measure_as_json(repository: Path) -> None:
    command = [sys.executable, "-m", "bench", "nothing", "exchange", "--quick", "--json"]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["quick"] is True
    assert {"cpus", "python", "sqlite", "file_system"} <= set(report["machine"])
    assert {result["benchmark"] for result in report["results"]} == {"nothing", "exchange"}
    for result in report["results"]:
        assert set(result) == KEYS
        assert len(result["values"]) == report["rounds"]
        assert 0 < result["min"] <= result["median"] <= result["max"]
    assert sum(result["at_least"] is not None for result in report["results"]) == 14


def test_an_unknown_name_is_refused_with_those_that_exist(repository: Path) -> None:
    command = [sys.executable, "-m", "bench", "nosuch"]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "no benchmark 'nosuch'; there are append, await" in done.stderr


@pytest.mark.parametrize(
    ("measure", "verdict"),
    [
        (Measure("m", "s", [1.0, 2.0, 9.0], at_most=2.0), "holds"),
        (Measure("m", "s", [1.0, 2.1, 2.2], at_most=2.0), "MISSED"),
        (Measure("m", "/s", [1.0, 2.0, 9.0], at_least=2.0), "holds"),
        (Measure("m", "/s", [1.0, 1.9, 9.0], at_least=2.0), "MISSED"),
        (Measure("m", "/s", [float("nan")], at_least=2.0), "MISSED"),
        (Measure("m", "s", [1.0]), "for information"),
        (Measure("m", "s", [], at_most=2.0), "skipped"),
    ],
)
def test_the_median_is_what_a_bound_is_held_against(measure: Measure, verdict: str) -> None:
    assert measure.verdict == verdict


def test_the_columns_of_the_table_are_aligned() -> None:
    measures = [
        Measure("short", "s", [0.5], at_most=1.0),
        Measure("  a longer name", "/s", [123_456.0, 2.0], at_least=10.0, note="why"),
        Measure("left out", "s", [], note="not here"),
    ]
    lines = table({"cpus": 2}, [("one", measure) for measure in measures]).splitlines()

    assert lines[0] == "cpus 2"
    starts = {line.index(word) for line, word in zip(lines[2:], ("verdict", "holds", "holds", "skipped"), strict=True)}
    assert len(starts) == 1
    assert lines[-1].endswith("skipped  (not here)")
