"""S2: `doctor` finds everything wrong in one run, each with its file and line where it has one."""

from pathlib import Path

import msgspec
import pytest

from quarterdeck.config import Workspace, create_workspace
from quarterdeck.domain import SECOND_NS
from quarterdeck.system import ClockReading, Diagnosis, Finding, Machine, TimeService, examine
from tests.system.replaying import local, played

NOW_NS = 1_900_000_000 * SECOND_NS
WELL = ClockReading(NOW_NS, 5 * SECOND_NS, NOW_NS, NOW_NS - 5 * SECOND_NS, TimeService(True, 1_000))
SOUND = Machine(free_bytes=lambda _: 50 << 30, write_fault=lambda _: "", clocks=lambda _: WELL)

BROKEN = """\
name: broken
mode: paper
exchanges:
  - name: coinbase
    key: main
    pairs: [BTC-USD]
    balances: {USD: "10000"}
    grid: {BTC-USD: {notional_min: 20}}
strategy: {name: my_secret_sauce, timeframe: 1m}
pairs: [BTC-USD, SOL-USD]
sizing: {kind: quote, value: "5"}
risk: {stop_loss: five}
guardrails:
  colldown_s: 60
  daily_loss_max: 0.2
"""
TWIN = """\
name: twin
exchanges:
  - name: coinbase
    key: main
    balances: {USD: "10000"}
strategy: {name: sma_crossover, timeframe: 1m}
pairs: [BTC-USD]
"""
COIN = """\
name: coin
exchanges: [{name: coinbase, balances: {USDC: "10000"}}]
strategy: {name: sma_crossover, timeframe: 1m}
pairs: [BTC-USDC]
risk: {stop_loss: 0.05}
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return create_workspace(tmp_path / "w")


def write_bot(workspace: Workspace, text: str) -> None:
    workspace.bot_file(text.split()[1]).write_text(text, encoding="utf-8")


def where(found: tuple[Finding, ...], words: str) -> list[str]:
    return [f"{one.file}:{one.line}: {one.path}" for one in found if words in one.problem]


def problem_with(found: Diagnosis, check: str) -> str:
    (one,) = [finding for finding in found.problems if finding.check == check]
    return one.problem


def test_every_planted_fault_is_found_in_one_run(workspace: Workspace) -> None:
    write_bot(workspace, BROKEN)
    write_bot(workspace, TWIN)
    machine = Machine(
        free_bytes=lambda _: 100 << 20,
        write_fault=lambda folder: "Read-only file system" if folder.name == "archive" else "",
        clocks=lambda _: msgspec.structs.replace(WELL, kernel_ns=NOW_NS - 3600 * SECOND_NS),
    )
    found = examine(workspace, machine)
    assert not found.ok
    planted = {
        "unknown key": "bots/broken.yaml:14: guardrails.colldown_s",
        "'five' is not a number": "bots/broken.yaml:12: risk.stop_loss",
        "no exchange lists SOL-USD": "bots/broken.yaml:10: pairs[1]",
        "under the 20 that BTC-USD takes": "bots/broken.yaml:11: sizing.value",
        "0.2 is looser than the house default 0.05": "bots/broken.yaml:15: guardrails.daily_loss_max",
        "there is no strategy 'my_secret_sauce'": "bots/broken.yaml:9: strategy.name",
        "bot broken trades with the key main of coinbase already": "bots/twin.yaml:4: exchanges[0].key",
    }
    assert {words: where(found.problems, words) for words in planted} == {w: [place] for w, place in planted.items()}
    assert problem_with(found, "folders") == "cannot be written: Read-only file system"
    assert problem_with(found, "disk") == "only 0.10 GiB are free, at least 1 GiB should be"
    assert problem_with(found, "clock") == "this program's clock is 3,600.0 s ahead of the kernel's"
    assert len(found.problems) == len(planted) + 3


def test_a_new_workspace_has_no_problem_and_its_risks_are_named(workspace: Workspace) -> None:
    found = examine(workspace, SOUND)
    assert (found.ok, found.problems) == (True, ())
    stops = "exchanges[0].protective_orders"
    assert {one.path for one in found.risks} == {"guardrails.protect_when_halted", stops, "market.source"}
    assert [one.check for one in found.checked] == ["configuration", "folders", "disk", "clock", "journals"]


HABITS = """\
name: habits
exchanges:
  - {name: cryptocom, habits: cryptocom, balances: {USD: "10000"}, protective_orders: venue}
strategy: {name: sma_crossover, timeframe: 1m}
pairs: [BTC-USD]
orders: {timeout_min: 0}
"""


def test_what_a_person_must_look_after_at_a_venue_is_a_risk(workspace: Workspace) -> None:
    """S14, R8."""
    write_bot(workspace, HABITS)
    risks = examine(workspace, SOUND).risks
    told = {one.path: one.problem for one in risks if one.file == "bots/habits.yaml"}
    assert told["exchanges[0].proves_absence"].endswith("may stay unknown until a person looks at the venue")
    assert told["orders.timeout_min"].startswith("orders that do not fill are never cancelled")
    assert "exchanges[0].protective_orders" not in told
    stops = [one.problem for one in risks if one.file == "bots/habits.yaml" and one.path == "risk.stop_loss"]
    assert "protective_orders: venue has nothing to place without a stop" in stops


def test_the_real_machine_passes_where_tests_run(workspace: Workspace) -> None:
    found = examine(workspace)
    assert [one for one in found.problems if one.check != "disk"] == []


def test_a_folder_that_nobody_may_write_is_found_even_by_root(workspace: Workspace) -> None:
    workspace.run.chmod(0o500)
    found = examine(workspace)
    workspace.run.chmod(0o700)
    assert [one.file for one in found.problems if one.check == "folders"] == ["run"]


def test_the_fleet_may_allow_what_the_house_does_not(workspace: Workspace) -> None:
    text = workspace.bot_file("demo").read_text(encoding="utf-8")
    workspace.bot_file("demo").write_text(text.replace("daily_loss_max: 0.05", "daily_loss_max: 0.07"))
    line = 1 + text[: text.index("daily_loss_max")].count("\n")
    place = f"bots/demo.yaml:{line}: guardrails.daily_loss_max"
    assert where(examine(workspace, SOUND).problems, "looser") == [place]
    workspace.marker.write_text("version: 1\nlimits: {daily_loss_max: 0.07}\n")
    assert examine(workspace, SOUND).ok
    workspace.marker.write_text("version: 1\nlimits: {daily_loss_max: 0.06}\n")
    assert where(examine(workspace, SOUND).problems, "looser") == [place]


def test_a_stablecoin_that_no_market_prices_is_a_risk(workspace: Workspace) -> None:
    write_bot(workspace, COIN)
    risks = [one.problem for one in examine(workspace, SOUND).risks if one.file == "bots/coin.yaml"]
    assert "no market here shows what USDC is worth: it counts 1.00 USD even if it loses its peg" in risks


def test_a_workspace_without_bots_has_a_problem(workspace: Workspace) -> None:
    workspace.bot_file("demo").unlink()
    assert [one.problem for one in examine(workspace, SOUND).problems] == ["there is no bot"]


def test_a_broken_fleet_file_is_told_once(workspace: Workspace) -> None:
    write_bot(workspace, TWIN)
    workspace.marker.write_text("version: 1\nlimmits: {}\n")
    assert where(examine(workspace, SOUND).problems, "unknown key") == ["quarterdeck.yaml:2: limmits"]


def test_a_clock_that_was_set_back_is_told_by_the_files(workspace: Workspace) -> None:
    (workspace.run / "kill").write_bytes(b"")
    reading = msgspec.structs.replace(WELL, wall_ns=1_000 * SECOND_NS, kernel_ns=1_000 * SECOND_NS, booted_ns=None)
    found = examine(workspace, msgspec.structs.replace(SOUND, clocks=lambda _: reading))
    assert problem_with(found, "clock").startswith("run/kill was written ")


def test_a_broken_journal_is_a_problem_and_stops_no_other_check(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        played(stage, cycles=10)
        stage.folder.journal.write_bytes(b"garbage" * 1_000)
        found = examine(stage.workspace, SOUND)
        assert [one.file for one in found.problems if one.check == "journal"] == ["run/drill/journal.db"]
        assert "guardrails.cooldown_s" in [one.path for one in found.problems if one.check == "limits"]
