"""Settings that change while a bot runs or is away: checked as a file would be, from → to, by whom, and kept."""

from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import structs

from quarterdeck.domain import ConfigError, Control, NotAllowed, SettingsAdopted
from quarterdeck.system import (
    cancel_order,
    carry_out,
    flatten,
    funds_asked,
    lower,
    move_funds,
    pairs_with,
    plan_change,
    positions_of,
    read_orders,
    read_pairs,
    read_settings,
    recover,
    settings_history,
)
from tests.drill.stage import BOT, Stage
from tests.system.replaying import facts_of, local, orders_of, played

COOLDOWN = "guardrails.cooldown_s"
LATER = "it waits"


def change(stage: Stage, wanted: dict[str, str | None], reason: str = "") -> str:
    plan = plan_change(stage.workspace, BOT, wanted)
    return carry_out(stage.workspace, plan, reason, "ann", 0.0).in_words(LATER)


def value(stage: Stage, path: str) -> str:
    return next(setting.value for setting in read_settings(stage.workspace, BOT) if setting.path == path)


def cooldown_now(stage: Stage) -> float:
    settings = recover(stage.folder.journal).state.settings
    assert settings is not None
    return settings.guardrails.cooldown_s


def test_a_change_binds_the_first_decision_of_the_next_session_and_is_kept(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        played(stage, cycles=30)
        first = len(orders_of(stage))
        assert change(stage, {COOLDOWN: "600000"}, "slow down") == f"not running; {LATER}"
        assert value(stage, COOLDOWN) == "600000"
        played(stage, cycles=30)
        bought = [order.instrument for order in orders_of(stage)[first:] if order.side == "buy"]
        assert len(bought) == len(set(bought))
        assert first > len(bought)
        (adopted,) = [fact for fact in facts_of(stage) if isinstance(fact, SettingsAdopted) and fact.who]
        assert (adopted.who, adopted.reason) == ("ann", "slow down")
        assert [(one.path, one.before, one.after) for one in adopted.changes] == [(COOLDOWN, "30", "600000")]
        played(stage, cycles=10)
        assert cooldown_now(stage) == 600_000


def test_a_change_leaves_what_depends_on_how_the_bot_runs(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        played(stage, cycles=5)
        running = recover(stage.folder.journal).state.settings
        assert running is not None
        changed = plan_change(stage.workspace, BOT, {COOLDOWN: "600"}).settings
        assert changed == structs.replace(running, guardrails=changed.guardrails)


def test_a_whole_map_is_set_and_put_back_with_everything_in_it(tmp_path: Path) -> None:
    limits = "guardrails.qty_max"
    with local(tmp_path) as stage:
        played(stage, cycles=5)
        change(stage, {f"{limits}.BTC-USD": "0.5"})
        change(stage, {limits: "{ETH-USD: 0.25}"})
        played(stage, cycles=5)
        settings = recover(stage.folder.journal).state.settings
        assert settings is not None
        assert settings.guardrails.qty_max == {"ETH-USD": 0.25}
        assert settings_history(stage.workspace, BOT)[-1].changes[-1].after == "{ETH-USD: 0.25}"
        change(stage, {f"{limits}.BTC-USD": "0.5"})
        change(stage, {"guardrails": None})
        assert value(stage, limits) == "{}"


def test_an_older_spelling_changes_the_same_setting(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        played(stage, cycles=5)
        (one,) = plan_change(stage.workspace, BOT, {"guardrails.cooldownSeconds": "75"}).changes
        assert (one.path, one.after) == (COOLDOWN, "75")


def test_two_changes_that_wait_do_not_undo_each_other(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        played(stage, cycles=10)
        change(stage, {COOLDOWN: "45"})
        change(stage, {"risk.stop_loss": "0.02"})
        assert (value(stage, COOLDOWN), value(stage, "risk.stop_loss")) == ("45", "0.02")
        played(stage, cycles=5)
        settings = recover(stage.folder.journal).state.settings
        assert settings is not None
        assert (settings.guardrails.cooldown_s, settings.risk.stop_loss) == (45.0, 0.02)


def test_a_change_that_waited_leaves_what_the_file_says_by_now(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        played(stage, cycles=10)
        change(stage, {"risk.stop_loss": "0.02"})
        file = stage.workspace.bot_file(BOT)
        file.write_text(file.read_text().replace("cooldown_s: 30", "cooldown_s: 77"))
        played(stage, cycles=5)
        assert cooldown_now(stage) == 77


def test_a_change_is_taken_back_to_what_the_file_says(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        played(stage, cycles=10)
        change(stage, {COOLDOWN: "45"})
        played(stage, cycles=5)
        plan = plan_change(stage.workspace, BOT, {COOLDOWN: None})
        assert [(one.before, one.after, one.is_reset) for one in plan.changes] == [("45", "30", True)]
        change(stage, {COOLDOWN: None})
        played(stage, cycles=5)
        state = recover(stage.folder.journal).state
        assert (state.changes, cooldown_now(stage)) == ({}, 30)
        changed = [entry.changes for entry in settings_history(stage.workspace, BOT) if entry.who]
        assert [(one.before, one.after) for (one,) in changed] == [("30", "45"), ("45", "")]


@pytest.mark.parametrize(
    ("wanted", "loosens"),
    [
        ({COOLDOWN: "10"}, (COOLDOWN,)),
        ({COOLDOWN: "90"}, ()),
        ({"risk.stop_loss": "0.05"}, ()),
        ({"sizing.value": "300"}, ()),
        ({"guardrails.daily_loss_max": "0.3", COOLDOWN: "90"}, ("guardrails.daily_loss_max",)),
    ],
)
def test_what_loosens_a_limit_is_known_beforehand(
    tmp_path: Path, wanted: dict[str, str | None], loosens: tuple[str, ...]
) -> None:
    with local(tmp_path) as stage:
        played(stage, cycles=5)
        assert plan_change(stage.workspace, BOT, wanted).loosens == loosens


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"guardrails.colldown_s": "1"}, "guardrails.colldown_s: no such setting"),
        ({COOLDOWN: "soon"}, "set at run time: guardrails.cooldown_s: 'soon' is not a number"),
        ({"strategy.name": "other"}, "cannot be changed while the bot runs"),
        ({COOLDOWN: "30"}, "nothing would change: guardrails.cooldown_s is 30"),
        ({COOLDOWN: None}, "nothing would change"),
    ],
)
def test_a_wrong_change_is_refused_before_it_is_asked_for(
    tmp_path: Path, wanted: dict[str, str | None], words: str
) -> None:
    with local(tmp_path) as stage:
        played(stage, cycles=5)
        with pytest.raises(ConfigError, match=words):
            plan_change(stage.workspace, BOT, wanted)


def test_a_pair_that_is_removed_is_not_opened_any_more(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        played(stage, cycles=10)
        without = pairs_with(stage.workspace, BOT, removed=("ETH-USD",))
        assert without == "[BTC-USD]"
        change(stage, {"pairs": without})
        seen = len(orders_of(stage))
        played(stage)
        bought = {order.instrument for order in orders_of(stage)[seen:] if order.side == "buy"}
        assert bought == {"BTC-USD"}
        rows = {row.pair: row.approved for row in read_pairs(stage.workspace, BOT)}
        assert rows == {"BTC-USD": True, "ETH-USD": False}
        assert pairs_with(stage.workspace, BOT, added=("ETH-USD",)) == "[BTC-USD, ETH-USD]"
        with pytest.raises(ConfigError, match="SOL-USD: not among the pairs"):
            pairs_with(stage.workspace, BOT, removed=("SOL-USD",))


def test_funds_change_whose_money_it_is_and_no_loss_limit(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        played(stage, cycles=1)
        asked = funds_asked("alpha", "USD", Decimal(-500), "to the bank", "ann")
        assert move_funds(stage.workspace, BOT, asked, 0.0).in_words(LATER) == f"not running; {LATER}"
        before = recover(stage.folder.journal).state
        played(stage, cycles=3)
        after = recover(stage.folder.journal).state
        assert after.flows == Decimal(-500)
        assert after.units < before.units
        assert after.index == pytest.approx(before.index, rel=1e-3)


def test_a_pause_asked_of_a_bot_that_is_away_holds_its_next_session(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        played(stage, cycles=5)
        assert lower(stage.workspace, BOT, "reduce", "holiday", "ann", 0.0).startswith("not running; it will reduce")
        played(stage, cycles=5)
        state = recover(stage.folder.journal).state
        assert (state.control, state.control_reason) == (Control.REDUCING, "holiday")


def test_a_bot_that_is_away_sells_nothing_at_some_later_time(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        played(stage)
        assert isinstance(positions_of(stage.workspace, BOT), list)
        with pytest.raises(NotAllowed, match="is not running, so nobody can sell"):
            flatten(stage.workspace, BOT, "", "ann", 0.0)


def test_a_bot_that_is_away_takes_up_no_cancel_of_what_is_not_there(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        played(stage)
        with pytest.raises(NotAllowed, match="there is no order 'x'; 'quarterdeck orders"):
            cancel_order(stage.workspace, BOT, "x", "ann", 0.0)
        done = orders_of(stage)[0].client_id
        with pytest.raises(NotAllowed, match=f"order {done} has ended as filled: there is nothing to cancel"):
            cancel_order(stage.workspace, BOT, done, "ann", 0.0)


def test_all_orders_are_listed_page_by_page_and_open_ones_alone(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        played(stage)
        planned = [order.client_id for order in orders_of(stage)]
        found: list[str] = []
        cursor: str | None = None
        while True:
            page = read_orders(stage.workspace, BOT, every=True, limit=7, cursor=cursor)
            found += [row.client_id for row in page.items]
            cursor = page.next
            if cursor is None:
                break
        assert sorted(found) == sorted(planned)
        assert len(planned) > 7
        assert read_orders(stage.workspace, BOT, every=False, limit=7).items == ()


def test_a_bot_that_never_ran_is_changed_in_its_file(tmp_path: Path) -> None:
    with local(tmp_path) as stage:
        assert value(stage, COOLDOWN) == "30"
        with pytest.raises(ConfigError, match="never run"):
            plan_change(stage.workspace, BOT, {COOLDOWN: "45"})
