"""Dust: exits that would leave it, fees in the coin, positions too small to be sold, and minimums. R22, R23, R54."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import CycleRan, Evidence, IntentRefused, OrderKind, RiskSettings, Side, SizingSettings
from quarterdeck.engine import sellable_lots, watch
from quarterdeck.guardrails import unpack
from tests.engine.driving import BTC, ETH, Bot, listing_of, planned_in, settings_with
from tests.engine.scenes import exits, failed_in, opens, reason_in, take_in, wide


def bot_with(risk: RiskSettings | None = None, sizing: SizingSettings | None = None, **listing: object) -> Bot:
    listings = tuple(listing_of(venue, pair, **listing) for venue in "ab" for pair in (BTC, ETH))
    return Bot(
        settings_with(
            listings=listings,
            guardrails=wide(),
            risk=risk or RiskSettings(),
            sizing=sizing or SizingSettings(),
        )
    )


def skipped(bot: Bot) -> dict[str, str]:
    (ran,) = [fact for fact in bot.later(61).buy() if isinstance(fact, CycleRan)]
    return ran.skipped


# --- leaving dust -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "passes"),
    [
        ("0.00000001", False),
        ("0.00000999", False),
        ("0.00001", False),
        ("0.0000333", False),
        ("0.00005", True),
        ("0", True),
    ],
)
def test_an_exit_that_would_leave_dust_is_refused_by_quantity_and_by_worth(left: str, passes: bool) -> None:
    """The venue takes at least 0.00001 BTC, and at least one dollar, which is 0.0000334 BTC."""
    bot = bot_with(lots_min=1_000)
    take_in(bot, "0.01")
    facts = bot.later(61).ask("x", Side.SELL, qty=Decimal("0.01") - Decimal(left))
    assert bool(planned_in(facts)) == passes
    if not passes:
        (refused,) = [fact for fact in facts if isinstance(fact, IntentRefused)]
        assert refused.stage == "size"


def test_the_refusal_says_what_to_do() -> None:
    bot = bot_with(lots_min=1_000)
    take_in(bot, "0.01")
    reason = reason_in(bot.later(61).ask("x", Side.SELL, qty=Decimal("0.009995")))
    assert "would leave 0.00000500 BTC on a" in reason
    assert "at least 0.00001000 BTC and 1 USD" in reason
    assert "sell the whole position" in reason


def test_the_whole_position_can_always_be_sold_together_with_what_is_no_whole_lot() -> None:
    """A fee in the coin left a fraction of a lot behind; the rest goes."""
    bot = bot_with(lot=Decimal("0.0001"), lots_min=1, fee_asset="received")
    take_in_for_a_fee(bot)
    assert bot.state.position("a", BTC).qty == Decimal("0.00994")
    (planned,) = planned_in(bot.later(61).ask("x", Side.SELL))
    assert planned.qty_lots == 99


def take_in_for_a_fee(bot: Bot) -> None:
    """Buy 0.01 BTC and pay the fee of 0.6 % in BTC, as some venues have it."""
    (planned,) = planned_in(bot.ask("in", qty=Decimal("0.01"), venue="a"))
    order = bot.state.orders[planned.client_id]
    bot.fill(order, order.qty_lots, price=Decimal(30_000), fee=Decimal("0.00006"), fee_asset="BTC")


# --- R22: the fee in the coin -----------------------------------------------------------------------------------------


def test_what_was_paid_in_the_coin_is_not_there_to_be_sold_r22() -> None:
    bot = bot_with(fee_asset="received")
    take_in_for_a_fee(bot)
    assert bot.state.position("a", BTC).qty == Decimal("0.00994")
    (planned,) = planned_in(bot.later(61).sell())
    assert planned.qty_lots * planned.lot == Decimal("0.00994")


def test_what_a_sale_itself_will_cost_in_the_coin_stays_behind_for_it_r22() -> None:
    bot = bot_with(fee_asset="base")
    take_in_for_a_fee(bot)
    (planned,) = planned_in(bot.later(61).sell())
    sold = planned.qty_lots * planned.lot
    assert sold * Decimal("1.006") <= Decimal("0.00994") < (sold + Decimal("2e-8")) * Decimal("1.006")


@given(
    qty=st.decimals(min_value="0.0001", max_value="0.02", places=8),
    fee_share=st.sampled_from(["0", "0.001", "0.006", "0.02"]),
    fee_asset=st.sampled_from(["quote", "received", "base", "BTC"]),
    lot=st.sampled_from(["0.00000001", "0.00001", "0.001"]),
)
def test_never_more_is_sold_than_is_owned_after_every_fee_r22_i21(
    qty: Decimal, fee_share: str, fee_asset: str, lot: str
) -> None:
    bot = bot_with(fee_asset=fee_asset, lot=Decimal(lot), lots_min=1, notional_min=Decimal(0))
    planned = planned_in(bot.ask("in", qty=qty, venue="a"))
    if not planned:
        return
    order = bot.state.orders[planned[0].client_id]
    bought = order.qty_lots * order.lot
    fee = bought * Decimal(fee_share)
    bot.fill(order, order.qty_lots, price=Decimal(30_000), fee=fee, fee_asset="BTC")
    for sale in planned_in(bot.later(61).sell()):
        sold = sale.qty_lots * sale.lot
        cost = sold * Decimal("0.006") if fee_asset in ("base", "BTC") else Decimal(0)
        assert sold + cost <= bought - fee


# --- R23: too small to be sold ----------------------------------------------------------------------------------------


def left_over(bot: Bot, qty: str) -> Bot:
    """Sell all but a rest that the venue cancels away."""
    take_in(bot, "0.01")
    (planned,) = planned_in(bot.later(61).sell())
    order = bot.state.orders[planned.client_id]
    rest = int(Decimal(qty) / order.lot)
    bot.fill(order, order.qty_lots - rest, price=Decimal(30_000), fee=Decimal(0))
    bot.report(order, Evidence.CANCELLED)
    assert bot.state.position("a", BTC).qty == Decimal(qty)
    return bot


def test_what_is_below_the_least_quantity_is_dust_where_no_least_worth_is_asked_r23() -> None:
    bot = left_over(bot_with(RiskSettings(stop_loss=0.05), lots_min=1_000, notional_min=Decimal(0)), "0.00000999")
    assert (watch(bot.state), skipped(bot)) == ((), {})
    bot = left_over(bot_with(RiskSettings(stop_loss=0.05), lots_min=1_000, notional_min=Decimal(0)), "0.00001")
    assert len(watch(bot.state)) == 1


@pytest.mark.parametrize("qty", ["0.000005", "0.00001", "0.00003"])
def test_dust_takes_no_slot_and_has_no_level_r23(qty: str) -> None:
    """0.00003 BTC are 90 cents: more than the venue's quantity, less than its dollar."""
    bot = left_over(bot_with(RiskSettings(stop_loss=0.05), lots_min=1_000), qty)
    assert watch(bot.state) == ()
    assert skipped(bot) == {}
    assert list(bot.state.orders.values())[-1].side is Side.BUY


def test_what_can_still_be_sold_is_no_dust_r23() -> None:
    bot = left_over(bot_with(lots_min=1_000), "0.00004")
    assert skipped(bot) == {BTC: "1 of 1 entries are held or on their way"}


def test_dust_leaves_with_the_next_position_r23() -> None:
    bot = left_over(bot_with(lots_min=1_000), "0.000005")
    take_in(bot.later(61), "0.01")
    (planned,) = planned_in(bot.later(61).sell())
    assert planned.qty_lots * planned.lot == Decimal("0.010005")


def test_dust_keeps_its_cost_so_that_no_profit_is_made_up_r23() -> None:
    bot = left_over(bot_with(lots_min=1_000), "0.000005")
    position = bot.state.position("a", BTC)
    assert position.cost == pytest.approx(Decimal("0.15"))
    bot.later(60).wake()
    assert bot.state.index == pytest.approx(1.0)


def test_asking_to_sell_dust_is_refused_by_the_venues_minimum() -> None:
    bot = left_over(bot_with(lots_min=1_000), "0.000005")
    assert failed_in(bot.later(61).ask("x", Side.SELL)) == ("G10",)


# --- R54: what is validated is what is sent ---------------------------------------------------------------------------


@given(st.decimals(min_value="0.5", max_value="70", places=2), st.sampled_from(["5", "10", "50"]))
def test_minimums_are_held_against_the_order_itself_not_against_the_wish_r54_i9(wish: Decimal, least: str) -> None:
    bot = bot_with(notional_min=Decimal(least), lot=Decimal("0.0001"), lots_min=1)
    for planned in planned_in(bot.ask("k", notional=wish)):
        worth = float(planned.qty_lots * planned.lot) * planned.reference_price
        assert worth >= float(least) * (1 - 1e-9)
        value = {one.id: one.value for one in unpack(planned.verdicts)}
        assert value["E3"] == pytest.approx(float(planned.qty_lots * planned.lot))


@given(
    notional=st.decimals(min_value="1", max_value="600", places=2),
    lot=st.sampled_from(["0.00000001", "0.00001", "0.0003"]),
    tick=st.sampled_from(["0.01", "0.05", "1", "7"]),
    limit=st.one_of(st.none(), st.decimals(min_value="29100", max_value="30900", places=6)),
)
def test_every_order_lies_on_the_grid_and_within_the_bounds_of_its_venue_i9(
    notional: Decimal, lot: str, tick: str, limit: Decimal | None
) -> None:
    bot = bot_with(lot=Decimal(lot), tick=Decimal(tick), lots_min=3, lots_max=10**6, notional_max=Decimal(400))
    more: dict[str, Any] = {} if limit is None else {"limit": limit, "order_kind": OrderKind.LIMIT}
    for planned in planned_in(bot.ask("k", notional=notional, **more)):
        assert 3 <= planned.qty_lots <= 10**6
        worth = float(planned.qty_lots * planned.lot) * planned.reference_price
        assert 1 * (1 - 1e-9) <= worth <= 400 * (1 + 1e-9)
        if limit is not None:
            assert planned.limit_ticks is not None
            assert planned.limit_ticks * planned.tick <= limit, "a bid is rounded down"


def test_a_partial_exit_within_the_bounds_of_the_venue_passes() -> None:
    bot = bot_with(lots_min=1_000)
    take_in(bot, "0.01")
    assert sellable_lots(bot.state, bot.state.grids["a"][BTC]) == 1_000_000
    assert exits(bot.later(61), qty=Decimal("0.004"))
    assert opens(bot, ETH)
