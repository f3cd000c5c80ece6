"""The loss index under deposits and withdrawals: units change, the index never does. S6, I13."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import Control, FundsBooked
from quarterdeck.engine import daily_loss, drawdown, drawdown_ever
from tests.engine.driving import BTC, Bot, kinds_in
from tests.engine.scenes import (
    answer_in,
    begun,
    exits,
    fund,
    half_in_btc,
    mark,
    opens,
    resume,
    small_settings,
)


def follows(bot: Bot, growth: float) -> None:
    """Take a mark at which the whole bot is worth so many times what it was."""
    equity, position = bot.state.equity, bot.state.position("a", BTC)
    assert equity is not None
    cash = float(bot.state.cash["a"]["USD"])
    bot.prices[BTC] = (equity * growth - cash) / float(position.qty)
    bot.later(60).wake()


@given(
    st.lists(
        st.tuples(st.floats(min_value=0.985, max_value=1.01), st.sampled_from([-100, -40, 0, 0, 1, 30, 200])),
        min_size=2,
        max_size=25,
    )
)
def test_no_interleaving_of_flows_moves_daily_loss_or_drawdown(minutes: list[tuple[float, int]]) -> None:
    """Two bots with the same returns, of which one pays in and out all the time, stand at the same losses."""
    still, flowing = half_in_btc(loss_rate_max=1.0), half_in_btc(loss_rate_max=1.0)
    still.later(60).wake()
    flowing.later(60).wake()
    for growth, flow in minutes:
        if flow:
            before = daily_loss(flowing.state)
            fund(flowing, str(flow))
            assert daily_loss(flowing.state) == before
            still.later(60).wake()
            flowing.later(60).wake()
        follows(still, growth)
        follows(flowing, growth)
        for figure in (daily_loss, drawdown, drawdown_ever):
            assert figure(flowing.state) == pytest.approx(figure(still.state), abs=1e-9)
        assert flowing.state.index == pytest.approx(still.state.index, rel=1e-9)
        assert set(flowing.state.holds) == set(still.state.holds)


def test_a_deposit_hides_no_loss_and_a_withdrawal_is_none_s6() -> None:
    bot = half_in_btc()
    mark(bot, 0.985)
    fund(bot, "9000")
    bot.later(60).wake()
    assert bot.state.equity == pytest.approx(9_985)
    assert daily_loss(bot.state) == pytest.approx(0.015)
    fund(bot, "-9400")
    bot.later(60).wake()
    assert bot.state.equity == pytest.approx(585)
    assert daily_loss(bot.state) == pytest.approx(0.015)
    assert bot.level() is Control.RUNNING


def test_a_flow_between_two_marks_counts_at_the_price_of_its_moment() -> None:
    """The index of the moment is what stays: a deposit just after a fall does not bring any of the fall back."""
    bot = half_in_btc(loss_rate_max=1.0)
    mark(bot, 1.0)
    bot.prices[BTC] = 22_500.0
    fund(bot, "950")
    bot.later(60).wake()
    assert bot.state.units == pytest.approx(2_000)
    assert bot.state.equity == pytest.approx(1_900)
    assert bot.state.index == pytest.approx(0.95)


def test_a_rebase_and_a_restart_keep_the_units() -> None:
    bot = half_in_btc()
    fund(bot, "500")
    units = bot.state.units
    resume(bot, rebase=True)
    bot.start()
    bot.later(60).wake()
    assert bot.state.units == units
    assert bot.state.index == pytest.approx(1.0)


def test_after_a_withdrawal_the_limits_go_by_what_is_left() -> None:
    """2 % of 550 dollars are 11: the equity of a minute ago is no excuse for 20."""
    bot = begun(small_settings(order_value_max_share=0.02))
    fund(bot, "-450")
    assert opens(bot, notional=500)
    order = bot.only_order()
    assert float(order.qty_lots * order.lot) * order.reference_price <= 11.0


def test_funds_explain_what_did_not_add_up() -> None:
    bot = begun(small_settings())
    held = bot.explained("a")
    bot.account("a", **{**held, "USD": held["USD"] + 300})
    assert bot.state.unexplained == {"a": {"USD": Decimal(300)}}
    (booked,) = [fact for fact in fund(bot, "200") if isinstance(fact, FundsBooked)]
    assert (booked.cash_after, booked.baseline_after) == (Decimal(1_200), Decimal(100))
    assert booked.unexplained_after == 100
    assert bot.state.units == pytest.approx(1_200)
    fund(bot, "100")
    assert bot.state.unexplained == {}
    assert bot.state.cash["a"]["USD"] == 1_300
    resume(bot)
    assert opens(bot)


def test_money_of_somebody_else_explains_a_difference_and_is_not_the_bots() -> None:
    """Somebody moved 300 dollars into the account: no profit, no capital, and nothing to wonder about."""
    bot = begun(small_settings())
    held = bot.explained("a")
    bot.account("a", **{**held, "USD": held["USD"] + 300})
    units = bot.state.units
    (booked,) = [fact for fact in fund(bot, "300", external=True) if isinstance(fact, FundsBooked)]
    assert booked.external
    assert (booked.unexplained_after, booked.cash_after) == (Decimal(0), Decimal(1_000))
    assert bot.state.unexplained == {}
    assert (bot.state.units, bot.state.flows) == (units, Decimal(0))
    assert "BalanceDiffered" not in kinds_in(bot.account("a", **{**held, "USD": held["USD"] + 300}))


@pytest.mark.parametrize("amount", ["-300", "0", "NaN", "Infinity"])
def test_funds_of_somebody_else_that_explain_nothing_are_refused(amount: str) -> None:
    bot = begun(small_settings())
    held = bot.explained("a")
    assert "explains nothing" in answer_in(fund(bot, "300", external=True)), "nothing differs yet"
    bot.account("a", **{**held, "USD": held["USD"] + 300})
    assert "explains nothing" in answer_in(fund(bot, amount, external=True))


def test_funds_are_booked_once_for_their_key_and_answered_durably() -> None:
    bot = half_in_btc()
    facts = fund(bot, "100", key="k")
    assert kinds_in(facts)[-1:] == ["FundsBooked"]
    assert bot.state.answers["k"].outcome == "done: 100 USD on a"
    assert fund(bot, "100", key="k") == []
    assert bot.state.flows == Decimal(100)


@pytest.mark.parametrize(
    ("amount", "asset", "venue", "why"),
    [
        ("100", "USD", "nowhere", "this bot has no venue nowhere"),
        ("100", "BTC", "a", "BTC is not money of this bot"),
        ("0", "USD", "a", "is no amount"),
        ("NaN", "USD", "a", "is no amount"),
        ("Infinity", "USD", "a", "is no amount"),
        ("2000000", "USD", "a", "deposit it there first"),
        ("5", "USDC", "a", "deposit it there first"),
        ("-501", "USD", "a", "close positions or cancel orders first"),
        ("-1", "USDC", "a", "close positions or cancel orders first"),
    ],
)
def test_funds_that_make_no_sense_are_refused_with_what_to_do(amount: str, asset: str, venue: str, why: str) -> None:
    bot = half_in_btc()
    before = (bot.state.units, bot.state.flows)
    answer = answer_in(fund(bot, amount, asset, venue))
    assert answer.startswith("refused: ")
    assert why in answer
    assert (bot.state.units, bot.state.flows) == before


def test_what_an_order_has_reserved_is_not_given_away() -> None:
    bot = half_in_btc()
    bot.working()
    reserved = bot.state.reserved["a"]["USD"]
    assert reserved > 0
    assert "is free" in answer_in(fund(bot, str(-500 + reserved / 2)))


def test_not_all_that_a_bot_is_worth_can_be_taken_from_it() -> None:
    bot = begun(small_settings())
    assert "stop the bot instead" in answer_in(fund(bot, "-1000"))
    assert isinstance(fund(bot, "-999")[-1], FundsBooked)


def test_funds_wait_until_everything_held_has_a_price() -> None:
    """Without the equity of the moment nobody knows how many units the money buys."""
    bot = half_in_btc()
    bot.quoted = "b"
    assert "no fresh price" in answer_in(fund(bot, "100"))
    bot.quoted = "ab"
    assert isinstance(fund(bot, "100")[-1], FundsBooked)
    assert exits(bot)
