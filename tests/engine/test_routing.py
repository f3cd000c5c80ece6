"""The policy that chooses the venue, outages, and books that cannot be traded on. S9, X7, R45, R47."""

from decimal import Decimal

import msgspec
import pytest

from quarterdeck.domain import (
    SECOND_NS,
    GuardrailSettings,
    IntentRefused,
    OrderKind,
    Quote,
    RoutingSettings,
    Side,
    Surroundings,
)
from quarterdeck.guardrails import unpack
from tests.engine.driving import BTC, ETH, Bot, planned_in, quote_at, settings_with
from tests.engine.scenes import exits, failed_in, opens, refusals, take_in, wide


def bot_with(routing: RoutingSettings | None = None, **changes: object) -> Bot:
    return Bot(settings_with(routing=routing or RoutingSettings(), guardrails=wide(), **changes))


def dearer(bot: Bot, venue: str, by: float) -> Surroundings:
    """The market with one venue dearer by so many dollars."""
    shown = bot.market()
    quotes = tuple(quote_at(q.at_ns, q.venue, q.instrument, q.last + by * (q.venue == venue)) for q in shown.quotes)
    return msgspec.structs.replace(shown, quotes=quotes)


def with_books(bot: Bot, *quotes: Quote) -> Surroundings:
    """The market with nothing but these books."""
    return msgspec.structs.replace(bot.market(), quotes=quotes)


# --- policies ---------------------------------------------------------------------------------------------------------


def test_the_best_price_wins_and_every_quote_is_kept() -> None:
    bot = bot_with()
    (planned,) = planned_in(bot.ask("k", notional=Decimal(50), surroundings=dearer(bot, "a", 5)))
    assert planned.venue == "b"
    assert [route.venue for route in planned.routes] == ["a", "b"]
    assert planned.routes[0].effective_price > planned.routes[1].effective_price


def test_a_fixed_policy_uses_its_venue_though_another_one_is_cheaper() -> None:
    bot = bot_with(RoutingSettings("fixed", venue="b"))
    (planned,) = planned_in(bot.ask("k", notional=Decimal(50), surroundings=dearer(bot, "b", 5)))
    assert planned.venue == "b"


def test_a_symbol_map_names_the_venue_of_each_pair_and_one_for_the_rest() -> None:
    bot = bot_with(RoutingSettings("symbol_map", venue="a", symbols={ETH: "b"}))
    market = bot.market()
    assert planned_in(bot.ask("e", instrument=ETH, notional=Decimal(50), surroundings=market))[0].venue == "b"
    assert planned_in(bot.ask("b", notional=Decimal(50), surroundings=market))[0].venue == "a"


def test_a_policy_whose_venue_is_down_routes_nothing_and_comes_back_by_itself() -> None:
    bot = bot_with(RoutingSettings("fixed", venue="b"))
    (refused,) = [
        fact
        for fact in bot.ask("k", notional=Decimal(50), surroundings=bot.market(down=("b",)))
        if isinstance(fact, IntentRefused)
    ]
    assert (refused.stage, "no exchange is available for BTC-USD" in refused.reason) == ("route", True)
    assert opens(bot.later(1), BTC)


def test_exits_go_where_something_is_held_whatever_the_policy_says() -> None:
    bot = bot_with()
    take_in(bot, "0.01", venue="a")
    bot.settings = msgspec.structs.replace(bot.settings, routing=RoutingSettings("fixed", venue="b"))
    bot.start()
    (planned,) = planned_in(bot.later(61).sell())
    assert planned.venue == "a"


def test_a_venue_without_the_money_is_taken_only_where_no_other_has_it() -> None:
    plain = settings_with()
    rich, poor = (
        msgspec.structs.replace(one, cash={"USD": Decimal(amount)})
        for one, amount in zip(plain.venues, (100_000, 10), strict=True)
    )
    bot = bot_with(venues=(rich, poor), capital=Decimal(100_010))
    (planned,) = planned_in(bot.ask("k", notional=Decimal(50), surroundings=dearer(bot, "a", 5)))
    assert planned.venue == "a", "b is cheaper, but has only ten dollars"


# --- what was judged is what is sent ----------------------------------------------------------------------------------


def test_the_guardrails_judge_the_routed_price_and_size_x7() -> None:
    """The checks see the price of the chosen venue and the size that is planned, not what was asked for."""
    bot = bot_with()
    (planned,) = planned_in(bot.ask("k", notional=Decimal(50), surroundings=dearer(bot, "a", 5)))
    value = next(one.value for one in unpack(planned.verdicts) if one.id == "G4")
    assert planned.reference_price == 30_001.0
    assert value == pytest.approx(float(planned.qty_lots * planned.lot) * planned.reference_price)


def test_a_refusal_tells_the_order_that_would_have_been() -> None:
    bot = bot_with()
    bot.control("pause")
    (refused,) = [f for f in bot.ask("k", notional=Decimal(50)) if isinstance(f, IntentRefused)]
    assert (refused.venue, refused.price, refused.sized_by) == ("a", 30_001.0, "quote")
    assert refused.qty == Decimal("0.00166661")
    assert [route.venue for route in refused.routes] == ["a", "b"]


# --- books ------------------------------------------------------------------------------------------------------------


def test_an_order_larger_than_the_book_is_not_planned_on_a_part_of_it_r61() -> None:
    """Three dollars are offered, four hundred are asked for: the rest would fill nobody knows where."""
    bot = bot_with()
    thin = with_books(bot, *(Quote(v, BTC, bot.at_ns, 30_000.0, ((29_999.0, 1.0),), ((30_001.0, 1e-4),)) for v in "ab"))
    assert planned_in(bot.ask("k", notional=Decimal(400), surroundings=thin)) == []


def test_a_market_order_walks_at_most_one_percent_into_the_book_e1() -> None:
    bot = bot_with()

    def steps(second: float) -> Surroundings:
        asks = ((30_000.0, 0.001), (second, 0.001))
        return with_books(bot, Quote("a", BTC, bot.at_ns, 30_000.0, ((29_999.0, 1.0),), asks))

    assert planned_in(bot.ask("k", qty=Decimal("0.002"), surroundings=steps(30_600.0)))
    assert failed_in(bot.later(6).ask("l", qty=Decimal("0.002"), surroundings=steps(30_601.0))) == ("E1",)


@pytest.mark.parametrize(
    ("limit", "failed"), [("30900.00", ()), ("30900.01", ("E1",)), ("29100.00", ()), ("29099.99", ("E1",))]
)
def test_a_limit_order_stands_within_three_percent_of_the_reference_e1(limit: str, failed: tuple[str, ...]) -> None:
    bot = bot_with()
    facts = bot.ask("k", notional=Decimal(50), order_kind=OrderKind.LIMIT, limit=Decimal(limit))
    assert tuple(f for fact in facts if isinstance(fact, IntentRefused) for f in fact.failed) == failed
    assert bool(planned_in(facts)) != bool(failed)


Sides = tuple[tuple[tuple[float, float], ...], tuple[tuple[float, float], ...]]
CROSSED: Sides = (((30_002.0, 1.0),), ((30_001.0, 1.0),))
ONE_SIDED: Sides = ((), ((30_001.0, 1.0),))


@pytest.mark.parametrize("sides", [CROSSED, ONE_SIDED], ids=["crossed", "one-sided"])
def test_on_a_crossed_or_one_sided_book_nothing_is_opened_and_exits_pass_s9(sides: Sides) -> None:
    bot = bot_with()
    take_in(bot, "0.01")
    bot.later(61)
    bad = with_books(bot, Quote("a", BTC, bot.at_ns, 30_000.0, *sides))
    assert "E2" in failed_in(bot.ask("k", notional=Decimal(50), surroundings=bad))
    assert exits(bot, surroundings=bad)


def test_one_sound_venue_is_enough_and_a_bad_one_is_passed_over_s9() -> None:
    bot = bot_with()
    bad = Quote("a", BTC, bot.at_ns, 30_000.0, *CROSSED)
    market = with_books(bot, bad, quote_at(bot.at_ns, "b", BTC, 30_000.0))
    (planned,) = planned_in(bot.ask("k", notional=Decimal(50), surroundings=market))
    assert planned.venue == "b"


@pytest.mark.parametrize(("age_s", "failed"), [(10.0, False), (10.001, True)])
def test_a_price_counts_for_ten_seconds_when_it_streams_e2_s9(age_s: float, failed: bool) -> None:
    bot = bot_with(price_age_ns_max=10 * SECOND_NS)
    old = bot.market()
    facts = bot.later(age_s).ask("k", notional=Decimal(50), surroundings=old)
    assert bool(planned_in(facts)) != failed
    if failed:
        assert "E2" in failed_in(facts)


@pytest.mark.parametrize(("age_s", "sells"), [(300.0, True), (300.001, False)])
def test_an_exit_passes_on_any_price_of_five_minutes(age_s: float, sells: bool) -> None:
    bot = bot_with(price_age_ns_max=10 * SECOND_NS)
    take_in(bot, "0.01")
    old = bot.later(61).market()
    assert exits(bot.later(age_s), surroundings=old) == sells


def test_a_venue_whose_clock_runs_ahead_holds_up_no_exit_i14() -> None:
    bot = bot_with()
    take_in(bot, "0.01")
    shown = bot.later(61).market()
    ahead = tuple(msgspec.structs.replace(q, at_ns=q.at_ns + 2 * SECOND_NS) for q in shown.quotes)
    assert exits(bot, surroundings=msgspec.structs.replace(shown, quotes=ahead))


def test_a_quote_of_a_pair_that_is_missing_says_which_venue_has_none() -> None:
    bot = bot_with()
    take_in(bot, "0.01")
    facts = bot.later(61).ask("x", Side.SELL, surroundings=with_books(bot))
    (refused,) = [fact for fact in facts if isinstance(fact, IntentRefused)]
    assert (refused.stage, refused.reason) == ("route", "a has no fresh price")


def test_defaults_are_those_of_the_design() -> None:
    limits = GuardrailSettings()
    assert (limits.collar_max, limits.collar_exit_max, limits.book_walk_max) == (0.03, 0.08, 0.01)
    assert (limits.data_age_max_s, limits.data_age_exit_max_s) == (10.0, 300.0)
    assert refusals(bot_with(), "XRP-USD") == ("G3",)
