"""Equivalent quotes: BTC-USD on one venue and BTC-USDC on another count as one pair, bought and sold where they are."""

from decimal import Decimal

import msgspec
import pytest

from quarterdeck.domain import (
    Action,
    CycleRan,
    Evidence,
    IntentFormed,
    RiskSettings,
    Side,
    SizingSettings,
    Surroundings,
    TriggerFired,
    Woke,
)
from quarterdeck.engine import watch
from tests.engine.driving import BTC, Bot, listing_of, planned_in, settings_with
from tests.engine.scenes import (
    USDC,
    TwoDollars,
    exits,
    failed_in,
    refusals,
    take_in,
    two_dollars,
    venue_with,
    wide,
)


def bot_with(risk: RiskSettings | None = None, sizing: SizingSettings | None = None, **limits: object) -> TwoDollars:
    settings = two_dollars(risk, **limits)
    bot = TwoDollars(msgspec.structs.replace(settings, sizing=sizing or settings.sizing), started=False)
    bot.start()
    bot.take(Woke(bot.at_ns, bot.market()))
    return bot


def test_one_pair_is_bought_where_it_is_cheapest_whatever_its_dollars() -> None:
    bot = bot_with()
    (planned,) = planned_in(bot.ask("k", notional=Decimal(50)))
    assert [(route.venue, route.instrument) for route in planned.routes] == [("a", ""), ("b", USDC)]
    dear = bot_with()
    dear.peg = 1.005
    (planned,) = planned_in(dear.later(60).ask("k", notional=Decimal(50)))
    assert (planned.venue, planned.instrument, planned.pair) == ("b", USDC, BTC), "one for one within the band"


def test_the_intent_names_the_pair_and_the_order_the_instrument() -> None:
    bot = bot_with()
    facts = bot.ask("k", notional=Decimal(50), venue="b")
    (formed,) = [fact for fact in facts if isinstance(fact, IntentFormed)]
    (planned,) = planned_in(facts)
    assert (formed.intent.instrument, planned.instrument, planned.reserve_asset) == (BTC, USDC, "USDC")
    assert bot.state.trades["k"].pair == BTC


def test_the_cooldown_of_a_pair_counts_all_its_instruments() -> None:
    bot = bot_with(cooldown_s=60.0)
    take_in(bot, "0.01", venue="b", fee_asset="USDC")
    assert refusals(bot.later(59.9), BTC, venue="a") == ("G8",)
    assert planned_in(bot.later(0.1).ask("k", notional=Decimal(50), venue="a"))


def test_an_entry_on_one_venue_is_the_entry_of_the_pair() -> None:
    bot = bot_with(sizing=SizingSettings(entries_max=1))
    take_in(bot, "0.01", venue="b", fee_asset="USDC")
    (ran,) = [fact for fact in bot.later(61).buy() if isinstance(fact, CycleRan)]
    assert ran.skipped == {BTC: "1 of 1 entries are held or on their way"}
    bot = bot_with(sizing=SizingSettings(entries_max=1))
    planned_in(bot.ask("k", notional=Decimal(50), venue="b"))
    assert planned_in(bot.later(61).buy()) == []


def test_concentration_counts_the_coin_over_all_venues_and_all_dollars() -> None:
    """A quarter of two million: 400 000 held in USDC on b leave 100 000 for a."""
    bot = bot_with(concentration_max=0.25, book_walk_max=10.0)
    deep(bot)
    take_in(bot, "13.333", venue="b", fee_asset="USDC")
    bot.passes()
    (planned,) = planned_in(bot.ask("k", notional=Decimal(900_000), venue="a"))
    assert planned.sized_by == "G7"
    worth = float(planned.qty_lots * planned.lot) * planned.reference_price
    assert worth == pytest.approx(100_000, rel=2e-3)
    assert (worth + 13.333 * planned.reference_price) / 2_000_000 <= 0.25 * (1 + 1e-6)


def deep(bot: TwoDollars) -> None:
    """Let the books be deep enough for any order."""
    thin = TwoDollars.market

    def market(down: tuple[str, ...] = ()) -> Surroundings:
        shown = thin(bot, down)
        quotes = tuple(
            msgspec.structs.replace(q, bids=((q.bids[0][0], 1e6),), asks=((q.asks[0][0], 1e6),)) for q in shown.quotes
        )
        return msgspec.structs.replace(shown, quotes=quotes)

    bot.market = market  # type: ignore[method-assign]  # the market of one test


def test_an_exit_sells_where_it_is_held_and_nowhere_else() -> None:
    bot = bot_with()
    take_in(bot, "0.01", venue="b", fee_asset="USDC")
    (planned,) = planned_in(bot.later(61).sell())
    assert (planned.venue, planned.instrument, planned.qty_lots) == ("b", USDC, 1_000_000)


def test_an_exit_from_two_venues_sells_the_dearer_first_and_all_of_it() -> None:
    bot = bot_with()
    take_in(bot, "0.01", venue="a")
    take_in(bot, "0.02", venue="b", fee_asset="USDC")
    bot.peg = 0.995  # within the band: what a USDC buys counts one for one, and b pays more of them
    (first, second) = planned_in(bot.later(61).sell())
    assert [(one.venue, one.qty_lots) for one in (first, second)] == [("b", 2_000_000), ("a", 1_000_000)]
    assert len({one.intent_id for one in (first, second)}) == 1
    assert bot.state.trades.keys() >= {first.intent_id}
    assert len([one for one in bot.state.trades.values() if one.at_ns == bot.at_ns]) == 1, "one intent is one trade"


def test_a_venue_that_is_down_keeps_its_part_and_the_other_one_is_sold() -> None:
    bot = bot_with()
    take_in(bot, "0.01", venue="a")
    take_in(bot, "0.02", venue="b", fee_asset="USDC")
    bot.later(61)
    facts = bot.cycle({BTC: Action.SELL}, market=bot.market(down=("b",)))
    assert [one.venue for one in planned_in(facts)] == ["a"]
    assert exits(bot), "and b comes back by itself"


def test_a_stop_closes_the_instrument_that_fell_through_it_at_its_own_price() -> None:
    bot = bot_with(RiskSettings(stop_loss=0.05))
    take_in(bot, "0.01", venue="b", fee_asset="USDC")
    (level,) = watch(bot.state)
    assert (level.venue, level.instrument) == ("b", USDC)
    fired = TriggerFired(bot.later(60).at_ns, "b", USDC, "stop_loss", level.price, bot.market())
    (planned,) = planned_in(bot.take(fired))
    assert (planned.venue, planned.instrument, planned.qty_lots) == ("b", USDC, 1_000_000)


def test_what_is_rejected_on_one_instrument_does_not_break_the_other() -> None:
    bot = bot_with()
    for number in range(3):
        (planned,) = planned_in(bot.later(6).ask(f"k{number}", notional=Decimal(50 + number), venue="b"))
        bot.report(bot.state.orders[planned.client_id], Evidence.REJECTED, reason="no")
    assert refusals(bot.later(6), BTC, venue="b") == ("E9",)
    assert planned_in(bot.ask("other", notional=Decimal(50), venue="a"))


# --- one venue that lists a pair twice --------------------------------------------------------------------------------


def twice(risk: RiskSettings | None = None) -> Bot:
    """One venue with BTC-USD and BTC-USDC."""
    listings = (listing_of("a", BTC), listing_of("a", USDC, quote="USDC", pair=BTC))
    settings = settings_with(
        pairs=(BTC,),
        listings=listings,
        venues=(venue_with("a", USD=1_000_000, USDC=1_000_000),),
        guardrails=wide(),
        risk=risk or RiskSettings(),
    )
    bot = Bot(settings, started=False)
    bot.prices = {BTC: 30_000.0, USDC: 30_000.0}
    bot.quoted = "a"
    bot.start()
    bot.wake()
    return bot


def buy_in(bot: Bot, instrument: str) -> None:
    """Buy the instrument, by making the other one dear."""
    other = USDC if instrument == BTC else BTC
    bot.prices[other] *= 1.005
    (planned,) = planned_in(bot.later(10).ask(f"in-{instrument}", qty=Decimal("0.01")))
    assert planned.instrument == instrument
    order = bot.state.orders[planned.client_id]
    bot.fill(order, order.qty_lots, price=Decimal(30_000), fee=Decimal(0))
    bot.prices[other] /= 1.005


def test_an_unknown_order_of_the_pair_on_the_account_holds_up_its_other_instrument() -> None:
    bot = twice()
    bot.unknown()
    bot.prices[BTC] *= 1.005
    assert failed_in(bot.later(10).ask("k", notional=Decimal(50))) == ("E7",)


def test_a_stop_of_one_instrument_leaves_the_other_alone() -> None:
    bot = twice(RiskSettings(stop_loss=0.05))
    buy_in(bot, BTC)
    buy_in(bot, USDC)
    fired = TriggerFired(bot.later(60).at_ns, "a", BTC, "stop_loss", 28_000.0, bot.market())
    assert [one.instrument for one in planned_in(bot.take(fired))] == [BTC]


def test_an_exit_of_the_pair_sells_both() -> None:
    bot = twice()
    buy_in(bot, BTC)
    buy_in(bot, USDC)
    assert {one.instrument for one in planned_in(bot.later(60).ask("x", Side.SELL))} == {BTC, USDC}
