"""Exits: never held up by what only guards entries, unless the operator asks for the literal reading. I14, X8."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from quarterdeck.domain import (
    Action,
    Control,
    Evidence,
    GuardrailSettings,
    RiskSettings,
    Side,
    SizingSettings,
    TriggerFired,
)
from quarterdeck.guardrails import unpack
from tests.engine.driving import BTC, ETH, Bot, planned_in, quote_at, settings_with
from tests.engine.scenes import (
    change,
    exits,
    failed_in,
    half_in_btc,
    mark,
    refusals,
    take_in,
    venue_with,
    wide,
)

TIGHT: dict[str, dict[str, Any]] = {
    "G4": {"order_value_max_quote": 0.5, "qty_value_multiple": 1e9},
    "G5": {"daily_loss_max": 1e-9},
    "G6": {"drawdown_max": 1e-9},
    "G7": {"concentration_max": 1e-9},
    "G8": {"cooldown_s": 3_600.0},
    "G9": {"trades_max": 0},
    "E4": {"open_orders_max": 0},
    "E5": {"unexecuted_max": 1e-12},
    "E8": {"clock_skew_max_ms": -1.0},
    "E9": {"executions_max": 0},
    "E13": {"fleet_grant": True},
}


@pytest.mark.parametrize("rule", TIGHT)
def test_an_exit_passes_what_refuses_every_entry(rule: str) -> None:
    bot = half_in_btc()
    mark(bot, 0.999)
    change(bot, **TIGHT[rule])
    refused = refusals(bot, BTC)
    assert rule in refused or rule in ("G4", "G7"), "sizing clips to these, and then the venue's minimum refuses"
    (planned,) = planned_in(bot.ask("x", Side.SELL))
    verdict = next(one for one in unpack(planned.verdicts) if one.id == rule)
    assert verdict.exempt or rule in ("G7", "E8"), "and the journal says that it was exempted"


@pytest.mark.parametrize("rule", [rule for rule in TIGHT if rule not in ("G7", "E8")])
def test_the_literal_reading_binds_exits_as_well(rule: str) -> None:
    bot = half_in_btc(strict_exits=True)
    mark(bot, 0.999)
    change(bot, **TIGHT[rule])
    assert rule in failed_in(bot.ask("x", Side.SELL))


@pytest.mark.parametrize("level", ["pause", "reduce"])
def test_an_exit_passes_every_level_but_a_halt(level: str) -> None:
    bot = half_in_btc()
    bot.control(level)
    assert exits(bot)


def test_in_every_limit_of_loss_at_once_an_exit_passes() -> None:
    bot = half_in_btc(RiskSettings(drawdown_max=0.01))
    mark(bot, 1.0)
    mark(bot, 0.6)
    assert sorted(bot.state.holds) == ["G2", "G5", "G6", "drawdown_max"]
    assert bot.level() is Control.REDUCING
    assert exits(bot)


def test_without_equity_an_exit_passes() -> None:
    """No mark, so no limit in shares of equity can be told; E3 among them follows from equity, too."""
    bot = half_in_btc()
    bot.quoted = "b"
    bot.later(60).wake()
    assert bot.state.equity is None
    bot.quoted = "ab"
    (planned,) = planned_in(bot.ask("x", Side.SELL))
    exempt = {one.id for one in unpack(planned.verdicts) if one.exempt}
    assert {"G4", "G7", "E3", "E5"} <= exempt


@pytest.mark.parametrize(("price", "passes"), [(0.92, True), (0.919, False), (1.08, True), (1.081, False)])
def test_an_exit_stands_within_eight_percent_of_the_reference(price: float, passes: bool) -> None:
    bot = half_in_btc()
    book = quote_at(bot.at_ns, "a", BTC, 25_000.0 * price)
    book = msgspec.structs.replace(book, last=25_000.0, bids=((25_000.0 * price, 5.0),))
    market = msgspec.structs.replace(bot.market(), quotes=(book,))
    facts = bot.ask("x", Side.SELL, surroundings=market)
    assert bool(planned_in(facts)) == passes
    if not passes:
        assert failed_in(facts) == ("E1",)


def test_a_position_too_large_for_one_order_is_sold_in_parts() -> None:
    """E3 binds exits: what one order may not sell is left for the next one."""
    bot = half_in_btc()
    change(bot, qty_max={BTC: 0.008})
    sold: list[int] = []
    while bot.state.position("a", BTC).qty:
        (planned,) = planned_in(bot.later(6).ask(f"x{len(sold)}", Side.SELL))
        bot.fill(bot.state.orders[planned.client_id], planned.qty_lots, price=Decimal(25_000), fee=Decimal(0))
        sold.append(planned.qty_lots)
    assert sold == [800_000, 800_000, 400_000]


def test_a_part_of_a_large_position_is_sold_though_venues_disagree_on_the_price() -> None:
    """The part is cut by the same reference that it is judged by, or it would be refused for ever."""
    bot = half_in_btc()
    change(bot, order_value_max_quote=20.0)
    quotes = (quote_at(bot.at_ns, "a", BTC, 25_000.0), quote_at(bot.at_ns, "b", BTC, 25_100.0))
    market = msgspec.structs.replace(bot.market(), quotes=quotes)
    (planned,) = planned_in(bot.ask("x", Side.SELL, surroundings=market))
    assert planned.sized_by == "E3"
    assert float(planned.qty_lots * planned.lot) == pytest.approx(200 / 25_050, rel=1e-6)


def test_an_exit_is_sized_by_the_position_and_not_by_what_was_bought() -> None:
    bot = Bot(settings_with(guardrails=wide()))
    take_in(bot, "0.01")
    (part,) = planned_in(bot.later(61).ask("x", Side.SELL, qty=Decimal("0.004")))
    order = bot.state.orders[part.client_id]
    bot.fill(order, 100_000)
    bot.report(order, Evidence.CANCELLED)
    (rest,) = planned_in(bot.later(61).sell())
    assert rest.qty_lots == 900_000


def test_more_than_is_held_is_never_sold_and_a_sell_never_opens_a_short_x2() -> None:
    bot = Bot(settings_with(guardrails=wide()))
    take_in(bot, "0.01")
    (planned,) = planned_in(bot.later(61).ask("x", Side.SELL, qty=Decimal(5)))
    assert planned.qty_lots == 1_000_000
    assert planned_in(bot.later(61).ask("y", Side.SELL, qty=Decimal(5))) == []
    assert planned_in(bot.later(61).cycle({BTC: Action.SELL})) == []


def test_the_orders_of_one_intent_are_judged_together() -> None:
    """Where exits are taken literally, the second order of an exit sees the first one."""
    bot = Bot(settings_with(guardrails=wide()))
    take_in(bot, "0.01", venue="a")
    take_in(bot.later(6), "0.01", venue="b")
    change(bot.later(61), strict_exits=True, open_orders_max=1)
    assert len(planned_in(bot.ask("x", Side.SELL))) == 1


def test_exits_go_before_entries_so_that_what_they_bring_is_there_to_be_spent() -> None:
    bot = Bot(settings_with(guardrails=wide()))
    take_in(bot, "0.01")
    facts = bot.later(61).cycle({BTC: Action.SELL, ETH: Action.BUY})
    assert [one.side for one in planned_in(facts)] == [Side.SELL, Side.BUY]


def test_a_stop_acts_between_cycles_while_the_bot_is_paused_for_a_loss() -> None:
    bot = half_in_btc(RiskSettings(stop_loss=0.05))
    mark(bot, 1.0)
    mark(bot, 0.97)
    assert bot.level() is Control.PAUSED
    fired = TriggerFired(bot.at_ns, "a", BTC, "stop_loss", 23_500.0, bot.market())
    assert planned_in(bot.take(fired))


def test_sizes_are_decimals_with_a_stated_unit_and_limits_compare_in_base_currency_x4() -> None:
    """A share, an amount and a quantity ask for the same; G4 holds each against dollars."""
    venues = (venue_with("a", USD=10_000), venue_with("b", USD=0))
    sizes = (
        SizingSettings("quote", Decimal(600)),
        SizingSettings("equity_share", Decimal("0.06")),
        SizingSettings("base", Decimal("0.02")),
    )
    for sizing in sizes:
        limits = GuardrailSettings(order_value_max_share=0.05)
        bot = Bot(settings_with(capital=Decimal(10_000), venues=venues, sizing=sizing, guardrails=limits))
        (planned,) = planned_in(bot.buy())
        assert planned.sized_by == "G4"
        assert float(planned.qty_lots * planned.lot) * planned.reference_price == pytest.approx(500, rel=1e-6)
