"""Stablecoins: one for one within the band, at market beyond it; nothing is opened in one off its peg. S8."""

from decimal import Decimal
from typing import Any

import pytest

from quarterdeck.domain import Control, IntentRefused, Quote, Side, Surroundings, Woke
from quarterdeck.engine import Moment, rate_of
from tests.engine.driving import BTC, ETH, kinds_in, listing_of, planned_in, settings_with
from tests.engine.scenes import (
    PEG,
    TwoDollars,
    answer_in,
    begun,
    exits,
    fund,
    refusals,
    take_in,
    told_in,
    two_dollars,
    venue_with,
    wide,
)

DEPEG = 0.8774  # what USDC was worth on 11 March 2023


def bot_with(peg: float | None = 1.0, **limits: object) -> TwoDollars:
    """A bot with a million dollars on `a` and a million USDC on `b`."""
    given: dict[str, Any] = {**limits}
    bot = TwoDollars(two_dollars(**given), started=False)
    bot.peg = peg
    bot.start()
    bot.take(Woke(bot.at_ns, bot.market()))
    return bot


@pytest.mark.parametrize("peg", [0.99, 0.995, 1.0, 1.005, 1.01, None])
def test_within_its_band_or_without_a_market_a_stablecoin_counts_one_for_one(peg: float | None) -> None:
    bot = bot_with(peg)
    assert (bot.state.equity, bot.state.rates) == (2_000_000.0, {})
    assert planned_in(bot.ask("k", notional=Decimal(50), venue="b"))


@pytest.mark.parametrize("peg", [0.9899, DEPEG, 1.0101])
def test_beyond_its_band_it_is_marked_at_market(peg: float) -> None:
    bot = bot_with(peg)
    assert bot.state.equity == pytest.approx(1_000_000 * (1 + peg))
    assert bot.state.rates == {"USDC": pytest.approx(peg)}


def test_nothing_is_opened_in_a_coin_off_its_peg_and_all_else_is() -> None:
    bot = bot_with(DEPEG)
    assert refusals(bot, BTC, venue="b") == ("G7",)
    assert planned_in(bot.ask("k", notional=Decimal(50), venue="a"))


def test_where_both_dollars_are_offered_the_sound_one_is_taken() -> None:
    """BTC is cheaper in the coin that fell, until one counts what the coin is worth."""
    bot = bot_with(DEPEG)
    (planned,) = planned_in(bot.ask("k", notional=Decimal(50)))
    assert planned.venue == "a"


def test_the_refusal_says_that_the_coin_is_off_its_peg() -> None:
    bot = bot_with(DEPEG)
    (refused,) = [f for f in bot.ask("k", notional=Decimal(50), venue="b") if isinstance(f, IntentRefused)]
    assert "off its peg" in refused.reason


def test_what_is_held_in_a_coin_off_its_peg_can_be_sold() -> None:
    bot = bot_with()
    take_in(bot, "0.1", venue="b", fee_asset="USDC")
    bot.peg = DEPEG
    bot.passes()
    assert exits(bot)


def test_the_fall_of_a_coin_is_a_loss_and_trips_what_losses_trip() -> None:
    bot = bot_with()
    bot.peg = DEPEG
    bot.passes()
    assert bot.state.index == pytest.approx((1 + DEPEG) / 2)
    assert {"G2", "G5"} <= set(bot.state.holds)
    assert bot.level() is Control.REDUCING


def test_an_alert_stands_while_the_coin_is_off_its_peg_and_ends_with_it() -> None:
    bot = bot_with()
    bot.peg = DEPEG
    key = "check:peg:USDC"
    assert told_in(bot.passes(5), key) == ["AlertRaised"]
    assert "USDC is worth 0.8774" in bot.state.alerts[key]
    assert told_in(bot.passes(10), key) == []
    bot.peg = 0.995
    assert told_in(bot.passes(5), key) == ["AlertCleared"]
    assert bot.state.alerts.get(key) is None


def test_concentration_applies_to_a_coin_off_its_peg_by_an_alert_that_trades_nothing_s24() -> None:
    bot = bot_with(concentration_max=0.25)
    bot.peg = DEPEG
    facts = bot.passes(5)
    key = "check:concentration:USDC"
    assert told_in(facts, key) == ["AlertRaised"]
    assert "nothing is sold by itself" in bot.state.alerts[key]
    assert planned_in(facts) == []
    bot.peg = 1.0
    assert told_in(bot.passes(5), key) == ["AlertCleared"]


def test_a_standing_alert_does_not_end_because_nobody_can_look() -> None:
    bot = bot_with(concentration_max=0.25)
    bot.peg = DEPEG
    bot.passes(5)
    bot.peg, bot.quoted = None, ""
    bot.passes(5)
    assert {"check:peg:USDC", "check:concentration:USDC"} <= set(bot.state.alerts)


def test_a_coin_that_nobody_shows_any_more_is_not_at_par_again() -> None:
    """A mark that jumps back to par and down again would trip the window by itself."""
    bot = bot_with(DEPEG)
    index = bot.state.index
    bot.peg, bot.quoted = None, ""
    bot.passes(2)
    assert bot.state.index == pytest.approx(index)
    assert bot.state.equity is None or bot.state.equity == pytest.approx(1_000_000 * (1 + DEPEG))


def test_an_exit_does_not_wait_for_the_price_of_a_coin() -> None:
    """The book of what is sold is fresh; only what its money is worth is not known."""
    bot = bot_with()
    take_in(bot, "0.1", venue="b", fee_asset="USDC")
    bot.later(60)
    bot.peg, bot.quoted = 0.90, "b"
    bot.passes()
    bot.peg_age_s = 400
    assert exits(bot)


def test_funds_in_a_coin_whose_worth_is_not_known_wait() -> None:
    """Booked at par, a deposit would be a loss at the next mark."""
    listings = tuple(listing_of(v, i) for v in "ab" for i in (BTC, ETH))
    settings = settings_with(listings=listings, watched=(PEG,), guardrails=wide())
    bot = TwoDollars(settings, started=False)
    bot.start(reconciled=False)
    for venue in "ab":
        bot.account(venue, USD=Decimal(1_000_000), USDC=Decimal(1_000_000))
    bot.peg, bot.quoted = 0.90, ""
    bot.take(Woke(bot.at_ns, bot.market()))
    bot.passes()
    bot.peg_age_s = 400
    assert answer_in(fund(bot, "1000000", "USDC")).startswith("refused: ")
    bot.peg_age_s = 0
    assert kinds_in(fund(bot, "1000000", "USDC"))[-1] == "FundsBooked"
    bot.passes()
    assert bot.state.index == pytest.approx(1.0)
    assert bot.state.holds == {}
    assert bot.state.equity == pytest.approx(2_900_000)


def test_buying_the_coin_itself_off_its_peg_is_held_to_concentration() -> None:
    """At par it is money; at 0.90 it is an asset like any other, and a quarter of equity is all."""
    listings = tuple(listing_of(v, PEG, tick=Decimal("0.0001"), lot=Decimal("0.01"), lots_min=1) for v in "ab")
    settings = settings_with(pairs=(PEG,), listings=listings, guardrails=wide(concentration_max=0.25))
    bot = begun(settings)

    def market(price: float) -> Surroundings:
        book = ((price - 1e-4, 1e8),), ((price + 1e-4, 1e8),)
        quotes = tuple(Quote(venue, PEG, bot.at_ns, price, *book) for venue in "ab")
        return Surroundings(quotes, (), bot.market().skews)

    def buys(key: str, price: float) -> float:
        facts = bot.later(60).ask(key, instrument=PEG, notional=Decimal(900_000), surroundings=market(price))
        return sum(float(one.qty_lots * one.lot) * one.reference_price for one in planned_in(facts))

    assert buys("at par", 1.0) == pytest.approx(900_000, rel=1e-3)
    order = list(bot.state.orders.values())[-1]
    bot.fill(order, order.qty_lots, price=Decimal("1.0001"), fee=Decimal(0))
    assert buys("off", 0.90) == 0.0, "nine tenths of a million at 0.90 are more than a quarter already"


def test_a_coin_of_the_list_alone_is_forgiven_its_band() -> None:
    """Another asset with a dollar in its name is none: without a market it is worth nothing that anybody knows."""
    settings = settings_with(venues=(venue_with("a", USD=1_000_000), venue_with("b", XUSD=1_000_000)))
    bot = begun(settings)
    assert bot.state.equity is None
    assert rate_of(bot.state, Moment(bot.at_ns, bot.market()), "XUSD") is None
    assert rate_of(bot.state, Moment(bot.at_ns, bot.market()), "USDC") == 1.0
    assert "G4" in refusals(bot)


def test_an_exit_in_a_coin_off_its_peg_reports_what_it_brings_in_base_currency() -> None:
    bot = bot_with()
    take_in(bot, "0.1", venue="b", fee_asset="USDC")
    bot.peg = DEPEG
    bot.passes()
    (planned,) = planned_in(bot.ask("x", Side.SELL))
    (route,) = planned.routes
    assert route.instrument == "BTC-USDC"
    assert planned.rate == pytest.approx(DEPEG)
    assert route.effective_price == pytest.approx(planned.reference_price * DEPEG * 0.994)
