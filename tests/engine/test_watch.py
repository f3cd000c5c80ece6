"""The levels at which the engine wants to be called."""

import pytest

from quarterdeck.domain import Evidence, RiskSettings
from quarterdeck.engine import State, watch
from quarterdeck.market import Trigger
from tests.engine.driving import BTC, Bot, planned_in, settings_with

RISK = RiskSettings(stop_loss=0.05, take_profit=0.10)


def test_levels_stand_around_the_average_cost_the_stop_first() -> None:
    bot = Bot(settings_with(risk=RISK))
    bot.bought()
    stop, target = watch(bot.state)
    assert stop == Trigger("a", BTC, "stop_loss", 30_000.0 * (1.0 - 0.05), falling=True)
    assert target == Trigger("a", BTC, "take_profit", 30_000.0 * (1.0 + 0.10), falling=False)


def test_nothing_is_watched_without_a_position_or_without_levels() -> None:
    assert watch(State()) == ()
    assert watch(Bot(settings_with(risk=RISK)).state) == ()
    bot = Bot()
    bot.bought()
    assert watch(bot.state) == ()


@pytest.mark.parametrize(
    ("risk", "causes"),
    [(RiskSettings(stop_loss=0.05), ["stop_loss"]), (RiskSettings(take_profit=0.1), ["take_profit"])],
)
def test_each_level_may_be_off(risk: RiskSettings, causes: list[str]) -> None:
    bot = Bot(settings_with(risk=risk))
    bot.bought()
    assert [trigger.cause for trigger in watch(bot.state)] == causes


def test_what_is_being_sold_is_watched_no_more_until_the_sale_fails() -> None:
    bot = Bot(settings_with(risk=RISK))
    bot.bought()
    (leaving,) = planned_in(bot.later(61).sell())
    assert watch(bot.state) == ()
    bot.report(bot.state.orders[leaving.client_id], Evidence.REJECTED)
    assert len(watch(bot.state)) == 2
