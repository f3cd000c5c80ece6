"""What a person reads of a bot whose stops rest at its venues: orders, status, and the exits that wait for them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from quarterdeck.cli.main import run_command
from quarterdeck.config import create_workspace

CYCLES = "95"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose bot ran for a while with stop orders at both venues."""
    workspace = create_workspace(tmp_path_factory.mktemp("stops") / "w")
    bot = workspace.bot_file("demo")
    text = bot.read_text(encoding="utf-8")
    bot.write_text(re.sub(r"(    kind: paper\n)", r"\1    protective_orders: venue\n", text), encoding="utf-8")
    arguments = ["--speed", "max", "--from", "2026-01-05", "--cycles", CYCLES, "--json"]
    assert run_command(["--workspace", str(workspace.root), "run", "demo", *arguments]) == 0
    return workspace.root


def told(capsys: pytest.CaptureFixture[str], desk: Path, *words: str) -> Any:  # noqa: ANN401 - JSON
    capsys.readouterr()
    assert run_command(["--workspace", str(desk), *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def shown(capsys: pytest.CaptureFixture[str], desk: Path, *words: str) -> str:
    capsys.readouterr()
    assert run_command(["--workspace", str(desk), *words]) == 0
    return capsys.readouterr().out


def test_orders_mark_those_that_protect_and_show_their_trigger(capsys: pytest.CaptureFixture[str], desk: Path) -> None:
    rows = told(capsys, desk, "orders", "demo", "--all")["items"]
    stops = [row for row in rows if row["kind"] == "stop"]
    assert stops
    assert all(row["protective"] and row["limit"] is None and float(row["trigger"]) > 0 for row in stops)
    assert not any(row["protective"] for row in rows if row["kind"] != "stop")
    assert f"stop at {float(stops[0]['trigger']):,.2f}" in shown(capsys, desk, "orders", "demo", "--all")


def test_an_exit_tells_that_a_stop_order_had_to_make_way(capsys: pytest.CaptureFixture[str], desk: Path) -> None:
    events = told(capsys, desk, "events", "demo", "--limit", "10000")["items"]
    waited = [item["details"]["intent_id"] for item in events if item["type"] == "exit_deferred"]
    assert waited
    explanation = told(capsys, desk, "explain", "demo", waited[0])
    assert explanation["decision"] == "ordered"
    assert [wait["until_at"] is not None for wait in explanation["waited"]] == [True]
    text = shown(capsys, desk, "explain", "demo", waited[0])
    assert "a stop order held its goods, and was cancelled" in " ".join(text.split())


def test_a_stop_order_is_explained_by_its_trigger_and_an_entry_by_who_protects_it(
    capsys: pytest.CaptureFixture[str], desk: Path
) -> None:
    rows = told(capsys, desk, "orders", "demo", "--all")["items"]
    stop = next(row for row in rows if row["kind"] == "stop")
    entry = next(row for row in rows if row["effect"] == "open")
    assert told(capsys, desk, "explain", "demo", entry["client_id"])["order"]["protection"] == "venue"
    explanation = told(capsys, desk, "explain", "demo", stop["client_id"])
    assert float(explanation["order"]["trigger"]) == float(stop["trigger"])
    assert explanation["order"]["states"][0]["means"] == "it passed the guardrails"
    assert "a stop order" in shown(capsys, desk, "explain", "demo", stop["client_id"])


def test_status_says_who_protects_what_is_held(capsys: pytest.CaptureFixture[str], desk: Path) -> None:
    status = told(capsys, desk, "status", "demo")
    held = {(one["venue"], one["instrument"]) for one in status["positions"]}
    assert held
    assert {(one["venue"], one["instrument"]) for one in status["protection"]} == held
    assert {one["by"] for one in status["protection"]} == {"venue"}
    assert status["unprotected"] is None
