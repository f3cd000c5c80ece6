"""What settings mean for the bot, and which of them are refused."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from quarterdeck.backtest import WIDE_LIMITS, BacktestSettings, bot_of
from quarterdeck.backtest.plan import UNAGED_NS, habits_of
from quarterdeck.domain import MINUTE_NS, GuardrailSettings, InputError, OrderSettings, RiskSettings, SizingSettings
from tests.backtest.boards import board, flat

SPOT = board([flat(100.0)], {})
PERPETUAL = board([flat(100.0)], {}, instrument="BTC-USDT:USDT")


def test_the_bot_is_what_a_paper_bot_of_the_same_settings_would_be() -> None:
    settings = BacktestSettings(cash=1234.5, fee_taker=0.0006, fee_maker=-0.0001, notional_min=5.0, bot="mine")
    bot = bot_of(settings, SPOT)
    assert (bot.bot, bot.base_currency, bot.capital) == ("mine", "USD", Decimal("1234.5"))
    assert bot.pairs == ("BTC-USD",)
    assert [dict(venue.cash) for venue in bot.venues] == [{"USD": Decimal("1234.5")}]
    listing = bot.listings[0]
    assert (listing.tick, listing.lot) == (Decimal("0.01"), Decimal("0.001"))
    assert (listing.fee_taker, listing.fee_maker) == (Decimal("0.0006"), Decimal("-0.0001"))
    assert listing.notional_min == 5
    assert bot.price_age_ns_max == bot.mark_age_ns_max == 2 * MINUTE_NS
    assert bot.guardrails == GuardrailSettings()


def test_bars_longer_than_a_minute_are_marked_once_each_and_waited_for_twice() -> None:
    bot = bot_of(BacktestSettings(), board([flat(100.0)], {}, timeframe_ns=60 * MINUTE_NS))
    assert bot.mark_every_ns == 60 * MINUTE_NS
    assert bot.order_timeout_ns == 120 * MINUTE_NS


def test_orders_wait_for_ever_where_no_timeout_is_set() -> None:
    assert bot_of(BacktestSettings(order_timeout_min=0.0), SPOT).order_timeout_ns == 0


def test_without_guardrails_no_price_is_too_old_and_every_threshold_is_wide() -> None:
    bot = bot_of(BacktestSettings(guardrails=None), SPOT)
    assert bot.guardrails is WIDE_LIMITS
    assert bot.price_age_ns_max == bot.mark_age_ns_max == UNAGED_NS


def test_the_exchange_takes_leverage_and_maintenance_from_the_settings() -> None:
    rules = habits_of(BacktestSettings(risk=RiskSettings(leverage_max=5.0), maintenance=0.01)).perpetuals
    assert (rules.leverage_default, rules.leverage_max, rules.maintenance) == (5, 5, Decimal("0.01"))


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        (BacktestSettings(cash=0.0), "cash"),
        (BacktestSettings(cash=float("nan")), "cash"),
        (BacktestSettings(cash=float("inf")), "cash"),
        (BacktestSettings(fee_taker=-0.001), "fee_taker"),
        (BacktestSettings(fee_taker=1.0), "fee_taker"),
        (BacktestSettings(fee_maker=-1.0), "fee_maker"),
        (BacktestSettings(slippage_bps=-1.0), "slippage_bps"),
        (BacktestSettings(slippage_bps=5000.0), "slippage_bps"),
        (BacktestSettings(lot=0.0), "lot"),
        (BacktestSettings(notional_min=-1.0), "notional_min"),
        (BacktestSettings(sizing=SizingSettings(value=Decimal(0))), "sizing.value"),
        (BacktestSettings(sizing=SizingSettings(value=Decimal("NaN"))), "sizing.value"),
        (BacktestSettings(sizing=SizingSettings(entries_max=0)), "entries_max"),
        (BacktestSettings(sizing=SizingSettings(confidence_min=1.5)), "confidence_min"),
        (BacktestSettings(risk=RiskSettings(stop_loss=0.0)), "stop_loss"),
        (BacktestSettings(risk=RiskSettings(trailing_stop=1.5)), "trailing_stop"),
        (BacktestSettings(risk=RiskSettings(take_profit=-0.1)), "take_profit"),
        (BacktestSettings(risk=RiskSettings(short=True)), "short"),
        (BacktestSettings(risk=RiskSettings(leverage_max=0.5)), "leverage_max"),
        (BacktestSettings(risk=RiskSettings(leverage_max=float("nan"))), "leverage_max"),
        (BacktestSettings(orders=OrderSettings("limit", -0.01)), "entry_offset"),
        (BacktestSettings(order_timeout_min=-1.0), "order_timeout_min"),
        (BacktestSettings(maintenance=0.0), "maintenance"),
        (BacktestSettings(approved=("ETH-USD",)), "ETH-USD"),
        (BacktestSettings(bot=""), "bot"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(settings: BacktestSettings, word: str) -> None:
    with pytest.raises(InputError, match=word):
        bot_of(settings, SPOT)


def test_leverage_is_a_whole_number_that_maintenance_leaves_room_for() -> None:
    with pytest.raises(InputError, match="whole number"):
        bot_of(BacktestSettings(risk=RiskSettings(leverage_max=2.5)), PERPETUAL)
    with pytest.raises(InputError, match="maintenance"):
        bot_of(BacktestSettings(risk=RiskSettings(leverage_max=100.0), maintenance=0.01), PERPETUAL)


def test_shorts_are_fine_where_there_is_a_perpetual() -> None:
    assert bot_of(BacktestSettings(risk=RiskSettings(short=True)), PERPETUAL).risk.short


def test_lots_too_fine_to_be_counted_are_refused_with_one_that_does() -> None:
    cheap = board([flat(0.00002)], {}, tick=1e-8)
    settings = BacktestSettings(cash=1e8)
    assert bot_of(settings, cheap).listings[0].lots_max == 9 * 10**15
    with pytest.raises(InputError, match=r"lot is 0\.001, too fine .* choose 0\.01 or more"):
        bot_of(replace(settings, cash=1e9), cheap)


def test_all_instruments_are_paid_for_in_one_asset_that_none_of_them_trades() -> None:
    two = board({"BTC-USD": [flat(1.0)], "BTC-USDT": [flat(1.0)]}, {})
    with pytest.raises(InputError, match="one quote asset"):
        bot_of(BacktestSettings(), two)
