"""Entries that rest as limit orders, as the settings say; exits go at the market all the same."""

from decimal import Decimal

import msgspec
import pytest

from quarterdeck.domain import (
    Action,
    Evidence,
    IntentFormed,
    IntentRefused,
    OrderKind,
    OrderSettings,
    OrderState,
    SettingChange,
    SettingsAsked,
    Side,
)
from tests.engine.driving import BTC, PRICES, Bot, listing_of, planned_in, settings_with
from tests.engine.scenes import wide


def resting(offset: float = 0.01, **changes: object) -> Bot:
    return Bot(settings_with(orders=OrderSettings("limit", offset), guardrails=wide(), **changes))


@pytest.mark.parametrize(("offset", "limit_ticks"), [(0.0, 3_000_000), (0.01, 2_970_000), (0.0000004, 2_999_998)])
def test_an_entry_rests_so_much_below_the_last_price_on_the_grid_in_our_favour(offset: float, limit_ticks: int) -> None:
    facts = resting(offset).buy()
    (planned,) = planned_in(facts)
    assert (planned.order_kind, planned.limit_ticks) == (OrderKind.LIMIT, limit_ticks)
    assert planned.reference_price == limit_ticks * 0.01
    (formed,) = [fact for fact in facts if isinstance(fact, IntentFormed)]
    assert formed.intent.limit is None


def test_an_entry_sets_its_limit_and_the_dearer_fee_aside() -> None:
    grid = {"fee_maker": Decimal("0.007"), "fee_taker": Decimal("0.006")}
    bot = resting(0.01, listings=tuple(listing_of(venue, BTC, **grid) for venue in "ab"), pairs=(BTC,))
    (planned,) = planned_in(bot.buy())
    assert planned.reserve_per_lot == Decimal("1e-8") * 29_700 * Decimal("1.007")


def test_an_exit_goes_at_the_market_and_takes_a_resting_entry_back() -> None:
    bot = resting()
    (planned,) = planned_in(bot.buy())
    order = bot.state.orders[planned.client_id]
    bot.report(order, Evidence.ACKNOWLEDGED)
    bot.fill(order, order.qty_lots // 2, price=Decimal(29_700))
    facts = bot.later(61).sell()
    assert "exit was decided" in order.cancel_reason
    assert not [fact for fact in facts if isinstance(fact, IntentRefused)]
    bot.report(order, Evidence.CANCELLED)
    exits = [*planned_in(facts), *planned_in(bot.wake())]
    assert [(one.order_kind, one.side) for one in exits] == [(OrderKind.MARKET, Side.SELL)]


def test_an_entry_that_does_not_fill_in_time_is_cancelled() -> None:
    bot = resting()
    (planned,) = planned_in(bot.buy())
    order = bot.state.orders[planned.client_id]
    bot.report(order, Evidence.ACKNOWLEDGED)
    bot.later(601).wake()
    assert "not filled within 10 minutes" in order.cancel_reason
    bot.report(order, Evidence.CANCELLED)
    assert order.state is OrderState.CANCELLED


def test_each_venue_has_a_limit_by_its_own_price() -> None:
    bot = resting()
    market = bot.market()
    dear = tuple(
        msgspec.structs.replace(one, last=one.last * 1.01) if one.venue == "a" else one for one in market.quotes
    )
    (planned,) = planned_in(bot.cycle({BTC: Action.BUY}, market=msgspec.structs.replace(market, quotes=dear)))
    assert planned.venue == "b"
    assert planned.limit_ticks == round(PRICES[BTC] * 99)


def test_a_limit_order_by_hand_names_its_limit() -> None:
    facts = resting().ask("k", notional=Decimal(50), order_kind=OrderKind.LIMIT)
    (refused,) = [fact for fact in facts if isinstance(fact, IntentRefused)]
    assert refused.reason == "a limit order needs a limit price above zero"


def test_a_price_that_leaves_no_tick_refuses() -> None:
    bot = resting(0.9999999)
    (refused,) = [fact for fact in bot.buy() if isinstance(fact, IntentRefused)]
    assert "below one tick" in refused.reason


def test_how_entries_are_sent_is_changed_at_run_time() -> None:
    bot = resting()
    wanted = msgspec.structs.replace(bot.settings, orders=OrderSettings())
    bot.take(SettingsAsked(bot.at_ns, "s", "ada", wanted, (SettingChange("orders.entry", "limit", "market"),)))
    (planned,) = planned_in(bot.buy())
    assert planned.order_kind is OrderKind.MARKET
