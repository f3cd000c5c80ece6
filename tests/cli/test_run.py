"""`run`, and the commands that look at what it left behind."""

import json
from pathlib import Path
from typing import Any

import pytest

from quarterdeck.cli.main import run_command
from quarterdeck.config import create_workspace

SUMMARY = {
    "bot", "session", "mode", "from_at", "to_at", "cycles", "signals", "intents", "refusals", "orders", "fills", "fees",
    "realised", "unrealised", "cash", "positions", "equity_open", "equity", "drawdown_max", "control",
    "order_list_hash", "state_hash", "journal_head", "wall_s",
}  # fmt: skip
RUN = ["run", "demo", "--speed", "max", "--from", "2026-01-05"]


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("QUARTERDECK_HOME", raising=False)
    root = create_workspace(tmp_path / "w").root
    monkeypatch.chdir(root)
    return root


def test_with_json_a_run_prints_exactly_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command([*RUN, "--cycles", "80", "--json"]) == 0
    shown = capsys.readouterr()
    summary = json.loads(shown.out)
    assert summary.keys() >= SUMMARY
    assert summary["cycles"] == 80
    assert summary["fills"] > 0
    assert isinstance(summary["fees"]["USD"], str)
    assert shown.err == ""


def test_a_run_tells_what_it_does_and_what_came_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command([*RUN, "--cycles", "80"]) == 0
    shown = capsys.readouterr().out
    assert "2026-01-05 00:00:00  start     session" in shown
    assert "is best at" in shown
    assert "after fees" in shown
    assert "fill      bought" in shown
    assert "profit and loss" in shown
    assert "\x1b[" not in shown


def test_two_runs_over_the_same_market_end_alike(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hashes = []
    for name in "ab":
        create_workspace(tmp_path / name)
        run_command(["--workspace", str(tmp_path / name), *RUN, "--cycles", "80", "--json"])
        summary = json.loads(capsys.readouterr().out)
        hashes.append((summary["order_list_hash"], summary["equity"]))
    assert hashes[0] == hashes[1]


def test_recorded_candles_are_played(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = ["timestamp,open,high,low,close,volume"]
    for number in range(120):
        price = 100 + (number % 40 if number % 40 < 20 else 40 - number % 40)
        rows.append(f"{1_700_000_040_000 + number * 60_000},{price},{price + 1},{price - 1},{price},10")
    (tmp_path / "c.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    replay = [word for pair in ("BTC-USD", "ETH-USD") for word in ("--replay", f"coinbase:{pair}={tmp_path / 'c.csv'}")]
    assert run_command(["run", "demo", *replay, "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["cycles"] > 100
    assert summary["signals"]["BUY"] > 0


def test_a_configuration_outside_any_workspace_brings_its_own(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    (workspace / "bots" / "demo.yaml").rename(alone / "demo.yaml")
    monkeypatch.chdir(tmp_path)
    assert run_command(["run", "--config", str(alone / "demo.yaml"), *RUN[2:], "--cycles", "1", "--json"]) == 0
    assert (alone / "run" / "demo" / "journal.db").is_file()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["run"], "name a bot of the workspace, or a file with --config"),
        (["run", "other"], "there is no bot 'other'"),
        (["run", "demo", "--speed", "0"], "--speed '0': write a number above zero, or max"),
        (["run", "demo", "--from", "soon"], "--from 'soon': write a date or time in UTC"),
        (["run", "demo", "--from", "2026-01-02", "--to", "2026-01-02"], "is not after --from"),
        (["run", "demo", "--replay", "x"], "write VENUE:PAIR=PATH"),
        (["trades", "demo"], "has never run"),
        (["trades", "../demo"], "not a name of a bot"),
        (["status", "demo"], "has never run"),
        (["replay", "demo"], "add --verify"),
        (["journal", "verify"], "name a bot of the workspace, or a journal with --file"),
        (["journal", "verify", "--file", "gone.db"], "there is no journal"),
    ],
)
def test_a_request_that_makes_no_sense_says_why(
    words: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(words) == 2
    assert problem in capsys.readouterr().err


def test_status_trades_and_events_read_what_a_run_left(capsys: pytest.CaptureFixture[str]) -> None:
    run_command([*RUN, "--cycles", "80", "--json"])
    capsys.readouterr()
    status = _json(["status", "demo", "--json"], capsys)
    assert (status["control"], status["owner"]) == ("running", None)
    trades = _json(["trades", "demo", "--json"], capsys)
    first = trades["items"][0]
    assert (first["side"], first["account"]) == ("buy", "main")
    later = _json(["trades", "demo", "--json", "--since", first["at"], "--limit", "1"], capsys)
    assert later["items"] == [first]
    assert later["next"] is not None
    executed = _json(["events", "demo", "--json", "--type", "trade_executed", "--limit", "2"], capsys)
    assert [item["type"] for item in executed["items"]] == ["trade_executed"] * 2
    assert executed["next"] == executed["items"][-1]["id"]
    for words in (["status"], ["status", "demo"], ["trades", "demo"], ["events", "demo"]):
        assert run_command(words) == 0
        assert capsys.readouterr().out


def test_a_journal_verifies_replays_and_exports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_command([*RUN, "--cycles", "40", "--json"])
    summary = json.loads(capsys.readouterr().out)
    assert _json(["journal", "verify", "demo", "--json"], capsys)["head_hash"] == summary["journal_head"]["hash"]
    assert _json(["replay", "demo", "--verify", "--json"], capsys)["state_hash"] == summary["state_hash"]
    assert run_command(["journal", "export", "demo", "--out", str(tmp_path / "x.jsonl")]) == 0
    rows = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["seq"] for row in rows] == list(range(1, summary["journal_head"]["seq"] + 1))
    assert rows[0].keys() == {"seq", "at_ns", "kind", "payload", "facts", "prev", "hash"}
    assert run_command(["journal", "export", "demo", "--out", str(tmp_path / "x.jsonl")]) == 2


def test_a_damaged_journal_exits_5(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_command([*RUN, "--cycles", "40", "--json"])
    path = workspace / "run" / "demo" / "journal.db"
    body = bytearray(path.read_bytes())
    at = body.index(b"CapitalDeclared")
    body[at] ^= 1
    path.write_bytes(body)
    assert run_command(["journal", "verify", "demo"]) == 5
    assert "problem:" in capsys.readouterr().err


def _json(words: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert run_command(words) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found
