"""What a bot is held to: thresholds that each seed draws, and the settings that an operator changes while it runs."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from random import Random
from typing import Any

import msgspec
from msgspec.structs import replace

from quarterdeck.domain import BotSettings, GuardrailSettings, RiskSettings, SettingChange, SettingsAsked
from quarterdeck.engine import State

# Far from everything that a world does, so that the life of orders can be seen; two worlds of three begin here.
LOOSE: dict[str, Any] = {
    "order_value_max_quote": 3_000.0,
    "order_value_max_share": 0.2,
    "daily_loss_max": 0.5,
    "drawdown_max": 0.5,
    "loss_rate_max": 0.3,
    "concentration_max": 0.6,
    "cooldown_s": 0.0,
    "trades_max": 1_000,
    "book_walk_max": 0.05,
    "open_orders_max": 200,
    "open_orders_pair_max": 100,
    "unexecuted_max": 0.9,
    "duplicate_window_s": 0.4,
    "rejects_max": 60,
}

# So near that a world meets each of them; a hostile seed draws some.
TIGHT: dict[str, tuple[Any, ...]] = {
    "order_value_max_quote": (40.0, 0.2),
    "order_value_max_share": (0.004,),
    "daily_loss_max": (0.0002, 0.002),
    "drawdown_max": (0.0003, 0.003),
    "loss_rate_max": (0.0002, 0.002),
    "loss_rate_window_min": (4,),
    "loss_rate_pause_min": (1, 2),
    "concentration_max": (0.01, 0.03),
    "cooldown_s": (90.0, 200.0),
    "trades_max": (1, 2, 3),
    "trades_window_min": (3, 12),
    "headroom_share": (0.04,),
    "collar_max": (0.0005,),
    "collar_exit_max": (0.001,),
    "book_walk_max": (0.0002,),
    "data_age_exit_max_s": (60.0,),
    "qty_max": ({"BTC-USD": 0.002, "ETH-USD": 0.03},),
    "qty_value_multiple": (0.5,),
    "open_orders_max": (1, 3),
    "open_orders_pair_max": (1,),
    "unexecuted_max": (0.01, 0.03),
    "duplicate_window_s": (60.0,),
    "clock_skew_max_ms": (0.0, 5.0),
    "rejects_max": (1, 3),
    "executions_max": (3, 8),
    "stablecoin_band": (0.0001,),
    "strict_exits": (True,),
}

RISKS: dict[str, tuple[Any, ...]] = {
    "stop_loss": (None, None, 0.003),
    "take_profit": (None, None, 0.003),
    "trailing_stop": (None, None, 0.002, 0.004),
    "drawdown_max": (None, None, None, 0.002),
    "position_max": (None, None, None, 0.02),
}

TIGHT_SHARE = 0.12
LOSSES = ("daily_loss_max", "drawdown_max", "loss_rate_max")
APPROVED = ('["BTC-USD"]', '["ETH-USD"]', "[]", '["BTC-USD","ETH-USD"]')


def draw_guardrails(rng: Random) -> GuardrailSettings:
    """Draw thresholds: most seeds loose, some those that a bot has by itself, some near enough to be met."""
    profile = rng.choice(("loose", "loose", "loose", "loose", "default", "hostile", "hostile"))
    drawn: dict[str, Any] = {} if profile == "default" else dict(LOOSE)
    if profile == "hostile":
        drawn |= {name: rng.choice(values) for name, values in TIGHT.items() if rng.random() < TIGHT_SHARE}
    drawn["protect_when_halted"] = rng.random() < 0.3
    drawn["fleet_grant"] = rng.random() < 0.1
    return GuardrailSettings(**drawn)


def draw_risk(rng: Random) -> RiskSettings:
    """Draw stops, targets, and the bot's own limits."""
    return RiskSettings(**{name: rng.choice(values) for name, values in RISKS.items()})


def draw_change(rng: Random, present: Mapping[str, str]) -> SettingChange:
    """Draw one setting to change: tightened, loosened, or put back to what the file says."""
    if present and rng.random() < 0.6:
        path = rng.choice(sorted(present))
        return SettingChange(path, present[path], "")
    chance = rng.random()
    if chance < 0.1:
        path, value = "pairs", rng.choice(APPROVED)
    elif chance < 0.2:
        path, value = "sizing.value", rng.choice(('"60"', '"250"'))
    elif chance < 0.35:
        name = rng.choice(sorted(RISKS))
        path, value = f"risk.{name}", _text(rng.choice(RISKS[name]))
    elif chance < 0.8:
        name = rng.choice((*sorted(TIGHT), *LOSSES, *LOSSES))
        path, value = f"guardrails.{name}", _text(rng.choice(TIGHT[name]))
    else:
        name = rng.choice(sorted(LOOSE))
        path, value = f"guardrails.{name}", _text(LOOSE[name])
    return SettingChange(path, present.get(path, ""), value)


def settings_under(file: BotSettings, changes: Mapping[str, str]) -> BotSettings:
    """Put settings that were changed at run time over those of the file, as a start does."""
    settings = file
    for path, text in changes.items():
        section, _, name = path.partition(".")
        value = msgspec.json.decode(text)
        if path == "pairs":
            settings = replace(settings, approved=tuple(value))
        elif path == "sizing.value":
            settings = replace(settings, sizing=replace(settings.sizing, value=Decimal(value)))
        else:
            settings = replace(settings, **{section: replace(getattr(settings, section), **{name: value})})
    return settings


def renewed(file: BotSettings, asked: SettingsAsked, state: State, earlier: Sequence[SettingsAsked]) -> SettingsAsked:
    """Work a change out again when the bot hears of it, as the product does with the bot's file."""
    overrides = dict(state.changes)
    for one in (*earlier, asked):
        overrides = merged(overrides, one.changes)
    return replace(asked, settings=settings_under(file, overrides))


def merged(overrides: Mapping[str, str], changes: Sequence[SettingChange]) -> dict[str, str]:
    """Take changes into what was changed before; one without a value goes back to the file."""
    after = dict(overrides)
    for change in changes:
        after.pop(change.path, None)
        if change.after:
            after[change.path] = change.after
    return after


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
