"""A-16…A-28: ten checks before every trade, what each allows at its limit, and what they remember."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from quarterdeck.domain import (
    DAY_NS,
    MINUTE_NS,
    SECOND_NS,
    AlertRaised,
    Control,
    Evidence,
    GuardrailSettings,
    OrderPlanned,
    Source,
)
from quarterdeck.engine import decode_state, encode_state
from quarterdeck.guardrails import RULES, unpack
from tests.config.small_bot import SMALL, load, told
from tests.engine.driving import BTC, ETH, START_NS, Bot, planned_in, settings_with
from tests.engine.scenes import (
    TwoDollars,
    change,
    exits,
    failed_in,
    half_in_btc,
    mark,
    mark_at,
    opens,
    refusals,
    resume,
    two_dollars,
    venue_with,
    wide,
)

TEN = ("G1", "G2", "G3", "G4", "G5", "G6", "G7", "G8", "G9", "G10")
MIDNIGHT_NS = START_NS - START_NS % DAY_NS + DAY_NS


def bot_worth(capital: int, **limits: object) -> Bot:
    """A bot with so many dollars on one venue, wide limits but for those that are named."""
    venues = (venue_with("a", USD=capital), venue_with("b", USD=0))
    return Bot(settings_with(capital=Decimal(capital), venues=venues, guardrails=wide(**limits)))


def worth(planned: OrderPlanned) -> float:
    return float(planned.qty_lots * planned.lot) * planned.reference_price


# --- A-16 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", Source)
def test_a16_every_trade_passes_ten_checks_whoever_asks_for_it(source: Source) -> None:
    bot = Bot()
    plans = bot.buy() if source is Source.STRATEGY else bot.ask("k", source=source, notional=Decimal(50))
    (planned,) = planned_in(plans)
    verdicts = {one.id: one for one in unpack(planned.verdicts)}
    assert [verdicts[rule].evaluated and verdicts[rule].passed for rule in TEN] == [True] * 10


@pytest.mark.parametrize(
    "written", ["G4: false", "enabled: false", "bypass: true", "rules: [G1]", "kill_switch: false", "disabled: [G5]"]
)
def test_a16_which_checks_there_are_is_fixed_and_no_setting_switches_one_off(tmp_path: Path, written: str) -> None:
    (problem,) = told(tmp_path, f"{SMALL}guardrails: {{{written}}}\n")
    assert "unknown key" in problem


def test_a16_the_loosest_thresholds_leave_all_ten_checks_at_their_post() -> None:
    assert [rule.id for rule in RULES][:10] == list(TEN)
    bot = Bot(settings_with(guardrails=wide(daily_loss_max=1.0, drawdown_max=1.0, loss_rate_max=1.0)))
    (planned,) = planned_in(bot.ask("k", notional=Decimal(50)))
    assert {one.id for one in unpack(planned.verdicts) if one.evaluated} >= set(TEN)
    bot.control("kill")
    assert {"G1", "G2"} <= set(refusals(bot))


# --- how large ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("capital", "most"), [(1_000, 20.0), (10_000, 200.0), (24_999, 499.98), (25_000, 500.0), (1_000_000, 500.0)]
)
def test_a17_a_trade_is_worth_500_dollars_or_2_percent_of_the_portfolio_whichever_is_less(
    capital: int, most: float
) -> None:
    bot = bot_worth(capital, order_value_max_quote=500.0, order_value_max_share=0.02)
    (planned,) = planned_in(bot.ask("k", notional=Decimal(900)))
    assert most * 0.999 < worth(planned) <= most * (1 + 1e-9)


def test_a17_the_limit_shrinks_with_the_portfolio() -> None:
    bot = half_in_btc(loss_rate_max=1.0, daily_loss_max=1.0)
    change(bot, order_value_max_quote=500.0, order_value_max_share=0.02)
    mark(bot, 0.95)
    (planned,) = planned_in(bot.ask("k", notional=Decimal(900), instrument=ETH))
    assert 18.9 < worth(planned) <= 19.0 * (1 + 1e-9), "2 % of the 950 dollars that are left"


def test_a21_no_more_than_a_quarter_is_held_in_one_asset_over_all_venues() -> None:
    venues = (venue_with("a", USD=500), venue_with("b", USD=500))
    bot = Bot(settings_with(capital=Decimal(1_000), venues=venues, guardrails=wide(concentration_max=0.25)))
    (planned,) = planned_in(bot.ask("k", notional=Decimal(900), venue="a"))
    assert planned.sized_by == "G7"
    assert 249.0 < worth(planned) <= 250.0 * (1 + 1e-9)
    assert "G7" in refusals(bot.later(6), BTC, 40, venue="b"), "the unfilled buy on the other venue counts"
    assert opens(bot, ETH, 40, venue="b")


def test_a21_stablecoins_are_no_concentration() -> None:
    """Half of what the bot has is USDC, and a quarter is the limit: it may still buy."""
    bot = TwoDollars(two_dollars(concentration_max=0.25))
    (planned,) = planned_in(bot.ask("k", notional=Decimal(50), venue="b"))
    bot.report(bot.state.orders[planned.client_id], Evidence.REJECTED)
    facts = bot.passes(5)
    assert [fact for fact in facts if isinstance(fact, AlertRaised)] == []


# --- how much may be lost -------------------------------------------------------------------------


def test_a18_a_loss_of_5_percent_of_the_days_open_ends_opening_until_midnight_utc() -> None:
    bot = half_in_btc(loss_rate_max=1.0)
    mark_at(bot, 1.0, MIDNIGHT_NS)
    mark(bot, 0.9501)
    assert bot.level() is Control.RUNNING
    mark(bot, 0.95)
    assert bot.level() is Control.REDUCING
    assert "G5" in refusals(bot)
    assert exits(bot, qty=Decimal("0.001"))
    mark_at(bot, 0.95, MIDNIGHT_NS + DAY_NS)
    assert bot.level() is Control.RUNNING


def test_a19_a_fall_of_10_percent_from_the_peak_of_seven_days_ends_opening_until_the_peak_is_older() -> None:
    bot = half_in_btc(loss_rate_max=1.0, daily_loss_max=1.0)
    mark(bot, 1.1)
    peak_ns = bot.state.minute_ns
    mark(bot, 1.0, 86_400)
    assert bot.level() is Control.RUNNING, "9.1 %"
    mark(bot, 0.99)
    assert bot.level() is Control.REDUCING
    assert "G6" in refusals(bot)
    mark_at(bot, 0.99, peak_ns + 7 * DAY_NS - MINUTE_NS)
    assert "G6" in refusals(bot)
    mark_at(bot, 0.99, peak_ns + 7 * DAY_NS)
    assert opens(bot)


def test_a20_a_loss_of_2_percent_within_any_30_minutes_pauses_for_15() -> None:
    bot = half_in_btc()
    mark(bot, 1.0)
    mark(bot, 0.99, 20 * 60)
    mark(bot, 0.98, 9 * 60)
    assert bot.level() is Control.PAUSED
    assert refusals(bot) == ("G2",)
    bot.later(15 * 60 - 1).wake()
    assert refusals(bot) == ("G2",)
    bot.later(1).wake()
    assert opens(bot)


# --- how often ------------------------------------------------------------------------------------------


def test_a22_a_pair_is_traded_again_after_60_seconds_and_another_one_at_once() -> None:
    assert GuardrailSettings().cooldown_s == 60.0
    bot = Bot()
    assert opens(bot, BTC)
    assert opens(bot, ETH)
    assert refusals(bot.later(59.999), BTC) == ("G8",)
    assert opens(bot.later(0.001), BTC)


def test_a23_five_trades_pass_within_five_minutes_and_the_sixth_waits() -> None:
    defaults = GuardrailSettings()
    assert (defaults.trades_max, defaults.trades_window_min) == (5, 5)
    bot = Bot(settings_with(guardrails=wide(trades_max=5, open_orders_pair_max=99)))
    assert [opens(bot.later(10), BTC) for _ in range(5)] == [True] * 5
    assert refusals(bot.later(10), ETH) == ("G9",)
    bot.at_ns = START_NS + 310 * SECOND_NS - 1
    assert refusals(bot, ETH) == ("G9",)
    bot.at_ns += 1
    assert opens(bot, ETH), "the first of them is exactly five minutes old"


# --- switch, pairs, coins -------------------------------------------------------------------------


def test_a24_the_kill_switch_is_off_until_a_person_raises_it_and_on_until_a_person_lifts_it(tmp_path: Path) -> None:
    bot = Bot()
    assert not bot.state.kill_raised
    assert opens(bot, ETH)
    bot.control("kill")
    bot.later(30 * 86_400).wake()
    bot.start()
    assert "G1" in refusals(bot, BTC)
    resume(bot)
    assert opens(bot.later(6), BTC), "the one before did not hand over, so that its requests must die out first"
    (problem,) = told(tmp_path, f"{SMALL}guardrails: {{killSwitch: true}}\n")
    assert "guardrails.killSwitch" in problem, "a file raises nothing: it would say so again at every start"


def test_a25_without_a_list_the_ten_largest_coins_are_approved_and_a_list_limits_them(tmp_path: Path) -> None:
    config = load(tmp_path, SMALL.replace("pairs: [BTC-USD]\n", ""))
    assert len(config.pairs) == 10
    assert {"BTC-USD", "ETH-USD", "SOL-USD"} <= set(config.pairs)
    listed = load(tmp_path, SMALL.replace("[BTC-USD]", "[BTC-USD, ETH-USD]"), {"pairs": "[ETH-USD]"})
    assert listed.engine_settings(MINUTE_NS).approved == ("ETH-USD",)
    bot = Bot(settings_with(approved=(ETH,)))
    assert refusals(bot, BTC) == ("G3",)
    assert opens(bot, ETH)


def test_a26_four_stablecoins_count_as_money_and_the_list_is_a_setting(tmp_path: Path) -> None:
    assert load(tmp_path, SMALL).guardrails.stablecoins == ("USDT", "USDC", "DAI", "BUSD")
    text = SMALL.replace("[BTC-USD]", "[BTC-PYUSD]").replace("USD:", "PYUSD:")
    assert "PYUSD is neither the base currency nor one of guardrails.stablecoins" in " ".join(told(tmp_path, text))
    config = load(tmp_path, f"{text}guardrails: {{stablecoins: [PYUSD]}}\n")
    assert config.capital == 1_000
    assert config.pairs == ("BTC-PYUSD",)


# --- A-27 -----------------------------------------------------------------------------------------------------------

SEED_KEYS = {
    "maxTradeUSD": ("500", "order_value_max_quote"),
    "maxTradePercent": ("0.02", "order_value_max_share"),
    "dailyLossLimit": ("0.05", "daily_loss_max"),
    "rollingDrawdownLimit": ("0.10", "drawdown_max"),
    "rollingDrawdownWindowDays": ("7", "drawdown_window_days"),
    "rateOfLossLimit": ("0.02", "loss_rate_max"),
    "rateOfLossWindowMinutes": ("30", "loss_rate_window_min"),
    "rateOfLossPauseMinutes": ("15", "loss_rate_pause_min"),
    "maxConcentration": ("0.25", "concentration_max"),
    "cooldownSeconds": ("60", "cooldown_s"),
    "globalRateLimitTrades": ("5", "trades_max"),
    "globalRateLimitWindowMinutes": ("5", "trades_window_min"),
    "stablecoins": ("[USDT, USDC, DAI, BUSD]", "stablecoins"),
    "killSwitch": ("false", ""),
}


def test_a27_all_fourteen_keys_are_read_and_their_values_are_the_defaults(tmp_path: Path) -> None:
    written = ", ".join(f"{key}: {value}" for key, (value, _) in SEED_KEYS.items())
    assert load(tmp_path, f"{SMALL}guardrails: {{{written}}}\n").guardrails == GuardrailSettings()
    assert load(tmp_path, SMALL).guardrails == GuardrailSettings()


@pytest.mark.parametrize(("key", "name"), [(key, name) for key, (_, name) in SEED_KEYS.items() if name])
def test_a27_each_key_sets_its_own_threshold_and_no_other(tmp_path: Path, key: str, name: str) -> None:
    whole = ("days", "_min", "_s", "trades_max", "max_quote")
    other = "[USDC]" if name == "stablecoins" else "4" if name.endswith(whole) else "0.019"
    found = load(tmp_path, f"{SMALL}guardrails: {{{key}: {other}}}\n").guardrails
    defaults = GuardrailSettings()
    fields = GuardrailSettings.__struct_fields__
    assert [field for field in fields if getattr(found, field) != getattr(defaults, field)] == [name]


# --- A-28 -----------------------------------------------------------------------------------------------------------


def test_a28_what_the_checks_remember_is_part_of_the_state_and_survives_a_restart() -> None:
    """Day and its loss, the 7-day peak, the marks of half an hour, trades by pair and in all, pause and halt."""
    bot = half_in_btc(cooldown_s=600.0, trades_max=3)
    mark(bot, 1.0)
    assert exits(bot, qty=Decimal("0.004"))
    order = list(bot.state.orders.values())[-1]
    bot.fill(order, order.qty_lots, price=Decimal(24_000), fee=Decimal(0))
    mark(bot, 0.985)
    assert opens(bot, ETH)
    mark(bot, 0.87)
    kept = decode_state(encode_state(bot.state))
    assert kept.day_ns == START_NS - START_NS % DAY_NS
    assert kept.position("a", BTC).realised == Decimal(-4), "0.004 BTC for 96 that had cost 100"
    assert kept.peaks[0].index == pytest.approx(1.0)
    assert kept.last_trade_ns(ETH) > kept.last_trade_ns(BTC) > 0
    assert len(kept.trades) == 3
    assert kept.holds["G2"].until_ns == bot.at_ns + 15 * MINUTE_NS
    assert {"G2", "G5", "G6"} == set(kept.holds)
    assert "10.8" in kept.holds["G6"].reason
    bot.state = kept
    bot.start()
    assert {"G2", "G5", "G6", "G8", "G9"} <= set(refusals(bot.later(10), ETH))


def test_a28_marks_of_the_last_half_hour_are_kept_for_the_rate_of_loss() -> None:
    bot = half_in_btc()
    for index in (1.0, 0.999, 0.998):
        mark(bot, index)
    assert [one.index for one in decode_state(encode_state(bot.state)).recent] == pytest.approx([1.0, 0.999, 0.998])


def test_a28_a_change_of_thresholds_forgets_nothing_of_it() -> None:
    bot = half_in_btc(cooldown_s=60.0)
    assert opens(bot, ETH)
    change(bot, cooldown_s=600.0)
    assert failed_in(bot.later(599).ask("k", notional=Decimal(20), instrument=ETH)) == ("G8",)
