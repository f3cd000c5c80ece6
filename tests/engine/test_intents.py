"""Sizing, routing and the guardrails: what is asked, what is clipped, and what is refused by name."""

import math
from decimal import Decimal
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import (
    BotSettings,
    Effect,
    Evidence,
    Fact,
    GuardrailSettings,
    IntentRefused,
    OrderKind,
    Quote,
    Side,
    SizingSettings,
    VenueSettings,
)
from quarterdeck.guardrails import RULES, passed, unpack
from tests.engine.driving import BTC, ETH, LAG_NS, VALIDITY_NS, Bot, listing_of, planned_in, settings_with

LOT = Decimal("0.00000001")
Levels = tuple[tuple[float, float], ...]


OPEN = GuardrailSettings(order_value_max_share=10.0, concentration_max=10.0, unexecuted_max=10.0)
"""Nothing but the venue's own limits and the amount of one order binds."""


def refusal_in(facts: list[Fact]) -> IntentRefused:
    (refused,) = [fact for fact in facts if isinstance(fact, IntentRefused)]
    assert planned_in(facts) == []
    return refused


def poor(cash: str) -> BotSettings:
    return settings_with(
        venues=tuple(VenueSettings(name, VALIDITY_NS, LAG_NS, {"USD": Decimal(cash)}) for name in "ab"),
        capital=2 * Decimal(cash),
        guardrails=OPEN,
    )


def test_less_than_one_lot_is_refused_and_never_rounded_up() -> None:
    bot = Bot()
    refused = refusal_in(bot.ask("k", qty=Decimal("0.000000009")))
    assert (refused.stage, "less than one lot" in refused.reason) == ("size", True)
    bot.bought()
    refused = refusal_in(bot.later(61).ask("l", Side.SELL, qty=Decimal("0.000000009")))
    assert (refused.stage, "less than one lot" in refused.reason) == ("size", True)


@given(st.decimals(min_value="0.00000001", max_value="0.001", places=10))
def test_never_more_is_ordered_than_was_asked(qty: Decimal) -> None:
    bot = Bot()
    for planned in planned_in(bot.ask("k", qty=qty)):
        assert planned.qty_lots * LOT <= qty * (1 + Decimal("1e-9"))
        assert planned.qty_lots * LOT > qty - 2 * LOT - qty * Decimal("0.001")


def test_what_g4_allows_is_ordered_where_more_was_asked() -> None:
    bot = Bot()
    (planned,) = planned_in(bot.ask("k", notional=Decimal(10_000)))
    assert planned.sized_by == "G4"
    assert 499.9 < planned.qty_lots * 1e-8 * planned.reference_price <= 500.0 * (1 + 1e-9)


def test_the_share_of_equity_binds_before_the_amount() -> None:
    bot = Bot(poor("500"))
    bot = Bot(msgspec.structs.replace(bot.settings, guardrails=GuardrailSettings()))
    (planned,) = planned_in(bot.ask("k", notional=Decimal(10_000)))
    assert 19.9 < planned.qty_lots * 1e-8 * planned.reference_price <= 20.0 * (1 + 1e-9)


def test_what_can_be_paid_is_ordered_where_more_was_asked() -> None:
    bot = Bot(poor("30"))
    (planned,) = planned_in(bot.ask("k", notional=Decimal(200)))
    assert planned.sized_by == "G10"
    assert planned.qty_lots * planned.reserve_per_lot <= 30
    assert (planned.qty_lots + 1) * planned.reserve_per_lot > 30


def test_without_money_the_balance_rule_refuses_by_name() -> None:
    assert refusal_in(Bot(poor("0.5")).ask("k", notional=Decimal(200))).failed == ("G10",)


def test_without_equity_the_value_rule_refuses_by_name() -> None:
    assert {"G4", "G7", "G10", "E3", "E5"} <= set(refusal_in(Bot(poor("0")).ask("k", notional=Decimal(200))).failed)


def test_below_the_venues_minimum_the_venue_rule_refuses_by_name() -> None:
    assert refusal_in(Bot().ask("k", notional=Decimal("0.9"))).failed == ("G10",)


def test_the_reserve_covers_the_worst_price_and_the_fee() -> None:
    (planned,) = planned_in(Bot().ask("k", notional=Decimal(50)))
    worst = Decimal(str(math.ceil(planned.reference_price * 1.01 * 100) / 100))
    assert planned.reserve_per_lot == LOT * worst * Decimal("1.006")


def test_a_limit_order_sets_aside_its_limit_and_never_more_than_that_price() -> None:
    (planned,) = planned_in(
        Bot().ask("k", notional=Decimal(50), order_kind=OrderKind.LIMIT, limit=Decimal("29500.019"))
    )
    assert planned.limit_ticks == 2_950_001
    assert planned.reserve_per_lot == LOT * Decimal("29500.01") * Decimal("1.006")


@pytest.mark.parametrize("limit", ["NaN", "sNaN", "Infinity", "-Infinity", "0", "-5", None])
@pytest.mark.parametrize("side", Side)
def test_a_limit_that_is_no_price_is_refused(limit: str | None, side: Side) -> None:
    bot = Bot(settings_with(listings=tuple(listing_of(v, BTC, notional_min=Decimal(0)) for v in "ab")))
    bot.bought()
    bot.later(61)
    amount = Decimal(50) if side is Side.BUY else None
    asked = None if limit is None else Decimal(limit)
    assert refusal_in(bot.ask("k", side, order_kind=OrderKind.LIMIT, limit=asked, notional=amount)).stage == "intent"


def test_a_limit_below_one_tick_buys_nothing() -> None:
    refused = refusal_in(Bot().ask("k", notional=Decimal(50), order_kind=OrderKind.LIMIT, limit=Decimal("0.004")))
    assert refused.stage in ("intent", "route", "size")


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "-Infinity", "0", "-5"])
@pytest.mark.parametrize("unit", ["qty", "notional"])
def test_an_amount_that_is_none_is_refused(amount: str, unit: str) -> None:
    qty, notional = (Decimal(amount), None) if unit == "qty" else (None, Decimal(amount))
    assert refusal_in(Bot().ask("k", qty=qty, notional=notional)).stage == "intent"


@pytest.mark.parametrize(
    ("side", "effect", "amount"),
    [
        (Side.SELL, Effect.OPEN, {"qty": Decimal(1)}),
        (Side.BUY, Effect.REDUCE, {"qty": Decimal(1)}),
        (Side.BUY, Effect.OPEN, {}),
        (Side.SELL, Effect.REDUCE, {"notional": Decimal(50)}),
    ],
)
def test_a_wish_that_makes_no_sense_for_this_bot_is_refused(side: Side, effect: Effect, amount: dict[str, Any]) -> None:
    assert refusal_in(Bot().ask("k", side, effect=effect, **amount)).stage == "intent"


def test_exactly_the_cooldown_later_a_pair_may_trade_again() -> None:
    bot = Bot()
    bot.ask("first", notional=Decimal(50))
    bot.report(bot.only_order(), Evidence.ACKNOWLEDGED)
    assert refusal_in(bot.later(59.999).ask("early", notional=Decimal(50))).failed == ("G8",)
    assert len(planned_in(bot.later(0.001).ask("right", notional=Decimal(50)))) == 1


def test_the_cooldown_of_one_pair_does_not_bind_another() -> None:
    bot = Bot()
    bot.ask("first", notional=Decimal(50))
    assert len(planned_in(bot.ask("other", instrument=ETH, notional=Decimal(50)))) == 1


def test_exits_pass_the_cooldown_and_start_one() -> None:
    bot = Bot()
    bot.bought()
    (leaving,) = planned_in(bot.later(61).sell())
    order = bot.state.orders[leaving.client_id]
    bot.fill(order, order.qty_lots)
    assert refusal_in(bot.later(30).ask("k", notional=Decimal(50))).failed == ("G8",)


def test_every_verdict_is_kept_with_its_numbers() -> None:
    (planned,) = planned_in(Bot().buy())
    spread = {verdict.id: verdict for verdict in unpack(planned.verdicts)}
    assert passed(planned.verdicts)
    assert set(spread) == {rule.id for rule in RULES} - {"E13"}, "only a bot of a fleet needs a grant"
    assert spread["G4"].value == pytest.approx(50, rel=1e-6)
    assert spread["G4"].limit == 500.0
    assert spread["G8"].value == math.inf


def test_the_cheaper_venue_is_chosen() -> None:
    bot = Bot()
    market = bot.market()
    cheap = msgspec.structs.replace(market.quotes[2], asks=((29_500.0, 1.0),), bids=((29_499.0, 1.0),))
    quotes = tuple(cheap if quote is market.quotes[2] else quote for quote in market.quotes)
    cheaper = msgspec.structs.replace(market, quotes=quotes)
    (planned,) = planned_in(bot.ask("k", notional=Decimal(50), surroundings=cheaper))
    assert (planned.venue, planned.reference_price) == ("b", 29_500.0)


@pytest.mark.parametrize(
    ("bids", "asks", "last"),
    [
        ((), ((30_001.0, 1.0),), 30_000.0),
        (((29_999.0, 1.0),), (), 30_000.0),
        (((30_002.0, 1.0),), ((30_001.0, 1.0),), 30_000.0),
        (((29_999.0, 1.0),), ((math.nan, 1.0),), 30_000.0),
        (((math.nan, 1.0),), ((30_001.0, 1.0),), 30_000.0),
        (((29_999.0, 1.0),), ((math.inf, 1.0),), 30_000.0),
        (((0.0, 1.0),), ((30_001.0, 1.0),), 30_000.0),
        (((-1.0, 1.0),), ((30_001.0, 1.0),), 30_000.0),
        (((29_999.0, 1.0),), ((30_001.0, 1.0),), math.nan),
        (((29_999.0, 1.0),), ((30_001.0, 1.0),), 0.0),
        (((29_999.0, 1.0),), ((30_001.0, math.nan),), 30_000.0),
        (((29_999.0, 1.0),), ((30_001.0, 0.0),), 30_000.0),
    ],
)
def test_nothing_is_opened_on_a_market_that_is_none(bids: Levels, asks: Levels, last: float) -> None:
    bot = Bot()
    quotes = tuple(Quote(venue, BTC, bot.at_ns, last, bids, asks) for venue in "ab")
    spoilt = msgspec.structs.replace(bot.market(), quotes=quotes)
    refused = refusal_in(bot.ask("k", notional=Decimal(50), surroundings=spoilt))
    assert refused.stage in ("route", "size") or {"E1", "E2"} & set(refused.failed)


def test_a_price_older_than_allowed_is_none() -> None:
    bot = Bot()
    old = bot.market()
    bot.later(300)
    assert len(planned_in(bot.ask("k", notional=Decimal(50), surroundings=old))) == 1
    bot.later(61).wake()
    refused = refusal_in(bot.ask("l", notional=Decimal(50), surroundings=old))
    assert {"E1", "E2"} <= set(refused.failed)


def test_a_venue_that_is_down_is_passed_over() -> None:
    bot = Bot()
    (planned,) = planned_in(bot.ask("k", notional=Decimal(50), surroundings=bot.market(down=("a",))))
    assert planned.venue == "b"
    assert refusal_in(bot.ask("l", notional=Decimal(50), surroundings=bot.market(down=("a", "b")))).stage == "route"


def test_a_missing_mark_refuses_opening_and_lets_exits_through() -> None:
    bot = Bot()
    bot.bought()
    bot.quoted = "b"
    bot.later(61).wake()
    assert bot.state.equity is None
    assert "G4" in refusal_in(bot.ask("k", instrument=ETH, notional=Decimal(50))).failed
    bot.quoted = "ab"
    assert len(planned_in(bot.ask("l", Side.SELL))) == 1


@pytest.mark.parametrize("kind", ["quote", "equity_share", "base"])
def test_a_size_may_be_an_amount_a_share_or_a_quantity(kind: Literal["quote", "equity_share", "base"]) -> None:
    values = {"quote": Decimal(60), "equity_share": Decimal("0.00003"), "base": Decimal("0.002")}
    bot = Bot(settings_with(sizing=SizingSettings(kind=kind, value=values[kind])))
    (planned,) = planned_in(bot.buy())
    assert planned.qty_lots * 1e-8 * planned.reference_price == pytest.approx(60, rel=1e-3)
    assert planned.sized_by == kind


def test_a_partial_exit_is_split_over_venues_and_never_exceeds_what_was_asked() -> None:
    bot = Bot(settings_with(sizing=SizingSettings(entries_max=2)))
    bot.bought()
    (planned,) = planned_in(bot.later(61).ask("on-b", notional=Decimal(50), venue="b"))
    bot.fill(bot.state.orders[planned.client_id], planned.qty_lots)
    exits = planned_in(bot.later(61).ask("k", Side.SELL, qty=Decimal("0.002")))
    assert sum(one.qty_lots for one in exits) == 200_000
    assert [one.venue for one in exits] == ["a", "b"]
