"""`explain`, `orders`, `settings`, `guardrails` and `pairs` as programs read them, and what they refuse."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quarterdeck.cli.main import run_command
from quarterdeck.config import create_workspace

Told = Callable[..., Any]
EXPLANATION = {
    "intent", "signal", "size", "route", "verdicts", "decision", "order", "fills", "journal_seqs",
}  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose bot has run for 90 bars, in which one intent was refused."""
    workspace = create_workspace(tmp_path_factory.mktemp("asked") / "w")
    file = workspace.bot_file("demo")
    file.write_text(file.read_text(encoding="utf-8").replace("cooldown_s: 60 ", "cooldown_s: 7200 "), encoding="utf-8")
    run = ["run", "demo", "--speed", "max", "--from", "2026-01-05", "--cycles", "90", "--json"]
    assert run_command(["--workspace", str(workspace.root), *run]) == 0
    return workspace.root


@pytest.fixture
def told(root: Path, capsys: pytest.CaptureFixture[str]) -> Told:
    """Run a command with --json and read what it prints; `code` is what it must exit with."""

    def ask(*words: str, code: int = 0) -> Any:  # noqa: ANN401 - JSON
        capsys.readouterr()
        assert run_command(["--workspace", str(root), *words, "--json"]) == code
        return json.loads(capsys.readouterr().out)

    return ask


def test_a_refused_intent_is_explained_with_every_number(told: Told) -> None:
    """S15."""
    found = told("explain", "--last")
    assert found.keys() >= EXPLANATION
    assert (found["decision"], found["failed"], found["order"], found["fills"]) == ("refused", ["G8"], None, [])
    assert found["signal"] == {"action": "BUY", "confidence": 1.0, "bar_at": "2026-01-05T01:08:00.000000Z"}
    (refusing,) = [verdict for verdict in found["verdicts"] if not verdict["passed"]]
    assert (refusing["id"], refusing["value"], refusing["limit"], refusing["unit"]) == ("G8", 420.0, 7200.0, "s")
    assert found["route"]["chosen"] == "coinbase"
    assert {quote["venue"] for quote in found["route"]["quotes"]} == {"coinbase", "kraken"}
    assert isinstance(found["size"]["qty"], str)


def test_an_order_is_explained_by_its_id_whoever_s_it_is(told: Told) -> None:
    (first, *_) = told("orders", "demo", "--all")["items"]
    found = told("explain", first["client_id"])
    assert found["order"]["client_id"] == first["client_id"]
    assert [step["state"] for step in found["order"]["states"]] == ["planned", "open", "filled"]
    assert [fill["client_id"] for fill in found["fills"]] == [first["client_id"]]
    assert told("explain", first["intent_id"]) == told("explain", "demo", first["client_id"]) == found
    assert told("explain", first["client_id"], "--bot", "demo") == found


def test_a_bar_tells_why_nothing_came_of_an_opinion(told: Told) -> None:
    """S15."""
    found = told("explain", "demo", "--bar", "2026-01-05T01:16:30", "--pair", "BTC-USD")
    assert [(pair["action"], pair["explanation"]) for pair in found["pairs"]] == [("SELL", None)]
    assert "nothing is held" in found["pairs"][0]["skipped"]
    assert not told("explain", "--bar", "2025-01-01")["ran"]


@pytest.mark.parametrize(
    "words",
    [["explain"], ["explain", "demo"], ["explain", "demo", "x", "y"], ["explain", "nope"], ["explain", "x", "--last"]],
)
def test_a_question_that_is_none_exits_2(words: list[str], told: Told) -> None:
    assert told(*words, code=2)["error"]["code"] == "config_error"


def test_settings_say_where_they_come_from(told: Told) -> None:
    items = {item["path"]: item for item in told("settings", "get", "demo", "risk", "guardrails.trades_max")["items"]}
    assert items["risk.stop_loss"]["origin"] == "file"
    assert items["risk.position_max"]["origin"] == "default"
    assert (items["guardrails.trades_max"]["value"], items["guardrails.trades_max"]["default"]) == ("5", "5")
    assert told("settings", "get", "demo", "risk.nothing", code=2)["error"]["code"] == "config_error"


def test_loosening_without_a_person_needs_yes(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """S23, S28: a limit is not widened in passing."""
    with Path("/dev/null").open(encoding="utf-8") as nobody:
        monkeypatch.setattr("sys.stdin", nobody)
        answer = told("guardrails", "demo", "set", "daily_loss_max=0.2", code=3)
    assert "This loosens guardrails.daily_loss_max of demo. Go on? Not confirmed" in answer["error"]["message"]


def test_a_verb_may_stand_before_or_after_the_bot(told: Told) -> None:
    for words in (["pairs", "remove", "demo", "eth-usd"], ["pairs", "demo", "remove", "ETH-USD"]):
        if words[1] == "demo":
            assert told(*words, code=2)["error"]["message"].startswith("ETH-USD: not among the pairs")
        else:
            assert told(*words)["changes"][0]["after"] == "[BTC-USD]"
    assert told("pairs", "add", "demo", "ETH-USD", "--yes")["changes"][0]["after"] == "[BTC-USD, ETH-USD]"
    assert told("pairs", "demo", "swap", "ETH-USD", code=2)["error"]["message"] == "'swap': write one of: add, remove"


def test_limits_and_their_use_stand_side_by_side(told: Told) -> None:
    found = told("guardrails", "demo")
    assert {"guardrails.cooldown_s", "risk.drawdown_max"} <= {item["path"] for item in found["items"]}
    assert {"G1", "G5", "G6", "G7", "G9", "E4", "E5", "E7"} <= {use["id"] for use in found["uses"]}


@pytest.mark.parametrize("amount", ["0", "-5", "NaN", "much"])
def test_funds_need_an_amount_above_zero(amount: str, told: Told) -> None:
    assert told("funds", "demo", "deposit", "coinbase", "USD", "--yes", "--", amount, code=2)["error"]


def test_funds_say_which_way(told: Told) -> None:
    message = told("funds", "demo", "steal", "coinbase", "USD", "5", "--yes", code=2)["error"]["message"]
    assert message == "'steal': write deposit, withdraw, arrived or left"


def test_an_order_that_does_not_exist_is_not_cancelled_later(told: Told) -> None:
    told("orders", "demo", "cancel", "x", code=3)


def test_a_bot_that_is_away_is_not_flattened_later(told: Told) -> None:
    assert told("flatten", "demo", "--yes")["outcome"] == "nothing is held"


def test_the_status_says_what_stands_in_the_way(told: Told) -> None:
    found = told("status", "demo")
    assert found["opening"] == {"allowed": True, "reasons": [], "denied": []}
    assert found["today"]["fills"] == 2
    assert float(found["loss"]["daily_loss"]) < found["loss"]["daily_loss_max"]
    today = {name: float(found["today"][name]) for name in ("equity", "equity_open", "realised", "unrealised", "fees")}
    gained = today["realised"] + today["unrealised"] - today["fees"]
    assert today["equity"] - today["equity_open"] == pytest.approx(gained, abs=1e-9)
