"""What venues list, as discovery finds it, and funding payments. S8, R48, R55, S6."""

from decimal import Decimal

import msgspec
import pytest

from quarterdeck.domain import (
    Action,
    AlertRaised,
    CycleRan,
    Evidence,
    Fact,
    FundingBooked,
    FundingReported,
    Listing,
    ListingsAdopted,
    ListingsReported,
    RiskSettings,
    Side,
    TriggerFired,
)
from quarterdeck.engine import encode_state, sellable_lots
from tests.engine.driving import BTC, ETH, Bot, kinds_in, listing_of, planned_in, settings_with
from tests.engine.scenes import (
    begun,
    exits,
    half_in_btc,
    opens,
    reason_in,
    refusals,
    small_settings,
    take_in,
    told_in,
    wide,
)


def discovers(bot: Bot, *listings: Listing, venue: str = "a") -> list[Fact]:
    return bot.take(ListingsReported(bot.at_ns, venue, listings))


def listed(bot: Bot, instrument: str = BTC) -> Listing:
    return bot.state.grids["a"][instrument].listing


def same(**changes: object) -> tuple[Listing, Listing]:
    """What `a` lists, BTC with some changes."""
    return listing_of("a", BTC, **changes), listing_of("a", ETH)


# --- discovery --------------------------------------------------------------------------------------------------------


def test_what_is_listed_as_before_is_no_news() -> None:
    bot = Bot()
    body = encode_state(bot.state)
    assert discovers(bot, *same()) == []
    assert encode_state(bot.state) == body


def test_new_minimums_and_fees_are_adopted_and_bind_at_once() -> None:
    bot = Bot(settings_with(guardrails=wide()))
    (adopted,) = discovers(bot, *same(notional_min=Decimal(40), fee_taker=Decimal("0.01")))
    assert isinstance(adopted, ListingsAdopted)
    assert [one.instrument for one in adopted.listings] == [BTC]
    assert refusals(bot, BTC, 20, venue="a") == ("G10",)
    (planned,) = planned_in(bot.ask("k", notional=Decimal(50), venue="a"))
    assert planned.reserve_per_lot / planned.lot >= Decimal(30001) * Decimal("1.01")


def test_a_maximum_of_the_venue_binds() -> None:
    bot = Bot(settings_with(guardrails=wide()))
    discovers(bot, *same(notional_max=Decimal(30)))
    assert refusals(bot, BTC, 50, venue="a") == ("G10",)
    assert opens(bot, BTC, 29, venue="a")


def test_a_pair_that_is_listed_no_more_is_frozen_and_told_once_r48() -> None:
    bot = Bot(settings_with(guardrails=wide()))
    take_in(bot, "0.01")
    facts = discovers(bot, listing_of("a", ETH))
    assert kinds_in(facts) == ["ListingsAdopted", "AlertRaised"]
    assert discovers(bot, listing_of("a", ETH)) == []
    assert not listed(bot).tradable
    assert refusals(bot.later(61), BTC, venue="a") == ("G3",)
    assert opens(bot, BTC), "it goes on where it is still traded"
    assert "G3" in reason_in(bot.ask("x", Side.SELL)), "what the venue does not trade cannot be sold there either"


def test_a_frozen_pair_is_held_and_neither_counted_as_lost_nor_sold_at_zero_s8_r47() -> None:
    bot = half_in_btc()
    discovers(bot, listing_of("a", ETH))
    bot.later(60).wake()
    assert bot.state.equity == pytest.approx(1_000)
    bot.prices[BTC] = 0.0
    bot.later(60).wake()
    assert (bot.state.equity, bot.state.holds) == (None, {})


def test_a_pair_that_comes_back_is_traded_again() -> None:
    bot = Bot(settings_with(guardrails=wide()))
    discovers(bot, listing_of("a", ETH))
    discovers(bot, *same())
    assert opens(bot, BTC, venue="a")


@pytest.mark.parametrize("found", [(), (listing_of("b", BTC),)], ids=["nothing", "another venue's"])
def test_an_empty_discovery_never_replaces_what_is_known_and_is_told_once_r55(found: tuple[Listing, ...]) -> None:
    bot = Bot(settings_with(guardrails=wide()))
    key = "discovery:a"
    assert told_in(bot.take(ListingsReported(bot.at_ns, "a", found)), key) == ["AlertRaised"]
    assert discovers(bot, *found) == []
    assert listed(bot).tradable
    assert opens(bot, BTC, venue="a")
    assert told_in(bot.take(ListingsReported(bot.at_ns, "a", same())), key) == ["AlertCleared"]


def test_a_new_grid_is_adopted_when_every_order_there_is_settled() -> None:
    bot = Bot(settings_with(guardrails=wide()))
    order = bot.working()
    coarse = same(lot=Decimal("0.0001"), lots_min=1, tick=Decimal(1))
    (_, alert) = discovers(bot, *coarse)
    assert isinstance(alert, AlertRaised)
    assert (listed(bot).tradable, listed(bot).lot) == (False, Decimal("1e-8")), "an order counts lots of the old grid"
    bot.report(order, Evidence.CANCELLED)
    discovers(bot, *coarse)
    assert (listed(bot).tradable, listed(bot).lot) == (True, Decimal("0.0001"))
    (planned,) = planned_in(bot.later(61).ask("k", notional=Decimal(50), venue="a"))
    assert (planned.lot, planned.qty_lots) == (Decimal("0.0001"), 16)


def test_a_position_outlives_a_new_grid_and_what_is_no_whole_lot_stays_behind() -> None:
    bot = Bot(settings_with(guardrails=wide()))
    take_in(bot, "0.00123456")
    discovers(bot, *same(lot=Decimal("0.0001"), lots_min=1))
    assert sellable_lots(bot.state, bot.state.grids["a"][BTC]) == 12
    assert exits(bot.later(61))


def test_discovery_lists_nothing_that_the_bot_does_not_trade() -> None:
    bot = Bot()
    discovers(bot, *same(), listing_of("a", "XRP-USD"))
    assert "XRP-USD" not in bot.state.grids["a"]


def test_discovery_never_says_what_counts_as_which_pair() -> None:
    """Which quotes are equivalent is the operator's word, not the venue's."""
    settings = settings_with(
        listings=(listing_of("a", BTC), listing_of("a", ETH), listing_of("b", "BTC-USDC", quote="USDC", pair=BTC)),
        guardrails=wide(),
    )
    bot = begun(settings)
    reported = listing_of("b", "BTC-USDC", quote="USDC", notional_min=Decimal(5))
    bot.take(ListingsReported(bot.at_ns, "b", (reported,)))
    kept = bot.state.grids["b"]["BTC-USDC"].listing
    assert (kept.pair_id, kept.notional_min) == (BTC, Decimal(5))


def test_a_halted_market_holds_up_no_other_pair_r47() -> None:
    bot = Bot(settings_with(guardrails=wide(), risk=RiskSettings(stop_loss=0.05)))
    take_in(bot, "0.01")
    take_in(bot, "0.1", instrument=ETH)
    discovers(bot, listing_of("a", ETH))
    facts = bot.later(61).cycle({BTC: Action.SELL, ETH: Action.SELL})
    assert [one.instrument for one in planned_in(facts)] == [ETH]
    fired = TriggerFired(bot.at_ns, "a", BTC, "stop_loss", 28_000.0, bot.market())
    assert planned_in(bot.take(fired)) == []
    assert [fact.skipped for fact in facts if isinstance(fact, CycleRan)] == [{}]


# --- funding ----------------------------------------------------------------------------------------------------------


def pays(bot: Bot, amount: str, funding_id: str = "f1", **more: object) -> list[Fact]:
    plain = FundingReported(bot.at_ns, "a", BTC, funding_id, "USD", Decimal(amount), bot.at_ns)
    return bot.take(msgspec.structs.replace(plain, **more))


def test_a_funding_payment_is_booked_once_by_its_id_and_is_profit_or_loss_s6() -> None:
    bot = begun(small_settings())
    take_in(bot, "0.01")
    before = bot.state.cash["a"]["USD"]
    (booked,) = pays(bot, "-12.5")
    assert isinstance(booked, FundingBooked)
    assert (before - booked.cash_after, booked.funding_after) == (Decimal("12.5"), Decimal("-12.5"))
    assert pays(bot, "-12.5") == []
    assert pays(bot, "-99") == [], "the id decides, whatever else is told"
    (other,) = pays(bot, "2.5", "f2")
    assert isinstance(other, FundingBooked)
    assert other.funding_after == Decimal(-10)
    bot.later(60).wake()
    assert bot.state.equity == pytest.approx(990)
    assert bot.state.index == pytest.approx(0.99)


def test_the_same_id_of_another_venue_is_another_payment() -> None:
    bot = begun(settings_with(guardrails=wide()))
    for venue in "ab":
        take_in(bot.later(6), "0.01", venue=venue)
    pays(bot, "1")
    assert len(pays(bot, "1", venue="b")) == 1


def test_funding_on_what_the_bot_never_traded_there_is_somebody_elses() -> None:
    bot = begun(small_settings())
    take_in(bot, "0.01")
    assert pays(bot, "-12.5", instrument="BTC-USD:USD") == []
    assert pays(bot, "-12.5", venue="b") == []


def test_a_funding_payment_survives_a_restart_and_is_not_booked_again() -> None:
    bot = begun(small_settings())
    take_in(bot, "0.01")
    assert pays(bot, "-12.5")
    bot.start()
    assert pays(bot, "-12.5") == []


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity", "sNaN"])
def test_funding_that_is_no_amount_is_not_booked(amount: str) -> None:
    bot = begun(small_settings())
    take_in(bot, "0.01")
    assert pays(bot, amount) == []


def test_funding_counts_as_explained_when_the_account_is_read() -> None:
    bot = begun(small_settings(), spare=1_000)
    take_in(bot, "0.01")
    assert pays(bot, "-12.5")
    assert "BalanceDiffered" not in kinds_in(bot.account("a", **bot.explained("a")))
