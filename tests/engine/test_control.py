"""Sessions, halts and the operator's words."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from quarterdeck.domain import (
    MINUTE_NS,
    SECOND_NS,
    Bug,
    CancelAsked,
    CancelRequested,
    CancelState,
    CapitalDeclared,
    ClockStepped,
    CommandAnswered,
    ConfigError,
    Control,
    Evidence,
    GuardrailSettings,
    IntentRefused,
    OrderState,
    Released,
    RiskSettings,
    SettingsAdopted,
    Side,
    Started,
    Stopping,
    TriggerFired,
)
from quarterdeck.engine import (
    CancelOrder,
    PullFills,
    QueryOrder,
    SendOrder,
    State,
    acts_of,
    encode_state,
    recovery_acts,
    step,
    watch,
)
from tests.engine.driving import BTC, ETH, START_NS, Bot, kinds_in, listing_of, planned_in, settings_with


def answer_in(facts: list[Any]) -> str:
    (answer,) = [fact.outcome for fact in facts if isinstance(fact, CommandAnswered)]
    return str(answer)


def failed_in(facts: list[Any]) -> tuple[str, ...]:
    assert planned_in(facts) == []
    (refused,) = [fact for fact in facts if isinstance(fact, IntentRefused)]
    return tuple(refused.failed)


# --- sessions ---------------------------------------------------------------------------------------------------------


def test_capital_is_declared_at_the_first_start_only() -> None:
    bot = Bot(started=False)
    (declared,) = [fact for fact in bot.start() if isinstance(fact, CapitalDeclared)]
    assert declared.cash == {"a": {"USD": Decimal(1_000_000)}, "b": {"USD": Decimal(1_000_000)}}
    bot.bought()
    cash = dict(bot.state.cash["a"])
    assert kinds_in(bot.let_go().start()) == ["SessionOpened"]
    assert bot.state.cash["a"] == cash


def test_settings_are_adopted_when_they_changed() -> None:
    bot = Bot()
    bot.settings = settings_with(guardrails=GuardrailSettings(cooldown_s=5.0))
    assert isinstance(bot.start()[0], SettingsAdopted)
    assert bot.state.settings == bot.settings


@pytest.mark.parametrize("epoch", [0, 1])
def test_a_session_under_an_epoch_that_is_not_higher_is_a_bug(epoch: int) -> None:
    bot = Bot()
    started = Started(bot.at_ns, "s", epoch, "test", bot.settings, 0)
    with pytest.raises(Bug, match="not above"):
        step(bot.state, started)


def test_a_planned_order_without_an_answer_becomes_unknown_and_is_never_sent_again() -> None:
    bot = Bot()
    bot.buy()
    order = bot.only_order()
    facts = bot.later(1).start()
    acts = [*acts_of(facts, bot.state), *recovery_acts(bot.state)]
    assert order.state is OrderState.UNKNOWN
    assert not any(isinstance(act, SendOrder) for act in acts)
    assert QueryOrder(order.client_id) in acts
    assert PullFills(order.venue) in acts
    assert order.reserve == order.reserve_per_lot * order.qty_lots


def test_an_order_that_works_is_asked_for_by_the_next_session() -> None:
    bot = Bot()
    order = bot.working()
    bot.start()
    assert list(recovery_acts(bot.state)) == [PullFills("a"), QueryOrder(order.client_id)]


def test_a_cancel_without_an_answer_is_sent_again_by_the_next_session() -> None:
    bot = Bot()
    order = bot.working()
    bot.control("halt")
    bot.start()
    assert CancelOrder(order.client_id) in list(recovery_acts(bot.state))
    bot.report(order, Evidence.CANCELLED)
    assert list(recovery_acts(bot.state)) == []


def test_stopping_cancels_what_works_and_decides_nothing_more() -> None:
    bot = Bot(settings_with(risk=RiskSettings(stop_loss=0.05)))
    bot.bought(ETH)
    order = bot.working()
    facts = bot.take(Stopping(bot.at_ns, "SIGTERM"))
    assert kinds_in(facts) == ["SessionClosed", "CancelRequested"]
    assert order.cancel is CancelState.REQUESTED
    bot.later(61)
    assert planned_in(bot.buy(ETH)) == []
    assert planned_in(bot.ask("k", notional=Decimal(50))) == []
    assert planned_in(bot.ask("l", Side.SELL, instrument=ETH)) == []
    assert planned_in(bot.control("flatten")) == []
    assert planned_in(bot.take(TriggerFired(bot.at_ns, "a", ETH, "stop_loss", 1.0, bot.market()))) == []
    assert bot.take(Stopping(bot.at_ns, "again")) == []
    assert kinds_in(bot.take(Released(bot.at_ns))) == ["SessionClosed"]
    assert bot.take(Released(bot.at_ns)) == []


def test_stopping_may_leave_orders_working() -> None:
    bot = Bot(settings_with(cancel_on_shutdown=False))
    bot.working()
    assert kinds_in(bot.take(Stopping(bot.at_ns, "SIGTERM"))) == ["SessionClosed"]


def test_a_bot_is_not_released_before_it_stops() -> None:
    bot = Bot()
    with pytest.raises(Bug, match="only after it was asked to stop"):
        bot.take(Released(bot.at_ns))


def test_nothing_can_be_decided_before_the_first_start() -> None:
    bot = Bot(started=False)
    with pytest.raises(Bug, match="before the bot has started"):
        bot.buy()


@pytest.mark.parametrize("left_out", ["pair", "listing", "venue"])
@pytest.mark.parametrize("there_is", ["a position", "an order"])
def test_settings_without_a_place_where_something_is_left_are_refused(left_out: str, there_is: str) -> None:
    bot = Bot()
    if there_is == "a position":
        bot.bought()
    else:
        bot.working()
    changes: dict[str, Any] = {
        "pair": {"pairs": (ETH,)},
        "listing": {"listings": tuple(one for one in bot.settings.listings if one.instrument == ETH)},
        "venue": {"venues": bot.settings.venues[1:]},
    }
    bot.settings = msgspec.structs.replace(bot.settings, **changes[left_out])
    body = encode_state(bot.state)
    with pytest.raises(ConfigError, match="put the pair and the venue back"):
        bot.start()
    assert encode_state(bot.state) == body


def test_a_late_fill_of_a_pair_that_is_traded_no_more_is_booked() -> None:
    bot = Bot()
    bot.buy()
    order = bot.only_order()
    bot.report(order, Evidence.CANCELLED)
    changes = {"pairs": (ETH,), "listings": tuple(one for one in bot.settings.listings if one.instrument == ETH)}
    bot.settings = msgspec.structs.replace(bot.settings, **changes)
    bot.start()
    bot.fill(order, 5)
    assert bot.state.position("a", BTC).qty == Decimal("5E-8")


# --- kill and control levels ------------------------------------------------------------------------------------------


def test_a_kill_cancels_every_living_order_and_halts() -> None:
    bot = Bot()
    planned = bot.state.orders[planned_in(bot.buy(ETH))[0].client_id]
    working = bot.working()
    later = bot.later(61)
    lost = later.state.orders[planned_in(later.ask("lost", instrument=BTC, notional=Decimal(20)))[0].client_id]
    bot.report(lost, Evidence.AMBIGUOUS)
    facts = bot.control("kill", kill_epoch=1)
    cancelled = {fact.client_id for fact in facts if isinstance(fact, CancelRequested)}
    assert cancelled >= {working.client_id, lost.client_id}
    assert all(order.cancel is CancelState.REQUESTED for order in (planned, working, lost))
    assert (bot.state.control, bot.state.kill_raised) == (Control.HALTED, True)


def test_a_halt_survives_sessions_and_days() -> None:
    bot = Bot()
    bot.control("kill")
    bot.later(90_000).wake()
    bot.start()
    assert (bot.state.control, bot.state.kill_raised) == (Control.HALTED, True)
    assert failed_in(bot.ask("k", notional=Decimal(50))) == ("G1", "G2")


def test_a_resume_accepts_exactly_the_epoch_it_names() -> None:
    bot = Bot()
    bot.control("kill", kill_epoch=7)
    bot.control("resume", kill_epoch=7)
    assert (bot.state.control, bot.state.kill_raised, bot.state.kill_epoch) == (Control.RUNNING, False, 7)
    (planned,) = planned_in(bot.buy())
    assert planned.kill_epoch == 7


def test_a_kill_file_that_was_raised_while_the_bot_was_away_kills_at_the_start() -> None:
    bot = Bot()
    order = bot.working()
    facts = bot.start(kill_epoch=1)
    assert bot.level() is Control.HALTED
    assert order.client_id in {fact.client_id for fact in facts if isinstance(fact, CancelRequested)}
    bot.control("resume", kill_epoch=1)
    bot.later(6).let_go().start(kill_epoch=1)
    bot.wake()
    assert bot.state.control is Control.RUNNING


def test_a_kill_while_halted_still_cancels_and_a_second_kill_does_nothing() -> None:
    bot = Bot()
    order = bot.working()
    bot.control("halt")
    bot.report(order, Evidence.CANCEL_REFUSED)
    assert "CancelRequested" in kinds_in(bot.control("kill"))
    assert kinds_in(bot.control("kill", key="again")) == ["CommandAnswered"]


@pytest.mark.parametrize(
    ("command", "exits_pass"), [("pause", True), ("reduce", True), ("halt", False), ("kill", False)]
)
def test_no_level_but_running_opens_and_exits_pass_unless_halted(command: str, exits_pass: bool) -> None:
    bot = Bot()
    bot.bought()
    bot.later(61).control(command)
    assert "G2" in failed_in(bot.ask("k", instrument=ETH, notional=Decimal(50)))
    assert bool(planned_in(bot.ask("l", Side.SELL))) == exits_pass


@pytest.mark.parametrize("allowed", [True, False])
def test_protection_acts_during_a_halt_only_where_it_was_allowed(allowed: bool) -> None:
    rules = GuardrailSettings(protect_when_halted=allowed)
    bot = Bot(settings_with(risk=RiskSettings(stop_loss=0.05), guardrails=rules))
    bot.bought()
    bot.later(61).control("halt")
    planned = planned_in(bot.take(TriggerFired(bot.at_ns, "a", BTC, "stop_loss", 28_000.0, bot.market())))
    assert bool(planned) == allowed
    if allowed:
        order = bot.state.orders[planned[0].client_id]
        assert "CancelRequested" not in kinds_in(bot.report(order, Evidence.ACKNOWLEDGED))
        assert "CancelRequested" not in kinds_in(bot.later(61).wake())


def test_after_a_kill_not_even_protection_plans_anything() -> None:
    """The last hop would sign nothing: what is planned all the same would only be withdrawn, for ever."""
    bot = Bot(settings_with(risk=RiskSettings(stop_loss=0.05), guardrails=GuardrailSettings(protect_when_halted=True)))
    bot.bought()
    bot.later(61).control("kill")
    assert planned_in(bot.take(TriggerFired(bot.at_ns, "a", BTC, "stop_loss", 28_000.0, bot.market()))) == []
    assert watch(bot.state) == ()


@pytest.mark.parametrize(
    ("first", "second"), [("halt", "pause"), ("halt", "reduce"), ("kill", "pause"), ("reduce", "pause")]
)
def test_a_milder_command_lifts_nothing(first: str, second: str) -> None:
    bot = Bot()
    bot.control(first)
    level, raised = bot.state.control, bot.state.kill_raised
    bot.control(second)
    assert (bot.state.control, bot.state.kill_raised) == (level, raised)


def test_a_pause_ends_by_itself_and_a_reduction_does_not() -> None:
    bot = Bot()
    bot.control("pause")
    bot.later(15 * 60 - 1).wake()
    assert bot.level() is Control.PAUSED
    bot.later(1).wake()
    assert bot.level() is Control.RUNNING
    bot.control("reduce")
    bot.later(90_000).wake()
    assert bot.level() is Control.REDUCING


def test_a_command_is_carried_out_once_for_its_key_and_answered_durably() -> None:
    bot = Bot()
    assert answer_in(bot.control("pause", key="k")) == "done: pause"
    bot.control("resume")
    assert bot.control("pause", key="k") == []
    assert bot.state.control is Control.RUNNING
    assert bot.state.answers["k"].outcome == "done: pause"


@pytest.mark.parametrize("word", ["dance", "", "KILL", "resume "])
def test_a_word_that_is_no_command_is_refused_with_those_that_are(word: str) -> None:
    bot = Bot()
    answer = answer_in(bot.control(word, key="k"))
    assert answer.startswith("refused: no command")
    assert "flatten, halt, kill, pause, reduce, resume" in answer
    assert bot.state.control is Control.RUNNING


def test_flatten_sells_everything_through_the_same_door() -> None:
    bot = Bot()
    bot.bought(BTC)
    bot.bought(ETH)
    bot.later(61)
    assert {one.instrument for one in planned_in(bot.control("flatten"))} == {BTC, ETH}
    assert planned_in(bot.control("flatten")) == []


def test_flatten_does_not_pass_a_halt() -> None:
    bot = Bot()
    bot.bought()
    bot.control("halt")
    assert planned_in(bot.later(61).control("flatten")) == []


def test_one_order_can_be_cancelled_by_its_name_and_once_for_a_key() -> None:
    bot = Bot()
    order = bot.working()
    asked = CancelAsked(bot.at_ns, "c", "tester", order.client_id)
    assert kinds_in(bot.take(asked)) == ["CancelRequested", "CommandAnswered"]
    assert bot.take(asked) == []
    bot.report(order, Evidence.CANCELLED)
    late = bot.take(msgspec.structs.replace(asked, key="d"))
    assert answer_in(late) == f"refused: order {order.client_id} has ended as cancelled"
    unknown = bot.take(msgspec.structs.replace(asked, key="e", client_id="nobody"))
    assert answer_in(unknown) == "refused: no order nobody"


# --- the clock --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step_ns", [SECOND_NS, -SECOND_NS, 3_600 * SECOND_NS])
def test_nothing_is_opened_for_a_minute_after_the_clock_jumped(step_ns: int) -> None:
    bot = Bot()
    bot.bought(ETH)
    bot.later(61).wake()
    assert kinds_in(bot.take(ClockStepped(bot.at_ns, step_ns))) == ["ClockHeld"]
    assert failed_in(bot.ask("k", notional=Decimal(50))) == ("E8",)
    assert planned_in(bot.ask("l", Side.SELL, instrument=ETH))
    bot.later(59.9)
    assert failed_in(bot.ask("m", notional=Decimal(50))) == ("E8",)
    bot.later(0.1)
    assert planned_in(bot.ask("n", notional=Decimal(50)))


def test_a_step_of_half_a_second_is_no_news() -> None:
    bot = Bot()
    assert bot.take(ClockStepped(bot.at_ns, SECOND_NS // 2)) == []


def test_time_never_runs_back_inside() -> None:
    bot = Bot()
    bot.bought()
    now_ns = bot.state.at_ns
    bot.at_ns -= 10 * MINUTE_NS
    facts = bot.buy(ETH)
    assert {fact.at_ns for fact in facts} == {now_ns}
    assert bot.state.at_ns == now_ns


def test_a_lot_size_is_told_apart_from_a_listing_left_out() -> None:
    """A venue may change its grid between sessions; what is settled does not stand in the way."""
    bot = Bot()
    bot.settings = settings_with(
        listings=tuple(listing_of(v, i, lot=Decimal("0.0001"), lots_min=1) for v in "ab" for i in (BTC, ETH))
    )
    bot.let_go().start()
    (planned,) = planned_in(bot.buy(ETH))
    assert planned.qty_lots == 249
    assert State().at_ns < START_NS


def on_another_grid() -> dict[str, Any]:
    return {"listings": tuple(listing_of(v, i, lot=Decimal("0.0001"), lots_min=1) for v in "ab" for i in (BTC, ETH))}


def test_a_new_grid_waits_until_every_order_there_is_settled() -> None:
    bot = Bot()
    bot.working()
    bot.settings = settings_with(**on_another_grid())
    with pytest.raises(ConfigError, match="put its lot"):
        bot.start()


def test_an_order_keeps_the_lot_it_was_planned_with() -> None:
    """A trade that comes late, after the order ended and the venue changed its grid, means the lots of its time."""
    bot = Bot()
    order = bot.working()
    bot.report(order, Evidence.CANCELLED)
    bot.settings = settings_with(**on_another_grid())
    bot.start()
    bot.fill(order, 5)
    assert bot.state.position("a", BTC).qty == Decimal("5E-8")


def test_a_resume_that_knows_of_fewer_kills_than_the_bot_is_refused() -> None:
    bot = Bot()
    bot.control("resume", kill_epoch=5)
    facts = bot.control("resume", "again", kill_epoch=4)
    assert [type(fact) for fact in facts] == [CommandAnswered]
    assert bot.state.answers["again"].outcome.startswith("refused")
    assert bot.state.kill_epoch == 5
