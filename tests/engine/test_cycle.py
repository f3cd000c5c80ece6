"""What a bar's opinions become: targets, never stacked orders."""

import math
from decimal import Decimal

import pytest

from quarterdeck.domain import (
    Action,
    Bug,
    CancelRequested,
    CommandAnswered,
    CycleDue,
    CycleRan,
    Evidence,
    GuardrailSettings,
    IntentFormed,
    IntentRefused,
    OrderState,
    RiskSettings,
    Side,
    SignalGiven,
    SizingSettings,
    Source,
    TriggerFired,
)
from quarterdeck.engine import encode_state
from tests.engine.driving import BTC, ETH, Bot, kinds_in, listing_of, planned_in, settings_with

BOTH = {BTC: Action.BUY, ETH: Action.BUY}


def test_a_signal_becomes_one_order_at_the_cheapest_venue() -> None:
    bot = Bot()
    (planned,) = planned_in(bot.buy())
    assert (planned.instrument, planned.side, planned.venue) == (BTC, Side.BUY, "a")
    assert planned.qty_lots == int(50 / 30_001 * 1e8)
    assert [one.venue for one in planned.routes] == ["a", "b"]


def test_the_signals_of_one_cycle_count_once() -> None:
    bot = Bot()
    cycle = CycleDue(bot.at_ns, bot.at_ns, (SignalGiven(BTC, Action.BUY),), bot.market())
    assert len(planned_in(bot.take(cycle))) == 1
    body = encode_state(bot.state)
    assert bot.take(cycle) == []
    assert encode_state(bot.state) == body


def test_a_bar_older_than_the_last_one_is_not_taken() -> None:
    bot = Bot()
    bar_ns = bot.at_ns
    bot.later(120).cycle({BTC: Action.HOLD})
    assert bot.cycle({BTC: Action.BUY}, bar_ns=bar_ns) == []


def test_two_signals_for_one_pair_in_one_cycle_are_a_bug() -> None:
    bot = Bot()
    twice = (SignalGiven(BTC, Action.BUY), SignalGiven(BTC, Action.SELL))
    with pytest.raises(Bug, match="two signals for one pair"):
        bot.take(CycleDue(bot.at_ns, bot.at_ns, twice, bot.market()))


def test_two_pairs_in_one_cycle_see_each_others_reservations() -> None:
    """Each alone could be paid for on one venue; together they could not."""
    cash = Decimal(70)
    venues = tuple(
        one.__class__(one.name, one.validity_ns, one.lag_ns, {"USD": cash if one.name == "a" else Decimal(0)})
        for one in settings_with().venues
    )
    bot = Bot(settings_with(venues=venues, capital=cash, guardrails=wide()))
    first, second = planned_in(bot.cycle(BOTH))
    assert (first.instrument, second.instrument) == (BTC, ETH)
    assert second.sized_by == "G10"
    kept = first.reserve_per_lot * first.qty_lots + second.reserve_per_lot * second.qty_lots
    assert cash - second.reserve_per_lot < kept <= cash
    assert bot.state.reserved["a"]["USD"] == kept


def wide() -> GuardrailSettings:
    return GuardrailSettings(order_value_max_share=1.0, concentration_max=1.0, unexecuted_max=1.0)


def test_exits_come_before_entries_and_pairs_in_canonical_order() -> None:
    bot = Bot()
    bot.bought(ETH)
    bot.later(61)
    facts = bot.cycle({ETH: Action.SELL, BTC: Action.BUY})
    assert [(one.instrument, one.side) for one in planned_in(facts)] == [(ETH, Side.SELL), (BTC, Side.BUY)]
    bot = Bot()
    assert [one.instrument for one in planned_in(bot.cycle({ETH: Action.BUY, BTC: Action.BUY}))] == [BTC, ETH]


@pytest.mark.parametrize("evidence", [None, Evidence.ACKNOWLEDGED, Evidence.AMBIGUOUS])
def test_a_buy_while_an_order_is_planned_open_or_unknown_does_not_add(evidence: Evidence | None) -> None:
    bot = Bot()
    bot.buy()
    if evidence is not None:
        bot.report(bot.only_order(), evidence)
    # Before ten seconds after the bound a planned order has not even been given up on.
    assert kinds_in(bot.later(61).buy())[-1] == "CycleRan"
    assert len(bot.state.orders) == 1


def test_a_buy_while_a_position_is_held_does_not_add() -> None:
    bot = Bot()
    bot.bought()
    assert planned_in(bot.later(61).buy()) == []


def test_a_buy_adds_where_the_settings_allow_it_and_no_more_often() -> None:
    bot = Bot(settings_with(sizing=SizingSettings(entries_max=2)))
    bot.bought()
    bot.later(61).bought()
    assert planned_in(bot.later(61).buy()) == []
    (position,) = bot.state.positions["a"].values()
    assert position.entries == 2


def test_a_buy_while_an_exit_is_under_way_does_not_add_though_it_might() -> None:
    bot = Bot(settings_with(sizing=SizingSettings(entries_max=2)))
    bot.bought()
    assert planned_in(bot.later(61).sell())
    assert planned_in(bot.later(61).buy()) == []


def test_the_exit_of_one_pair_does_not_hold_up_that_of_another() -> None:
    bot = Bot()
    orders = [bot.bought(ETH), bot.bought(BTC)]
    bot.later(61).sell(ETH)
    (leaving,) = planned_in(bot.sell(BTC))
    assert leaving.qty_lots == orders[1].qty_lots


def test_a_partial_fill_below_the_venues_minimum_still_counts_as_an_entry() -> None:
    bot = Bot(settings_with(listings=tuple(listing_of(v, i, lots_min=1_000) for v in "ab" for i in (BTC, ETH))))
    bot.fill(bot.working(), 5)
    assert planned_in(bot.later(61).buy()) == []


def test_lots_that_are_reported_and_not_booked_yet_count_as_an_entry() -> None:
    bot = Bot()
    order = bot.working()
    bot.later(61).wake()
    bot.report(order, Evidence.CANCELLED, reported_lots=order.qty_lots)
    assert order.state is OrderState.CANCELLED
    assert planned_in(bot.buy()) == []


def test_dust_takes_no_slot() -> None:
    bot = Bot()
    order = bot.bought()
    bot.later(61).sell()
    leaving = bot.state.live_orders()[0]
    bot.fill(leaving, leaving.qty_lots - 5)
    bot.report(leaving, Evidence.CANCELLED)
    assert bot.state.position("a", BTC).qty == Decimal("5E-8")
    assert order.booked_lots == order.qty_lots
    assert len(planned_in(bot.later(61).buy())) == 1


def test_a_sell_without_anything_to_sell_is_no_intent() -> None:
    assert kinds_in(Bot().sell()) == ["CycleRan"]


def test_a_sell_cancels_an_entry_that_works() -> None:
    bot = Bot()
    order = bot.working()
    (cancel,) = [fact for fact in bot.later(5).sell() if isinstance(fact, CancelRequested)]
    assert cancel.client_id == order.client_id
    assert not [fact for fact in bot.later(5).sell() if isinstance(fact, CancelRequested)]


def test_a_sell_closes_on_every_venue_that_holds_some() -> None:
    bot = Bot(settings_with(sizing=SizingSettings(entries_max=2)))
    bot.bought()
    bot.prices[BTC] = 30_000.0
    bot.later(61)
    (planned,) = planned_in(bot.ask("on-b", notional=Decimal(30), venue="b"))
    order = bot.state.orders[planned.client_id]
    bot.fill(order, order.qty_lots)
    exits = planned_in(bot.later(61).sell())
    assert {one.venue: one.qty_lots for one in exits} == {
        "a": int(bot.state.position("a", BTC).qty * 10**8),
        "b": int(bot.state.position("b", BTC).qty * 10**8),
    }
    assert len({one.client_id for one in exits}) == 2
    assert len({one.intent_id for one in exits}) == 1


def test_a_venue_without_a_price_does_not_hold_up_the_exit_on_another() -> None:
    bot = Bot(settings_with(sizing=SizingSettings(entries_max=2)))
    bot.bought()
    (planned,) = planned_in(bot.later(61).ask("on-b", notional=Decimal(30), venue="b"))
    order = bot.state.orders[planned.client_id]
    bot.fill(order, order.qty_lots)
    bot.later(61)
    facts = bot.cycle({BTC: Action.SELL}, market=bot.market(down=("a",)))
    assert [one.venue for one in planned_in(facts)] == ["b"]


def test_no_more_is_sold_than_is_held_and_not_being_sold() -> None:
    bot = Bot()
    bot.bought()
    assert len(planned_in(bot.later(61).sell())) == 1
    assert planned_in(bot.later(61).sell()) == []


@pytest.mark.parametrize("confidence", [0.49, 0.0, -1.0, math.nan, -math.inf])
def test_a_signal_without_the_wanted_confidence_is_passed_over(confidence: float) -> None:
    bot = Bot(settings_with(sizing=SizingSettings(confidence_min=0.5)))
    given = (SignalGiven(BTC, Action.BUY, confidence),)
    assert kinds_in(bot.take(CycleDue(bot.at_ns, bot.at_ns, given, bot.market()))) == ["CycleRan"]


def test_a_bar_without_opinions_leaves_only_its_mark() -> None:
    bot = Bot()
    (ran,) = bot.cycle({BTC: Action.HOLD, ETH: Action.HOLD})
    assert isinstance(ran, CycleRan)
    assert bot.state.last_bar_ns == bot.at_ns


def test_a_signal_for_a_pair_that_is_not_ours_is_refused_by_name() -> None:
    (refused,) = [fact for fact in Bot().buy("XRP-USD") if isinstance(fact, IntentRefused)]
    assert "not among the pairs" in refused.reason


def test_a_trigger_closes_the_position_once() -> None:
    bot = Bot(settings_with(risk=RiskSettings(stop_loss=0.05)))
    order = bot.bought()
    fired = TriggerFired(bot.at_ns, "a", BTC, "stop_loss", 28_000.0, bot.market())
    (planned,) = planned_in(bot.take(fired))
    assert (planned.source, planned.side, planned.qty_lots) == (Source.PROTECTION, Side.SELL, order.qty_lots)
    assert bot.take(fired) == []


def test_a_trigger_that_fires_again_in_the_same_instant_is_another_intent_and_a_duplicate() -> None:
    """While a clock that went back stands still, two exits may fall on one nanosecond; E6 binds exits."""
    bot = Bot(settings_with(risk=RiskSettings(stop_loss=0.05)))
    bot.bought()
    fired = TriggerFired(bot.at_ns - 10**10, "a", BTC, "stop_loss", 28_000.0, bot.market())
    (first,) = planned_in(bot.take(fired))
    bot.report(bot.state.orders[first.client_id], Evidence.REJECTED)
    again = bot.take(fired)
    (second,) = [fact for fact in again if isinstance(fact, IntentRefused)]
    assert (first.at_ns, second.failed) == (second.at_ns, ("E6",))
    assert first.intent_id != second.intent_id


def test_a_trigger_without_a_position_is_nothing() -> None:
    bot = Bot(settings_with(risk=RiskSettings(stop_loss=0.05)))
    assert bot.take(TriggerFired(bot.at_ns, "a", BTC, "stop_loss", 1.0, bot.market())) == []
    assert bot.take(TriggerFired(bot.at_ns, "nowhere", BTC, "stop_loss", 1.0, bot.market())) == []


def test_a_request_is_taken_up_once_for_its_key() -> None:
    bot = Bot()
    assert len(planned_in(bot.ask("k", notional=Decimal(50)))) == 1
    body = encode_state(bot.state)
    assert bot.later(0).ask("k", notional=Decimal(50)) == []
    assert encode_state(bot.state) == body
    assert bot.state.answers["k"].outcome == "taken up"


def test_a_key_cannot_take_the_name_of_an_intent_of_the_bots_own() -> None:
    bot = Bot()
    bar_ns = bot.at_ns + 60 * 10**9
    (answer,) = bot.ask(f"b:BTC-USD:{bar_ns}:BUY", notional=Decimal(50))
    assert isinstance(answer, CommandAnswered)
    assert answer.outcome.startswith("refused: keys that start with b:")
    assert len(planned_in(bot.later(60).buy())) == 1


def test_flatten_and_a_request_under_a_like_key_stay_apart() -> None:
    bot = Bot()
    bot.bought()
    (entry,) = planned_in(bot.later(61).ask("x:BTC-USD", instrument=ETH, notional=Decimal(50)))
    (leaving,) = planned_in(bot.control("flatten", key="x"))
    assert entry.client_id != leaving.client_id


def test_an_intent_says_what_it_came_from() -> None:
    bot = Bot()
    (formed,) = [fact for fact in bot.buy() if isinstance(fact, IntentFormed)]
    intent = formed.intent
    assert (intent.source, intent.action, intent.bar_ns) == (Source.STRATEGY, Action.BUY, bot.at_ns)
    assert (intent.asked, intent.asked_unit) == (Decimal(50), "quote")
