"""Sizing, exits, guardrails and routing: thresholds from the file, and which of them nothing enforces yet."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Literal, cast

from quarterdeck.config.aliases import older_names
from quarterdeck.config.document import Scalar
from quarterdeck.config.reading import ABOVE_ZERO, SHARE, SHARE_OR_ZERO, Bounds, Reader, read_text
from quarterdeck.domain import GuardrailSettings, RiskSettings, SizingSettings

DEFAULT_GUARDRAILS: Final = GuardrailSettings()

_MINUTES: Final = Bounds(1, 7 * 24 * 60)
_BELOW_ONE: Final = Bounds(0.0, 1.0, low_allowed=False, high_allowed=False)
_LEVERAGE: Final = Bounds(1.0, 3.0)
# Thresholds of rules that later versions bring: checked now, so that a file does not break on the day they come.
_UNBUILT_SHARES: Final = ("daily_loss_max", "drawdown_max", "concentration_max")
_UNBUILT_COUNTS: Final = ("drawdown_window_days", "trades_max", "trades_window_min")
_UNBUILT_RISK: Final = ("drawdown_max", "position_max")


def read_sizing(reader: Reader) -> SizingSettings:
    """Read how large an opening intent asks to be."""
    kind = reader.choice("kind", ("quote", "equity_share", "base"), "quote")
    bounds = SHARE if kind == "equity_share" else ABOVE_ZERO
    default = Decimal(50) if kind == "quote" else Decimal(0)
    if kind != "quote":
        reader.require("value", f"say how much with sizing: {{kind: {kind}, value: …}}")
    settings = SizingSettings(
        kind=cast("Literal['quote', 'equity_share', 'base']", kind),
        value=reader.money("value", default, bounds),
        entries_max=reader.whole("entries_max", 1, Bounds(1, 100)),
        confidence_min=reader.number("confidence_min", 0.0, SHARE_OR_ZERO),
    )
    reader.close(older_names("sizing"))
    return settings


def read_risk(reader: Reader) -> tuple[RiskSettings, tuple[str, ...]]:
    """
    Read the protective exits of a position.

    Returns:
        The settings, and the keys present that nothing enforces yet.
    """
    settings = RiskSettings(
        stop_loss=reader.number_or_none("stop_loss", _BELOW_ONE),
        take_profit=reader.number_or_none("take_profit", ABOVE_ZERO),
    )
    unbuilt = [f"risk.{key}" for key in _UNBUILT_RISK if reader.number_or_none(key, SHARE) is not None]
    trailing = reader.section.take("trailing_stop")
    if trailing is not None:
        _refuse(reader, "trailing_stop", "a trailing stop", "remove it and use stop_loss")
    if reader.flag("short", default=False):
        _refuse(reader, "short", "selling short", "write short: false")
    if reader.number("leverage_max", 1.0, _LEVERAGE) > 1.0:
        _refuse(reader, "leverage_max", "leverage", "write leverage_max: 1")
    reader.close(older_names("risk"))
    return settings, tuple(unbuilt)


def read_guardrails(reader: Reader) -> tuple[GuardrailSettings, tuple[str, ...]]:
    """
    Read the thresholds of the guardrails.

    Returns:
        The settings, and the keys present whose rule this version does not have.
    """
    default = DEFAULT_GUARDRAILS
    settings = GuardrailSettings(
        order_value_max_quote=reader.number("order_value_max_quote", default.order_value_max_quote, ABOVE_ZERO),
        order_value_max_share=reader.number("order_value_max_share", default.order_value_max_share, SHARE),
        loss_rate_max=reader.number("loss_rate_max", default.loss_rate_max, SHARE),
        loss_rate_window_min=reader.whole("loss_rate_window_min", default.loss_rate_window_min, _MINUTES),
        loss_rate_pause_min=reader.whole("loss_rate_pause_min", default.loss_rate_pause_min, _MINUTES),
        cooldown_s=reader.number("cooldown_s", default.cooldown_s, Bounds(0.0, 7 * 86_400.0)),
        headroom_share=reader.number("headroom_share", default.headroom_share, SHARE_OR_ZERO),
        stablecoins=_read_stablecoins(reader, default.stablecoins),
        strict_exits=reader.flag("strict_exits", default=default.strict_exits),
        protect_when_halted=reader.flag("protect_when_halted", default=default.protect_when_halted),
    )
    unbuilt = [f"guardrails.{key}" for key in _UNBUILT_SHARES if reader.number_or_none(key, SHARE) is not None]
    for key in _UNBUILT_COUNTS:
        if reader.has(key):
            reader.whole(key, 1, Bounds(1, 10_000))
            unbuilt.append(f"guardrails.{key}")
    reader.close(older_names("guardrails"))
    return settings, tuple(unbuilt)


def read_routing(reader: Reader) -> None:
    """Read the routing policy; only the default one is there yet."""
    policy = reader.choice("policy", ("best_price", "symbol_map", "fixed"), "best_price")
    if policy != "best_price":
        reader.section.taken.update({"default", "symbols", "venue"})
        _refuse(reader, "policy", f"routing policy {policy}", "write policy: best_price")
    reader.close()


def _read_stablecoins(reader: Reader, default: tuple[str, ...]) -> tuple[str, ...]:
    node = reader.section.take("stablecoins")
    if node is None:
        return default
    coins = []
    for item in reader.nodes("stablecoins"):
        text = read_text(item, reader.problems)
        if text is not None and not (text.isalnum() and text == text.upper()):
            reader.problems.add(item, f"{text!r} is not an asset", "write assets in capitals, like USDC")
        elif text is not None and isinstance(item, Scalar) and text not in coins:
            coins.append(text)
    return tuple(coins)


def _refuse(reader: Reader, key: str, what: str, advice: str) -> None:
    node = reader.section.entries[key]
    reader.problems.add(node, f"{what} is not available in this version", advice)
