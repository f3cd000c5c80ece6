"""Protective levels: stops and targets by cost, trailing stops by the highest mark; all die with it. F-B17."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import MINUTE_NS, Evidence, Fact, RiskSettings, Side, TriggerFired, WatermarkRaised
from quarterdeck.engine import RATCHET, watch
from quarterdeck.market import Trigger
from tests.engine.driving import BTC, Bot, kinds_in, planned_in, settings_with
from tests.engine.scenes import begun, small_settings, take_in, wide

TRAIL = RiskSettings(trailing_stop=0.05)


def bot_with(risk: RiskSettings = TRAIL, qty: str = "0.01") -> Bot:
    bot = begun(small_settings(risk))
    take_in(bot, qty)
    return bot


def level(bot: Bot, cause: str) -> Trigger:
    return next(one for one in watch(bot.state) if one.cause == cause)


def fires(bot: Bot, cause: str, price: float) -> list[Fact]:
    return bot.take(TriggerFired(bot.at_ns, "a", BTC, cause, price, bot.market()))


def marks(bot: Bot, price: float) -> list[Fact]:
    bot.prices[BTC] = price
    return bot.later(60).wake()


def test_a_trailing_stop_begins_at_the_cost_and_asks_to_hear_of_new_highs() -> None:
    bot = bot_with()
    assert [(one.cause, one.falling) for one in watch(bot.state)] == [("trailing_stop", True), (RATCHET, False)]
    assert level(bot, "trailing_stop").price == pytest.approx(25_000 * 0.95)
    assert level(bot, RATCHET).price == pytest.approx(25_000 * 1.001)


def test_it_follows_the_marks_up_and_never_down() -> None:
    bot = bot_with()
    marks(bot, 26_000)
    assert level(bot, "trailing_stop").price == pytest.approx(26_000 * 0.95)
    marks(bot, 25_500)
    assert level(bot, "trailing_stop").price == pytest.approx(26_000 * 0.95)


def test_it_ratchets_between_marks_on_a_tenth_of_a_percent_and_on_less_never() -> None:
    bot = bot_with()
    assert fires(bot, RATCHET, 25_000 * 1.0009) == []
    (raised,) = fires(bot, RATCHET, 25_030.0)
    assert isinstance(raised, WatermarkRaised)
    assert level(bot, "trailing_stop").price == pytest.approx(25_030 * 0.95)
    assert fires(bot, RATCHET, 25_030.0) == [], "a height that was told is told once"
    assert planned_in(fires(bot, RATCHET, 25_100.0)) == []


@pytest.mark.parametrize("price", [math.nan, math.inf, -math.inf, -1.0, 0.0])
def test_a_price_that_is_none_raises_and_closes_nothing_r46(price: float) -> None:
    bot = bot_with(RiskSettings(stop_loss=0.05, take_profit=0.1, trailing_stop=0.05))
    for cause in (RATCHET, "take_profit"):
        assert fires(bot, cause, price) == []
    for cause in ("stop_loss", "trailing_stop"):
        assert planned_in(fires(bot, cause, price)) == []
    assert bot.state.watermarks.get("a", {}) == {}


def test_a_trailing_stop_sells_what_it_guards_from_its_height() -> None:
    bot = bot_with()
    marks(bot, 26_000)
    assert fires(bot, "trailing_stop", 24_701.0) == [], "above the level"
    bot.prices[BTC] = 24_700.0
    (planned,) = planned_in(fires(bot, "trailing_stop", 24_700.0))
    assert planned.qty_lots == 1_000_000


def test_the_height_dies_with_the_position_so_that_the_next_one_begins_at_its_own_cost() -> None:
    bot = bot_with()
    marks(bot, 30_000)
    bot.prices[BTC] = 28_000.0
    (planned,) = planned_in(fires(bot, "trailing_stop", 28_000.0))
    bot.fill(bot.state.orders[planned.client_id], planned.qty_lots, price=Decimal(28_000), fee=Decimal(0))
    assert bot.state.watermarks.get("a", {}) == {}
    assert watch(bot.state) == ()
    bot.prices[BTC] = 25_000.0
    take_in(bot.later(61), "0.01")
    assert level(bot, "trailing_stop").price == pytest.approx(25_000 * 0.95)


def test_a_part_that_is_sold_leaves_the_height_of_the_rest() -> None:
    bot = bot_with()
    marks(bot, 30_000)
    (planned,) = planned_in(bot.ask("half", Side.SELL, qty=Decimal("0.005")))
    bot.fill(bot.state.orders[planned.client_id], planned.qty_lots, price=Decimal(30_000), fee=Decimal(0))
    assert level(bot, "trailing_stop").price == pytest.approx(30_000 * 0.95)


def test_a_second_entry_keeps_the_height_and_moves_the_cost() -> None:
    bot = bot_with(RiskSettings(stop_loss=0.05, trailing_stop=0.05))
    marks(bot, 26_000)
    take_in(bot.later(61), "0.01")
    assert level(bot, "stop_loss").price == pytest.approx(25_500 * 0.95)
    assert level(bot, "trailing_stop").price == pytest.approx(26_000 * 0.95)


def test_a_height_survives_a_restart() -> None:
    bot = bot_with()
    marks(bot, 30_000)
    bot.start()
    assert level(bot, "trailing_stop").price == pytest.approx(30_000 * 0.95)


def test_a_mark_without_a_price_raises_nothing() -> None:
    bot = bot_with()
    marks(bot, 26_000)
    bot.quoted = "b"
    bot.later(60).wake()
    assert level(bot, "trailing_stop").price == pytest.approx(26_000 * 0.95)


def test_a_stop_that_was_not_filled_stands_again_and_sells_the_rest() -> None:
    bot = bot_with(RiskSettings(stop_loss=0.05))
    (planned,) = planned_in(fires(bot, "stop_loss", 23_000.0))
    assert watch(bot.state) == ()
    order = bot.state.orders[planned.client_id]
    bot.fill(order, 400_000, price=Decimal(23_000), fee=Decimal(0))
    bot.report(order, Evidence.CANCELLED)
    assert len(watch(bot.state)) == 1
    (rest,) = planned_in(fires(bot.later(6), "stop_loss", 23_000.0))
    assert rest.qty_lots == 600_000


def test_a_trigger_that_names_no_standing_level_closes_nothing() -> None:
    """The position changed while the price was on its way; an old level must not close a new position."""
    bot = bot_with(RiskSettings(stop_loss=0.05))
    body = bot.state.at_ns
    assert fires(bot, "take_profit", 99_000.0) == []
    assert fires(bot, "trailing_stop", 1.0) == []
    assert fires(bot, "stop_loss", 24_000.0) == [], "the level stands at 23 750"
    assert bot.state.at_ns == body


def test_levels_stand_on_each_venue_by_its_own_cost() -> None:
    bot = Bot(settings_with(risk=RiskSettings(stop_loss=0.05), guardrails=wide()))
    take_in(bot, "0.01", venue="a")
    bot.prices[BTC] = 31_000.0
    take_in(bot.later(61), "0.01", venue="b")
    assert {one.venue: one.price for one in watch(bot.state)} == {
        "a": pytest.approx(30_000 * 0.95),
        "b": pytest.approx(31_000 * 0.95),
    }


@given(st.lists(st.tuples(st.floats(min_value=0.97, max_value=1.03), st.booleans()), max_size=30))
def test_the_stop_is_always_the_highest_price_seen_less_its_distance(moves: list[tuple[float, bool]]) -> None:
    """Seen means marked, or a ratchet of at least a tenth of a percent above the height before."""
    bot = bot_with()
    price = high = 25_000.0
    for factor, is_marked in moves:
        price = round(price * factor, 2)
        if is_marked:
            marks(bot, price)
            high = max(high, price)
        else:
            facts = fires(bot, RATCHET, price)
            assert ("WatermarkRaised" in kinds_in(facts)) == (price >= high * 1.001 * (1 - 1e-9))
            high = price if facts else high
        assert level(bot, "trailing_stop").price == pytest.approx(high * 0.95)
    assert bot.at_ns % MINUTE_NS == 0
