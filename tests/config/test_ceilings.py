"""No bot of a workspace is looser than its fleet allows."""

from pathlib import Path

import pytest
from msgspec import structs

from quarterdeck.config import (
    BotConfig,
    Ceilings,
    FileError,
    Workspace,
    create_workspace,
    load_bot,
    looser_than,
    problems_of,
    read_ceilings,
)
from quarterdeck.config.guardrail_keys import GUARDRAIL_KEYS
from tests.config.small_bot import SMALL, load


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return create_workspace(tmp_path / "w")


def limit(workspace: Workspace, text: str) -> Path:
    workspace.marker.write_text(f"version: 1\nlimits: {{{text}}}\n", encoding="utf-8")
    return workspace.bot_file("demo")


def guard(workspace: Workspace, text: str) -> int:
    """Write the guardrails of the demo bot; answer the line on which they stand."""
    path = workspace.bot_file("demo")
    head = path.read_text(encoding="utf-8").split("\nguardrails:")[0]
    path.write_text(f"{head}\nguardrails: {{{text}}}\n", encoding="utf-8")
    return head.count("\n") + 2


def test_a_new_workspace_sets_no_ceilings(workspace: Workspace) -> None:
    assert read_ceilings(workspace.marker) == (Ceilings(str(workspace.marker)), [])


@pytest.mark.parametrize(
    ("ceiling", "looser", "stricter"),
    [
        ("order_value_max_quote: 400", "order_value_max_quote: 400.01", "order_value_max_quote: 400"),
        ("maxTradeUSD: 400", "maxTradeUSD: 500", "maxTradeUSD: 300"),
        ("cooldown_s: 60", "cooldown_s: 59", "cooldown_s: 61"),
        ("drawdown_window_days: 7", "drawdown_window_days: 6", "drawdown_window_days: 8"),
        ("executions_max: 20", "executions_max: null", "executions_max: 20"),
        ("executions_max: 20", "executions_max: 21", "executions_max: 1"),
        ("strict_exits: true", "strict_exits: false", "strict_exits: true"),
        ("protect_when_halted: false", "protect_when_halted: true", "protect_when_halted: false"),
        ("margin_mode: isolated", "margin_mode: cross", "margin_mode: isolated"),
        ("margin_mode: cross", "", "margin_mode: isolated"),
        ("stablecoins: [USDC, DAI]", "stablecoins: [USDC, USDT]", "stablecoins: [DAI]"),
        ("qty_max: {BTCUSD: 0.5}", "qty_max: {BTC-USD: 0.6}", "qty_max: {BTC-USD: 0.5}"),
        ("qty_max: {BTC-USD: 0.5}", "cooldown_s: 60", "qty_max: {BTC-USD: 0.1, ETH-USD: 7}"),
        ("qty_max: {SOL-USD: 0.5}", "", "cooldown_s: 60"),
    ],
)
def test_a_looser_bot_is_refused_and_a_stricter_one_loads(
    workspace: Workspace, ceiling: str, looser: str, stricter: str
) -> None:
    path = limit(workspace, ceiling)
    guard(workspace, stricter)
    assert problems_of(path) == []
    if looser:
        line = guard(workspace, looser)
        (problem,) = problems_of(path)
        assert problem.line == line
        assert "is looser than the" in problem.problem
        assert "that quarterdeck.yaml:2 allows" in problem.problem


def test_a_looser_bot_is_told_both_figures_and_what_to_write(workspace: Workspace) -> None:
    path = limit(workspace, "cooldown_s: 90, trades_max: 3, order_value_max_share: 0.01")
    line = guard(workspace, "cooldown_s: 30")
    with pytest.raises(FileError) as raised:
        load_bot(path)
    place, allows = f"{path}:{line}: guardrails", "that quarterdeck.yaml:2 allows; write"
    share, count = "order_value_max_share", "trades_max"
    assert str(raised.value).splitlines() == [
        f"{place}.{share}: 0.02 (the default) is looser than the 0.01 {allows} {share}: 0.01, or stricter",
        f"{place}.cooldown_s: 30 is looser than the 90 {allows} cooldown_s: 90, or stricter",
        f"{place}.{count}: 5 (the default) is looser than the 3 {allows} {count}: 3, or stricter",
    ]


def test_nothing_is_loosened_beyond_the_ceiling_at_run_time(workspace: Workspace) -> None:
    path = limit(workspace, "cooldown_s: 60")
    assert load_bot(path, overrides={"guardrails.cooldown_s": "70"}).guardrails.cooldown_s == 70.0
    with pytest.raises(FileError, match=r"set at run time: guardrails\.cooldown_s: 50 is looser than the 60"):
        load_bot(path, overrides={"guardrails.cooldown_s": "50"})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("version: 2\n", "1: version: 2 is out of bounds"),
        ("version: 1\nlimits: {cooldown: 5}\n", "2: limits.cooldown: unknown key; did you mean cooldown_s?"),
        ("version: 1\nlimits: {cooldown_s: x}\n", "2: limits.cooldown_s: 'x' is not a number"),
        ("version: 1\nlimits: {qty_max: {BTC: 1}}\n", "2: limits.qty_max.BTC: 'BTC' is not an instrument"),
        ("version: 1\nlimits: 5\n", "2: limits: this must be a section"),
        ("versio: 1\n", "1: versio: unknown key; did you mean version?"),
        ("[\n", "2: file: this is no YAML"),
    ],
)
def test_a_wrong_file_of_the_fleet_stops_its_bots(workspace: Workspace, text: str, problem: str) -> None:
    workspace.marker.write_text(text, encoding="utf-8")
    (found,) = problems_of(workspace.bot_file("demo"), workspace)
    assert found.text.startswith(f"{workspace.marker}:{problem}")


def test_an_empty_file_of_the_fleet_limits_nothing(workspace: Workspace) -> None:
    workspace.marker.write_text("", encoding="utf-8")
    assert problems_of(workspace.bot_file("demo")) == []


def test_every_guardrail_says_which_way_is_looser() -> None:
    assert all(key.looser for key in GUARDRAIL_KEYS)


def test_a_change_is_compared_with_what_was_before(tmp_path: Path) -> None:
    def changed(**changes: str) -> BotConfig:
        return load(tmp_path, SMALL, {path.replace("__", "."): text for path, text in changes.items()})

    before = changed(risk__stop_loss="0.05", guardrails__cooldown_s="60", guardrails__qty_max="{BTC-USD: 1}")
    assert looser_than(before, before) == []
    assert looser_than(changed(), before) == ["risk.stop_loss", "guardrails.qty_max.BTC-USD"]
    assert looser_than(before, changed()) == []
    assert looser_than(changed(guardrails__cooldown_s="50"), changed()) == ["guardrails.cooldown_s"]
    assert looser_than(changed(pairs="[BTC-USD, ETH-USD]"), changed()) == ["pairs"]
    assert looser_than(structs.replace(before, approved=()), before) == []
