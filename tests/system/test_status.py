import json
from pathlib import Path

import pytest

from quarterdeck.domain import SECOND_NS, ConfigError, Control
from quarterdeck.engine import State
from quarterdeck.market import MarketView
from quarterdeck.system import TapeClock, examine, kill, list_bots, read_status
from quarterdeck.system.state_file import StateFile
from quarterdeck.system.status import VenueStatus, note_since, venue_status, why_closed
from tests.drill.stage import BOT
from tests.engine.driving import quote_at
from tests.system.acting import at_sea, sailing
from tests.system.desk import BTC, START_NS
from tests.system.replaying import local, played
from tests.system.states import state_with


def test_a_bot_that_never_ran_has_no_status(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        assert list_bots(stage.workspace) == [BOT]
        with pytest.raises(ConfigError, match="has never run; start it with 'quarterdeck run drill'"):
            read_status(stage.workspace, BOT)


def test_a_bot_that_is_not_configured_is_told_apart(tmp_path: Path) -> None:
    with local(tmp_path) as stage, pytest.raises(ConfigError, match=f"there is no bot 'other' in .*: {BOT}"):
        read_status(stage.workspace, "other")


def test_a_file_that_names_no_bot_holds_up_nothing(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        (stage.workspace.bots / f"{BOT} copy.yaml").write_text("")
        assert list_bots(stage.workspace) == [BOT]
        assert list(kill(stage.workspace, None, "drill", "ann", 0.0).bots) == [BOT]
        wrong = [one for one in examine(stage.workspace).problems if one.file.endswith("copy.yaml")]
        assert [one.problem for one in wrong] == [f"'{BOT} copy' is not a name of a bot"]


def test_the_status_after_a_run_is_that_of_its_summary(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        summary = played(stage, cycles=41)
        status = read_status(stage.workspace, BOT)
        assert (status.control, status.halt_reason, status.owner) == (Control.RUNNING, "", None)
        assert status.cash == summary.cash
        assert status.positions == summary.positions
        assert status.equity == summary.equity
        assert status.last_cycle_at == "2020-09-13T13:07:00.000000Z"
        assert {rule.id for rule in status.guardrails} >= {"G1", "G2", "G4", "G8", "G10"}
        assert [venue.name for venue in status.venues] == ["alpha", "beta"]


def test_the_status_of_a_running_bot_tells_its_owner_and_what_works(tmp_path: Path) -> None:
    with at_sea(tmp_path) as stage:
        bot = sailing(stage)
        status = read_status(stage.workspace, BOT)
        assert status.owner is not None
        assert (status.owner.pid, status.owner.epoch) == (bot.pid, 1)
        limits = [order for order in status.open_orders if order.kind == "limit"]
        assert [(order.instrument, order.side, order.state, order.cancel) for order in limits] == [
            ("BTC-USD", "buy", "open", "none")
        ]
        assert stage.folder.pid.read_text() == f"{bot.pid}\n"


def test_a_state_file_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        stage.folder.state.mkdir(parents=True)
        assert played(stage, cycles=20).exit_code == 0
        assert read_status(stage.workspace, BOT).venues == []


def seen_by(state: State, view: MarketView, **banned: int) -> dict[str, VenueStatus]:
    return {venue.name: venue for venue in venue_status(state, view, START_NS, banned)}


def test_a_venue_is_healthy_while_its_price_is_fresh_it_answers_and_it_listens() -> None:
    """R50."""
    state, view = state_with(), MarketView(["a", "b"])
    view.observe(quote_at(START_NS - SECOND_NS, "a", BTC, 30_000.0))
    fresh = seen_by(state, view)
    assert (fresh["a"].healthy, fresh["a"].data_age_s, fresh["b"].healthy) == (True, 1.0, False)
    view.set_health("a", healthy=False)
    silent = seen_by(state, view)["a"]
    assert (silent.healthy, silent.answers) == (False, False)
    view.set_health("a", healthy=True)
    banned = seen_by(state, view, a=START_NS + 60 * SECOND_NS)["a"]
    assert (banned.healthy, (banned.banned_until_at or "")[-1:]) == (False, "Z")
    assert seen_by(state, view, a=START_NS)["a"].healthy


@pytest.mark.parametrize(
    ("venue", "why"),
    [
        (VenueStatus("a", healthy=True, data_age_s=1.0, clock_off_ms=-20.0), ""),
        (VenueStatus("a", healthy=True, data_age_s=1.0), "its clock was not compared with ours yet"),
        (VenueStatus("a", True, 1.0, clock_off_ms=-900.0), "its clock is -900 ms off, 500 ms are the limit"),
        (VenueStatus("a", False, None, clock_off_ms=0.0), "no fresh price, none yet"),
        (VenueStatus("a", False, 400.0, clock_off_ms=0.0), "no fresh price, the last is 400 s old"),
        (VenueStatus("a", False, 1.0, answers=False, clock_off_ms=0.0), "it does not answer"),
        (
            VenueStatus("a", False, 1.0, "2026-01-05T10:20:30.000000Z", clock_off_ms=0.0),
            "it listens to no request before 10:20:30 UTC",
        ),
    ],
)
def test_why_nothing_is_opened_on_a_venue_is_one_sentence(venue: VenueStatus, why: str) -> None:
    """E2, E8, R50, R52."""
    assert why_closed(venue, 500.0) == why


def test_the_state_file_carries_until_when_a_venue_bans_us(tmp_path: Path) -> None:
    view, clock = MarketView(["a", "b"]), TapeClock(START_NS, None)
    path = tmp_path / "state.json"
    StateFile(path, view, clock, lambda: {"b": START_NS + SECOND_NS}).write(state_with())
    venues = {venue["name"]: venue for venue in json.loads(path.read_text())["venues"]}
    assert venues["a"]["banned_until_at"] is None
    assert venues["b"]["banned_until_at"].endswith("Z")


def test_a_difference_that_stands_is_dated_from_its_first_sight_after_it_was_last_accepted() -> None:
    since: dict[tuple[str, str], int] = {}

    def note(kind: str, at_ns: int, actor: str = "system", **details: object) -> None:
        note_since(since, {"type": kind, "at_ns": at_ns, "actor": actor, "details": details})

    note("balance_sync", 1, venue="a", asset="USD", explained=False)
    note("agent_status_change", 2, "user", control="running")
    note("balance_sync", 3, venue="a", asset="USD", explained=False)
    note("balance_sync", 4, venue="a", asset="USD", explained=False)
    note("balance_sync", 5, venue="a", asset="BTC", explained=True)
    assert since == {("a", "USD"): 3}
