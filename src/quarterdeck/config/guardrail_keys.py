"""The keys of the guardrails: thresholds only. Which rules there are is fixed in code."""

from __future__ import annotations

from typing import Final, Literal

from quarterdeck.config.keys import ABOVE_ZERO, SHARE, SHARE_OR_ZERO, Bounds, Form, Key
from quarterdeck.domain import GuardrailSettings

DEFAULT_GUARDRAILS: Final = GuardrailSettings()

# Wide enough to admit everything, as a backtest may want; narrow enough that a slip of the pen is caught.
_MINUTES: Final = Bounds(1, 7 * 24 * 60)
_COUNT: Final = Bounds(1, 10**9)
_DISTANCE: Final = Bounds(0.0, 1e9, low_allowed=False)
_SECONDS: Final = Bounds(0.0, 1e9, low_allowed=False)
_SHARE_OF_EQUITY: Final = Bounds(0.0, 10.0, low_allowed=False)

_Looser = Literal["", "higher", "lower", "true", "false", "more", "cross"]


def _key(name: str, form: Form, unit: str, bounds: Bounds | None, looser: _Looser, says: str) -> Key:
    return Key(
        path=f"guardrails.{name}",
        form=form,
        unit=unit,
        bounds=bounds,
        looser=looser,
        says=says,
        default=getattr(DEFAULT_GUARDRAILS, name),
        options=("isolated", "cross") if form == "choice" else (),
        is_live=True,
    )


GUARDRAIL_KEYS: Final = (
    _key("order_value_max_quote", "number", "base currency", ABOVE_ZERO, "higher", "G4: the largest order"),
    _key(
        "order_value_max_share",
        "number",
        "fraction of equity",
        SHARE,
        "higher",
        "G4: the same as a share; the smaller wins",
    ),
    _key("daily_loss_max", "number", "fraction of the day's open", SHARE, "higher", "G5: loss since 00:00 UTC"),
    _key("drawdown_max", "number", "fraction of the peak", SHARE, "higher", "G6: loss since the trailing peak"),
    _key("drawdown_window_days", "whole", "days", Bounds(1, 366), "lower", "G6: how long a peak counts"),
    _key("loss_rate_max", "number", "fraction", SHARE, "higher", "G2: loss within the window that pauses the bot"),
    _key("loss_rate_window_min", "whole", "minutes", _MINUTES, "lower", "G2: that window"),
    _key("loss_rate_pause_min", "whole", "minutes", _MINUTES, "lower", "G2: how long the pause lasts"),
    _key(
        "concentration_max",
        "number",
        "fraction of equity",
        _SHARE_OF_EQUITY,
        "higher",
        "G7: the share of one asset after the trade; stablecoins apart",
    ),
    _key(
        "cooldown_s", "number", "seconds", Bounds(0.0, 7 * 86_400.0), "lower", "G8: time between two trades of a pair"
    ),
    _key("trades_max", "whole", "trades", _COUNT, "higher", "G9: trades within the window"),
    _key("trades_window_min", "whole", "minutes", _MINUTES, "lower", "G9: that window"),
    _key(
        "headroom_share",
        "number",
        "fraction of the order",
        SHARE_OR_ZERO,
        "lower",
        "G10: what must be free beyond price and fee",
    ),
    _key("stablecoins", "words", "", None, "more", "G7: assets that count as money while they keep their peg"),
    _key(
        "stablecoin_band",
        "number",
        "fraction",
        SHARE_OR_ZERO,
        "higher",
        "G7: how far from 1 a stablecoin may trade and still count 1",
    ),
    _key("collar_max", "number", "fraction", _DISTANCE, "higher", "E1: distance from the reference price"),
    _key("collar_exit_max", "number", "fraction", _DISTANCE, "higher", "E1: the same for orders that only reduce"),
    _key(
        "book_walk_max",
        "number",
        "fraction",
        Bounds(0.0, 1e9),
        "higher",
        "E1: a market order's average price from the best",
    ),
    _key(
        "data_age_max_s",
        "number",
        "seconds",
        _SECONDS,
        "higher",
        "E2: age of a price, where prices stream; two bars in replays",
    ),
    _key("data_age_exit_max_s", "number", "seconds", _SECONDS, "higher", "E2: the same for orders that only reduce"),
    _key("qty_max", "map", "coins", ABOVE_ZERO, "higher", "E3: the largest quantity of an order, by pair"),
    _key(
        "qty_value_multiple",
        "number",
        "times the value that G4 allows",
        _DISTANCE,
        "higher",
        "E3: the largest quantity where `qty_max` has no entry",
    ),
    _key("open_orders_max", "whole", "orders", Bounds(1, 10**6), "higher", "E4: open orders of the bot"),
    _key("open_orders_pair_max", "whole", "orders", Bounds(1, 10**6), "higher", "E4: open orders of one pair"),
    _key("unexecuted_max", "number", "fraction of equity", _SHARE_OF_EQUITY, "higher", "E5: worth of all open orders"),
    _key("duplicate_window_s", "number", "seconds", Bounds(0.0, 86_400.0), "lower", "E6: no two alike within it"),
    _key("clock_skew_max_ms", "number", "milliseconds", Bounds(0.0, 1e9), "higher", "E8: from the venue's clock"),
    _key("rejects_max", "whole", "rejects", _COUNT, "higher", "E9: identical rejects that stop the bot from opening"),
    _key("executions_max", "whole", "executions", _COUNT, "higher", "E9: executions without a person in between"),
    _key("leverage_max", "number", "times", Bounds(1.0, 125.0), "higher", "E11: leverage that the venue reports"),
    _key("margin_mode", "choice", "", None, "cross", "E11: margin mode that the venue must report"),
    _key(
        "liquidation_multiple_min",
        "number",
        "times the stop's distance",
        Bounds(0.0, 1_000.0),
        "lower",
        "E12: distance to liquidation",
    ),
    _key("fleet_grant", "flag", "", None, "false", "E13: open only within what the fleet grants"),
    _key("grant_valid_s", "number", "seconds", Bounds(0.0, 86_400.0, low_allowed=False), "higher", "E13: its age"),
    _key("strict_exits", "flag", "", None, "false", "no rule passes an order because it only reduces"),
    _key("protect_when_halted", "flag", "", None, "true", "stops and targets still sell while the bot is halted"),
)
