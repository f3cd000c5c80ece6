"""A-29…A-34 and A-63…A-68: the loop minute by minute, routing, and what becomes of an order."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from quarterdeck.config import FileError, Workspace
from quarterdeck.domain import (
    DAY_NS,
    MINUTE_NS,
    Action,
    AlertRaised,
    BalanceDiffered,
    BotSettings,
    Control,
    CycleDue,
    CycleRan,
    DayClosed,
    Evidence,
    Fact,
    FillBooked,
    GuardrailSettings,
    IntentFormed,
    ListingsReported,
    OrderKind,
    OrderMoved,
    OrderPlanned,
    OrderState,
    Quote,
    Side,
    SignalGiven,
    SizingSettings,
    Source,
    Surroundings,
)
from quarterdeck.engine import SendOrder, acts_of
from quarterdeck.exchange import Personality, Refusal
from quarterdeck.guardrails import unpack
from quarterdeck.journal import SqliteReader, decode_facts
from quarterdeck.journal.auditing import event_of
from quarterdeck.ports import OrderRequest
from quarterdeck.system import RunOptions, run_bot
from quarterdeck.venues.reports import Reporter
from tests.config.small_bot import SMALL, load
from tests.drill.stage import BEGIN_NS
from tests.engine.driving import BTC, ETH, Bot, listing_of, planned_in, quote_at, settings_with
from tests.engine.scenes import change, exits, failed_in, opens, reason_in, refusals, take_in, told_in, venue_with, wide
from tests.exchange.trading_floor import limit, opened, place, refusal
from tests.exchange.trading_floor import quote_at as book_at
from tests.requirements.market_time import Heard
from tests.system.replaying import ALWAYS_LONG, facts_of, local
from tests.system.test_errands import Office

MIDNIGHT_NS = 1_767_657_600_000_000_000  # 2026-01-06


def rows_of(workspace: Workspace) -> list[list[Fact]]:
    with SqliteReader(workspace.bot_folder("demo").journal) as reader:
        return [decode_facts(row.body) for row in reader.rows()]


def routed(bot: Bot, key: str, **more: Any) -> OrderPlanned:  # noqa: ANN401 - whatever `ask` takes
    """Ask for a trade that is planned as one order, and have it fill."""
    (planned,) = planned_in(bot.ask(key, **more))
    order = bot.state.orders[planned.client_id]
    bot.fill(order, order.qty_lots, price=Decimal(30_000), fee=Decimal(0))
    return planned


def with_books(bot: Bot, *quotes: Quote) -> Surroundings:
    return msgspec.structs.replace(bot.market(), quotes=quotes)


# --- the loop and its hours -----------------------------------------------------------------------------


def test_a29_every_minute_prices_become_signals_and_signals_orders_in_the_order_of_the_loop(shop: Workspace) -> None:
    facts = [fact for row in rows_of(shop) for fact in row]
    ran = [fact for fact in facts if isinstance(fact, CycleRan)]
    assert len(ran) == len({fact.bar_ns for fact in ran})
    assert all(set(fact.actions) == {"BTC-USD", "ETH-USD"} for fact in ran[20:])
    filled = [fact.intent_id for fact in facts if isinstance(fact, FillBooked)]
    assert len(filled) >= 2
    for intent_id in filled:
        steps = [(type(fact).__name__, place) for place, fact in enumerate(facts) if about(fact, intent_id, facts)]
        names = list(dict.fromkeys(name for name, _ in steps))
        assert names == ["IntentFormed", "OrderPlanned", "OrderMoved", "FillBooked"]
        planned = next(fact for fact in facts if isinstance(fact, OrderPlanned) and fact.intent_id == intent_id)
        assert planned.routes
        assert planned.verdicts.evaluated


def about(fact: Fact, intent_id: str, facts: list[Fact]) -> bool:
    clients = {one.client_id for one in facts if isinstance(one, OrderPlanned) and one.intent_id == intent_id}
    if isinstance(fact, IntentFormed):
        return fact.intent.id == intent_id
    if isinstance(fact, OrderMoved):
        return fact.client_id in clients
    return getattr(fact, "intent_id", "") == intent_id


def test_a29_a_hold_or_a_weak_opinion_ends_before_an_intent_and_a_refusal_says_why() -> None:
    bot = Bot(settings_with(sizing=SizingSettings(confidence_min=0.6), guardrails=GuardrailSettings(trades_max=1)))

    def cycle(action: Action, confidence: float) -> list[Fact]:
        signal = SignalGiven(BTC, action, confidence)
        return bot.later(61).take(CycleDue(bot.at_ns, bot.at_ns, (signal,), bot.market()))

    assert [type(fact) for fact in cycle(Action.HOLD, 1.0)[1:]] == [CycleRan]
    weak = cycle(Action.BUY, 0.59)
    assert [fact.skipped for fact in weak if isinstance(fact, CycleRan)] == [{BTC: "confidence 0.59 is below 0.60"}]
    assert not any(isinstance(fact, IntentFormed) for fact in weak)
    assert planned_in(cycle(Action.BUY, 0.6))
    bot.control("pause")
    assert "paused" in reason_in(bot.later(1).ask("k", instrument=ETH, notional=Decimal(50)))


def test_a63_the_loop_runs_every_minute_of_the_market(evening: Heard) -> None:
    instants = evening.instants(CycleDue)
    assert len(instants) == 150
    assert {later - earlier for earlier, later in pairwise(instants)} == {MINUTE_NS}


def test_a63_pairs_are_discovered_once_an_hour_and_at_the_start(evening: Heard) -> None:
    instants = list(dict.fromkeys(evening.instants(ListingsReported)))
    assert [(at_ns - MIDNIGHT_NS) // MINUTE_NS for at_ns in instants] == [-90, -60, 0, 60]
    venues = {news.venue for news, _ in evening.rows if isinstance(news, ListingsReported)}
    assert venues == {"coinbase", "kraken"}


async def test_a63_balances_are_compared_at_the_start_and_every_five_minutes(tmp_path: Path) -> None:
    office = await Office(tmp_path).opened()
    asked = []
    for minute in range(31):
        before = office.desk.venue.count("account")
        await office.look()
        if office.desk.venue.count("account") > before:
            asked.append(minute)
        office.pass_s(60)
    office.close()
    assert asked == [0, 5, 10, 15, 20, 25, 30]


def test_a63_concentration_and_limits_are_looked_over_every_five_minutes() -> None:
    bot = Bot(settings_with(guardrails=wide()))
    take_in(bot, "2")
    while bot.at_ns // MINUTE_NS % 5:
        bot.later(60).wake()
    told: list[tuple[int, str]] = []
    for minute in range(1, 16):
        if minute in (1, 6, 11):
            change(bot, concentration_max=1.0 if minute == 6 else 0.01)
        kinds = told_in(bot.later(60).wake(), "check:concentration:BTC")
        told += [(minute, kind) for kind in kinds]
    assert told == [(5, "AlertRaised"), (10, "AlertCleared"), (15, "AlertRaised")]


def test_a63_every_utc_day_ends_with_its_profit_and_loss_to_the_last_digit(evening: Heard) -> None:
    (day,) = evening.facts(DayClosed)
    assert (day.day_ns, day.at_ns) == (MIDNIGHT_NS - DAY_NS, MIDNIGHT_NS)
    parts = day.realised + day.unrealised - day.fees + day.funding + day.flows + day.revaluation
    assert day.equity - day.equity_open == parts
    assert day.fees > 0
    booked = [fill for fill in evening.facts(FillBooked) if fill.at_ns < MIDNIGHT_NS]
    assert (day.fills, day.fees) == (len(booked), sum((fill.fee for fill in booked), Decimal(0)))


# --- routing --------------------------------------------------------------------------------------


def test_a30_a_route_tells_venue_price_fee_and_depth_and_a_silent_venue_blocks_nothing() -> None:
    bot = Bot()
    both = routed(bot, "k", notional=Decimal(50)).routes
    assert [(one.venue, one.has_liquidity, one.fee > 0) for one in both] == [("a", True, True), ("b", True, True)]
    bot = Bot()
    planned = routed(bot, "l", notional=Decimal(50), surroundings=bot.market(down=("a",)))
    assert (planned.venue, [one.venue for one in planned.routes]) == ("b", ["b"])
    bot = Bot()
    only_b = with_books(bot, quote_at(bot.at_ns, "b", BTC, 30_000.0))
    planned = routed(bot, "m", notional=Decimal(50), surroundings=only_b)
    assert planned.venue == "b"


def test_a31_a_buy_takes_the_lowest_effective_price_and_a_sale_the_highest() -> None:
    listings = tuple(listing_of(venue, fee_taker=Decimal(fee)) for venue, fee in (("a", "0.006"), ("b", "0.001")))
    bot = Bot(settings_with(pairs=(BTC,), listings=listings, guardrails=wide()))
    books = with_books(bot, quote_at(bot.at_ns, "a", BTC, 30_000.0), quote_at(bot.at_ns, "b", BTC, 30_100.0))
    planned = routed(bot, "k", notional=Decimal(50), surroundings=books)
    assert planned.venue == "b", "30 101 and 0.1 % are less than 30 001 and 0.6 %"
    take_in(bot.later(61), "0.01", venue="a")
    take_in(bot.later(61), "0.01", venue="b")
    first = quote_at(bot.later(61).at_ns, "a", BTC, 30_050.0)
    books = with_books(bot, first, quote_at(bot.at_ns, "b", BTC, 30_000.0))
    sales = planned_in(bot.ask("x", Side.SELL, qty=Decimal("0.005"), surroundings=books))
    assert [one.venue for one in sales] == ["b"], "29 999 less 0.1 % are more than 30 049 less 0.6 %"


def test_a31_a_venue_without_the_depth_is_dropped_and_where_none_is_left_the_pair_is_named() -> None:
    bot = Bot(settings_with(guardrails=wide()))
    thin = Quote("a", BTC, bot.at_ns, 30_000.0, ((29_999.0, 1.0),), ((30_000.5, 0.001),))
    deep = quote_at(bot.at_ns, "b", BTC, 30_000.0)
    planned = routed(bot, "k", notional=Decimal(300), surroundings=with_books(bot, thin, deep))
    assert planned.venue == "b"
    assert [(one.venue, one.has_liquidity) for one in planned.routes] == [("a", False), ("b", True)]
    facts = bot.later(61).ask("l", notional=Decimal(300), surroundings=with_books(bot, thin))
    assert reason_in(facts).lower().startswith("no exchange is available for btc-usd")
    facts = bot.later(61).ask("m", notional=Decimal(300), surroundings=bot.market(down=("a", "b")))
    assert reason_in(facts).lower().startswith("no exchange is available for btc-usd")


def test_a32_the_effective_price_walks_the_asks_and_adds_the_takers_fee() -> None:
    """0.5 at 30 001, the rest at 30 002; 0.6 %."""
    bot = Bot(settings_with(guardrails=wide()))
    (planned,) = planned_in(bot.ask("k", notional=Decimal(20_000)))
    qty = 20_000 / 30_001
    average = (0.5 * 30_001 + (qty - 0.5) * 30_002) / qty
    for quote in planned.routes:
        assert quote.effective_price == pytest.approx(average * 1.006, rel=1e-12)
        assert quote.fee == pytest.approx(average * qty * 0.006, rel=1e-12)
    assert planned.reference_price == pytest.approx(average, rel=1e-12)


def test_a32_a_limit_order_that_rests_pays_the_makers_fee_and_a_sale_walks_the_bids() -> None:
    bot = Bot(settings_with(guardrails=wide()))
    planned = routed(bot, "k", notional=Decimal(299), order_kind=OrderKind.LIMIT, limit=Decimal(29_900))
    assert planned.routes[0].effective_price == pytest.approx(29_900 * 1.004)
    assert planned.routes[0].fee == pytest.approx(299 * 0.004)
    take_in(bot.later(61), "0.6", venue="b")
    (sale,) = planned_in(bot.later(61).ask("x", Side.SELL, venue="b"))
    average = (0.5 * 29_999 + 0.1 * 29_998) / 0.6
    assert sale.routes[0].effective_price == pytest.approx(average * 0.994)
    assert sale.routes[0].fee == pytest.approx(average * 0.6 * 0.006)


# --- partial fills, manual trades -----------------------------------------------------------------------


def test_a33_a_partial_fill_is_booked_the_rest_stays_reserved_and_a_cancel_keeps_what_filled() -> None:
    bot = Bot()
    order = bot.working()
    reserved = order.reserve
    third = order.qty_lots // 3
    bot.fill(order, third, price=Decimal(29_400), fee=Decimal("0.05"))
    assert (order.state, order.booked_lots) == (OrderState.PARTIALLY_FILLED, third)
    assert bot.state.position("a", BTC).qty == third * order.lot
    assert order.reserve == order.reserve_per_lot * (order.qty_lots - third) < reserved
    bot.report(order, Evidence.CANCELLED, reported_lots=third)
    assert (order.state, order.reserve) == (OrderState.CANCELLED, Decimal(0))
    assert bot.state.position("a", BTC).qty == third * order.lot
    assert order.intent_id in bot.state.trades, "it traded, so it counts"


def test_a34_a_manual_trade_needs_no_opinion_and_passes_every_check() -> None:
    limits = GuardrailSettings(cooldown_s=3_600.0)
    bot = Bot(settings_with(sizing=SizingSettings(confidence_min=0.99), guardrails=limits))
    weak = CycleDue(bot.at_ns, bot.at_ns, (SignalGiven(BTC, Action.BUY, 0.5),), bot.market())
    assert planned_in(bot.take(weak)) == []
    planned = routed(bot, "k", notional=Decimal(50))
    assert planned.source is Source.MANUAL
    evaluated = {one.id for one in unpack(planned.verdicts) if one.evaluated and one.passed}
    assert evaluated >= {f"G{number}" for number in range(1, 11)}
    assert failed_in(bot.later(61).ask("l", notional=Decimal(51))) == ("G8",)
    bot.control("kill")
    assert {"G1", "G2", "G8"} <= set(failed_in(bot.ask("m", notional=Decimal(52))))


# --- A-68 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["live", "testnet"])
def test_a64_only_paper_can_be_had_and_the_engine_never_asks_which_it_is(tmp_path: Path, mode: str) -> None:
    assert load(tmp_path, SMALL).mode == "paper"
    with pytest.raises(FileError, match="mode"):
        load(tmp_path, f"{SMALL}mode: {mode}\n")
    assert "mode" not in BotSettings.__struct_fields__


def test_a64_paper_orders_trade_at_the_recorded_price_and_profit_is_tracked(tmp_path: Path) -> None:
    """Bought at the open of the bar after the opinion: 100 dollars, half a basis point away; marked at each close."""
    begin_ms = BEGIN_NS // 1_000_000
    with local(tmp_path, strategy=ALWAYS_LONG) as stage:
        for source in stage.tapes:
            rows = [f"{begin_ms + 60_000 * n},100,102,99,{100 + n},1" for n in range(3)] + [
                f"{begin_ms + 60_000 * n},{100 + n},{110 + n},99,{100 + n},1" for n in range(3, 6)
            ]
            source.path.write_text("timestamp,open,high,low,close,volume\n" + "\n".join(rows) + "\n")
        config = msgspec.structs.replace(
            stage.config,
            exchanges=(msgspec.structs.replace(stage.config.exchanges[0], spread_bps=0.0),),
            capital=Decimal(50_000),
        )
        summary = run_bot(stage.workspace, config, RunOptions(replay=stage.tapes, speed=None))
        fills = [fact for fact in facts_of(stage) if isinstance(fact, FillBooked)]
    assert summary.mode == "paper"
    opens_at = {BEGIN_NS + 60_000_000_000 * n: Decimal(100 if n < 3 else 100 + n) for n in range(6)}
    assert fills
    assert all(fill.price == opens_at[fill.venue_at_ns - fill.venue_at_ns % 60_000_000_000] for fill in fills)
    held = sum(float(one.qty) * 105 - float(one.cost) for one in summary.positions)
    assert float(summary.unrealised) == pytest.approx(held)


def test_a66_an_unreachable_venue_is_skipped_and_is_back_without_anybody_doing_anything() -> None:
    bot = Bot(settings_with(guardrails=wide()))
    venues = [
        planned_in(bot.later(6).ask(f"k{turn}", notional=Decimal(50 + turn), surroundings=bot.market(down=down)))[
            0
        ].venue
        for turn, down in enumerate([(), ("a",), ("a",), ()])
    ]
    assert venues == ["a", "b", "b", "a"]


def test_a66_a_venue_that_falls_silent_with_something_held_there_stops_no_opening_elsewhere() -> None:
    """Its last price is a minute old, and up to five minutes a price may value what is held."""
    bot = Bot(settings_with(guardrails=wide()))
    take_in(bot, "0.01", venue="a")
    last = bot.market().quotes
    bot.later(61)
    news = tuple(one for one in bot.market().quotes if one.venue == "b")
    silent = Surroundings((*[one for one in last if one.venue == "a"], *news), ("a",), bot.market().skews)
    (planned,) = planned_in(bot.ask("k", instrument=ETH, notional=Decimal(50), surroundings=silent))
    assert planned.venue == "b"


def test_a66_what_is_held_at_an_unreachable_venue_waits_and_the_rest_is_sold() -> None:
    bot = Bot(settings_with(guardrails=wide()))
    take_in(bot, "0.01", venue="a")
    take_in(bot.later(6), "0.01", venue="b")
    facts = bot.later(61).cycle({BTC: Action.SELL}, market=bot.market(down=("a",)))
    assert [one.venue for one in planned_in(facts)] == ["b"]
    assert exits(bot.later(61))


def test_a67_asking_twice_under_one_key_is_asking_once_and_one_order_has_one_id() -> None:
    bot = Bot()
    facts = bot.ask("same", notional=Decimal(50))
    (send,) = [act for act in acts_of(facts, bot.state) if isinstance(act, SendOrder)]
    assert len(send.client_id) == 18
    assert send.client_id.isalnum()
    assert send.client_id == send.client_id.lower()
    assert bot.ask("same", notional=Decimal(50)) == []
    bot.start()
    assert planned_in(bot.later(86_400).ask("same", notional=Decimal(50))) == []
    assert len(bot.state.orders) == 1
    again = Bot()
    assert planned_in(again.ask("same", notional=Decimal(50)))[0].client_id == send.client_id, "a replay names it alike"


def test_a67_a_venue_that_refuses_or_answers_an_id_it_knows_never_gets_a_second_order() -> None:
    """Venues differ: one returns the first order, one says duplicate. Neither proves that there is none."""
    order = limit("a", Side.BUY, "1", "90.0")
    strict, returns = opened(Personality(client_id_scope="ever")), opened(Personality(client_id_scope="answers_old"))
    for exchange in (strict, returns):
        exchange.quote(book_at(1), tradable=True)
        place(exchange, order)
    assert refusal(strict, order) is Refusal.DUPLICATE_CLIENT_ID
    reply, events = strict.place("main", order, signed_at_ns=2, at_ns=2)
    request = OrderRequest("a", "alpha", BTC, Side.BUY, OrderKind.LIMIT, 1, Decimal(1), Decimal("90.0"), 2, 0)
    assert Reporter("alpha").submit(request, reply, 2, 2).evidence is Evidence.AMBIGUOUS
    place(returns, order, 2)
    for exchange in (strict, returns):
        assert len(exchange.open_orders("main", 2)) == 1
    assert events == []


def test_a68_a_balance_that_no_trade_explains_is_an_event_the_venue_is_right_and_opening_waits_for_a_person() -> None:
    bot = Bot(settings_with(venues=(venue_with("a", USD=1_000_000), venue_with("b", USD=1_000_000))))
    held = bot.explained("a")
    facts = bot.account("a", **{**held, "USD": held["USD"] - 750})
    (differed,) = [fact for fact in facts if isinstance(fact, BalanceDiffered)]
    assert (differed.expected, differed.actual) == (Decimal(1_000_000), Decimal(999_250))
    assert not differed.explained
    event = event_of(1, 0, differed)
    assert event is not None
    assert (event.type, event.actor) == ("balance_sync", "system")
    assert [fact.code for fact in facts if isinstance(fact, AlertRaised)] == ["balance_sync"]
    assert bot.level() is Control.REDUCING
    assert "G2" in refusals(bot)
    assert bot.account("a", **{**held, "USD": held["USD"] - 750}) == [], "told once"
    bot.control("resume")
    assert opens(bot)
