"""Whether a position is covered, what it should have, and that looking twice says nothing new."""

from decimal import Decimal

import msgspec
import pytest

from quarterdeck.domain import CancelState, Evidence, OrderState, RiskSettings
from quarterdeck.engine import protected_by, sellable_lots, state_hash
from quarterdeck.engine.cover import Stop, cover_of, review, review_all, stop_wished
from quarterdeck.engine.state import decode_state, encode_state
from tests.engine.covered import covered, holding, stop_in, stops_settings
from tests.engine.driving import BTC, ETH, Bot
from tests.engine.scenes import begun, change, take_in


def test_a_position_wishes_for_one_stop_order_over_all_of_it() -> None:
    bot = holding("0.02")
    assert stop_wished(bot.state, bot.state.grids["a"][BTC]) == Stop(2_000_000, 2_375_000, is_placeable=True)
    assert stop_wished(bot.state, bot.state.grids["b"][BTC]) is None


def test_what_another_order_is_selling_is_not_covered_besides() -> None:
    bot = holding("0.02")
    facts = bot.later(6).ask("part", bot.only_order().side.SELL, qty=Decimal("0.005"))
    assert facts
    wished = stop_wished(bot.state, bot.state.grids["a"][BTC])
    assert wished is not None
    assert wished.lots == 1_500_000


def test_where_the_fee_is_taken_in_the_coin_sold_that_much_stays_uncovered() -> None:
    settings = stops_settings()
    listings = tuple(msgspec.structs.replace(one, fee_asset="base") for one in settings.listings)
    bot = begun(msgspec.structs.replace(settings, listings=listings), spare=1_000_000)
    take_in(bot, "0.02")
    wished = stop_wished(bot.state, bot.state.grids["a"][BTC])
    assert wished is not None
    assert wished.lots == int(2_000_000 / 1.006)


def test_a_resting_stop_order_leaves_its_goods_sellable_and_its_fills_not() -> None:
    bot, stop = covered()
    grid = bot.state.grids["a"][BTC]
    assert sellable_lots(bot.state, grid) == 2_000_000
    bot.report(stop, Evidence.ACKNOWLEDGED, reported_lots=500_000)
    assert sellable_lots(bot.state, grid) == 1_500_000, "what it is known to have sold is gone, booked or not"


def test_only_what_the_venue_has_taken_covers() -> None:
    bot = holding()
    grid = bot.state.grids["a"][BTC]
    stop = stop_in(bot, bot.wake())
    assert (stop.state, cover_of(bot.state, grid).kept) == (OrderState.PLANNED, None)
    bot.report(stop, Evidence.AMBIGUOUS, venue_order_id="")
    assert cover_of(bot.state, grid).kept is None
    assert cover_of(bot.state, grid).unfit == (), "it may live, and would fit"
    bot.report(stop, Evidence.ACKNOWLEDGED)
    assert cover_of(bot.state, grid).kept is stop
    assert stop.cancel is CancelState.NONE


@pytest.mark.parametrize("covering", [False, True])
def test_looking_twice_says_nothing_new(covering: bool) -> None:
    bot = covered()[0] if covering else holding()
    before = state_hash(bot.state)
    assert list(review_all(bot.state, bot.at_ns)) == []
    assert list(review(bot.state, "a", BTC, bot.at_ns)) == []
    assert state_hash(bot.state) == before
    assert state_hash(decode_state(encode_state(bot.state))) == before


def test_nobody_protects_what_is_not_held_or_not_wished_or_halted() -> None:
    assert protected_by(holding().state, "a", ETH) == ""
    assert protected_by(holding(risk=RiskSettings(take_profit=0.1)).state, "a", BTC) == ""
    bot = holding()
    assert protected_by(bot.state, "a", BTC) == "bot"
    bot.control("halt")
    assert protected_by(bot.state, "a", BTC) == ""
    change(bot, protect_when_halted=True)
    assert protected_by(bot.state, "a", BTC) == "bot"


def test_a_stop_order_outlives_a_halt_where_protection_goes_on() -> None:
    bot, stop = covered(protect_when_halted=True)
    bot.control("kill", kill_epoch=1)
    assert stop.cancel is CancelState.NONE
    assert protected_by(bot.state, "a", BTC) == "venue"


def test_a_bot_without_stop_orders_pays_nothing_for_them() -> None:
    bot = Bot()
    bot.bought()
    assert review(bot.state, "a", BTC, bot.at_ns) == ()


def test_a_price_that_makes_dust_of_a_position_ends_its_wish_and_one_that_lifts_it_begins_it_anew() -> None:
    bot = holding("0.000045")
    stop = stop_in(bot, bot.wake())
    bot.report(stop, Evidence.REJECTED, venue_order_id="")
    bot.prices[BTC] = 22_000.0
    bot.later(61).wake()
    assert bot.state.naked == {}, "worth 0.99; the venue takes a dollar at least"
    bot.prices[BTC] = 25_000.0
    bot.later(61)
    assert stop_in(bot, bot.wake()).client_id != stop.client_id
