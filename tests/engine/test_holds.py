"""Several causes may hold a bot at once; the tightest decides, each ends by itself or by whom it asks for. X8, R38."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import DAY_NS, MINUTE_NS, Control, ControlChanged
from tests.engine.driving import BTC, ETH, Bot, planned_in
from tests.engine.scenes import answer_in, exits, half_in_btc, mark, opens, refusals, resume, take_in

LEVELS = {"pause": Control.PAUSED, "reduce": Control.REDUCING, "halt": Control.HALTED, "kill": Control.HALTED}


def test_a_loss_and_an_operator_hold_side_by_side_and_the_tightest_decides() -> None:
    bot = half_in_btc()
    mark(bot, 1.0)
    bot.control("pause")
    assert bot.level() is Control.PAUSED
    mark(bot, 0.94)
    assert list(bot.state.holds) == ["operator", "G2", "G5"]
    assert (bot.level(), bot.state.paused_until_ns) == (Control.REDUCING, 0)
    assert bot.state.control_reason == bot.state.holds["G5"].reason


def test_when_the_tightest_ends_the_next_one_decides() -> None:
    bot = half_in_btc(loss_rate_max=1.0)
    mark(bot, 1.0)
    mark(bot, 0.94)
    midnight_ns = bot.state.holds["G5"].until_ns
    bot.at_ns = midnight_ns - 5 * MINUTE_NS
    bot.control("pause")
    bot.at_ns = midnight_ns
    bot.wake()
    assert (list(bot.state.holds), bot.level()) == (["operator"], Control.PAUSED)
    assert bot.state.paused_until_ns == midnight_ns + 10 * MINUTE_NS
    bot.later(600).wake()
    assert (bot.state.holds, bot.level()) == ({}, Control.RUNNING)


def test_an_operator_who_reduces_during_a_loss_limit_is_heard_past_midnight() -> None:
    bot = half_in_btc(loss_rate_max=1.0)
    mark(bot, 1.0)
    mark(bot, 0.94)
    assert answer_in(bot.control("reduce")) == "done: reduce"
    bot.at_ns = bot.state.holds["G5"].until_ns
    bot.wake()
    assert bot.level() is Control.REDUCING


def test_a_second_pause_begins_anew() -> None:
    bot = Bot()
    bot.control("pause")
    bot.later(14 * 60).control("pause")
    bot.later(14 * 60).wake()
    assert bot.level() is Control.PAUSED
    bot.later(60).wake()
    assert bot.level() is Control.RUNNING


def test_a_kill_stands_over_all_and_leaves_what_else_held() -> None:
    bot = half_in_btc(loss_rate_max=1.0)
    mark(bot, 1.0)
    mark(bot, 0.94)
    bot.control("kill", kill_epoch=1)
    assert (bot.level(), bot.state.kill_raised) == (Control.HALTED, True)
    assert refusals(bot)[:2] == ("G1", "G2")
    assert not exits(bot)
    bot.at_ns = bot.state.holds["G5"].until_ns
    bot.wake()
    assert (list(bot.state.holds), bot.level()) == (["kill"], Control.HALTED)


def test_a_resume_after_a_kill_leaves_the_loss_limit_standing() -> None:
    """To find out why the switch was raised is one thing, to trade on after a loss of five percent another."""
    bot = half_in_btc(loss_rate_max=1.0)
    mark(bot, 1.0)
    mark(bot, 0.94)
    bot.control("kill", kill_epoch=1)
    bot.control("resume", kill_epoch=1)
    assert (bot.level(), bot.state.kill_raised, list(bot.state.holds)) == (Control.REDUCING, False, ["G5"])
    assert exits(bot)


@pytest.mark.parametrize("word", ["pause", "reduce", "halt"])
def test_levels_are_pause_then_reduce_then_halt_and_flatten_is_apart_x8(word: str) -> None:
    bot = Bot()
    take_in(bot, "0.001")
    bot.later(61).control(word)
    assert bot.level() is LEVELS[word]
    assert "G2" in refusals(bot)
    sold = planned_in(bot.control("flatten"))
    assert bool(sold) == (word != "halt"), "in a halt nothing sells but what the settings let protect"
    assert bot.level() is LEVELS[word], "flatten is no level"


def test_every_change_names_all_that_holds_and_who_did_it() -> None:
    bot = half_in_btc()
    mark(bot, 1.0)
    bot.control("reduce")
    (changed,) = [fact for fact in bot.control("halt") if isinstance(fact, ControlChanged)]
    assert (changed.who, changed.control) == ("tester", Control.HALTED)
    assert [hold.level for hold in changed.holds] == [Control.HALTED], "one cause has one hold, the tighter one"


def test_a_hold_of_a_balance_that_nobody_explains_waits_for_a_person() -> None:
    bot = Bot()
    held = bot.explained("a")
    bot.account("a", **{**held, "USD": held["USD"] - 5})
    assert (list(bot.state.holds), bot.level()) == (["reconcile"], Control.REDUCING)
    bot.later(90_000).wake()
    assert bot.level() is Control.REDUCING
    assert answer_in(resume(bot)) == "done: resume"
    assert opens(bot)


def test_holds_survive_a_restart() -> None:
    bot = half_in_btc(loss_rate_max=1.0)
    mark(bot, 1.0)
    mark(bot, 0.94)
    bot.control("pause")
    holds = dict(bot.state.holds)
    bot.let_go().start()
    assert (bot.state.holds, bot.level()) == (holds, Control.REDUCING)


@given(
    st.lists(st.tuples(st.sampled_from([*LEVELS, "resume", "rest", "wait", "fall"]), st.integers(1, 40)), max_size=25)
)
def test_the_level_is_always_that_of_the_tightest_hold(steps: list[tuple[str, int]]) -> None:
    bot = half_in_btc()
    mark(bot, 1.0)
    index = 1.0
    for word, minutes in steps:
        if word == "fall":
            index *= 0.99
        elif word == "rest":
            bot.later(DAY_NS / 1e9)
        elif word == "resume":
            bot.control(word, kill_epoch=bot.state.kill_epoch + 1)
        elif word in LEVELS:
            bot.control(word)
            order = list(Control)
            assert order.index(bot.level()) >= order.index(LEVELS[word]), "a command never ends milder than it asks"
        mark(bot, index, 60 * minutes)
        levels = [hold.level for hold in bot.state.holds.values()]
        assert bot.level() is max(levels, key=list(Control).index, default=Control.RUNNING)
        assert all(hold.until_ns == 0 or hold.until_ns > bot.at_ns for hold in bot.state.holds.values())
        if bot.level() is not Control.RUNNING:
            assert not opens(bot, BTC if minutes % 2 else ETH)
