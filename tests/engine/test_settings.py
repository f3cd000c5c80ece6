"""Settings changed while the bot runs: tightened ones bind the very next intent, loosened ones only later ones. I12."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.domain import (
    MINUTE_NS,
    SECOND_NS,
    BotSettings,
    CommandAnswered,
    Control,
    Fact,
    GuardrailSettings,
    ListingsReported,
    RiskSettings,
    RoutingSettings,
    SettingChange,
    SettingsAdopted,
    SettingsAsked,
    SizingSettings,
)
from quarterdeck.engine import encode_state, watch
from quarterdeck.guardrails import unpack
from tests.engine.driving import BTC, ETH, Bot, kinds_in, planned_in, settings_with
from tests.engine.scenes import answer_in, change, exits, half_in_btc, mark, opens, refusals, take_in, wide


def asked(bot: Bot, wanted: BotSettings, *changes: SettingChange, key: str = "") -> list[Fact]:
    return bot.take(SettingsAsked(bot.at_ns, key or f"set-{len(bot.taken)}", "tester", wanted, changes, "a reason"))


@pytest.mark.parametrize(
    ("limits", "rule"),
    [
        ({"order_value_max_quote": 5.0}, ""),  # sizing clips to G4, and the order is smaller
        ({"daily_loss_max": 1e-9}, "G5"),
        ({"drawdown_max": 1e-9}, "G6"),
        ({"concentration_max": 0.0}, "G7"),
        ({"cooldown_s": 3_600.0}, "G8"),
        ({"trades_max": 1}, "G9"),
        ({"collar_max": 0.00001}, "E1"),
        ({"qty_max": {BTC: 1e-7}}, "E3"),
        ({"open_orders_max": 0}, "E4"),
        ({"open_orders_pair_max": 0}, "E4"),
        ({"unexecuted_max": 1e-9}, "E5"),
        ({"executions_max": 0}, "E9"),
        ({"fleet_grant": True}, "E13"),
    ],
    ids=str,
)
def test_a_tightened_limit_binds_the_very_next_intent(limits: dict[str, Any], rule: str) -> None:
    bot = half_in_btc(order_value_max_quote=500.0)
    mark(bot, 0.999)
    assert opens(bot.later(61), BTC)
    bot.later(61).wake()
    change(bot, **limits)
    if rule:
        assert rule in refusals(bot, BTC)
    else:
        (planned,) = planned_in(bot.ask("k", notional=Decimal(20)))
        assert float(planned.qty_lots * planned.lot) * planned.reference_price <= 5.0


def test_a_tightened_age_of_prices_binds_the_very_next_intent() -> None:
    """Where prices stream, the run prescribes none, and the setting counts."""
    bot = Bot(settings_with(price_age_ns_max=0, guardrails=wide()))
    old = bot.market()
    assert opens(bot.later(5), surroundings=old)
    change(bot, data_age_max_s=2.0)
    assert "E2" in refusals(bot, BTC, surroundings=old)


def test_a_tightened_cooldown_sees_trades_that_the_old_one_had_forgotten() -> None:
    bot = Bot(settings_with(guardrails=wide(cooldown_s=60.0)))
    bot.bought(BTC)
    bot.later(301).bought(ETH)
    change(bot, cooldown_s=3_600.0)
    assert refusals(bot.later(9), BTC) == ("G8",)


def test_a_longer_window_of_trades_sees_those_that_the_old_one_had_forgotten() -> None:
    bot = Bot(settings_with(guardrails=wide(trades_window_min=1, trades_max=2)))
    for second in range(3):
        take_in(bot.later(45), f"0.00{second + 1}")
    change(bot, trades_window_min=60)
    assert refusals(bot.later(9)) == ("G9",)


def test_a_tightened_clock_gate_binds_the_very_next_intent() -> None:
    bot = Bot()
    shown = bot.market()
    skewed = msgspec.structs.replace(shown, skews=tuple(msgspec.structs.replace(s, ms=400.0) for s in shown.skews))
    assert opens(bot, surroundings=skewed)
    change(bot.later(61), clock_skew_max_ms=300.0)
    later = msgspec.structs.replace(skewed, quotes=bot.market().quotes)
    assert refusals(bot, BTC, surroundings=later) == ("E8",)


def test_a_loosened_limit_never_reaches_an_earlier_intent() -> None:
    """What was refused stays refused: its key has its answer, and the change brings nothing back."""
    bot = Bot(settings_with(guardrails=GuardrailSettings(trades_max=0)))
    assert planned_in(bot.ask("k", notional=Decimal(50))) == []
    facts = change(bot, trades_max=5)
    assert kinds_in(facts) == ["SettingsAdopted", "CommandAnswered"]
    assert bot.ask("k", notional=Decimal(50)) == []
    assert bot.state.answers["k"].outcome.startswith("refused: G9")
    assert planned_in(bot.ask("later", notional=Decimal(50)))


def test_every_order_keeps_the_limits_it_was_judged_by() -> None:
    bot = Bot()
    (planned,) = planned_in(bot.ask("k", notional=Decimal(50)))
    change(bot, order_value_max_quote=10.0)
    assert next(one.limit for one in unpack(planned.verdicts) if one.id == "G4") == 500.0


def test_a_tightened_limit_of_open_orders_cancels_nothing_and_tells_a_person() -> None:
    bot = Bot()
    bot.working()
    change(bot, open_orders_max=0)
    facts = [fact for _ in range(5) for fact in bot.later(60).wake()]
    assert "CancelRequested" not in kinds_in(facts)
    assert "check:open_orders" in bot.state.alerts


def test_who_changed_what_from_what_is_in_the_journal() -> None:
    bot = Bot()
    one = SettingChange("guardrails.cooldown_s", "60.0", "30.0")
    wanted = msgspec.structs.replace(bot.settings, guardrails=GuardrailSettings(cooldown_s=30.0))
    (adopted, answered) = asked(bot, wanted, one)
    assert isinstance(adopted, SettingsAdopted)
    assert (adopted.who, adopted.reason, adopted.changes) == ("tester", "a reason", (one,))
    assert isinstance(answered, CommandAnswered)
    assert answered.outcome == "done: guardrails.cooldown_s"


def test_changes_are_kept_by_path_and_a_reset_forgets_them() -> None:
    bot = Bot()
    change(bot, cooldown_s=30.0)
    change(bot, trades_max=9)
    assert bot.state.changes == {"guardrails.cooldown_s": "30.0", "guardrails.trades_max": "9"}
    change(bot, cooldown_s=10.0)
    assert bot.state.changes == {"guardrails.trades_max": "9", "guardrails.cooldown_s": "10.0"}
    asked(bot, bot.settings, SettingChange("guardrails.cooldown_s", "10.0", ""))
    assert bot.state.changes == {"guardrails.trades_max": "9"}
    bot.start()
    assert bot.state.changes == {"guardrails.trades_max": "9"}, "a start keeps them; what it runs with, the shell says"


def test_a_change_is_made_once_for_its_key() -> None:
    bot = Bot()
    wanted = msgspec.structs.replace(bot.settings, guardrails=GuardrailSettings(cooldown_s=30.0))
    assert answer_in(asked(bot, wanted, key="k")) == "done: nothing"
    body = encode_state(bot.state)
    assert asked(bot, bot.settings, key="k") == []
    assert encode_state(bot.state) == body


def test_what_needs_a_start_is_left_for_one() -> None:
    bot = Bot()
    wanted = settings_with(capital=Decimal(5), pairs=(BTC,), bot="other", guardrails=GuardrailSettings(cooldown_s=1.0))
    asked(bot, wanted)
    settings = bot.state.settings
    assert settings is not None
    assert (settings.bot, settings.capital, settings.pairs) == ("b", Decimal(2_000_000), (BTC, ETH))
    assert settings.guardrails.cooldown_s == 1.0


def test_pairs_may_be_taken_off_and_put_on_the_list_while_it_runs() -> None:
    bot = Bot()
    take_in(bot, "0.001")
    asked(bot, msgspec.structs.replace(bot.settings, approved=(ETH,)))
    assert refusals(bot.later(61), BTC) == ("G3",)
    assert opens(bot, ETH)
    assert exits(bot, BTC), "what is held of a pair that is off the list can be sold"
    answer = answer_in(asked(bot, msgspec.structs.replace(bot.settings, approved=(BTC, "XRP-USD"))))
    assert "XRP-USD at the next start" in answer
    assert opens(bot.later(61), BTC)


def test_sizes_routing_and_stops_change_at_once() -> None:
    bot = Bot()
    take_in(bot, "0.001")
    assert watch(bot.state) == ()
    wanted = msgspec.structs.replace(
        bot.settings,
        sizing=SizingSettings("quote", Decimal(80)),
        routing=RoutingSettings("fixed", venue="b"),
        risk=RiskSettings(stop_loss=0.05),
    )
    asked(bot, wanted)
    (stop,) = watch(bot.state)
    assert stop.price == pytest.approx(30_000.0 * 0.95)
    (planned,) = planned_in(bot.later(61).buy(ETH))
    assert planned.venue == "b"
    assert float(planned.qty_lots * planned.lot) * planned.reference_price == pytest.approx(80, rel=1e-3)


def test_a_frozen_pair_stays_frozen_when_a_setting_changes_s8() -> None:
    bot = Bot()
    kept = tuple(one for one in bot.settings.listings if one.venue == "a" and one.instrument == ETH)
    bot.take(ListingsReported(bot.at_ns, "a", kept))
    change(bot, cooldown_s=1.0)
    assert not bot.state.grids["a"][BTC].listing.tradable
    assert refusals(bot, BTC, venue="a") == ("G3",)


def test_a_tightened_loss_limit_trips_at_the_next_mark_and_refuses_at_once() -> None:
    bot = half_in_btc()
    mark(bot, 1.0)
    mark(bot, 0.985)
    change(bot, daily_loss_max=0.01)
    assert refusals(bot) == ("G5",)
    assert bot.level() is Control.RUNNING
    mark(bot, 0.985)
    assert (bot.level(), list(bot.state.holds)) == (Control.REDUCING, ["G5"])


@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 30.0, 60.0, 120.0]), st.sampled_from([1, 2, 5]), st.integers(1, 90)),
        min_size=1,
        max_size=20,
    )
)
def test_pace_is_judged_by_the_limits_of_its_instant_in_every_interleaving(
    steps: list[tuple[float, int, int]],
) -> None:
    """I10, I12: the auditor holds each plan against the settings that stand at that journal position."""
    bot = Bot(settings_with(guardrails=wide(open_orders_pair_max=99, duplicate_window_s=0.0)))
    for cooldown_s, trades_max, seconds in steps:
        change(bot, cooldown_s=cooldown_s, trades_max=trades_max)
        last_ns = bot.later(seconds).state.last_trade_ns(BTC)
        recent = [one for one in bot.state.trades.values() if one.at_ns > bot.at_ns - 5 * MINUTE_NS]
        allowed = bot.at_ns - last_ns >= cooldown_s * SECOND_NS and len(recent) < trades_max
        assert opens(bot, BTC, 20 + len(bot.taken)) == allowed
